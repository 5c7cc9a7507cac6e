"""The audit log in the database: a chain in which every entry vouches for the one before it.

The chain is keyed by a sealed secret, so that whoever can write to the database, but has no master key, cannot forge
one. It is not proof against putting an old copy of the whole database in the place of the new.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store.database import Database
from dragoman.store.ports import Entry, Note
from dragoman.store.tables import AUDITED, audit, marks, plain

BATCH = 1000
LONGEST = 64
"""Characters of an action or a subject that can be searched for."""


def digest_of(spec: bytes) -> str:
    """What the log keeps of a description: enough to know it again, too little to read it."""
    return hashlib.sha256(spec).hexdigest()[:16]


class AuditLog:
    """The entries, and how more are added."""

    def __init__(self, database: Database, key: bytes, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._key = key
        self._now_ms = now_ms

    async def append(self, note: Note) -> Entry:
        """Writes down what is no change of this store."""
        return await self._database.write(lambda connection: self.write(connection, note))

    async def write(self, connection: AsyncConnection, note: Note) -> Entry:
        """An entry within a transaction that is running, which makes others wait until it has ended."""
        count = update(marks).where(marks.c.name == AUDITED).values(value=marks.c.value + 1).returning(marks.c.value)
        n = (await connection.execute(count)).scalar_one()
        before = (await connection.execute(select(audit.c.chain).where(audit.c.n == n - 1))).scalar_one_or_none()
        at_ms, text = self._now_ms(), msgspec.json.encode(note)
        chain = self._link(before or b"", n, at_ms, text)
        row = {"n": n, "at_ms": at_ms, **_searched(note), "note": text.decode()}
        await connection.execute(audit.insert(), {**row, "chain": chain})
        return Entry(n=n, at_ms=at_ms, note=note, chain=chain)

    async def entries(
        self, *, before_n: int | None = None, limit: int = 100, action: str = "", subject: str = ""
    ) -> tuple[Entry, ...]:
        """Entries, newest first."""
        wanted = select(audit).order_by(audit.c.n.desc()).limit(limit)
        if before_n is not None:
            wanted = wanted.where(audit.c.n < before_n)
        if action:
            wanted = wanted.where(audit.c.action.startswith(plain(action), autoescape=True))
        if subject:
            wanted = wanted.where(audit.c.subject == plain(subject)[:LONGEST])

        async def work(connection: AsyncConnection) -> tuple[Entry, ...]:
            return tuple(map(_entry, await connection.execute(wanted)))

        return await self._database.read(work)

    async def verify(self) -> int | None:
        """The number of the first entry that is not as it was written; None if all are."""
        before, expected = b"", 1
        while True:
            rows, counted = await self._from(expected)
            for row in rows:
                link = self._link(before, expected, row.at_ms, row.note.encode())
                if row.n != expected or not hmac.compare_digest(link, row.chain) or not _agrees(row):
                    return expected
                before, expected = row.chain, expected + 1
            if not rows:
                return None if counted == expected - 1 else min(counted + 1, expected)

    async def _from(self, n: int) -> tuple[Sequence[Row[Any]], int]:
        """Some entries from one on, and how many there should be in all."""
        wanted = select(audit).where(audit.c.n >= n).order_by(audit.c.n).limit(BATCH)
        count = select(marks.c.value).where(marks.c.name == AUDITED)

        async def work(connection: AsyncConnection) -> tuple[Sequence[Row[Any]], int]:
            return (await connection.execute(wanted)).all(), (await connection.execute(count)).scalar_one()

        return await self._database.read(work)

    def _link(self, before: bytes, n: int, at_ms: int, note: bytes) -> bytes:
        return hmac.digest(self._key, before + f"\x1f{n}\x1f{at_ms}\x1f".encode() + note, "sha256")


def _agrees(row: Row[Any]) -> bool:
    """Whether the columns that are searched say what the note says."""
    return _searched(_entry(row).note) == {"action": row.action, "subject": row.subject}


def _searched(note: Note) -> dict[str, str]:
    """What of an entry is searched for; a subject may be what somebody typed."""
    return {"action": plain(note.action)[:LONGEST], "subject": plain(note.subject)[:LONGEST]}


def _entry(row: Row[Any]) -> Entry:
    return Entry(n=row.n, at_ms=row.at_ms, note=msgspec.json.decode(row.note, type=Note), chain=bytes(row.chain))
