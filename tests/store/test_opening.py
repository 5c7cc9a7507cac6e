"""Opening a store: it is brought up to date as a whole or not at all, and what cannot be trusted is refused."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, column, insert, inspect, table, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.shapes.channel import ChannelTable
from dragoman.store import migrations, tables
from dragoman.store.opening import BACKUPS, SqlStore, address, open_database, open_store, prepare
from dragoman.store.ports import SYSTEM, Body, Search, StoreTrouble
from dragoman.store.unlock import KEY_FILE
from tests.store.conftest import Home
from tests.store.contract.test_ledger import exchange
from tests.store.postgresql_server import PostgreSQL

pytestmark = pytest.mark.anyio

MASTER = "m" * 40
NEEDLE = "needle-in-a-haystack-0123456789"


async def fill(store: SqlStore) -> None:
    """Something of everything."""
    await store.configuration.channels.add(SYSTEM, ChannelTable(name="deepseek", provider="deepseek", api_key=NEEDLE))
    await store.ledger.put([exchange(f"e{n}") for n in range(50)])
    await store.ledger.put_bodies(
        [Body(exchange_id="e1", n=0, kind="request", content=NEEDLE.encode() * 50, expires_ms=2**50)]
    )


async def refusal(home: Home, master_key: str | None = None) -> StoreTrouble:
    """Why the store cannot be opened."""
    with pytest.raises(StoreTrouble) as refused:
        async with home.open(master_key):
            pass
    return refused.value


# Migrations


async def test_all_steps_lead_to_what_a_new_database_is_given_at_once(home: Home) -> None:
    def differences(connection: Connection) -> list[object]:
        migrations.walk(connection, None, migrations.HEAD)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, tables.metadata))

    async with open_database(home.url, home.folder) as database, database.engine.begin() as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.run_sync(migrations.revision) == migrations.HEAD
        rows = await connection.execute(tables.marks.select().order_by(tables.marks.c.name))
        assert [tuple(row) for row in rows] == [("audited", 0), ("version", 0)]


async def test_roles_that_were_given_before_allow_the_same_afterwards(home: Home) -> None:
    def walk(connection: Connection) -> None:
        migrations.walk(connection, None, "0002")
        users = Table("users", MetaData(), autoload_with=connection)
        tokens = Table("tokens", MetaData(), autoload_with=connection)
        usual = {"name": "", "email": "", "subject": "", "password_hash": "", "state": "enabled", "revision": 1}
        usual |= {"created_ms": 1, "updated_ms": 1}
        for login, role, projects in (("root", "admin", []), ("olga", "operator", ["red", "blue"])):
            row = {"id": login, "login": login, "role": role, "projects": projects}
            connection.execute(users.insert(), {**usual, **row})
            for held in ("viewer", "operator", "admin"):
                name = f"{login}-{held}"
                token = {"id": name, "public_id": name, "user_id": login, "name": name, "digest": b"", "role": held}
                connection.execute(tokens.insert(), {**token, "created_ms": 1, "expires_ms": None})
        migrations.walk(connection, "0002", migrations.HEAD)

    async with open_database(home.url, home.folder) as database, database.engine.begin() as connection:
        await connection.run_sync(walk)
    async with home.open(MASTER) as store:
        olga, root = await store.people.users()
        assert (root.role, root.memberships, root.kind, root.project) == ("admin", {}, "person", "")
        assert (olga.role, olga.memberships) == ("", {"blue": "operator", "red": "operator"})
        held = {token.name: token.scopes for token in await store.people.tokens()}
        assert held["root-admin"] == held["olga-admin"] == ()
        assert "channels:read" in held["root-viewer"]
        assert "channels:write" not in held["root-viewer"]
        assert {"channels:write", "contents:read"} < set(held["olga-operator"])
        assert await store.people.token("root-admin") is not None


async def test_what_was_spent_before_is_taken_over_into_budgets(home: Home) -> None:
    day = {"day": "2026-11-20", "key_id": "k1", "project": "shop", "model": "m", "currency": "USD", "exchanges": 3}
    day |= {"attempts": 4, "failures": 0, "estimates": 0, "thinking": 0, "cost_nano": 70}
    day |= dict.fromkeys(("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"), 10)

    def filled(connection: Connection) -> None:
        migrations.walk(connection, None, "0003")
        before = table("totals", *(column(name) for name in (*day, "channel")))
        connection.execute(insert(before), [{**day, "channel": "a"}, {**day, "channel": ""}])
        migrations.walk(connection, "0003", migrations.HEAD)

    async with open_database(home.url, home.folder) as database, database.engine.begin() as connection:
        await connection.run_sync(filled)
        (row,) = (await connection.execute(tables.spending.select())).mappings()
        assert (row["requests"], row["attempts"], row["tokens"], row["nano"], row["asked"]) == (3, 4, 50, 70, "m")
        assert row["start_ms"] == 1_795_132_800_000


def test_a_new_database_loads_nothing_that_only_upgrades_need(tmp_path: Path) -> None:
    opened = (
        "import asyncio, sys; from pathlib import Path; from dragoman.store.opening import open_store\n"
        "async def main():\n async with open_store(folder=Path(sys.argv[1])): print('alembic' in sys.modules)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", opened, str(tmp_path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"


def test_the_head_is_the_last_step() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_heads() == [migrations.HEAD]


async def test_of_several_that_start_at_once_one_makes_the_tables(home: Home) -> None:
    async def start(n: int) -> int:
        async with home.open(MASTER) as store:
            await store.configuration.projects.add(SYSTEM, ProjectTable(name=f"p{n}"))
            return await store.configuration.version()

    versions = await asyncio.gather(*(start(n) for n in range(4)))
    assert max(versions) == 4


DYING = """
import asyncio, os, sys
from pathlib import Path
from sqlalchemy import event
from dragoman.store.database import TRIES
from dragoman.store.opening import open_database, prepare

async def main(url, folder, last):
    async with open_database(url, Path(folder)) as database:
        said = 0
        @event.listens_for(database.engine.sync_engine, "after_cursor_execute")
        def count(connection, cursor, statement, *rest):
            nonlocal said
            said += statement.lstrip().startswith(("CREATE", "INSERT", "UPDATE"))
            if said == last:
                os._exit(9)
        await prepare(database, Path(folder))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.parametrize("last", [1, 20])
async def test_who_dies_in_an_upgrade_leaves_nothing_half_made(home: Home, last: int) -> None:
    command = [sys.executable, "-c", DYING, home.url, str(home.folder), str(last)]
    died = await asyncio.to_thread(subprocess.run, command, check=False)
    assert died.returncode == 9
    async with open_database(home.url, home.folder) as database, database.engine.begin() as connection:
        names = await connection.run_sync(lambda plain: inspect(plain).get_table_names())
        assert names == []
    async with home.open() as store:
        await fill(store)


async def test_a_database_of_a_later_version_is_refused(home: Home) -> None:
    async with home.open() as store, store.database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    trouble = await refusal(home)
    assert trouble.kind == "newer"
    assert "9999" in str(trouble)


async def test_a_database_is_copied_before_it_is_changed(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        await fill(store)
        async with store.database.engine.begin() as connection:
            # As if it had been made by an earlier version.
            await connection.execute(text("DELETE FROM alembic_version"))
            await connection.execute(text("INSERT INTO alembic_version VALUES ('0000')"))
    await refusal(sqlite_home)
    (copy,) = (sqlite_home.folder / BACKUPS).glob("*.db")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchone() == (50,)


# The master key


async def test_another_master_key_is_refused_by_the_id_of_the_right_one(home: Home) -> None:
    async with home.open(MASTER) as store:
        await fill(store)
        (row,) = await store.database.read(_data_keys)
    trouble = await refusal(home, "w" * 40)
    assert trouble.kind == "locked_out"
    assert row.master_id in str(trouble)
    assert "w" * 40 not in str(trouble)
    async with home.open(MASTER) as store:
        assert await store.database.read(_data_keys) == [row]
        assert (await store.configuration.load()).channels[0].spec.api_key == NEEDLE


async def test_a_lost_master_key_is_never_replaced(home: Home) -> None:
    async with home.open() as store:
        await fill(store)
    key = home.folder / KEY_FILE
    kept = key.read_text()
    key.unlink()
    trouble = await refusal(home)
    assert trouble.kind == "locked_out"
    assert not key.exists()
    key.write_text(kept)
    async with home.open() as store:
        assert (await store.configuration.load()).channels[0].spec.api_key == NEEDLE


async def test_a_master_key_that_was_not_finished_is_made_anew(home: Home) -> None:
    home.folder.mkdir(exist_ok=True)
    (home.folder / f"{KEY_FILE}.part").write_text("half")
    async with home.open() as store:
        await fill(store)
    assert {file.name for file in home.folder.glob("master*")} == {KEY_FILE}
    assert stat.S_IMODE((home.folder / KEY_FILE).stat().st_mode) == 0o600


async def test_a_configured_master_key_goes_before_the_one_in_the_folder(home: Home) -> None:
    async with home.open():
        pass
    assert (await refusal(home, MASTER)).kind == "locked_out"


async def test_a_short_master_key_is_refused_before_anything_is_sealed_with_it(home: Home) -> None:
    assert (await refusal(home, "short")).kind == "locked_out"
    async with home.open(MASTER) as store:
        await fill(store)


async def test_a_data_key_that_was_changed_is_refused(home: Home) -> None:
    async with home.open(MASTER) as store, store.database.engine.begin() as connection:
        await connection.execute(update(tables.data_keys).values(wrapped=b"x" * 60))
    assert (await refusal(home, MASTER)).kind == "damaged"


async def _data_keys(connection: AsyncConnection) -> list[Any]:
    return list(await connection.execute(tables.data_keys.select()))


# What rests on the disk


async def test_only_the_owner_can_read_what_is_kept(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        await fill(store)
        files = [file for file in sqlite_home.folder.rglob("*") if file.is_file()]
        assert {file.name for file in files} >= {"dragoman.db", "dragoman.db-wal", KEY_FILE}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_no_secret_and_no_content_lies_open_in_any_file(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        await fill(store)
        minted = await store.configuration.keys.add(SYSTEM, KeyTable(name="laptop"))
        for file in sqlite_home.folder.rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            assert NEEDLE.encode() not in content
            assert minted.text.encode() not in content
            assert store.configuration.pepper() not in content


async def test_a_purge_leaves_no_byte_of_what_it_took(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        for n in range(40):
            await store.ledger.put_bodies(
                [Body(exchange_id=f"e{n}", n=0, kind="request", content=bytes([n]) * 9_000, expires_ms=1)]
            )
        sealed = await store.database.read(_sealed_bodies)
        # Pieces, since a long value is spread over pages.
        needles = [body[at : at + 24] for body in sealed for at in range(0, len(body) - 24, 24)]
        assert any(needle in kept(sqlite_home) for needle in needles)
        assert (await store.ledger.purge(2)).bodies == 40
        rest = kept(sqlite_home)
        assert not [needle for needle in needles if needle in rest]


async def _sealed_bodies(connection: AsyncConnection) -> list[bytes]:
    return [bytes(row.sealed) for row in await connection.execute(tables.bodies.select())]


def kept(home: Home) -> bytes:
    """Everything that SQLite has on the disk."""
    return b"".join(file.read_bytes() for file in home.folder.glob("dragoman.db*"))


# Damage


@pytest.fixture
async def filled(sqlite_home: Home) -> Home:
    """A database with something in it, closed."""
    async with sqlite_home.open() as store:
        await fill(store)
        await store.ledger.put([exchange(f"more-{n}") for n in range(300)])
    return sqlite_home


def flips(home: Home) -> Iterator[int]:
    """Places of the file where damage is sure to be seen: its head, and the heads of pages."""
    yield 0
    yield 18
    size = home.file.stat().st_size
    yield from range(4096 * 3, size, size // 5 // 4096 * 4096)


async def test_a_damaged_database_is_refused_and_its_copy_named(filled: Home) -> None:
    copies = filled.folder / BACKUPS
    copies.mkdir()
    (copies / "before-0001.db").write_bytes(filled.file.read_bytes())
    whole = filled.file.read_bytes()
    for place in flips(filled):
        filled.file.write_bytes(
            whole[:place] + bytes(byte ^ 0xFF for byte in whole[place : place + 16]) + whole[place + 16 :]
        )
        before = filled.file.read_bytes()
        trouble = await refusal(filled)
        assert trouble.kind == "damaged"
        assert "before-0001.db" in str(trouble)
        assert filled.file.read_bytes() == before
    filled.file.write_bytes(whole)
    async with filled.open() as store:
        assert (await store.ledger.get("e1")).id == "e1"


async def test_a_database_that_was_cut_is_refused(filled: Home) -> None:
    whole = filled.file.read_bytes()
    filled.file.write_bytes(whole[: len(whole) // 2])
    assert (await refusal(filled)).kind == "damaged"


async def test_a_database_that_is_gone_is_not_begun_anew_where_copies_are(filled: Home) -> None:
    copies = filled.folder / BACKUPS
    copies.mkdir()
    filled.file.rename(copies / "before-0001.db")
    trouble = await refusal(filled)
    assert trouble.kind == "damaged"
    assert not filled.file.exists()
    filled.file.touch()
    assert (await refusal(filled)).kind == "damaged"


def test_an_address_may_be_written_as_hosts_of_databases_write_it(tmp_path: Path) -> None:
    written = {"postgres://u:p@host/x": "postgresql", "postgresql+asyncpg://u@host/x": "postgresql", "": "sqlite"}
    for url, kind in written.items():
        assert address(url, tmp_path).get_backend_name() == kind


async def test_an_address_that_is_none_is_refused_without_being_repeated(tmp_path: Path) -> None:
    for url in ("::secret::", "mysql://user:secret@host/x", "sqlite://"):
        with pytest.raises(StoreTrouble) as refused:
            async with open_store(url, folder=tmp_path):
                pass
        assert refused.value.kind == "unusable"
        assert "secret" not in str(refused.value)


# Away


async def test_a_folder_that_cannot_be_had_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreTrouble) as refused:
        async with open_store(folder=tmp_path / "file" / "folder"):
            pass
    assert refused.value.kind == "away"


async def test_a_disk_that_is_full_takes_nothing_or_all(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        await fill(store)
        await set_pragma(store, "max_page_count = 1")
        batch = [exchange(f"late-{n}", asked="x" * 1_000) for n in range(500)]
        with pytest.raises(StoreTrouble) as refused:
            await store.ledger.put(batch)
        assert refused.value.kind == "away"
        assert (await store.ledger.totals(Search(), []))[0].exchanges == 50
        await set_pragma(store, "max_page_count = 1000000")
        assert await store.ledger.put(batch) == 500
        assert (await store.ledger.totals(Search(), []))[0].exchanges == 550


async def test_a_locked_database_is_away_and_then_there_again(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        await fill(store)
        with closing(sqlite3.connect(sqlite_home.file, isolation_level=None)) as other:
            await set_pragma(store, "busy_timeout = 0")
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreTrouble) as refused:
                await store.ledger.put([exchange("late")])
            assert refused.value.kind == "away"
            assert await store.ready()
            other.execute("ROLLBACK")
        assert await store.ledger.put([exchange("late")]) == 1


async def set_pragma(store: SqlStore, words: str) -> None:
    """Tells SQLite's one writer something."""
    async with store.database.engine.connect() as connection:
        await connection.execute(text(f"PRAGMA {words}"))


async def test_postgresql_is_away_and_then_there_again(server: PostgreSQL, postgresql_home: Home) -> None:
    async with postgresql_home.open() as store:
        await fill(store)
        server.stop()
        try:
            with pytest.raises(StoreTrouble) as refused:
                await store.ledger.put([exchange("late")])
            assert refused.value.kind == "away"
            assert not await store.ready()
            assert (await refusal(postgresql_home)).kind == "away"
        finally:
            server.start()
        assert await store.ledger.put([exchange("late")]) == 1
        assert await store.ready()


async def test_work_that_fails_takes_no_other_along(home: Home) -> None:
    async with home.open() as store:
        names = ["a", "b", "b", "c", "b"]
        outcomes = await asyncio.gather(
            *(store.configuration.projects.add(SYSTEM, ProjectTable(name=name)) for name in names),
            return_exceptions=True,
        )
        assert sum(isinstance(outcome, StoreTrouble) for outcome in outcomes) == 2
        assert [row.spec.name for row in await store.configuration.projects.all()] == ["a", "b", "c"]


async def test_a_caller_that_leaves_undoes_nothing(home: Home) -> None:
    async with home.open() as store:
        for n in range(20):
            task = asyncio.ensure_future(store.ledger.put([exchange(f"e{n}")]))
            await asyncio.sleep(0.001 * (n % 4))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await store.ledger.put([exchange("last")]) == 1
        (total,) = await store.ledger.totals(Search(), [])
        assert total.exchanges == len((await store.ledger.find(Search())).exchanges)


async def test_a_store_that_is_closed_has_written_what_waited(home: Home) -> None:
    async with home.open() as store:
        tasks = [asyncio.ensure_future(store.ledger.put([exchange(f"e{n}")])) for n in range(100)]
        await asyncio.sleep(0)
    assert sum(await asyncio.gather(*tasks)) == 100


async def test_nothing_is_prepared_twice(home: Home) -> None:
    async with open_database(home.url, home.folder) as database:
        await prepare(database, home.folder)
        await prepare(database, home.folder)
    assert not (home.folder / BACKUPS).exists()
