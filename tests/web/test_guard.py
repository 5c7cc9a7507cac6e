"""Keys open the doors to those who hold them, where and while they may, and to nobody else."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dragoman.canon.problem import Kind, Trouble
from dragoman.routing.key import Key, forbidden, networks_of
from dragoman.shapes.access import KeyTable
from dragoman.store.keys import KEY, Text, digest, mint
from dragoman.web.address import client_address
from dragoman.web.guard import Guard
from dragoman.web.ring import Ring

PEPPER = b"p" * 32


def made(**more: Any) -> tuple[Text, Key]:
    text = mint(KEY)
    spec = KeyTable(name="laptop", **{name: more.pop(name) for name in ("models", "doors") if name in more})
    key = Key(id="1", public_id=text.public_id, digest=digest(PEPPER, text.text), spec=spec, **more)
    return text, key


def guard(*keys: Key, trusted: tuple[str, ...] = ()) -> Guard:
    return Guard([], Ring(keys, PEPPER), networks_of(trusted))


def refusal(opened: Guard, headers: dict[str, str], scope: dict[str, Any] | None = None) -> tuple[Kind, str]:
    with pytest.raises(Trouble) as refused:
        opened.admit(headers, "", scope)
    return refused.value.problem.kind, refused.value.problem.message


@pytest.mark.parametrize("header", ["x-api-key", "authorization", "api-key", "x-goog-api-key"])
def test_a_key_of_the_ring_opens(header: str) -> None:
    text, key = made()
    value = f"Bearer {text.text}" if header == "authorization" else text.text
    admitted = guard(key).admit({header: value})
    assert (admitted.name, admitted.key) == ("laptop", key)


def test_without_any_key_the_gateway_is_open_until_there_is_one() -> None:
    opened = guard()
    assert opened.admit({}).name == ""
    _, key = made()
    opened.ring = Ring([key], PEPPER)
    assert refusal(opened, {})[0] is Kind.AUTHENTICATION


@pytest.mark.parametrize("spoil", [str.lower, lambda text: text[:-1], lambda text: "x" + text, lambda text: text * 2])
def test_what_is_not_quite_a_key_opens_nothing(spoil: Any) -> None:
    text, key = made()
    assert refusal(guard(key), {"x-api-key": spoil(text.text)})[0] is Kind.AUTHENTICATION


def test_a_key_with_a_known_name_and_another_secret_opens_nothing() -> None:
    text, key = made()
    other = mint(KEY).text
    forged = text.text[:16] + other[16:]
    assert refusal(guard(key), {"x-api-key": forged})[0] is Kind.AUTHENTICATION
    assert guard(key).ring.find(text.text) is key


def test_keys_made_with_another_pepper_open_nothing() -> None:
    text, key = made()
    assert Ring([key], b"q" * 32).find(text.text) is None


def test_what_is_switched_off_or_expired_says_so() -> None:
    text, key = made(enabled=False)
    assert refusal(guard(key), {"x-api-key": text.text}) == (
        Kind.AUTHENTICATION,
        f"The API key 'laptop' ({key.public_id}) is switched off. Ask whoever gave it to you.",
    )
    text, key = made(expires_ms=int(time.time() * 1000) - 1)
    assert "has expired" in refusal(guard(key), {"x-api-key": text.text})[1]


def test_a_key_is_held_to_its_networks() -> None:
    text, key = made(networks=networks_of(["10.0.0.0/8", "2001:db8::1"]))
    opened = guard(key)
    for address in ("10.1.2.3", "::ffff:10.9.9.9", "2001:db8::1"):
        assert opened.admit({"x-api-key": text.text}, "", {"client": (address, 1)}).key is key
    for address in ("11.0.0.1", "", "nonsense"):
        assert refusal(opened, {"x-api-key": text.text}, {"client": (address, 1)})[0] is Kind.PERMISSION


def test_a_client_cannot_claim_an_address() -> None:
    text, key = made(networks=networks_of(["10.0.0.0/8"]))
    headers = {"x-api-key": text.text, "x-forwarded-for": "10.0.0.1"}
    assert refusal(guard(key), headers, {"client": ("8.8.8.8", 1)})[0] is Kind.PERMISSION
    behind = guard(key, trusted=("127.0.0.1",))
    assert behind.admit(headers, "", {"client": ("127.0.0.1", 1)}).key is key
    headers["x-forwarded-for"] = "10.0.0.1, 8.8.8.8"
    assert refusal(behind, headers, {"client": ("127.0.0.1", 1)})[0] is Kind.PERMISSION


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("1.1.1.1", "2.2.2.2", "1.1.1.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "2.2.2.2", "2.2.2.2"),
        ("10.0.0.1", "6.6.6.6, 2.2.2.2, 10.0.0.2", "2.2.2.2"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "2.2.2.2, rubbish", "10.0.0.1"),
        ("::ffff:10.0.0.1", "[2001:db8::5]", "2001:db8::5"),
    ],
)
def test_only_what_trusted_proxies_added_counts(peer: str, forwarded: str, found: str) -> None:
    trusted = networks_of(["10.0.0.0/8"])
    assert client_address({"client": (peer, 1)}, {"x-forwarded-for": forwarded}, trusted) == found


def test_a_key_is_held_to_its_doors_and_models() -> None:
    _, key = made(doors=("anthropic",), models=("claude-*", "gpt-5"))
    assert forbidden(key, "anthropic", "claude-opus-5") is None
    assert forbidden(key, "anthropic", "gpt-5") is None
    other = forbidden(key, "openai_chat", "gpt-5")
    assert other
    assert (other.kind, other.status) == (Kind.PERMISSION, 403)
    assert "may not ask for the model 'gpt-5x'" in (forbidden(key, "anthropic", "gpt-5x") or other).message


def test_off_loopback_it_stays_shut_when_the_last_key_is_gone() -> None:
    shut = Guard((), may_open=False)
    assert not shut.open
    with pytest.raises(Trouble):
        shut.admit({})
