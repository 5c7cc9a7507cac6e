"""What is done to a database from outside: copies that come back on either kind, checks, and a new master key."""

from __future__ import annotations

import gzip
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from dragoman.shapes.access import KeyTable
from dragoman.store import tables, upkeep
from dragoman.store.ports import SYSTEM, Search, StoreTrouble, User
from dragoman.store.unlock import KEY_FILE, NEXT
from dragoman.store.upkeep import Where
from dragoman.store.vault import MasterKey
from tests.store.conftest import Clock, Home
from tests.store.contract.test_ledger import exchange
from tests.store.postgresql_server import PostgreSQL
from tests.store.test_opening import MASTER, NEEDLE, fill

pytestmark = pytest.mark.anyio


def place(home: Home, master_key: str | None = MASTER) -> Where:
    """The home as the command line names it."""
    return Where(home.url, home.folder, master_key)


@pytest.fixture
async def filled(home: Home) -> Home:
    """A database with something of everything."""
    async with home.open(MASTER) as store:
        await fill(store)
        await store.configuration.keys.add(SYSTEM, KeyTable(name="laptop"))
        anna = User(
            id="",
            login="anna",
            role="viewer",
            memberships={"web": "viewer"},
            state="enabled",
            revision=0,
            created_ms=0,
            updated_ms=0,
        )
        await store.people.add(SYSTEM, anna)
    return home


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """An empty database somewhere else, of each kind."""
    server: PostgreSQL | None = request.getfixturevalue("server") if request.param == "postgresql" else None
    return Home(server.database() if server else "", tmp_path / "other", Clock())


async def everything(home: Home, master_key: str = MASTER) -> object:
    """What a store holds, as its users see it."""
    async with home.open(master_key) as store:
        return (
            await store.configuration.load(),
            await store.ledger.find(Search()),
            await store.ledger.totals(Search(), ["day", "model"]),
            await store.ledger.bodies("e1"),
            await store.people.users(),
            await store.audit.entries(),
            await store.audit.verify(),
            store.configuration.pepper(),
        )


# Backup and restore


async def test_a_backup_comes_back_whole_on_either_kind_of_database(filled: Home, other: Home) -> None:
    file, count = await upkeep.back_up(place(filled))
    assert count > 100
    assert await upkeep.restore(place(other), file) == count
    assert await everything(other) == await everything(filled)


async def test_a_backup_is_sealed_and_only_its_owner_can_read_it(filled: Home) -> None:
    file, _ = await upkeep.back_up(place(filled))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert NEEDLE.encode() not in gzip.decompress(file.read_bytes())


async def test_a_backup_may_leave_contents_out(sqlite_home: Home, other: Home) -> None:
    async with sqlite_home.open(MASTER) as store:
        await fill(store)
    file, _ = await upkeep.back_up(place(sqlite_home), sqlite_home.folder / "small.gz", contents=False)
    await upkeep.restore(place(other), file)
    async with other.open(MASTER) as store:
        assert await store.ledger.bodies("e1") == ()
        assert (await store.ledger.get("e1")).id == "e1"


async def test_a_filled_database_is_replaced_only_if_that_is_said(sqlite_home: Home, other: Home) -> None:
    for home, name in ((sqlite_home, "theirs"), (other, "mine")):
        async with home.open(MASTER) as store:
            await store.ledger.put([exchange(name)])
    file, _ = await upkeep.back_up(place(sqlite_home))
    with pytest.raises(StoreTrouble) as refused:
        await upkeep.restore(place(other), file)
    assert refused.value.kind == "taken"
    async with other.open(MASTER) as store:
        assert (await store.ledger.get("mine")).id == "mine"
    await upkeep.restore(place(other), file, replace=True)
    assert await everything(other) == await everything(sqlite_home)


@pytest.mark.parametrize("harm", ["cut", "no end", "noise", "missing", "other"])
async def test_a_backup_that_is_not_whole_changes_nothing(sqlite_home: Home, other: Home, harm: str) -> None:
    async with sqlite_home.open(MASTER) as store:
        await fill(store)
    async with other.open(MASTER) as store:
        await store.ledger.put([exchange("mine")])
    file, _ = await upkeep.back_up(place(sqlite_home))
    whole = file.read_bytes()
    match harm:
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "no end":
            lines = gzip.decompress(whole).splitlines(keepends=True)
            file.write_bytes(gzip.compress(b"".join(lines[:-1])))
        case "noise":
            file.write_bytes(b"noise")
        case "missing":
            file.unlink()
        case _:
            file.write_bytes(gzip.compress(b'{"type":"end","rows":0}\n'))
    with pytest.raises(StoreTrouble) as refused:
        await upkeep.restore(place(other), file, replace=True)
    assert refused.value.kind == "damaged"
    async with other.open(MASTER) as store:
        assert (await store.ledger.get("mine")).id == "mine"


async def test_a_damaged_file_gives_way_to_a_backup_and_is_kept(sqlite_home: Home) -> None:
    async with sqlite_home.open(MASTER) as store:
        await fill(store)
    file, _ = await upkeep.back_up(place(sqlite_home))
    sqlite_home.file.write_bytes(b"x" * 8192)
    (trouble,) = await upkeep.check(place(sqlite_home))
    assert "damaged" in trouble
    await upkeep.restore(place(sqlite_home), file, replace=True)
    assert await upkeep.check(place(sqlite_home)) == ()
    (kept,) = file.parent.glob("replaced-*.db")
    assert kept.read_bytes() == b"x" * 8192


async def test_a_file_that_a_gateway_uses_is_not_taken_from_it(sqlite_home: Home) -> None:
    async with sqlite_home.open(MASTER) as store:
        await fill(store)
        file, _ = await upkeep.back_up(place(sqlite_home))
        with pytest.raises(StoreTrouble, match="A gateway uses") as refused:
            await upkeep.restore(place(sqlite_home), file, replace=True)
        assert refused.value.kind == "taken"
        assert await store.ledger.put([exchange("more")]) == 1


async def test_a_backup_is_made_while_the_gateway_writes(filled: Home) -> None:
    async with filled.open(MASTER) as store:
        file, _ = await upkeep.back_up(place(filled))
        await store.ledger.put([exchange("later")])
    assert b'"later"' not in gzip.decompress(file.read_bytes())


# Check


async def test_a_sound_database_passes_the_check(filled: Home) -> None:
    assert await upkeep.check(place(filled)) == ()


async def test_a_check_finds_what_was_done_behind_our_back(filled: Home) -> None:
    async with filled.open(MASTER) as store, store.database.engine.begin() as connection:
        await connection.execute(update(tables.audit).values(action="x"))
        await connection.execute(delete(tables.totals))
    found = await upkeep.check(place(filled))
    assert len(found) == 2
    assert "totals" in found[0]
    assert "audit log" in found[1]


async def test_a_check_finds_a_secret_that_does_not_open(filled: Home) -> None:
    async with filled.open(MASTER) as store, store.database.engine.begin() as connection:
        channels = tables.secrets.c.owner != tables.SYSTEM_OWNER
        await connection.execute(update(tables.secrets).where(channels).values(sealed=b"\x01\0\0\0\x01" + b"x" * 50))
    (found,) = await upkeep.check(place(filled))
    assert "secret" in found


async def test_a_check_tells_of_a_wrong_master_key(filled: Home) -> None:
    (found,) = await upkeep.check(place(filled, "w" * 40))
    assert "sealed with master key" in found


# A new master key


async def test_a_new_master_key_opens_everything_and_the_old_one_nothing(filled: Home) -> None:
    before = await everything(filled)
    new = "n" * 40
    assert (await upkeep.rotate_key(place(filled), new)).id == MasterKey(new).id
    assert await everything(filled, new) == before
    with pytest.raises(StoreTrouble) as refused:
        await everything(filled, MASTER)
    assert refused.value.kind == "locked_out"
    async with filled.open(new) as store:
        rows = await store.database.read(lambda connection: connection.execute(tables.data_keys.select()))
        assert {row.master_id for row in rows} == {MasterKey(new).id}


async def test_a_gateway_that_runs_goes_on_while_the_key_is_changed(filled: Home) -> None:
    async with filled.open(MASTER) as store:
        await upkeep.rotate_key(place(filled), "n" * 40)
        assert (await store.configuration.load()).channels[0].spec.api_key == NEEDLE
        assert len(await store.ledger.bodies("e1")) == 1
        row = (await store.configuration.channels.all())[0]
        await store.configuration.channels.change(SYSTEM, row.id, 1, spec=row.spec)
    async with filled.open("n" * 40) as store:
        assert (await store.configuration.load()).channels[0].spec.api_key == NEEDLE


async def test_a_key_of_our_own_is_changed_for_another_of_our_own(home: Home) -> None:
    async with home.open() as store:
        await fill(store)
    old = (home.folder / KEY_FILE).read_text()
    await upkeep.rotate_key(place(home, None))
    assert (home.folder / KEY_FILE).read_text() != old
    assert stat.S_IMODE((home.folder / KEY_FILE).stat().st_mode) == 0o600
    assert not (home.folder / (KEY_FILE + NEXT)).exists()
    async with home.open() as store:
        assert (await store.configuration.load()).channels[0].spec.api_key == NEEDLE


async def test_a_change_of_the_key_that_was_cut_short_is_finished_or_forgotten(home: Home) -> None:
    async with home.open() as store:
        await fill(store)
    key, following = home.folder / KEY_FILE, home.folder / (KEY_FILE + NEXT)
    # It died before the database knew the new key...
    following.write_text("n" * 43)
    async with home.open() as store:
        assert (await store.configuration.load()).channels[0].spec.api_key == NEEDLE
    # ...or after.
    old = key.read_text()
    await upkeep.rotate_key(place(home, None))
    following.write_text(key.read_text())
    key.write_text(old)
    async with home.open() as store:
        assert (await store.configuration.load()).channels[0].spec.api_key == NEEDLE
    assert not following.exists()
    assert key.read_text() == "n" * 43


async def test_a_configured_key_is_changed_for_one_that_is_given_only(filled: Home) -> None:
    with pytest.raises(StoreTrouble, match="has to be given"):
        await upkeep.rotate_key(place(filled))
    with pytest.raises(StoreTrouble) as refused:
        await upkeep.rotate_key(place(filled, "w" * 40), "n" * 40)
    assert refused.value.kind == "locked_out"
    assert await upkeep.check(place(filled)) == ()


async def test_an_upgrade_makes_an_empty_database_ready(home: Home) -> None:
    await upkeep.upgrade(place(home))
    if not home.url:
        with closing(sqlite3.connect(home.file)) as connection:
            assert connection.execute("SELECT count(*) FROM marks").fetchone() == (2,)
    assert await upkeep.check(place(home)) == ()
