"""GigaChat's tokens: what a channel's secret is, what is asked, and what the answers mean."""

from __future__ import annotations

import base64
import json
from urllib.request import Request, urlopen

import pytest

from dragoman.canon.problem import Kind, Problem, Trouble
from dragoman.providers.addresses import endpoint
from dragoman.providers.catalog import catalog
from dragoman.providers.credentials import session_mark
from dragoman.providers.gigachat import AUTH_URL, exchange, form_of, read_token, ready_token
from dragoman.providers.tokens import RENEW_EARLY_MS, Account, Token
from tests.standin import StandIn

KEY = base64.b64encode(b"client:secret").decode()
CLIENT = "77d3fb14-457a-46ba-937e-8d856156d003:b28fbd6d"
READY = "eyJhbGciOiJkaXIi.eyJ.a-b_c.d.e"
REQUEST_ID = "77d3fb14-457a-46ba-937e-8d856156d003"
BASE = "https://api.giga.chat/v1"


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        ("", "none"),
        ("  ", "none"),
        (KEY, "key"),
        (f"Basic {KEY}", "key"),
        (CLIENT, "client"),
        ("user:pass:word", "password"),
        (READY, "token"),
        (f"Bearer {READY}", "token"),
        ("Bearer opaque", "token"),
    ],
)
def test_a_secret_is_known_by_its_form(secret: str, form: str) -> None:
    assert form_of(secret) == form


def test_a_ready_token_needs_no_exchange_and_a_certificate_no_token() -> None:
    assert ready_token(Account(f"Bearer {READY}")) == Token(READY)
    assert ready_token(Account(READY)) == Token(READY)
    assert ready_token(Account("")) == Token("")
    assert ready_token(Account(KEY)) is None
    assert READY not in repr(ready_token(Account(READY)))


@pytest.mark.parametrize("secret", [KEY, f"Basic {KEY}", f" {KEY}\n"])
def test_the_vendor_s_key_goes_as_it_is(secret: str) -> None:
    call = exchange(Account(secret, BASE, {"scope": "GIGACHAT_API_CORP"}), REQUEST_ID)
    assert call.url == AUTH_URL
    assert call.body == b"scope=GIGACHAT_API_CORP"
    assert call.headers["authorization"] == f"Basic {KEY}"
    assert call.headers["rquid"] == REQUEST_ID
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"


def test_id_and_secret_are_put_in_base64_and_a_user_asks_at_the_api() -> None:
    call = exchange(Account(CLIENT, BASE, {"auth_url": "http://127.0.0.1:1/oauth"}), REQUEST_ID)
    assert (call.url, call.body) == ("http://127.0.0.1:1/oauth", b"scope=GIGACHAT_API_PERS")
    assert call.headers["authorization"] == f"Basic {base64.b64encode(CLIENT.encode()).decode()}"
    user = exchange(Account("user:pass", f"{BASE}/"), REQUEST_ID)
    assert (user.url, user.body) == (f"{BASE}/token", b"")


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ({"access_token": "t", "expires_at": 1795132800123}, Token("t", 1795132800123)),
        ({"access_token": "t", "expires_at": 1795132800}, Token("t", 1795132800000)),
        ({"tok": "t", "exp": 1795132800123}, Token("t", 1795132800123)),
        ({"access_token": "t", "expires_at": 0}, Token("t", None)),
        ({"access_token": "t", "expires_at": "soon"}, Token("t", None)),
        ({"access_token": "t"}, Token("t", None)),
    ],
)
def test_an_answer_gives_a_token_and_its_end_in_milliseconds(answer: dict[str, object], token: Token) -> None:
    assert read_token(200, {}, json.dumps(answer).encode()) == token


def test_a_token_is_renewed_a_minute_early() -> None:
    token = Token("t", 1_000_000_000_000)
    assert token.is_fresh(1_000_000_000_000 - RENEW_EARLY_MS - 1)
    assert not token.is_fresh(1_000_000_000_000 - RENEW_EARLY_MS)
    assert Token("t").is_fresh(1_000_000_000_000)


def refusal(status: int, body: bytes, **headers: str) -> Problem:
    with pytest.raises(Trouble) as found:
        read_token(status, headers, body)
    return found.value.problem


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, b'{"code":1,"message":"scope data format invalid"}', Kind.UPSTREAM_CREDENTIAL, "option 'scope'"),
        (400, b'{"code":5,"message":"scope is empty"}', Kind.UPSTREAM_CREDENTIAL, "no scope"),
        (400, b'{"code":7,"message":"scope from db"}', Kind.UPSTREAM_CREDENTIAL, "not for its option 'scope'"),
        (401, b'{"code":6,"message":"credentials"}', Kind.UPSTREAM_CREDENTIAL, "authorization key"),
        (400, b"bad", Kind.UPSTREAM_CREDENTIAL, "refused the channel's key"),
        (429, b'{"code":"x"}', Kind.RATE_LIMITED, "too often"),
        (500, b"[]", Kind.UPSTREAM_ERROR, "status 500"),
        (503, b"\xff", Kind.OVERLOADED, "status 503"),
        (302, b"", Kind.REDIRECTED, "status 302"),
        (200, b"<html>", Kind.GARBLED, "without a token"),
        (200, b'{"access_token":""}', Kind.GARBLED, "without a token"),
    ],
)
def test_a_refusal_says_what_to_mend(status: int, body: bytes, kind: Kind, words: str) -> None:
    found = refusal(status, body)
    assert found.kind is kind
    assert words in found.message
    assert found.upstream_status == status


def test_a_wait_is_passed_on() -> None:
    assert refusal(429, b"", **{"retry-after": "7"}).retry_after_s == 7
    assert refusal(429, b"", **{"retry-after": "soon"}).retry_after_s is None


def test_a_session_is_told_by_its_fingerprint() -> None:
    told = session_mark("my session")
    assert told == session_mark("my session") != session_mark("other")
    assert [len(each) for each in told.split("-")] == [8, 4, 4, 4, 12]


def test_the_vendor_takes_the_exchange_as_it_is_described() -> None:
    with StandIn(dialects=("gigachat",), api_key=KEY) as upstream:
        call = exchange(Account(KEY, upstream.url, {"auth_url": f"{upstream.url}/api/v2/oauth"}), REQUEST_ID)
        request = Request(call.url, call.body, dict(call.headers))
        with urlopen(request) as answer:
            token = read_token(answer.status, {}, answer.read())
    assert token.text in upstream.office.issued
    assert token.expires_ms is not None
    assert token.expires_ms > 1_700_000_000_000


ADDRESSES = {
    "version 1": (BASE, "/chat/completions", f"{BASE}/chat/completions"),
    "version 2 beside it": (BASE, "/v2/chat/completions", "https://api.giga.chat/v2/chat/completions"),
    "version 2 at the older host": (
        "https://g.example/api/v1/",
        "/v2/chat/completions",
        "https://g.example/api/v2/chat/completions",
    ),
    "all else, where the base says 2": ("https://g.example/api/v2", "/files", "https://g.example/api/v1/files"),
    "the endpoint for a base": (
        f"{BASE}/chat/completions",
        "/v2/chat/completions",
        "https://api.giga.chat/v2/chat/completions",
    ),
    "no version": ("https://g.example", "/v2/chat/completions", "https://g.example/v2/chat/completions"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_the_address_has_the_version_of_its_path(case: str) -> None:
    base, path, address = ADDRESSES[case]
    assert endpoint(catalog()["gigachat"], base, path, "m", {}) == address
