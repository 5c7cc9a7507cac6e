"""Who did what: entries in a chain, appended and never changed."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct


class Actor(Struct, frozen=True, kw_only=True):
    """Who did something, for the audit log."""

    kind: Literal["system", "cli", "user", "token", "anonymous"]
    id: str = ""
    name: str = ""
    address: str = ""
    """Network address it came from."""


SYSTEM = Actor(kind="system")


class Note(Struct, frozen=True, kw_only=True):
    """Something that was done, to be written into the audit log."""

    by: Actor
    action: str
    """What was done to what, as `channel.change` or `login.refused`."""
    subject: str = ""
    """Id of what it was done to."""
    name: str = ""
    """Its name at that time."""
    before: str = ""
    """Digest of what it was; empty: nothing."""
    after: str = ""
    """Digest of what it is; empty: nothing."""
    changed: tuple[str, ...] = ()
    """Names of the members that differ."""


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of the audit log."""

    n: int
    """Counts up from 1 without a gap."""
    at_ms: int
    note: Note
    chain: bytes
    """HMAC-SHA-256 of the entry and of the one before it."""


class Audit(Protocol):
    """Who did what. Entries are appended and never changed."""

    async def append(self, note: Note) -> Entry:
        """Writes down what is no change of this store, as a refused login or an export."""

    async def entries(
        self, *, before_n: int | None = None, limit: int = 100, action: str = "", subject: str = ""
    ) -> tuple[Entry, ...]:
        """Entries, newest first; `action` may be the beginning of one, as `channel.`"""

    async def verify(self) -> int | None:
        """The number of the first entry that was changed, removed or put in from outside; None if all are sound."""
