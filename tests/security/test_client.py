"""Whatever a client says, it decides neither where its request goes nor with which key, and no key is guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.canon.problem import Kind, Trouble
from dragoman.relay.allowances import Allowances
from dragoman.routing.key import Key
from dragoman.shapes.access import KeyLimitsTable, KeyTable
from dragoman.store.board.local import LocalBoard
from dragoman.store.keys import ALPHABET, CHECK, KEY, _check, digest, mint
from dragoman.web.guard import Guard
from dragoman.web.ring import Ring
from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, inquiry, play
from tests.relay.test_allowances import answers, heard, none_spent

EVIL = "https://evil.example/v1"
FIELDS = (
    "api_base", "base_url", "api_key", "api_version", "apiBase", "baseUrl", "baseURL", "endpoint", "host", "url", "uri",
    "proxy", "http_proxy", "https_proxy", "headers", "extra_headers", "extra_body", "extra_query", "default_headers",
    "organization", "project", "provider", "providers", "channel", "channel_id", "channels", "account", "deployment_id",
    "azure_endpoint", "azure_ad_token", "aws_access_key_id", "aws_secret_access_key", "aws_region_name",
    "aws_bedrock_runtime_endpoint", "vertex_project", "vertex_location", "vertex_credentials", "callback", "callbacks",
    "success_callback", "failure_callback", "webhook", "webhook_url", "fallbacks", "fallback_models", "model_list",
    "router", "route", "routing", "target", "targets", "user_api_key", "litellm_params", "litellm_metadata",
    "client", "http_client", "transport", "ssl_verify", "verify", "cert", "timeout", "custom_llm_provider", "mock",
)  # fmt: skip
"""Names by which other gateways let a request say where it goes, or with what."""
PEPPER = b"p" * 32


def told(**members: object) -> bytes:
    """A request of an agent with these members beside."""
    said: dict[str, Any] = {"model": "asked", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    return json.dumps(said | members).encode()


def whereto(
    body: bytes, door: str, provider: str, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, dict[str, str]]:
    """Where a request goes, and with what headers."""
    stage = Stage({"one": [ScriptedAnswer([b"{}"], content_type="application/json")]}, channel("one", provider))
    asked = inquiry(body, door)
    play(stage.relay.answer(replace(asked, headers={**asked.headers, **headers}), Listener()))
    call = stage.transport.calls[0]
    return call.url, {name: value for name, value in call.headers.items() if name != "content-length"}


def test_there_are_sixty_names_to_try() -> None:
    assert len(set(FIELDS)) >= 60


@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
@pytest.mark.parametrize("provider", ["anthropic-compatible", "openai-compatible"])
def test_p1_no_member_of_a_body_decides_where_it_goes(door: str, provider: str) -> None:
    plain = whereto(told(), door, provider)
    for value in (EVIL, {"authorization": "Bearer evil"}, [EVIL]):
        assert whereto(told(**dict.fromkeys(FIELDS, value)), door, provider) == plain
        assert whereto(told(metadata=dict.fromkeys(FIELDS, value)), door, provider) == plain


@pytest.mark.parametrize("provider", ["anthropic-compatible", "openai-compatible"])
def test_p1_no_header_decides_where_a_request_goes(provider: str) -> None:
    names = [name.lower().replace("_", "-") for name in FIELDS]
    headers = dict.fromkeys([*names, *(f"x-{name}" for name in names)], EVIL)
    assert whereto(told(), "anthropic", provider, headers) == whereto(told(), "anthropic", provider)


def made() -> tuple[str, Guard]:
    """A key, and the guard that knows it."""
    text = mint(KEY)
    key = Key(id="1", public_id=text.public_id, digest=digest(PEPPER, text.text), spec=KeyTable(name="laptop"))
    return text.text, Guard([], Ring([key], PEPPER))


TEXT, GUARD = made()


def opens(text: str) -> bool:
    """Whether a text opens the doors."""
    try:
        GUARD.admit({"authorization": f"Bearer {text}"})
    except Trouble as refused:
        assert refused.problem.kind is Kind.AUTHENTICATION  # noqa: PT017 - any other kind would tell something
        return False
    return True


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_p2_no_text_but_the_key_opens(token: str) -> None:
    assert opens(TEXT)
    assert not opens(token)


def test_p7_a_key_that_differs_in_one_character_opens_nothing() -> None:
    near = {TEXT[:-CHECK][:at] + other + TEXT[:-CHECK][at + 1 :] for at in range(4, 59) for other in ALPHABET}
    near.discard(TEXT[:-CHECK])
    assert len(near) > 3000
    assert [body for body in near if opens(body + _check(body))] == []


@pytest.mark.parametrize("cut", [1, 6, 20, 49, 61])
def test_p7_a_key_that_agrees_at_its_beginning_opens_nothing(cut: int) -> None:
    other = "1" if TEXT[-cut:] == "0" * cut else "0"
    assert not opens(TEXT[:-cut])
    assert not opens(TEXT[:-cut] + other * cut)
    assert not opens(TEXT + other * cut)


def test_p13_a_refusal_names_the_key_and_tells_nothing_of_its_digest() -> None:
    text = mint(KEY)
    known = digest(PEPPER, text.text)
    limits = KeyLimitsTable(rpm=1)
    key = Key(id="k1", public_id=text.public_id, digest=known, spec=KeyTable(name="laptop", limits=limits))
    stage = Stage(answers(2), allowances=Allowances(LocalBoard(), none_spent), key=key)
    refused: Listener = heard(stage, 2)[1]
    assert refused.status == 429
    said = refused.text + json.dumps(dict(refused.headers))
    assert "laptop" in said
    assert not [secret for secret in (known.hex(), known.hex()[:12], text.text, text.text[16:59]) if secret in said]
