"""GigaChat's tokens: how one is asked for, what the answer means, and how long it lasts.

Rules. A channel has one secret, and its form tells what it is: the authorization key of the vendor's console, client
id and secret as they stand there, user and password of an installation, a ready token, or nothing, where a client
certificate is enough. Only the first three are exchanged for a token. Nothing here performs a call: `net.signed` does,
once for all who wait, since the endpoint answers 429 to many askers at once.

Sources, read 2026-11-20: developers.sber.ru, POST /api/v2/oauth, and description of errors; the SDK 0.2.3
(`api/auth`, `settings`); ai-forever/gigachain, issue 275.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote

import msgspec

from dragoman.canon.problem import Kind, Problem, Trouble, problem
from dragoman.providers.tokens import Account, Token, TokenCall, TokenSource

AUTH_URL = "https://ngw.devices.sberbank.ru:9443/api/v2/oauth"
SCOPE = "GIGACHAT_API_PERS"
SCOPES = (SCOPE, "GIGACHAT_API_B2B", "GIGACHAT_API_CORP")
SECONDS_BELOW = 10**12
"""Ends below are Unix seconds: milliseconds since 2001 are above, seconds until 33658 below."""

Form = Literal["none", "token", "key", "client", "password"]
"""What a channel's secret is."""

_TOKEN = re.compile(r"eyJ[\w-]*(?:\.[\w-]*){2,4}")
"""A signed or encrypted web token (RFC 7519, RFC 7516)."""
_CLIENT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:\S+", re.IGNORECASE)
_ANYTHING = msgspec.json.Decoder()


def form_of(secret: str) -> Form:
    """What a channel's secret is, by its form: no key holds a colon or a dot, for it is base64."""
    bare = secret.strip()
    if not bare:
        return "none"
    if bare.startswith("Bearer ") or _TOKEN.fullmatch(bare):
        return "token"
    if ":" not in bare:
        return "key"
    return "client" if _CLIENT.fullmatch(bare) else "password"


def ready_token(account: Account) -> Token | None:
    """The token that needs no exchange: a ready one, or an empty one where a certificate is enough; else None."""
    match form_of(account.secret):
        case "none":
            return Token("")
        case "token":
            return Token(account.secret.strip().removeprefix("Bearer ").strip())
    return None


def exchange(account: Account, request_id: str, _: int = 0) -> TokenCall:
    """The call that gives a token for a secret; `request_id` is a random UUID in its usual form, new for each call.

    Options: `scope`, `auth_url`. A user and password are exchanged at the API's own address.
    """
    form = form_of(account.secret)
    if form == "password":
        url, body = f"{account.base_url.rstrip('/')}/token", b""
    else:
        url = account.options.get("auth_url") or AUTH_URL
        body = f"scope={quote(account.options.get('scope') or SCOPE, safe='')}".encode()
    return TokenCall(
        url=url,
        headers={
            "authorization": f"Basic {_basic(account.secret.strip(), form)}",
            "rquid": request_id,
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        },
        body=body,
    )


def _basic(secret: str, form: Form) -> str:
    """Credentials as basic authentication has them; the vendor's key is that already, often pasted with the word."""
    if form == "key":
        return secret.removeprefix("Basic ").strip()
    return b64encode(secret.encode("utf-8", "surrogatepass")).decode()


def read_token(status: int, headers: Mapping[str, str], body: bytes, _: int = 0) -> Token:
    """The token in an answer. Raises `Trouble`: a credential to be mended, a limit, or an endpoint that is down."""
    found = _decoded(body)
    if 200 <= status < 300:
        text = found.get("access_token") or found.get("tok")
        end = found.get("expires_at", found.get("exp", 0))
        if isinstance(text, str) and text:
            return Token(text, _expires_ms(end))
        raise Trouble(_problem(Kind.GARBLED, "answered without a token", status, headers, body))
    raise Trouble(_refused(status, found, headers, body))


def _expires_ms(end: object) -> int | None:
    """An end in milliseconds, however it was told: some installations and one page of the vendor tell seconds."""
    if not isinstance(end, int | float) or isinstance(end, bool) or end <= 0:
        return None
    return int(end * 1000) if end < SECONDS_BELOW else int(end)


REFUSALS: Mapping[int, str] = {
    1: "does not know the channel's option 'scope'; it is one of " + ", ".join(SCOPES),
    4: "found no request id in the call; report this as a defect of the gateway",
    5: "was given no scope; set the channel's option 'scope'",
    6: "does not know the channel's key; copy the authorization key from the vendor's console again",
    7: "says that the channel's key is not for its option 'scope'; individuals have GIGACHAT_API_PERS, companies "
    "GIGACHAT_API_B2B (prepaid) or GIGACHAT_API_CORP",
}
"""What the endpoint's own codes mean for whoever set the channel up."""


def _refused(status: int, found: Mapping[str, object], headers: Mapping[str, str], body: bytes) -> Problem:
    code = found.get("code")
    told = REFUSALS.get(code) if isinstance(code, int) else None
    if told:
        return _problem(Kind.UPSTREAM_CREDENTIAL, told, status, headers, body)
    if status == 429:
        return _problem(Kind.RATE_LIMITED, "was asked too often", status, headers, body)
    if status in (400, 401, 403):
        return _problem(Kind.UPSTREAM_CREDENTIAL, "refused the channel's key", status, headers, body)
    kind = Kind.OVERLOADED if status == 503 else Kind.REDIRECTED if 300 <= status < 400 else Kind.UPSTREAM_ERROR
    return _problem(kind, f"answered with status {status}", status, headers, body)


def _problem(kind: Kind, told: str, status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    waits = headers.get("retry-after", "")
    return problem(
        kind,
        f"The provider's token endpoint was asked and {told}.",
        retry_after_s=float(waits) if waits.isdigit() else None,
        upstream_status=status,
        evidence="" if 200 <= status < 300 else body[:2048].decode("utf-8", "replace"),
    )


def _decoded(body: bytes) -> Mapping[str, object]:
    try:
        found = _ANYTHING.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def at_once(account: Account) -> int | None:
    """One request for accounts of individuals, whose others are answered 429; what companies have differs."""
    is_personal = (account.options.get("scope") or SCOPE) == SCOPE
    return 1 if is_personal and form_of(account.secret) in ("key", "client") else None


SOURCE = TokenSource(ready=ready_token, ask=exchange, read=read_token, at_once=at_once)
