"""Tokens by OAuth 2.0, for any service that gives them for a client's own id and secret, or for a refresh token.

Rules. A channel says by its options where tokens are given (`token_url`), to whom (`client_id`, `client_secret`), for
what (`scope`), and what for: a `refresh_token`, else its own id and secret. They are for services; nobody signs in
here. What an endpoint answers is told by its own short words alone, since the rest may quote what it was sent.

Sources, read 2026-11-20: RFC 6749, sections 2.3.1 (how a client shows who it is), 4.4 (its own credentials), 5
(answers) and 6 (refresh tokens, which may be replaced with each use); learn.microsoft.com/entra/identity-platform,
v2-oauth2-client-creds-grant-flow; learn.microsoft.com/azure/foundry/openai/reference (bearer tokens).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote, quote_plus, urlencode

import msgspec
from msgspec import Struct

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.providers.tokens import Account, Token, TokenCall, TokenSource

OPTIONS: Mapping[str, str] = {
    "token_url": "Address that gives tokens by OAuth 2.0, for services that take no key.",
    "client_id": "By which the gateway asks for tokens there, instead of an `api_key`.",
    "client_secret": "The secret of that client; kept as a secret.",
    "scope": "What the tokens are to open, where the service wants it said.",
    "refresh_token": "What tokens are given for, where that is not the client's own id and secret; kept as a secret.",
    "client_auth": "`basic` (usual) shows id and secret in a header, `post` in the body.",
}
"""Of rows that take tokens, beside their own."""
TENANT = "Id or domain of the directory in Microsoft Entra, where tokens are given for `client_id` and `client_secret`."
_Answer = TypeVar("_Answer", bound=Struct)
SHORT = 200
"""Characters of an endpoint's own words that are told."""


class Office(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a row's tokens are given, as far as its vendor says; a channel's options go before it."""

    token_url: str = ""
    """`{tenant}` stands for the option of that name."""
    scope: str = ""
    client_auth: str = "basic"


class _Given(Struct):
    """What is needed of an answer (RFC 6749 section 5.1)."""

    access_token: str = ""
    token_type: str = "bearer"  # noqa: S105 - the name of a kind
    expires_in: float | str | None = None
    refresh_token: str = ""


class _Refused(Struct):
    """The same of a refusal (section 5.2)."""

    error: str = ""
    error_description: str = ""


def options_of(office: Office) -> dict[str, str]:
    """The options by which a channel at such a row asks for tokens, each with what it means."""
    return {**OPTIONS, **({"tenant": TENANT} if "{tenant}" in office.token_url else {})}


def is_asked(options: Mapping[str, str]) -> bool:
    """Whether a channel gets its tokens so."""
    return bool(options.get("client_id"))


def fault_of(office: Office, options: Mapping[str, str], secrets: Mapping[str, object], key: str) -> str:
    """What keeps a channel from getting its tokens, in words; empty if nothing does."""
    own = sorted((options.keys() | secrets.keys()) & (OPTIONS.keys() | {"tenant"}))
    if not is_asked(options):
        return f"{own[0]} needs client_id beside it." if own else ""
    if key:
        return "The channel has both 'api_key' and 'client_id'."
    if not _token_url(office, options):
        needed = "tenant" if "{tenant}" in office.token_url else "token_url"
        return f"client_id needs {needed} beside it."
    if not secrets.keys() & {"client_secret", "refresh_token"}:
        return "client_id needs client_secret beside it, or refresh_token."
    if options.get("client_auth", "basic") not in ("basic", "post"):
        return "client_auth is neither 'basic' nor 'post'."
    return ""


def source_of(office: Office) -> TokenSource:
    """How tokens are given there."""

    def ask(account: Account, _: str, __: int) -> TokenCall:
        """The call that gives a token."""
        options = account.options
        refresh, scope = options.get("refresh_token", ""), options.get("scope", office.scope)
        form = {"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {}
        form = form or {"grant_type": "client_credentials"}
        if scope:
            form["scope"] = scope
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        ident, secret = options.get("client_id", ""), options.get("client_secret", "")
        if secret and options.get("client_auth", office.client_auth) == "basic":
            shown = f"{quote_plus(ident)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {b64encode(shown.encode()).decode()}"
        else:
            form |= {"client_id": ident, **({"client_secret": secret} if secret else {})}
        return TokenCall(_token_url(office, options), headers, urlencode(form).encode())

    return TokenSource(ready=lambda _: None, ask=ask, read=read_token)


def read_token(status: int, headers: Mapping[str, str], body: bytes, now_ms: int) -> Token:
    """The token in an answer. Raises `Trouble`: a credential to be mended, a limit, or an endpoint that is down."""
    if 200 <= status < 300:
        given = _read(body, _Given) or _Given()
        if not given.access_token or given.token_type.lower() != "bearer":
            raise _trouble(Kind.GARBLED, "answered without a bearer token", status, headers)
        return Token(given.access_token, _expires_ms(given.expires_in, now_ms), given.refresh_token)
    refused = _read(body, _Refused) or _Refused()
    told = " ".join(f"{refused.error} {refused.error_description}".split())[:SHORT] or f"status {status}"
    if status in (400, 401, 403):
        raise _trouble(Kind.UPSTREAM_CREDENTIAL, f'refused the channel\'s client: "{told}"', status, headers)
    kinds = {429: Kind.RATE_LIMITED, 503: Kind.OVERLOADED}
    kind = kinds.get(status, Kind.REDIRECTED if 300 <= status < 400 else Kind.UPSTREAM_ERROR)
    raise _trouble(kind, f"answered with status {status}", status, headers)


def _token_url(office: Office, options: Mapping[str, str]) -> str:
    """Where tokens are given; empty where that is not known."""
    if url := options.get("token_url"):
        return url
    tenant = options.get("tenant", "")
    if "{tenant}" in office.token_url and not tenant:
        return ""
    return office.token_url.replace("{tenant}", quote(tenant, safe=""))


def _expires_ms(lasts_s: float | str | None, now_ms: int) -> int | None:
    """When a token ends; some endpoints tell its life as text. None where it is not told: until it is refused."""
    try:
        return None if lasts_s is None else now_ms + int(float(lasts_s) * 1000)
    except (ValueError, OverflowError):
        return None


def _read(body: bytes, kind: type[_Answer]) -> _Answer | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _trouble(kind: Kind, told: str, status: int, headers: Mapping[str, str]) -> Trouble:
    waits = headers.get("retry-after", "")
    return Trouble(
        problem(
            kind,
            f"The provider's token endpoint was asked and {told}.",
            retry_after_s=float(waits) if waits.isascii() and waits.isdigit() else None,
            upstream_status=status,
        )
    )
