"""Opens the store: everything that has to be sound before a row is read."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from importlib import import_module
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from dragoman.store import migrations
from dragoman.store.books import Books
from dragoman.store.claim import claimed
from dragoman.store.configuration import SqlConfiguration
from dragoman.store.database import Database, make_private, translated
from dragoman.store.ledger import SqlLedger
from dragoman.store.log import AuditLog
from dragoman.store.people import SqlPeople
from dragoman.store.ports import Claim, StoreTrouble
from dragoman.store.sign_in import SqlSignIn
from dragoman.store.trials import SqlTrials
from dragoman.store.unlock import CHAIN, PEPPER, system_secret, unlock

DATABASE_FILE = "dragoman.db"
BACKUPS = "backups"
"""Folder of the copies that are made before a database is changed."""
READY_S = 2.0
MIGRATING = ("alembic.config", "alembic.operations", "alembic.runtime.migration", "alembic.script")
"""Libraries that are loaded in a thread, as the driver is, for they take longer than any request may wait."""
LARGEST_LOOKED_AT = 256 * 1024 * 1024
"""Bytes of a database that is read through at each start; of a larger one only the beginning is."""


def now_ms() -> int:
    """Milliseconds of Unix time."""
    return time.time_ns() // 1_000_000


class SqlStore:
    """Everything that is remembered, in one database."""

    def __init__(self, database: Database, books: Books) -> None:
        self.database = database
        self.books = books
        self.configuration = SqlConfiguration(books)
        self.ledger = SqlLedger(database, books.vault)
        self.people = SqlPeople(books)
        self.sign_in = SqlSignIn(books)
        self.trials = SqlTrials(books)
        self.audit = books.log

    async def ready(self) -> bool:
        """Whether it answers now."""
        try:
            async with asyncio.timeout(READY_S):
                await self.configuration.version()
        except (StoreTrouble, TimeoutError):
            return False
        return True


@asynccontextmanager
async def open_store(
    url: str = "",
    *,
    folder: Path,
    master_key: str | None = None,
    claim: Claim | None = None,
    clock: Callable[[], int] = now_ms,
) -> AsyncIterator[SqlStore]:
    """The store at a URL of SQLAlchemy's form, as long as the context lasts; empty: a file in the folder. A gateway
    claims it, what only looks in does not.

    It is brought to this version's tables first, with a copy of what it was. Trouble: away, damaged, newer, unusable,
    locked_out.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(url, folder))
        if claim:
            await stack.enter_async_context(claimed(database, claim))
        await prepare(database, folder)
        vault = await unlock(database, master_key, folder, clock)
        log = AuditLog(database, await system_secret(database, vault, CHAIN, clock), clock)
        pepper = await system_secret(database, vault, PEPPER, clock)
        yield SqlStore(database, Books(database, log, vault, pepper, clock))


@asynccontextmanager
async def open_database(url: str, folder: Path) -> AsyncIterator[Database]:
    """The connections to the database, whose file is sound as far as can be seen. Trouble: damaged, unusable, away."""
    where = address(url, folder)
    with translated():
        # In a thread: a large file takes a while to look through, and a driver to import.
        await asyncio.to_thread(make_ready, where, folder)
    database = Database(where)
    try:
        yield database
    finally:
        await database.close()


def address(url: str, folder: Path) -> URL:
    """Where the database is; empty: a file in the folder. Trouble: unusable. What was configured is not repeated, for
    it may hold a password."""
    try:
        where = make_url(url or f"sqlite:///{folder / DATABASE_FILE}")
    except ArgumentError:
        raise StoreTrouble("unusable", "The database's address is no URL; write postgresql://user@host/name.") from None
    kind = where.get_backend_name()
    if kind == "postgres":
        # As hosts of databases often write it.
        return where.set(drivername="postgresql")
    if kind not in ("sqlite", "postgresql"):
        raise StoreTrouble("unusable", f"Databases of the kind '{kind}' are not supported; use postgresql.")
    if kind == "sqlite" and where.database in (None, "", ":memory:"):
        raise StoreTrouble("unusable", "A database of SQLite has to be a file, as sqlite:////var/lib/dragoman.db.")
    return where


def make_ready(where: URL, folder: Path) -> None:
    """Looks at what has to be there before a connection is made. Trouble: damaged, unusable."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if where.get_backend_name() == "sqlite":
        file = Path(where.database or "")
        look_at(file, folder / BACKUPS)
        make_private(file)
        return
    try:
        import_module("psycopg")
    except ImportError:
        what = "What speaks with PostgreSQL is not installed: pip install 'dragoman[postgres]'."
        raise StoreTrouble("unusable", what) from None


async def prepare(database: Database, folder: Path) -> None:
    """Brings the database to this version's tables, with a copy of what it was before."""

    with translated():
        async with database.engine.begin() as connection:
            before = await connection.run_sync(migrations.revision)
        if before == migrations.HEAD:
            return
        if before is not None:
            for library in MIGRATING:
                await asyncio.to_thread(import_module, library)
            if database.file:
                await asyncio.to_thread(copy_file, database.file, folder / BACKUPS / f"before-{migrations.HEAD}.db")
        async with database.engine.begin() as connection:
            await connection.run_sync(migrations.upgrade)


def look_at(file: Path, backups: Path) -> None:
    """Refuses a database file that is damaged: never is a new one begun in its place. Trouble: damaged."""
    companion = file.with_name(file.name + "-wal")
    copies = sorted(backups.glob("*.db"), key=lambda copy: copy.stat().st_mtime)
    if not file.exists() or file.stat().st_size == 0:
        if (companion.exists() and companion.stat().st_size) or copies:
            raise damaged(file, "it is gone or empty, though it was there before", copies)
        return
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=5.0)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if file.stat().st_size <= LARGEST_LOOKED_AT:
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if found != "ok":
                    raise damaged(file, str(found), copies)
    except sqlite3.OperationalError:
        # It is locked or cannot be opened at all, which says nothing of its contents; whoever uses it will be told.
        return
    except sqlite3.DatabaseError as failed:
        raise damaged(file, str(failed), copies) from None


def damaged(file: Path, found: str, copies: list[Path]) -> StoreTrouble:
    """The trouble with a damaged file, and what to do about it."""
    latest = f"The latest copy is {copies[-1]}" if copies else "No copy of it was found"
    words = " ".join(found.split())[:200]
    return StoreTrouble(
        "damaged",
        f"The database {file} is damaged: {words}. {latest}; put one back by 'dragoman db restore', or move the file "
        "away to begin anew.",
    )


def copy_file(source: Path, target: Path) -> None:
    """A sound copy of a database that may be in use, readable by its owner only."""
    make_private(target)
    with closing(sqlite3.connect(source)) as found, closing(sqlite3.connect(target)) as copy:
        found.backup(copy)
