"""OAuth 2.0 for services: what is asked for a token, what its answer means, and which descriptions are refused."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.problem import Kind, Trouble
from dragoman.net.call import Answer, Call
from dragoman.net.signed import Signed
from dragoman.providers.catalog import catalog
from dragoman.providers.oauth import Office, read_token, source_of
from dragoman.providers.tokens import Account, Credential, mark_of
from dragoman.relay.outlet import credential_of
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.settings.stored import Stored, joined
from dragoman.shapes.channel import ChannelTable
from tests.net.test_signed import Said

ROWS = catalog()
CLIENT = {"token_url": "https://issuer.example/token", "client_id": "id:1", "client_secret": "se cret+/"}


def asked(
    options: Mapping[str, str], office: Office | None = None
) -> tuple[str, Mapping[str, str], dict[str, list[str]]]:
    call = source_of(office or Office()).ask(Account("", options=options), "", 0)
    return call.url, call.headers, parse_qs(call.body.decode(), strict_parsing=True)


def test_a_client_shows_itself_as_the_rfc_says() -> None:
    url, headers, form = asked({**CLIENT, "scope": "a b"})
    assert url == "https://issuer.example/token"
    assert form == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    assert b64decode(headers["authorization"].removeprefix("Basic ")) == b"id%3A1:se+cret%2B%2F"


def test_a_client_shows_itself_in_the_body_where_that_is_wished() -> None:
    _, headers, form = asked({**CLIENT, "client_auth": "post"})
    assert "authorization" not in headers
    assert form == {"grant_type": ["client_credentials"], "client_id": ["id:1"], "client_secret": ["se cret+/"]}


def test_a_refresh_token_is_asked_with() -> None:
    _, headers, form = asked({"token_url": "https://issuer.example/t", "client_id": "public", "refresh_token": "r1"})
    assert "authorization" not in headers
    assert form == {"grant_type": ["refresh_token"], "refresh_token": ["r1"], "client_id": ["public"]}


def test_entra_is_asked_for_the_directory_of_the_channel() -> None:
    for name in ("azure", "azure-responses"):
        office = ROWS[name].oauth
        url, headers, form = asked({"tenant": "a/b", "client_id": "c", "client_secret": "s"}, office)
        assert url == "https://login.microsoftonline.com/a%2Fb/oauth2/v2.0/token"
        assert form["scope"] == ["https://cognitiveservices.azure.com/.default"]
        assert (form["client_secret"], "authorization" in headers) == (["s"], False)


@pytest.mark.parametrize(
    ("body", "text", "expires_ms", "refresh"),
    [
        ({"access_token": "t", "token_type": "Bearer", "expires_in": 3600}, "t", 3_601_000, ""),
        ({"access_token": "t", "token_type": "bearer", "expires_in": "60"}, "t", 61_000, ""),
        ({"access_token": "t", "refresh_token": "r2", "more": [1]}, "t", None, "r2"),
        ({"access_token": "t", "expires_in": "soon"}, "t", None, ""),
    ],
)
def test_an_answer_is_read(body: object, text: str, expires_ms: int | None, refresh: str) -> None:
    token = read_token(200, {}, json.dumps(body).encode(), 1000)
    assert (token.text, token.expires_ms, token.refresh) == (text, expires_ms, refresh)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"{}", Kind.GARBLED),
        (200, b'{"access_token":"t","token_type":"mac"}', Kind.GARBLED),
        (200, b"<html>", Kind.GARBLED),
        (400, b'{"error":"invalid_grant","error_description":"expired"}', Kind.UPSTREAM_CREDENTIAL),
        (401, b'{"error":"invalid_client"}', Kind.UPSTREAM_CREDENTIAL),
        (302, b"", Kind.REDIRECTED),
        (429, b"", Kind.RATE_LIMITED),
        (500, b"\xff", Kind.UPSTREAM_ERROR),
        (503, b"", Kind.OVERLOADED),
    ],
)
def test_a_refusal_has_its_kind(status: int, body: bytes, kind: Kind) -> None:
    with pytest.raises(Trouble) as caught:
        read_token(status, {"retry-after": "7"}, body, 0)
    assert caught.value.problem.kind is kind
    assert caught.value.problem.retry_after_s == 7


@given(st.integers(200, 599), st.binary(max_size=200))
def test_no_answer_breaks_the_reader(status: int, body: bytes) -> None:
    with suppress(Trouble):
        read_token(status, {"retry-after": "²"}, body, 0)


def test_a_refusal_quotes_no_more_than_a_few_words() -> None:
    body = json.dumps({"error": "e", "error_description": "x" * 5000, "sent": "client_secret=s3cr3t"}).encode()
    with pytest.raises(Trouble) as caught:
        read_token(400, {}, body, 0)
    assert len(caught.value.problem.message) < 400
    assert "s3cr3t" not in str(caught.value.problem)


def described(provider: str = "openai-compatible", key: str = "", **options: str) -> tuple[Channel | None, str]:
    table = ChannelTable(
        name="a", provider=provider, api_key=key, base_url="https://api.example/v1", options=dict(options)
    )
    snapshot, notices = joined(Snapshot(), Stored((table,), (), 1), ROWS, Path("/nowhere"))
    return next(iter(snapshot.channels), None), " ".join(map(str, notices))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token_url": "https://i.example"}, "needs client_id"),
        ({"client_id": "c", "client_secret": "s"}, "needs token_url"),
        ({"client_id": "c", "token_url": "https://i.example"}, "needs client_secret"),
        ({**CLIENT, "client_auth": "magic"}, "client_auth"),
        ({**CLIENT, "token_url": "file:///etc/passwd"}, "not an HTTP address"),
        ({**CLIENT, "token_url": "https://u:p@i.example/"}, "user name or password"),
        ({**CLIENT, "tenant": "t"}, "no such option"),
    ],
)
def test_a_description_that_gives_no_token_is_refused(options: dict[str, str], words: str) -> None:
    made, told = described(**options)
    assert made is None
    assert words in told
    assert CLIENT["client_secret"] not in told


def test_a_key_and_a_client_are_one_too_many() -> None:
    assert "both 'api_key' and 'client_id'" in described(key="sk-1", **CLIENT)[1]
    assert "needs tenant" in described("azure", client_id="c", client_secret="s")[1]


def test_a_clients_secret_never_shows() -> None:
    made, _ = described(**CLIENT)
    assert made is not None
    assert CLIENT["client_secret"] not in repr(made)
    assert CLIENT["client_secret"] not in repr(credential_of(made, ROWS["openai-compatible"]))


class Issuer:
    """A network with an issuer that replaces its refresh token with each use, and an upstream. Mutable: it counts."""

    def __init__(self) -> None:
        self.given = 0
        self.forms: list[dict[str, list[str]]] = []
        self.bearers: list[str] = []
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Answer:
        """An answer after a turn of the loop."""
        await asyncio.sleep(0)
        self.calls.append(call)
        if "/token" in call.url:
            self.given += 1
            self.forms.append(parse_qs(call.body.decode()))
            told = {"access_token": f"t{self.given}", "refresh_token": f"r{self.given}", "expires_in": 3600}
            return Said(200, json.dumps(told).encode())
        self.bearers.append(call.headers["authorization"])
        return Said(401 if len(self.bearers) == 2 else 200)


def call_of(options: Mapping[str, str]) -> Call:
    account = Account("", options=options)
    credential = Credential(source_of(Office()), account, mark_of(account))
    return Call(url="https://api.example/", upstream="a", credential=credential, reach="public", proxy="")


def test_a_refresh_token_that_was_replaced_is_used_from_then_on() -> None:
    issuer = Issuer()

    async def scene() -> None:
        signed = Signed(issuer, lambda: 0)
        call = call_of({"token_url": "https://i.example/token", "client_id": "c", "refresh_token": "r0"})
        await signed.send(call)
        await signed.send(call)  # refused once, so it is asked for anew

    asyncio.run(scene())
    assert issuer.bearers == ["Bearer t1", "Bearer t1", "Bearer t2"]
    assert [form["refresh_token"] for form in issuer.forms] == [["r0"], ["r1"]]


def test_the_token_is_asked_for_by_the_channels_own_way() -> None:
    issuer = Issuer()
    asyncio.run(Signed(issuer, lambda: 0).send(call_of(CLIENT)))
    first = issuer.calls[0]
    assert (first.reach, first.proxy, first.credential) == ("public", "", None)


def test_a_client_that_was_changed_gets_a_token_of_its_own() -> None:
    issuer = Issuer()

    async def scene() -> None:
        signed = Signed(issuer, lambda: 0)
        await signed.send(call_of(CLIENT))
        await signed.send(call_of({**CLIENT, "client_secret": "another"}))

    asyncio.run(scene())
    assert issuer.given >= 2
    assert issuer.bearers[1] != issuer.bearers[0]
