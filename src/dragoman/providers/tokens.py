"""Credentials that must be fetched: how a token is asked for, and what came back. `net.signed` performs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

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


def mark_of(account: Account) -> str:
    """A mark by which an account's token is kept: another one for another secret, address or option."""
    told = repr((account.secret, account.base_url, sorted(account.options.items())))
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


class Signing(Struct, frozen=True):
    """Words to be signed as web tokens are (RS256, RFC 7518)."""

    words: str
    key: str
    """An RSA key as PEM text."""

    def __repr__(self) -> str:
        return "Signing(***)"


class TokenCall(Struct, frozen=True):
    """One request for a token."""

    url: str
    headers: Mapping[str, str]
    """In lower case."""
    body: bytes
    signing: Signing | None = None
    """What the body must end with: these words, a dot and their signature in base64 for addresses."""
    method: str = "POST"


class Token(Struct, frozen=True):
    """A token that opens the API."""

    text: str
    """Empty where a client certificate is enough."""
    expires_ms: int | None = None
    """Unix time in milliseconds; None where it does not expire."""
    refresh: str = ""
    """What the next token is given for, where that has changed (RFC 6749 section 6)."""

    def __repr__(self) -> str:
        return f"Token(***, {self.expires_ms})"

    def is_fresh(self, now_ms: int) -> bool:
        """Whether it may be used; a minute before its end it is to be renewed."""
        return self.expires_ms is None or now_ms < self.expires_ms - RENEW_EARLY_MS


class TokenSource(Struct, frozen=True):
    """How one provider gives tokens."""

    ready: Callable[[Account], Token | None]
    """The token of an account that needs no exchange; None where one is needed."""
    ask: Callable[[Account, str, int], TokenCall]
    """The request; the text is a random UUID, new for each, and the number is now (Unix time in milliseconds)."""
    read: Callable[[int, Mapping[str, str], bytes, int], Token]
    """The token in an answer with this status, headers and body that came now. Raises `Trouble`."""
    at_once: Callable[[Account], int | None] = lambda _: None
    """How many requests at once the vendor takes of an account; None where that is not known."""


class Credential(Struct, frozen=True):
    """What a call needs to get its token."""

    source: TokenSource
    account: Account
    mark: str = ""
    """Tells this account from others of its channel, and from what the channel was before it was changed."""
