"""Who may work on a store: one gateway alone, or several that share what changes by the second.

A claim ends with the process that made it, however that ends: it is a lock on a file beside the database of SQLite,
and a lock that belongs to a connection of PostgreSQL, where it is taken anew if that is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store.database import Database, translated
from dragoman.store.ports import Claim, StoreTrouble

PAUSE_S = 0.1
LOOK_S = 1.0
"""Pause before it is looked whether a claim still stands."""
LATE_S = 5.0
"""Seconds after which the database is taken to be away."""
IN_THE_WAY = (
    "Another gateway works on this database, and one of the two has no Redis. Give all of them the same, as "
    "server.redis."
)
LOCK = 0x44_72_63_6C
"""The number that PostgreSQL knows these claims by; a second one tells schemas apart."""

log = structlog.get_logger()


@asynccontextmanager
async def claimed(database: Database, claim: Claim) -> AsyncIterator[None]:
    """Holds the claim as long as the context lasts. Trouble: unusable, where another gateway's is in the way."""
    async with _of_file(database.file, claim) if database.file else _of_server(database, claim):
        yield


@asynccontextmanager
async def _of_file(file: Path, claim: Claim) -> AsyncIterator[None]:
    """SQLite: never more than one, since what replicas share cannot be in a file."""
    handle = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:

        async def held() -> bool:
            return _locked(handle)

        if not await _waited(held, claim.patience_s):
            raise _in_the_way(f"Another gateway works on {file}. Several need PostgreSQL and Redis.")
        yield
    finally:
        os.close(handle)


@asynccontextmanager
async def _of_server(database: Database, claim: Claim) -> AsyncIterator[None]:
    """PostgreSQL: one alone, or several that have a board in common."""
    lease = _Lease(database, shared=claim.shared)
    try:
        with translated():
            is_held = await _waited(lease.taken, claim.patience_s)
        if not is_held:
            raise _in_the_way(IN_THE_WAY)
        keeping = asyncio.create_task(lease.keep())
        try:
            yield
        finally:
            keeping.cancel()
    finally:
        await lease.let_go()


class _Lease:
    """A lock of PostgreSQL's, which lives as long as its connection, and is taken anew where that was lost. Mutable: it
    has the connection."""

    def __init__(self, database: Database, *, shared: bool) -> None:
        self._engine = database.engine
        self._ask = text(f"SELECT pg_try_advisory_lock{'_shared' if shared else ''}(:lock, hashtext(current_schema()))")
        self._connection: AsyncConnection | None = None
        self._said = ""

    async def taken(self) -> bool:
        """Whether it is ours now."""
        if self._connection is None:
            self._connection = await self._engine.connect()
            await self._connection.execution_options(isolation_level="AUTOCOMMIT")
        return bool((await self._connection.execute(self._ask, {"lock": LOCK})).scalar_one())

    async def keep(self) -> None:
        """Sees for ever that it is ours still. Requests go on meanwhile: another gateway harms the accounts at most."""
        is_ours = True
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                async with asyncio.timeout(LATE_S):
                    with translated():
                        is_ours = await self._is_well() if is_ours else await self.taken()
                self._say("" if is_ours else IN_THE_WAY)
            except (StoreTrouble, TimeoutError) as lost:
                is_ours = False
                await self.let_go()
                self._say(f"Nobody is kept from this database while its connection is lost ({lost}).")

    async def _is_well(self) -> bool:
        if self._connection is not None:
            await self._connection.execute(text("SELECT 1"))
        return self._connection is not None

    async def let_go(self) -> None:
        """Ends it. The connection must not go back to the pool, for the lock would stay."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # of a connection that may be long gone
                await connection.invalidate()
                await connection.close()

    def _say(self, trouble: str) -> None:
        """Tells the log of a change."""
        if trouble and not self._said:
            log.error("the claim on the database is lost", reason=trouble)
        elif self._said and not trouble:
            log.warning("the claim on the database is held again")
        self._said = trouble


async def _waited(held: Callable[[], Awaitable[bool]], patience_s: float) -> bool:
    """Whether it was had in time."""
    until_s = time.monotonic() + patience_s
    while not await held():
        if time.monotonic() >= until_s:
            return False
        await asyncio.sleep(PAUSE_S)
    return True


def _locked(handle: int) -> bool:
    """Whether the file is ours now. Where the system has no such locks nobody else can be told from us."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _in_the_way(why: str) -> StoreTrouble:
    return StoreTrouble("unusable", why)
