"""Who may come in: the key a client presents, compared in constant time against digests only.

A key may come as `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`, or as `key` in the query, as
Google takes it; official SDKs differ (measured 2026-11-20). If several are present, any valid one opens. Without
configured keys the gateway is open, which settings allow on loopback only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from dragoman.canon.problem import Kind, refuse

KEY_HEADERS = ("x-api-key", "authorization", "api-key", "x-goog-api-key")
"""Headers that may carry a client's key; none of them is ever passed on."""
KEY_MEMBER = "key"
"""Member of the query that may; nor is it."""


class Guard:
    """Knows the digests of the keys that open. Frozen after construction."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple(_digest(key) for key in keys)

    @property
    def open(self) -> bool:
        """Whether anyone may come in."""
        return not self._digests

    def admit(self, headers: Mapping[str, str], query: str = "") -> str:
        """A short name of the key presented, for logs; empty when open. Raises `Trouble` (authentication)."""
        if self.open:
            return ""
        presented = [key for name in KEY_HEADERS if (key := _key(name, headers.get(name, "")))]
        presented += key_in(query)
        for key in presented:
            digest = _digest(key)
            matches = [hmac.compare_digest(digest, known) for known in self._digests]  # no early end, by intent
            if any(matches):
                return digest.hex()[:8]
        found = "the key sent is not one of this gateway's" if presented else "no key was sent"
        raise refuse(
            Kind.AUTHENTICATION,
            f"This gateway asks for a key, but {found}. Set ANTHROPIC_AUTH_TOKEN (or the client's API key) to one of "
            "its api_keys.",
        )


def key_in(query: str) -> list[str]:
    """The keys in a query that are not empty."""
    return [value for name, value in parse_qsl(query) if name == KEY_MEMBER] if KEY_MEMBER in query else []


def _key(header: str, value: str) -> str:
    if header == "authorization":
        scheme, _, value = value.partition(" ")
        return value.strip() if scheme.lower() == "bearer" else ""
    return value.strip()


def _digest(key: str) -> bytes:
    """SHA-256: keys are random and long, so that a slow hash would only make each request slow."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
