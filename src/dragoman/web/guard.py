"""Who may come in: the key a client presents, compared in constant time against digests only.

A key may come as `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`, or as `key` in the query, as
Google takes it; official SDKs differ (measured 2026-11-20). If several are present, any valid one opens. Without
configured keys the gateway is open, on loopback only or where that was asked for: elsewhere it stays shut.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from dragoman.canon.problem import Kind, Problem, Trouble, refuse
from dragoman.routing.key import Key, Network, Visit, unwelcome
from dragoman.web.address import client_address
from dragoman.web.ring import Ring

KEY_HEADERS = ("x-api-key", "authorization", "api-key", "x-goog-api-key")
"""Headers that may carry a client's key; none of them is ever passed on."""
SETTLE_S = 10.0
"""Seconds that a request waits at most while the gateway starts and its keys are not known."""
NO_KEYS = Ring()
KEY_MEMBER = "key"
"""Member of the query that may; nor is it."""


class Admitted(NamedTuple):
    """Who came in."""

    name: str
    """A short name of the key, for logs; empty where the gateway is open."""
    key: Key | None = None
    """None for a key of the file's, which has no limits."""


class Guard:
    """Knows the keys that open: those of the file, which never change, and those of the ring, which may."""

    def __init__(
        self, keys: Iterable[str], ring: Ring = NO_KEYS, trusted: Iterable[Network] = (), *, may_open: bool = True
    ) -> None:
        self._may_open = may_open
        self._digests = tuple(_digest(key) for key in keys)
        self._trusted = tuple(trusted)
        self.ring = ring
        """The keys in force now."""
        self.settled = asyncio.Event()
        """Set once the keys are known."""
        self.settled.set()

    @property
    def open(self) -> bool:
        """Whether anyone may come in: where that is allowed, and there is no key."""
        return self._may_open and not self._digests and self.ring.empty

    def address(self, headers: Mapping[str, str], scope: Mapping[str, Any]) -> str:
        """The client's network address; empty where it is not known."""
        return client_address(scope, headers, self._trusted)

    async def enter(self, headers: Mapping[str, str], query: str, scope: Mapping[str, Any]) -> Admitted:
        """Who came in, once the keys are known. Raises `Trouble` (authentication, permission, overloaded)."""
        if not self.settled.is_set():
            try:
                async with asyncio.timeout(SETTLE_S):
                    await self.settled.wait()
            except TimeoutError:
                words = "The gateway is starting and has not read its keys yet. Ask again in a moment."
                raise refuse(Kind.OVERLOADED, words) from None
        return self.admit(headers, query, scope)

    def admit(self, headers: Mapping[str, str], query: str = "", scope: Mapping[str, Any] | None = None) -> Admitted:
        """Who came in. Raises `Trouble` (authentication, permission)."""
        if self.open:
            return Admitted("")
        presented = [key for name in KEY_HEADERS if (key := _key(name, headers.get(name, "")))]
        presented += key_in(query)
        refusal: Problem | None = None
        for text in presented:
            digest = _digest(text)
            matches = [hmac.compare_digest(digest, known) for known in self._digests]  # no early end, by intent
            if any(matches):
                return Admitted(digest.hex()[:8])
            if found := self.ring.find(text):
                visit = Visit(address=self.address(headers, scope or {}), now_ms=_now_ms())
                refusal = unwelcome(found, visit)
                if refusal is None:
                    return Admitted(found.spec.name, found)
        if refusal is not None:
            raise Trouble(refusal)
        said = "the key sent is not one of this gateway's" if presented else "no key was sent"
        raise refuse(
            Kind.AUTHENTICATION,
            f"This gateway asks for a key, but {said}. Set ANTHROPIC_AUTH_TOKEN (or the client's API key) to one of "
            "its keys.",
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


def _now_ms() -> int:
    return int(time.time() * 1000)
