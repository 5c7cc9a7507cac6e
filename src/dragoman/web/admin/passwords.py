"""Passwords: hashed slowly, few at a time, beside the event loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST = 12
"""Characters of a password at least."""
MOST = 1024
AT_ONCE = 4
"""Hashes made at one time: each takes 64 MiB and a core, which are not to be taken from requests for models."""


class Passwords:
    """Makes and checks hashes. Mutable: it counts who waits."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._nobodys = self._hasher.hash("a password that nobody has")

    async def hash(self, password: str) -> str:
        """The hash to be remembered."""
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, known: str) -> bool:
        """Whether it is the password of this hash; an empty hash takes as long, and matches nothing."""
        async with self._places:
            right = await asyncio.to_thread(self._verify, known or self._nobodys, password)
        return right and bool(known)

    def stale(self, known: str) -> bool:
        """Whether a hash was made with weaker numbers than today's."""
        return self._hasher.check_needs_rehash(known)

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False
