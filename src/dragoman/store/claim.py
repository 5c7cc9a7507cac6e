"""Who may work on a store: one gateway alone, or several that share what changes by the second.

A claim ends with the process that made it, however that ends: it is a lock on a file beside the database of SQLite,
and a lock that belongs to a connection of PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from dragoman.store.database import Database, translated
from dragoman.store.ports import Claim, StoreTrouble

PAUSE_S = 0.1
LOCK = 0x44_72_63_6C
"""The number that PostgreSQL knows these claims by; a second one tells schemas apart."""


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
    kind = "_shared" if claim.shared else ""
    asked = text(f"SELECT pg_try_advisory_lock{kind}(:lock, hashtext(current_schema()))")
    async with AsyncExitStack() as stack:
        with translated():
            connection = await stack.enter_async_context(database.engine.connect())
            # The lock is the connection's, so it must not go back to the pool.
            stack.push_async_callback(connection.invalidate)
            await connection.execution_options(isolation_level="AUTOCOMMIT")

            async def held() -> bool:
                return bool((await connection.execute(asked, {"lock": LOCK})).scalar_one())

            is_held = await _waited(held, claim.patience_s)
        if not is_held:
            raise _in_the_way(
                "Another gateway works on this database, and one of the two has no Redis. Give all of them the same, "
                "as server.redis."
            )
        yield


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
