"""Connections and transactions: what waits together is written together, and what cannot wait is told so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.channel import ChannelTable
from dragoman.store import tables
from dragoman.store.database import TOGETHER, TRIES, Database
from dragoman.store.opening import SqlStore, address, open_database, prepare
from dragoman.store.ports import SYSTEM, Body, StoreTrouble
from tests.store.conftest import Home
from tests.store.contract.test_ledger import exchange
from tests.store.postgresql_server import PostgreSQL

pytestmark = pytest.mark.anyio

NEEDLE = b"needle-in-a-haystack-0123456789"
COUNT = update(tables.marks).where(tables.marks.c.name == "version").values(value=tables.marks.c.value + 1)


async def count_up(connection: AsyncConnection) -> None:
    """A little work that can be counted."""
    await connection.execute(COUNT)


async def counted(connection: AsyncConnection) -> int:
    """How often it was done."""
    return int((await connection.execute(text("SELECT value FROM marks WHERE name = 'version'"))).scalar_one())


@pytest.fixture
async def database(home: Home) -> AsyncIterator[Database]:
    """A database with its tables, of each kind in turn."""
    async with open_database(home.url, home.folder) as opened:
        await prepare(opened, home.folder)
        yield opened


async def test_what_waits_for_sqlite_shares_a_transaction(sqlite_home: Home) -> None:
    async with open_database(sqlite_home.url, sqlite_home.folder) as database:
        await prepare(database, sqlite_home.folder)
        commits: list[object] = []
        event.listen(database.engine.sync_engine, "commit", commits.append)
        await asyncio.gather(*(database.write(count_up) for _ in range(TOGETHER)))
        assert len(commits) == 1
        assert await database.read(counted) == TOGETHER


async def test_so_much_may_wait_and_no_more(sqlite_home: Home) -> None:
    async with open_database(sqlite_home.url, sqlite_home.folder) as database:
        await prepare(database, sqlite_home.folder)
    narrow = Database(address("", sqlite_home.folder), waiting=20)
    outcomes = await asyncio.gather(*(narrow.write(count_up) for _ in range(30)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, StoreTrouble)]
    assert [trouble.kind for trouble in refused] == ["away"] * 10
    assert await narrow.read(counted) == 20
    await narrow.close()


async def test_what_is_done_at_once_is_all_done(database: Database) -> None:
    await asyncio.gather(*(database.write(count_up) for _ in range(50)))
    assert await database.read(counted) == 50


async def test_work_that_fails_leaves_nothing_and_says_why(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await count_up(connection)
        raise ValueError("because")

    outcomes = await asyncio.gather(database.write(count_up), database.write(work), return_exceptions=True)
    assert repr(outcomes[1]) == "ValueError('because')"
    assert await database.read(counted) == 1


async def test_what_may_take_long_is_not_hurried(postgresql_home: Home) -> None:
    async with open_database(postgresql_home.url, postgresql_home.folder) as database:

        async def work(connection: AsyncConnection) -> int:
            await connection.execute(text("SELECT pg_sleep(0.2)"))
            return 1

        assert await database.read(work, patience_s=None) == 1
        with pytest.raises(StoreTrouble, match="in time") as refused:
            await database.read(work, patience_s=0.05)
        assert refused.value.kind == "away"


async def test_no_exception_tells_a_parameter(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(tables.marks.insert(), {"name": "a-parameter", "value": 1})
        await connection.execute(tables.marks.insert(), {"name": "a-parameter", "value": 1})

    with pytest.raises(IntegrityError) as failed:
        await database.write(work)
    assert "parameters hidden" in str(failed.value)


async def test_a_reader_cannot_write_on_sqlite(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        with pytest.raises(StoreTrouble):
            await store.database.read(count_up)


async def test_a_reader_sees_one_moment(database: Database) -> None:
    async def work(connection: AsyncConnection) -> tuple[int, int]:
        before = await counted(connection)
        await database.write(count_up)
        return before, await counted(connection)

    assert await database.read(work) == (0, 0)
    assert await database.read(counted) == 1


async def test_what_postgresql_asks_to_be_repeated_is_repeated(postgresql_home: Home) -> None:
    async with open_database(postgresql_home.url, postgresql_home.folder) as database:
        await prepare(database, postgresql_home.folder)
        tries: list[int] = []

        async def work(connection: AsyncConnection, clashes: int) -> int:
            tries.append(1)
            await count_up(connection)
            if len(tries) <= clashes:
                await connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))
            return len(tries)

        assert await database.write(lambda connection: work(connection, TRIES - 1)) == TRIES
        assert await database.read(counted) == 1
        tries.clear()
        with pytest.raises(StoreTrouble):
            await database.write(lambda connection: work(connection, TRIES))
        assert len(tries) == TRIES
        assert await database.read(counted) == 1


async def test_a_deadlock_is_dissolved(postgresql_home: Home) -> None:
    async with open_database(postgresql_home.url, postgresql_home.folder) as database:
        await prepare(database, postgresql_home.folder)
        both = asyncio.Barrier(2)
        met: set[str] = set()

        async def crosswise(connection: AsyncConnection, first: str, second: str) -> None:
            for name in (first, second):
                rows = update(tables.marks).where(tables.marks.c.name == name)
                await connection.execute(rows.values(value=tables.marks.c.value + 1))
                if first not in met:
                    met.add(first)
                    await both.wait()

        await asyncio.gather(
            database.write(lambda connection: crosswise(connection, "version", "audited")),
            database.write(lambda connection: crosswise(connection, "audited", "version")),
        )
        assert await database.read(counted) == 2


async def test_a_description_that_cannot_be_read_is_told_by_its_name(store: SqlStore) -> None:
    await store.configuration.channels.add(SYSTEM, ChannelTable(name="deepseek", provider="deepseek"))
    async with store.database.engine.begin() as connection:
        await connection.execute(update(tables.configured).values(spec="{}"))
    loaded = await store.configuration.load()
    assert not loaded.channels
    (row,) = loaded.unread["channel"]
    assert "channel 'deepseek'" in row.fault


async def test_a_description_of_a_later_version_is_not_taken_for_what_is_known_of_it(store: SqlStore) -> None:
    await store.configuration.channels.add(SYSTEM, ChannelTable(name="deepseek", provider="deepseek"))
    later = '{"name": "deepseek", "provider": "deepseek", "invented_later": 1}'
    async with store.database.engine.begin() as connection:
        await connection.execute(update(tables.configured).values(spec=later))
    loaded = await store.configuration.load()
    assert not loaded.channels
    (row,) = loaded.unread["channel"]
    assert "invented_later" in row.fault


async def test_no_secret_and_no_content_lies_open_in_a_file_of_postgresql(
    server: PostgreSQL, postgresql_home: Home
) -> None:
    async with postgresql_home.open() as store:
        secret = ChannelTable(name="deepseek", provider="deepseek", api_key=NEEDLE.decode())
        await store.configuration.channels.add(SYSTEM, secret)
        await store.ledger.put([exchange("plainly-seen")])
        await store.ledger.put_bodies([Body(exchange_id="e1", n=0, kind="request", content=NEEDLE * 100, expires_ms=1)])
        await store.ledger.purge(2)
        kept = b"".join(file.read_bytes() for file in server.folder.rglob("*") if file.is_file())
    assert b"plainly-seen" in kept
    assert NEEDLE not in kept
