"""One gateway works on a store, or several that share a board."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AbstractAsyncContextManager

import pytest
from sqlalchemy import text

from dragoman.store.claim import LOCK
from dragoman.store.opening import SqlStore, open_store
from dragoman.store.ports import Claim, StoreTrouble
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

HOLDING = """
import asyncio, sys
from pathlib import Path
from dragoman.store.opening import open_store
from dragoman.store.ports import Claim

async def main(url, folder):
    async with open_store(url, folder=Path(folder), claim=Claim()):
        print("open", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


ALONE, SHARED = Claim(patience_s=0), Claim(shared=True, patience_s=0)


def gateway(home: Home, claim: Claim) -> AbstractAsyncContextManager[SqlStore]:
    """The store as a gateway opens it."""
    return open_store(home.url, folder=home.folder, claim=claim, clock=home.clock)


async def refused(home: Home, claim: Claim) -> bool:
    """Whether one more gateway is refused."""
    try:
        async with gateway(home, claim):
            return False
    except StoreTrouble as trouble:
        return trouble.kind == "unusable" and "Redis" in str(trouble)


async def test_a_second_gateway_without_a_board_is_refused(home: Home) -> None:
    async with gateway(home, ALONE):
        assert await refused(home, ALONE)
        assert await refused(home, SHARED)
    assert not await refused(home, ALONE)


async def test_gateways_that_share_a_board_share_postgresql(postgresql_home: Home) -> None:
    async with gateway(postgresql_home, SHARED):
        assert not await refused(postgresql_home, SHARED)
        assert await refused(postgresql_home, ALONE)


async def test_a_file_is_for_one_gateway_whatever_it_shares(sqlite_home: Home) -> None:
    async with gateway(sqlite_home, SHARED):
        assert await refused(sqlite_home, SHARED)


async def test_who_only_looks_in_is_in_nobodys_way(home: Home) -> None:
    async with home.open(), gateway(home, ALONE), home.open() as looking:
        assert await looking.ready()


async def test_a_gateway_that_was_killed_has_no_claim(home: Home) -> None:
    command = [sys.executable, "-c", HOLDING, home.url, str(home.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:  # noqa: ASYNC220 - nothing else waits here
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert await refused(home, ALONE)
        holder.kill()
        holder.wait()
    # PostgreSQL may need a moment to notice.
    assert not await refused(home, Claim(patience_s=10))


HOLDERS = text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")


async def test_a_claim_whose_connection_was_cut_is_taken_anew(postgresql_home: Home) -> None:
    async with gateway(postgresql_home, ALONE) as store, postgresql_home.open() as other:
        assert store
        engine = other.database.engine
        async with engine.connect() as connection:
            (cut,) = (await connection.execute(HOLDERS)).scalars()
            await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": cut})
        async with asyncio.timeout(30):
            while True:
                async with engine.connect() as connection:
                    holders = list((await connection.execute(HOLDERS)).scalars())
                if holders and cut not in holders:
                    break
                await asyncio.sleep(0.1)
        assert await refused(postgresql_home, ALONE)


async def test_a_claim_that_another_has_taken_meanwhile_is_waited_for(postgresql_home: Home) -> None:
    async with gateway(postgresql_home, ALONE), postgresql_home.open() as other:
        engine = other.database.engine
        taken = text("SELECT pg_advisory_lock(:lock, hashtext(current_schema()))")
        async with engine.connect() as rival:
            await rival.execution_options(isolation_level="AUTOCOMMIT")
            waiting = asyncio.create_task(rival.execute(taken, {"lock": LOCK}))
            await asyncio.sleep(0.2)
            async with engine.connect() as connection:
                (cut,) = (await connection.execute(HOLDERS)).scalars()
                await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": cut})
            await waiting
            assert await refused(postgresql_home, ALONE)
            await rival.invalidate()
        async with asyncio.timeout(30):
            while True:
                if await refused(postgresql_home, ALONE):
                    break
                await asyncio.sleep(0.1)
