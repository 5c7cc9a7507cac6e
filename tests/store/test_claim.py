"""One gateway works on a store, or several that share a board."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractAsyncContextManager

import pytest

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
