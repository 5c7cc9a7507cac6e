"""Asking identity providers: what they tell of themselves, their keys, and who has signed in (OpenID Connect).

Rules. A provider may be at an address that its row allows and no other (`net.within`); redirects are not followed,
answers are bounded in size and time. Its own name for itself must be the one that was configured, letter for letter, so
that no provider can speak for another (RFC 9700 section 4.4, read 2026-11-20).

Source: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, RFC 7636 (PKCE), read 2026-11-20.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import structlog
from msgspec import Struct

from dragoman.canon.problem import Trouble
from dragoman.net.call import Call as Request
from dragoman.net.within import Reach
from dragoman.shapes.sso import Sso
from dragoman.web.admin.desk import Desk
from dragoman.web.admin.id_token import Claims, Expected, Unfit, WebKey, has_key_for, keys_of, verified
from dragoman.web.admin.wire import Refusal

WHERE = "/.well-known/openid-configuration"
PATIENCE_S = 10.0
"""How long one answer may take."""
LIMIT = 2 * 1024 * 1024
"""Bytes of an answer."""
FRESH_S = 3600.0
"""How long what a provider tells of itself is not asked for again."""
PAUSE_S = 5.0
"""Pause before one that could not be asked is asked again, so that those who wait do not wait for each other."""
AGAIN_S = 60.0
"""Pause before keys are asked for again because a token names one that is not there."""

log = structlog.get_logger()


class Endpoints(Struct, frozen=True):
    """What a provider tells of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(Struct, frozen=True):
    """What is given for a code."""

    id_token: str
    access_token: str = ""


class Known(NamedTuple):
    """A provider that was asked."""

    endpoints: Endpoints
    keys: tuple[WebKey, ...]
    at_s: float


class Asked(NamedTuple):
    """Somebody who has come back from a provider."""

    code: str
    verifier: str
    nonce: str
    redirect: str


class Directory:
    """Asks providers, and remembers for a while what they told of themselves. Mutable for that."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic, patience_s: float = PATIENCE_S) -> None:
        self._desk = desk
        self._clock = clock
        self._patience_s = patience_s
        self._known: dict[tuple[str, str], Known] = {}
        self._failed_s: dict[tuple[str, str], float] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def endpoints(self, sso: Sso) -> Endpoints:
        """What a provider tells of itself. Raises `Refusal`."""
        return (await self._provider(sso, FRESH_S)).endpoints

    async def look(self, sso: Sso) -> Known:
        """The same with its keys, asked for now. Raises `Refusal`, which says why it cannot be used."""
        try:
            return await self._ask(sso)
        except (Trouble, Unfit, TimeoutError) as found:
            raise Refusal(502, "identity_provider", words_of(sso, found)) from None

    async def claims(self, sso: Sso, asked: Asked) -> Claims:
        """What a provider says of somebody who has come back from it. Raises `Refusal`."""
        try:
            known = await self._provider(sso, FRESH_S)
            tokens = await self._tokens(sso, known.endpoints, asked)
            if not has_key_for(tokens.id_token, known.keys):
                known = await self._provider(sso, AGAIN_S)
            expected = Expected(
                issuer=sso.table.issuer,
                client_id=sso.table.client_id,
                nonce=asked.nonce,
                now_s=self._desk.now_ms() // 1000,
            )
            claims = verified(tokens.id_token, known.keys, expected)
            return {**await self._more(sso, known.endpoints, tokens, claims), **claims}
        except (Trouble, Unfit, TimeoutError) as found:
            raise _refusal(sso, found) from None

    async def _provider(self, sso: Sso, fresh_s: float) -> Known:
        """A provider that was asked not longer ago than this; those who wait share one answer."""
        async with self._asking.setdefault(sso.name, asyncio.Lock()):
            known = self._known.get((sso.name, sso.table.issuer))
            if known is not None and self._clock() - known.at_s < fresh_s:
                return known
            try:
                return await self._ask_if_well(sso)
            except (Trouble, Unfit, TimeoutError) as found:
                if known is not None and fresh_s == FRESH_S:
                    return known
                raise _refusal(sso, found) from None

    async def _ask_if_well(self, sso: Sso) -> Known:
        """What a provider tells, unless it failed a moment ago. Raises `Trouble`, `Unfit`, `TimeoutError`."""
        key = (sso.name, sso.table.issuer)
        if self._clock() - self._failed_s.get(key, -PAUSE_S) < PAUSE_S:
            raise Unfit("It could not be asked a moment ago.")
        try:
            return await self._ask(sso)
        except (Trouble, Unfit, TimeoutError):
            self._failed_s[key] = self._clock()
            raise

    async def _ask(self, sso: Sso) -> Known:
        body = await self._fetch(sso, Request(method="GET", url=sso.table.issuer.rstrip("/") + WHERE))
        endpoints: Endpoints = _read(body, Endpoints, "what it tells of itself")
        if endpoints.issuer != sso.table.issuer:
            raise Unfit(f"It calls itself '{endpoints.issuer[:200]}', and is configured as '{sso.table.issuer}'.")
        for url in (endpoints.authorization_endpoint, endpoints.token_endpoint, endpoints.jwks_uri):
            _check_address(sso, url)
        for url in filter(None, (endpoints.userinfo_endpoint, endpoints.end_session_endpoint)):
            _check_address(sso, url)
        keys = keys_of(await self._fetch(sso, Request(method="GET", url=endpoints.jwks_uri)))
        known = Known(endpoints, keys, self._clock())
        self._known = {key: kept for key, kept in self._known.items() if key[0] != sso.name}
        self._known[sso.name, sso.table.issuer] = known
        return known

    async def _tokens(self, sso: Sso, endpoints: Endpoints, asked: Asked) -> Tokens:
        """What a provider gives for a code (RFC 6749 section 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": asked.code,
            "redirect_uri": asked.redirect,
            "code_verifier": asked.verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        secret, client_id = sso.secret.reveal(), sso.table.client_id
        if not secret:
            form["client_id"] = client_id
        elif "client_secret_basic" in endpoints.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        call = Request(url=endpoints.token_endpoint, headers=headers, body=urlencode(form).encode())
        tokens: Tokens = _read(await self._fetch(sso, call), Tokens, "the tokens")
        return tokens

    async def _more(self, sso: Sso, endpoints: Endpoints, tokens: Tokens, claims: Claims) -> Mapping[str, Any]:
        """What a provider tells of somebody beside the token, where that says too little (Core section 5.3)."""
        enough = "email" in claims and (not sso.table.grants or claim_of(claims, sso.table.groups_claim) is not None)
        if enough or not endpoints.userinfo_endpoint or not tokens.access_token:
            return {}
        headers = {"authorization": f"Bearer {tokens.access_token}"}
        body = await self._fetch(sso, Request(method="GET", url=endpoints.userinfo_endpoint, headers=headers))
        told: Mapping[str, Any] = _read(body, dict[str, Any], "what it tells of its user")
        if told.get("sub") != claims["sub"]:
            raise Unfit("It told of another user than the one who signed in.")
        return told

    async def _fetch(self, sso: Sso, call: Request) -> bytes:
        """The body of a good answer. Raises `Trouble`, `Unfit`, `TimeoutError`."""
        bound = msgspec.structs.replace(
            call, headers={"accept": "application/json", **call.headers}, upstream=sso.name, reach=reach_of(sso)
        )
        async with asyncio.timeout(self._patience_s):
            answer = await self._desk.send(bound)
            try:
                body = await answer.whole(LIMIT)
            finally:
                answer.close()
        if answer.status != 200:
            raise Unfit(f"{urlsplit(call.url).path} was answered by {answer.status}: {_error_of(body)}.")
        return body


def claim_of(claims: Claims, path: str) -> Any:
    """A claim; dots lead deeper, unless the whole is a name. None where it is not there."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def reach_of(sso: Sso) -> Reach:
    """How far what an admin has entered may lead; a file is the machine's operator's word."""
    if sso.source == "file":
        return "anywhere"
    return "private" if sso.table.private else "public"


def words_of(sso: Sso, found: Exception) -> str:
    """Why a provider could not be used."""
    if isinstance(found, TimeoutError):
        return f"The identity provider '{sso.name}' did not answer in time."
    return f"The identity provider '{sso.name}' was asked, but: {found}"


def _refusal(sso: Sso, found: Exception) -> Refusal:
    """For whoever signs in, who need not know what is behind the gateway."""
    log.warning("nobody can be signed in", provider=sso.name, reason=words_of(sso, found))
    words = f"What '{sso.name}' answered proves nothing. Try again; if it lasts, the gateway's log says why."
    return Refusal(502, "identity_provider", words)


def _check_address(sso: Sso, url: str) -> None:
    """Raises `Unfit` where a provider names an address that it must not have."""
    scheme = urlsplit(url).scheme
    if scheme != "https" and not (scheme == "http" and reach_of(sso) != "public"):
        raise Unfit(f"It names the address '{url[:200]}', which is no https address.")


def _read(body: bytes, shape: Any, what: str) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unfit(f"{what[0].upper()}{what[1:]} cannot be read.") from None


def _error_of(body: bytes) -> str:
    """A provider's word for what was wrong (RFC 6749 section 5.2)."""
    try:
        return str(msgspec.json.decode(body)["error"])[:60]
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError):
        return "no reason"
