"""Google Cloud's tokens: what a channel's secret is, what is asked, and what the answers mean."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.credentials import AnonymousCredentials
from google.genai import Client

from dragoman.canon.problem import Kind, Trouble
from dragoman.dialects.gemini import DIALECT
from dragoman.net.rsa import body_of
from dragoman.providers.addresses import count_url, endpoint, models_url
from dragoman.providers.catalog import catalog
from dragoman.providers.google import SCOPE, SOURCE, TOKEN_URL
from dragoman.providers.tokens import Account, Token

NOW_MS = 1_795_132_800_000
ROW = catalog()["vertex"]
MODEL = "gemini-3.8-flash"


def pem(key: Any) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def service(private_key: str, **members: Any) -> str:
    file = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": private_key,
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "token_uri": TOKEN_URL,
    }
    return json.dumps(file | members)


def told(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}


@pytest.mark.parametrize("secret", ["ya29.a0Ad", " Bearer ya29.a0Ad\n"])
def test_an_access_token_needs_no_exchange(secret: str) -> None:
    ready = SOURCE.ready(Account(secret))
    assert ready == Token("ya29.a0Ad")
    assert "ya29" not in repr(ready)


def test_a_machine_of_google_s_asks_its_own_server() -> None:
    account = Account(" metadata\n")
    assert SOURCE.ready(account) is None
    call = SOURCE.ask(account, "", NOW_MS)
    assert (call.method, body_of(call)) == ("GET", b"")
    assert call.url == "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    assert call.headers["metadata-flavor"] == "Google"


def test_a_service_account_signs_what_it_asks_for(key: RSAPrivateKey) -> None:
    account = Account(service(pem(key)))
    assert SOURCE.ready(account) is None
    call = SOURCE.ask(account, "", NOW_MS)
    assert call.url == TOKEN_URL
    assert "PRIVATE" not in repr(call)
    asked = told(body_of(call))
    assert asked["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    signed, _, signature = asked["assertion"].rpartition(".")
    key.public_key().verify(_bytes(signature), signed.encode(), PKCS1v15(), SHA256())
    head, claims = (json.loads(_bytes(each)) for each in signed.split("."))
    assert head == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims == {
        "iss": "gateway@p.iam.gserviceaccount.com",
        "scope": SCOPE,
        "aud": TOKEN_URL,
        "iat": NOW_MS // 1000,
        "exp": NOW_MS // 1000 + 3600,
    }


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_user_s_file_is_exchanged_by_its_refresh_token() -> None:
    file = {"type": "authorized_user", "client_id": "i", "client_secret": "s&s", "refresh_token": "1//r"}
    call = SOURCE.ask(Account(json.dumps(file)), "", NOW_MS)
    assert call.url == TOKEN_URL
    assert told(body_of(call)) == {
        "grant_type": "refresh_token",
        "client_id": "i",
        "client_secret": "s&s",
        "refresh_token": "1//r",
    }


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("{", "no readable file"),
        ('{"type":"external_account"}', "'external_account', which is not understood"),
        (service("no key"), "Copy the file"),
        (service(pem(ec_key(SECP256R1()))), "of the kind RSA"),
    ],
)
def test_a_file_that_gives_no_token_is_told(secret: str, words: str) -> None:
    with pytest.raises(Trouble) as found:
        body_of(SOURCE.ask(Account(secret), "", NOW_MS))
    assert found.value.problem.kind is Kind.UPSTREAM_CREDENTIAL
    assert words in found.value.problem.message


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ({"access_token": "t", "expires_in": 3599, "token_type": "Bearer"}, Token("t", NOW_MS + 3_599_000)),
        ({"access_token": "t"}, Token("t", None)),
    ],
)
def test_a_token_lasts_as_long_as_it_says(answer: dict[str, Any], token: Token) -> None:
    assert SOURCE.read(200, {}, json.dumps(answer).encode(), NOW_MS) == token


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, b"{}", Kind.GARBLED, "without a token"),
        (200, b"<html>", Kind.GARBLED, "without a token"),
        (200, b"[]", Kind.GARBLED, "without a token"),
        (
            400,
            b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}',
            Kind.UPSTREAM_CREDENTIAL,
            "Invalid JWT Signature.",
        ),
        (401, b"", Kind.UPSTREAM_CREDENTIAL, "status 401"),
        (429, b"", Kind.RATE_LIMITED, "status 429"),
        (503, b"", Kind.OVERLOADED, "status 503"),
        (302, b"", Kind.REDIRECTED, "status 302"),
        (500, b"", Kind.UPSTREAM_ERROR, "status 500"),
    ],
)
def test_an_answer_without_a_token_is_a_problem(status: int, body: bytes, kind: Kind, words: str) -> None:
    with pytest.raises(Trouble) as found:
        SOURCE.read(status, {}, body, NOW_MS)
    assert found.value.problem.kind is kind
    assert words in found.value.problem.message


@pytest.mark.parametrize("location", ["global", "us", "eu", "europe-west4", ""])
@pytest.mark.parametrize("stream", [True, False])
def test_the_address_is_that_of_the_vendor_s_sdk(location: str, stream: bool) -> None:
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    client = Client(
        vertexai=True,
        project="my-project",
        location=location or "global",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
    )
    request = client._api_client._build_request("post", f"publishers/google/models/{MODEL}:{verb}", {}, None)
    path = (stream and DIALECT.stream_path) or DIALECT.path
    options = {"project": "my-project"} | ({"location": location} if location else {})
    assert endpoint(ROW, "", path, MODEL, options) == request.url
    listed = client._api_client._build_request("get", "publishers/google/models?pageSize=1000", {}, None)
    assert models_url(ROW, "", "", options) == listed.url


@pytest.mark.parametrize(
    ("base", "options", "address"),
    [
        ("http://a", {"project": "p"}, "http://a/v1beta1/projects/p/locations/global"),
        ("http://a/v1", {"project": "p", "location": "eu"}, "http://a/v1/projects/p/locations/eu"),
        ("http://a/v1/projects/p/locations/us/", {}, "http://a/v1/projects/p/locations/us"),
        ("http://a/gate", {}, "http://a/gate/v1beta1"),
    ],
)
def test_an_address_of_one_s_own_is_completed(base: str, options: dict[str, str], address: str) -> None:
    assert endpoint(ROW, base, DIALECT.path, MODEL, options) == (
        f"{address}/publishers/google/models/{MODEL}:generateContent"
    )
    assert count_url(ROW, base, DIALECT.path, options, MODEL) == (
        f"{address}/publishers/google/models/{MODEL}:countTokens"
    )
    root = address.partition("/projects/")[0]
    assert models_url(ROW, base, DIALECT.path, options) == f"{root}/publishers/google/models?pageSize=1000"
