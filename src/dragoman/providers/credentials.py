"""The headers an upstream is asked with: its key, its own settings, and what of the client's may pass.

Rules: what a client presented to this gateway never leaves it, whatever a row says; neither do cookies, headers of
the connection or of proxies before us. This gateway imitates no client: its User-Agent is its own, set elsewhere.
All names are in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import unquote_plus

from dragoman.providers.base import Auth, Provider

NEVER = frozenset(
    """
    authorization x-api-key api-key x-goog-api-key cookie set-cookie proxy-authorization proxy-authenticate
    host content-length content-type content-encoding accept accept-encoding user-agent
    connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect forwarded via x-real-ip
    """.split()  # noqa: SIM905 - a list of thirty quoted names is not read
)
"""Headers that are never passed on. Those of the connection: RFC 9110 section 7.6.1 (read 2026-11-20)."""
NEVER_BEGINNINGS = ("x-forwarded-", "proxy-", "cf-")
SECRET_WORDS = frozenset(
    (
        *("auth", "authorization", "authentication", "cookie", "credential", "credentials"),
        *("jwt", "password", "secret", "signature", "token"),
    )
)
"""Parts of the names of headers that hold what opens something."""
WAY_BEGINNINGS = ("x-original-", "x-client-ip", "x-cluster-", "x-envoy-", "true-client-", "fastly-")
"""Of headers in which proxies before us tell of the client."""
KEY_MEMBERS = frozenset({"key", "api_key", "apikey", "api-key", "x-api-key", "token", "access_token", "auth_token"})
"""Members of a query that hold a client's key, as Google's `key`; never passed on."""
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
"""A signed web token (RFC 7519), as Microsoft Entra issues them."""

FORMS: dict[Auth, tuple[str, str]] = {
    "bearer": ("authorization", "Bearer "),
    "x-api-key": ("x-api-key", ""),
    "api-key": ("api-key", ""),
    "x-goog-api-key": ("x-goog-api-key", ""),
}
"""How each way of sending a key names its header and begins its value."""


def auth_headers(provider: Provider, key: str) -> dict[str, str]:
    """The header that carries the key; none where there is no key or the provider wants none.

    Where the key goes in `api-key`, a signed web token is sent as a bearer: Azure takes either.
    https://learn.microsoft.com/azure/foundry/openai/reference (read 2026-11-20).
    """
    bare = key.strip().removeprefix("Bearer ").strip()
    if not bare or provider.auth == "none":
        return {}
    is_token = provider.auth == "api-key" and TOKEN.fullmatch(bare)
    name, beginning = FORMS["bearer" if is_token else provider.auth]
    return {name: beginning + bare}


def forwarded_headers(provider: Provider, client_headers: Mapping[str, str]) -> dict[str, str]:
    """The row's own headers, and over them those of the client that the row passes on word for word."""
    if not provider.forwards:
        return dict(provider.headers)
    passed = {
        name: value
        for name, value in ((name.lower(), value) for name, value in client_headers.items())
        if name.startswith(provider.forwards) and may_pass(name)
    }
    return {**provider.headers, **passed}


def forwarded_query(query: str) -> str:
    """A client's query without the members by which keys are presented."""
    if not query:
        return query
    members = query.split("&")
    return "&".join(each for each in members if unquote_plus(each.partition("=")[0]).lower() not in KEY_MEMBERS)


def may_pass(name: str) -> bool:
    """Whether a header of the client, named in lower case, may reach any upstream at all."""
    return name not in NEVER and not name.startswith(NEVER_BEGINNINGS)


def may_travel(name: str) -> bool:
    """Whether a channel may have a header of the client passed on by its name, or put into another.

    Beside those that may pass no upstream: whatever is named as one that holds a key, describes the body, or tells of
    the way to us. The client's `user-agent` may, where somebody says so.
    """
    name = name.lower()
    if name == "user-agent":
        return True
    held_back = holds_key(name) or name.startswith(("content-", "sec-", "x-dragoman-", *WAY_BEGINNINGS))
    return may_pass(name) and not held_back


def holds_key(name: str) -> bool:
    """Whether a header is named as one that holds what opens something."""
    name = name.lower()
    return not SECRET_WORDS.isdisjoint(name.split("-")) or any(word in name for word in ("api-key", "apikey"))


def session_mark(session: str) -> str:
    """A fingerprint of a coding session's id, in the form of a UUID: the same for all its turns, telling nothing.

    A vendor that keeps a prompt's prefix for a short while finds it again by such a mark (GigaChat: about half a
    minute; measured by ai-forever/gpt2giga, read 2026-11-20).
    """
    mark = sha256(session.encode("utf-8", "surrogatepass")).hexdigest()
    return "-".join((mark[:8], mark[8:12], f"4{mark[13:16]}", f"a{mark[17:20]}", mark[20:32]))
