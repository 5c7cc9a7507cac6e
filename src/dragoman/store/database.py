"""One database, SQLite or PostgreSQL: connections, transactions, and everything in which the two differ.

Rules: work is a function of a connection, run in one transaction that is committed if it returns. Work may be run
again, so it has no other effect. What goes wrong comes out as `StoreTrouble`.

On SQLite one connection writes: works that wait share a transaction, each within a savepoint of its own, so that one
sync to disk serves them all and a failing one takes none of the others along. On PostgreSQL each has its own
transaction, and is tried again where the server says that it got in another's way.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import URL, Table, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolEmpty
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dragoman.store.ports import StoreTrouble

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

BUSY_S = 5.0
"""How long SQLite waits for another process that writes."""
PATIENCE_S = 10.0
"""How long PostgreSQL may take over one piece of work."""
CONNECT_S = 5
TRIES = 3
AGAIN = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: "the transaction may be retried" (PostgreSQL manual, appendix A and section 13.5,
read 2026-11-20)."""
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
WAITING = 1000
"""Pieces of work that may wait for SQLite's one writer."""
TOGETHER = 64
"""Pieces of work that share a transaction."""
READERS = 4


class Database:
    """The connections to one database. Mutable: it is opened and closed."""

    def __init__(self, url: URL, *, waiting: int = WAITING) -> None:
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.file = Path(url.database or "") if self.is_sqlite else None
        self._writer, self._reader = _sqlite_engines(url) if self.is_sqlite else _postgresql_engines(url)
        self._insert = importlib.import_module(f"sqlalchemy.dialects.{url.get_backend_name()}").insert
        self._adding: dict[str, Any] = {}
        self._queue: asyncio.Queue[_Job] = asyncio.Queue(waiting)
        self._writing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def engine(self) -> AsyncEngine:
        """The connections that write, for work that is no ordinary transaction."""
        return self._writer

    def insert(self, table: Table) -> Any:
        """An INSERT that can say what to do about a row that is there already; both databases say it alike."""
        return self._insert(table)

    def adding(self, table: Table, key: Sequence[str], names: Sequence[str]) -> Any:
        """An INSERT that adds to these columns of the row that is there already. Made once: its making takes longer
        than most of its runs."""
        if table.name not in self._adding:
            insert = self._insert(table)
            added = {name: table.c[name] + insert.excluded[name] for name in names}
            self._adding[table.name] = insert.on_conflict_do_update(index_elements=list(key), set_=added)
        return self._adding[table.name]

    async def read(self, work: Work[T], *, patience_s: float | None = PATIENCE_S) -> T:
        """What the work reads, all as of one moment; on PostgreSQL within a time, unless that is None."""
        with translated():
            return await self._retried(self._reader, work, patience_s)

    async def write(self, work: Work[T]) -> T:
        """What the work gives, once it is committed. A caller that is cancelled does not undo it."""
        with translated():
            return await asyncio.shield(self._queued(work) if self.is_sqlite else self._running(work))

    def _queued(self, work: Work[T]) -> asyncio.Future[T]:
        """The work's outcome, when SQLite's one writer comes to it."""
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        job = _Job(work)
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            raise StoreTrouble("away", "Too much is waiting to be written to the database. Try again later.") from None
        return job.done

    def _running(self, work: Work[T]) -> asyncio.Future[T]:
        """The work's outcome, in a transaction of its own."""
        task = asyncio.create_task(self._retried(self._writer, work))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Whoever asked may have been cancelled, and then nobody looks.
            task.exception()

    async def tidy(self, table: Table) -> None:
        """Leaves nothing of what was deleted from a table: SQLite has overwritten it, but for its log; PostgreSQL has
        only marked it, and vacuums."""
        with translated():
            async with self._writer.connect() as connection:
                if not self.is_sqlite:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                    await connection.exec_driver_sql(f"VACUUM {table.name}")
                    return
                driver = (await connection.get_raw_connection()).driver_connection
                if isinstance(driver, aiosqlite.Connection):
                    await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Writes what waits, and lets go of the database."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writing:
            await self._queue.join()
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        await self._reader.dispose()
        await self._writer.dispose()

    async def _retried(self, engine: AsyncEngine, work: Work[T], patience_s: float | None = PATIENCE_S) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                async with asyncio.timeout(None if self.is_sqlite else patience_s), engine.begin() as connection:
                    return await work(connection)
            except DBAPIError as failed:
                if attempt == TRIES or getattr(failed.orig, "sqlstate", None) not in AGAIN:
                    raise
                await asyncio.sleep(0.01 * 4**attempt)
        raise AssertionError  # The last try returns or raises.

    async def _write_all(self) -> None:
        """The one writer of SQLite."""
        while True:
            jobs = [await self._queue.get()]
            while len(jobs) < TOGETHER and not self._queue.empty():
                jobs.append(self._queue.get_nowait())
            try:
                async with self._writer.begin() as connection:
                    for job in jobs:
                        await job.run(connection)
            except BaseException as failed:
                # Nothing was committed, whatever a single piece of work believes.
                for job in jobs:
                    job.failed = job.failed or failed
                if not isinstance(failed, Exception):
                    raise
            finally:
                for job in jobs:
                    job.tell()
                    self._queue.task_done()


class _Job:
    """One piece of work that waits for the writer. Mutable: it comes to an outcome."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.failed: BaseException | None = None
        self._result: Any = None

    async def run(self, connection: AsyncConnection) -> None:
        """Does the work within a savepoint. What goes wrong belongs to whoever asked for it, and is not raised here."""
        try:
            async with connection.begin_nested():
                self._result = await self.work(connection)
        except Exception as failed:
            self.failed = failed

    def tell(self) -> None:
        """Gives the outcome to whoever waits for it."""
        if self.done.done():
            return
        if self.failed is None:
            self.done.set_result(self._result)
        else:
            self.done.set_exception(self.failed)
            # Whoever asked may have been cancelled, and then nobody looks.
            self.done.exception()


@contextmanager
def translated() -> Iterator[None]:
    """What a database says of itself, as `StoreTrouble`. What it says of a row is whose row it is."""
    try:
        yield
    except (SQLAlchemyError, OSError) as failed:
        if found := trouble(failed):
            raise found from failed
        raise


def trouble(failed: BaseException) -> StoreTrouble | None:
    """The trouble that an exception of SQLAlchemy or the system means; None where the fault is in what was asked."""
    found = failed.orig if isinstance(failed, DBAPIError) and failed.orig else failed
    words = " ".join(str(found).split())[:300]
    match failed:
        case _ if getattr(found, "sqlite_errorname", "").startswith(DAMAGED):
            return StoreTrouble("damaged", f"The database is damaged ({words}). See 'dragoman db check'.")
        case TimeoutError() | PoolEmpty():
            return StoreTrouble("away", "The database did not answer in time. Try again later.")
        case OSError() | OperationalError() | InterfaceError():
            return StoreTrouble("away", f"The database cannot be used now ({words}). Try again later.")
        case DBAPIError() if failed.connection_invalidated:
            return StoreTrouble("away", f"The database cannot be used now ({words}). Try again later.")
        case _:
            return None


def _sqlite_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """One connection that writes, and some that cannot."""
    driver = url.set(drivername="sqlite+aiosqlite")
    common: dict[str, Any] = {"max_overflow": 0, "connect_args": {"timeout": BUSY_S}, "hide_parameters": True}
    writer = create_async_engine(driver, pool_size=1, **common)
    reader = create_async_engine(driver, pool_size=READERS, **common)
    _tune(writer, "BEGIN IMMEDIATE", ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"))
    _tune(reader, "BEGIN", ("query_only=ON",))
    return writer, reader


def _tune(engine: AsyncEngine, begin: str, pragmas: tuple[str, ...]) -> None:
    """Takes transactions out of the driver's hands, which would begin them late and commit them around DDL."""

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def began(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _postgresql_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Connections that write, and others on which a whole transaction sees one moment."""
    driver = url.set(drivername="postgresql+psycopg")
    # Statements are not prepared: behind a pooler the next transaction may be on another connection.
    arguments = {"connect_timeout": CONNECT_S, "prepare_threshold": None}
    common: dict[str, Any] = {
        "pool_pre_ping": True,
        "pool_timeout": PATIENCE_S,
        "connect_args": arguments,
        # They are not told by exceptions, which are logged: some are secrets.
        "hide_parameters": True,
    }
    writer = create_async_engine(driver, pool_size=READERS, max_overflow=READERS, **common)
    reader = create_async_engine(
        driver, pool_size=READERS, max_overflow=READERS, isolation_level="REPEATABLE READ", **common
    )
    return writer, reader


def make_private(file: Path) -> None:
    """Leaves a file that only its owner can read; SQLite gives its companions the same mode."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    file.chmod(0o600)
