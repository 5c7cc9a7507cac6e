"""What has to be remembered while somebody signs in: how often it was tried, second factors, and visits to an
identity provider. All of it holds on every replica, and survives a restart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct

from dragoman.store.ports.audit import Actor


class Pace(Struct, frozen=True):
    """How often one thing may be tried: so many times at once, then once in so long.

    It is remembered as one moment, up to which its tries are used up (the "theoretical arrival time" of the generic
    cell rate algorithm, ITU-T I.371 annex A, read 2026-11-20).
    """

    name: str
    """What is tried, as `account/anna`; only a digest of it is remembered."""
    at_once: int
    every_ms: int

    def wait_ms(self, until_ms: int, now_ms: int) -> int:
        """How long until another try is free; 0: it is."""
        return max(0, until_ms - now_ms - (self.at_once - 1) * self.every_ms)

    def charged(self, until_ms: int, now_ms: int) -> int:
        """The moment to be remembered once it was tried."""
        return max(until_ms, now_ms) + self.every_ms


class Factor(Struct, frozen=True, kw_only=True):
    """A user's second factor: an authenticator that shares a secret with us."""

    secret: bytes
    confirmed: bool
    """Whether it has shown a right code once; before, it is asked of nobody."""
    last_step: int
    """The time step of the last code that was taken; it and those before open nothing any more."""
    created_ms: int
    codes: int
    """Recovery codes that are left."""


class Visit(Struct, frozen=True):
    """Somebody who was sent to an identity provider, and has not come back."""

    provider: str
    back: str
    """Where to go afterwards: a path of ours."""


class SignIn(Protocol):
    """What is remembered while somebody signs in."""

    async def admit(self, paces: Sequence[Pace]) -> int:
        """Counts a try against all of them and gives 0; or how many milliseconds to wait, and counts nothing."""

    async def forgive(self, paces: Sequence[Pace], forget: str = "") -> None:
        """Takes a try back which was a right one, and forgets all tries of the one with this name."""

    async def factor(self, user_id: str) -> Factor | None:
        """The user's second factor."""

    async def factors(self) -> frozenset[str]:
        """Ids of the users who have a confirmed one."""

    async def propose_factor(self, by: Actor, user_id: str, secret: bytes) -> None:
        """A new one, not confirmed yet, instead of another of that kind. Trouble: taken, where one is confirmed."""

    async def confirm_factor(self, by: Actor, user_id: str, step: int, codes: Collection[str]) -> bool:
        """It has shown the code of this step, and these recovery codes belong to it. Whether there was one to be
        confirmed. All sessions of the user end."""

    async def use_step(self, user_id: str, step: int) -> bool:
        """Whether no code of this step or a later one was taken before; then it is taken."""

    async def use_code(self, by: Actor, user_id: str, code: str) -> bool:
        """Whether it is a recovery code of the user; then it is used up."""

    async def renew_codes(self, by: Actor, user_id: str, codes: Collection[str]) -> None:
        """Recovery codes instead of those before."""

    async def drop_factor(self, by: Actor, user_id: str) -> bool:
        """The user has no second factor any more, and no session; whether there was one."""

    async def send_off(self, state: bytes, visit: Visit, expires_ms: int) -> None:
        """Remembers a visit by a digest of its `state`. Visits long over are forgotten meanwhile."""

    async def returned(self, state: bytes) -> Visit | None:
        """The visit, which is over with that; None where there is none, or it took too long."""
