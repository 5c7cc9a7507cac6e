"""Databases for tests: each gets an empty one of its own, of either kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

import pytest
from msgspec import Struct

from dragoman.store.opening import SqlStore, open_store
from tests.store.postgresql_server import PostgreSQL, postgresql


class Clock:
    """A clock that goes when it is told to. Mutable, as clocks are."""

    def __init__(self) -> None:
        self.ms = 1_795_168_800_000
        """2026-11-20 10:00 UTC."""

    def __call__(self) -> int:
        return self.ms


class Home(Struct, frozen=True):
    """Where a store is: its database and its folder."""

    url: str
    folder: Path
    clock: Clock

    def open(self, master_key: str | None = None) -> AbstractAsyncContextManager[SqlStore]:
        """The store, as another process would open it too."""
        return open_store(self.url, folder=self.folder, master_key=master_key, clock=self.clock)

    @property
    def file(self) -> Path:
        """The database of SQLite."""
        return self.folder / "dragoman.db"


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL for all tests."""
    with postgresql() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """An empty database, of each kind in turn."""
    kind: Literal["sqlite", "postgresql"] = request.param
    url = "" if kind == "sqlite" else request.getfixturevalue("server").database()
    return Home(url, tmp_path, Clock())


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Home:
    """An empty database of SQLite."""
    return Home("", tmp_path, Clock())


@pytest.fixture
def postgresql_home(tmp_path: Path, server: PostgreSQL) -> Home:
    """An empty database of PostgreSQL."""
    return Home(server.database(), tmp_path, Clock())


@pytest.fixture
async def store(home: Home) -> AsyncIterator[SqlStore]:
    """A new store on each kind of database in turn."""
    async with home.open() as opened:
        yield opened
