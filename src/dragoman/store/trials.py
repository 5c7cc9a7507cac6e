"""What channel tests have found, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store.books import Books, new_id
from dragoman.store.ports.trials import KEPT, Tried
from dragoman.store.reading import read_spec
from dragoman.store.tables import plain, trials

LONGEST_MS = 400 * 24 * 3600 * 1000
"""What channels left behind that are no more is forgotten after this."""


class SqlTrials:
    """The findings of all channels."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def add(self, channel: str, found: Sequence[Tried]) -> None:
        """Keeps what a test found."""
        name, now_ms = plain(channel), self._books.now_ms()
        rows = [
            {
                "id": new_id(),
                "channel": name,
                "at_ms": one.at_ms,
                "n": place,
                "found": msgspec.json.encode(one).decode(),
            }
            for place, one in enumerate(found)
        ]

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(trials.insert(), rows)
            latest = _latest(name).offset(KEPT).limit(1_000)
            old = [row.id for row in await connection.execute(latest)]
            await connection.execute(
                delete(trials).where(trials.c.id.in_(old) | (trials.c.at_ms < now_ms - LONGEST_MS))
            )

        if rows:
            await self._books.database.write(work)

    async def of(self, channel: str) -> tuple[Tried, ...]:
        """What is kept of a channel."""

        async def work(connection: AsyncConnection) -> tuple[Tried, ...]:
            rows = await connection.execute(_latest(plain(channel)).limit(KEPT))
            return tuple(read_spec(row.found, Tried, f"test of '{channel}'") for row in rows)

        return await self._books.read(work)


def _latest(name: str) -> Select[Any]:
    """The rows of one channel, the latest first."""
    return select(trials).where(trials.c.channel == name).order_by(trials.c.at_ms.desc(), trials.c.n, trials.c.id)
