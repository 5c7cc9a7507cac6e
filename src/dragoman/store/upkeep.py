"""What is done to a database from outside: upgrade, backup, restore, check, and a new master key."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from sqlalchemy import func, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store import backup, migrations
from dragoman.store.database import Database, make_private, translated
from dragoman.store.opening import BACKUPS, address, now_ms, open_database, open_store, prepare
from dragoman.store.ports import StoreTrouble
from dragoman.store.tables import exchanges, totals
from dragoman.store.unlock import KEY_FILE, NEXT, own_key, read_key, rewrap, settle
from dragoman.store.vault import MasterKey


class Where(Struct, frozen=True):
    """A database, and what belongs to it."""

    url: str
    """Empty: a file in the folder."""
    folder: Path
    master_key: str | None = None
    """None: the one in the folder."""

    @property
    def file(self) -> Path | None:
        """The file of a database of SQLite."""
        url = address(self.url, self.folder)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


async def upgrade(where: Where) -> None:
    """Brings the database to this version's tables."""
    async with open_database(where.url, where.folder) as database:
        await prepare(database, where.folder)


async def back_up(where: Where, target: Path | None = None, *, contents: bool = True) -> tuple[Path, int]:
    """Writes everything into a file, by default one in the folder; the file, and how many rows."""
    moment_ms = now_ms()
    file = target or where.folder / BACKUPS / f"dragoman-{moment_ms}.gz"
    async with open_database(where.url, where.folder) as database:
        await prepare(database, where.folder)
        return file, await backup.back_up(database, file, moment_ms, contents=contents)


async def restore(where: Where, source: Path, *, replace: bool = False) -> int:
    """Puts everything from a file into the database, whole or not at all; how many rows.

    Of SQLite a new file is filled and then takes the old one's place, which may be damaged and is kept. Trouble: taken,
    where there is something in the database already and it shall not be replaced, or a gateway uses it.
    """
    file = where.file
    if file is None:
        async with open_database(where.url, where.folder) as database:
            if not replace and await _is_filled(database):
                raise _filled("the database")
            return await _restored(database, source)
    if file.exists() and file.stat().st_size:
        if not replace:
            raise _filled(str(file))
        await asyncio.to_thread(_leave, file)
    fresh = file.with_name(file.name + ".restored")
    await asyncio.to_thread(_discard, fresh)
    make_private(fresh)
    database = Database(make_url(f"sqlite:///{fresh}"))
    try:
        count = await _restored(database, source)
    except BaseException:
        await database.close()
        _discard(fresh)
        raise
    await database.close()
    _take_place(fresh, file, where.folder / BACKUPS)
    return count


async def check(where: Where) -> tuple[str, ...]:
    """Everything that is wrong with the database, as sentences; none where all is well."""
    try:
        async with open_store(where.url, folder=where.folder, master_key=where.master_key) as store:
            found = await _look_through(store.database)
            unread = (await store.configuration.load()).unread
            found += [row.fault for rows in unread.values() for row in rows]
            broken = await store.audit.verify()
    except StoreTrouble as trouble:
        return (str(trouble),)
    if broken is not None:
        found.append(f"The audit log was changed from outside, from entry {broken} on.")
    return tuple(found)


async def rotate_key(where: Where, new: str | None = None) -> MasterKey:
    """Gives the data keys to a new master key, while gateways may run; which one. Without one given, it is made in the
    folder, where also the old one must be.

    Trouble: locked_out, where the old one is not theirs.
    """
    if new is None and where.master_key:
        raise StoreTrouble("locked_out", "The master key is configured, so the new one has to be given too.")
    # Opened first as a gateway would, for only what opens may be given away.
    async with open_store(where.url, folder=where.folder, master_key=where.master_key) as store:
        old = MasterKey(where.master_key) if where.master_key else read_key(where.folder / KEY_FILE)
        master = MasterKey(new) if new else own_key(where.folder, KEY_FILE + NEXT)
        await rewrap(store.database, old, master)
        if not where.master_key:
            settle(where.folder, master)
    return master


async def _restored(database: Database, source: Path) -> int:
    with translated():
        async with database.engine.begin() as connection:
            return await connection.run_sync(backup.restore, source)


async def _is_filled(database: Database) -> bool:
    """Whether anything is in the database that was not put there by opening it."""
    with translated():
        async with database.engine.begin() as connection:
            return await connection.run_sync(migrations.revision) is not None


async def _look_through(database: Database) -> list[str]:
    """What is wrong with rows and pages."""

    async def work(connection: AsyncConnection) -> list[str]:
        found = []
        if database.is_sqlite:
            pages = (await connection.execute(text("PRAGMA integrity_check(10)"))).scalars()
            found += [f"A page is damaged: {page}." for page in pages if page != "ok"]
        ended = select(func.count()).select_from(exchanges).where(exchanges.c.ended_ms.is_not(None))
        known = (await connection.execute(ended)).scalar_one()
        counted = (await connection.execute(select(func.coalesce(func.sum(totals.c.exchanges), 0)))).scalar_one()
        if counted < known:
            found.append(f"The totals count {counted} exchanges, but {known} are known.")
        return found

    return await database.read(work)


def _filled(what: str) -> StoreTrouble:
    return StoreTrouble("taken", f"There is something in {what} already. Say --replace to put the backup in its place.")


def _leave(file: Path) -> None:
    """Makes sure that nobody has the file open: it would go on writing into what is no longer there."""
    try:
        with closing(sqlite3.connect(file, timeout=1.0, isolation_level=None)) as connection:
            # SQLite changes this only for its last connection (sqlite.org/wal.html, read 2026-11-20).
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        raise StoreTrouble("taken", f"A gateway uses {file}. Stop it first.") from None
    except sqlite3.DatabaseError:
        # It is damaged, which is what backups are for.
        return


def _take_place(fresh: Path, file: Path, backups: Path) -> None:
    """Puts the new file in the place of the old one, which is kept among the backups."""
    backups.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = backups / f"replaced-{now_ms()}.db"
    for ending in ("", "-wal"):
        old = file.with_name(file.name + ending)
        if old.exists():
            old.replace(kept.with_name(kept.name + ending))
    _discard(file)
    fresh.replace(file)


def _discard(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
