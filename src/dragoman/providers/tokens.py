"""Credentials that must be fetched: how a token is asked for, and what came back. `net.signed` performs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

RENEW_EARLY_MS = 60_000
"""A token is renewed this long before it ends, since clocks differ (F104)."""


class Account(Struct, frozen=True):
    """Whose token it is."""

    secret: str
    """What the channel has for a key."""
    base_url: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Account({self.base_url})"


class TokenCall(Struct, frozen=True):
    """One request for a token."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Token(Struct, frozen=True):
    """A token, and when it ends."""

    text: str
    expires_ms: int
    """Unix time in milliseconds."""

    def __repr__(self) -> str:
        return f"Token(expires_ms={self.expires_ms})"


class TokenSource(Struct, frozen=True):
    """How one provider gives tokens."""

    ask: Callable[[Account, str], TokenCall]
    """The request; the text is an id for it that no other has."""
    read: Callable[[int, bytes, int], Token]
    """The token in an answer with this status and body, at this Unix time in milliseconds. Raises `Trouble`."""


class Credential(Struct, frozen=True):
    """What a call needs to get its token."""

    source: TokenSource
    account: Account
