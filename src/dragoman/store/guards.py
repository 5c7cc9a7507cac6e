"""Whether a database holds what keeps strangers out, asked before a gateway listens to them."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import ColumnElement, func, inspect, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import FromClause

from dragoman.store.opening import address, open_database
from dragoman.store.tables import api_keys, users
from dragoman.store.unlock import KEY_FILE
from dragoman.store.users import IS_ADMIN

KEY, ADMIN_USER, MASTER_KEY = "API key that is in force", "admin", "master key"
"""What has to be there, in words."""


async def lacking(url: str, folder: Path, *, has_master_key: bool) -> tuple[str, ...]:
    """What is not there of an API key in force, an admin, and a master key: configured, or made in the folder.

    Nothing is changed. Trouble: away, damaged, unusable.
    """
    master = () if has_master_key or (folder / KEY_FILE).exists() else (MASTER_KEY,)
    if _is_new(url, folder):
        return KEY, ADMIN_USER, *master
    async with open_database(url, folder) as database:
        return *await database.read(_found_wanting), *master


def _is_new(url: str, folder: Path) -> bool:
    """Whether there is no file yet, which asking would make."""
    where = address(url, folder)
    return where.get_backend_name() == "sqlite" and not Path(where.database or "").exists()


async def _found_wanting(connection: AsyncConnection) -> tuple[str, ...]:
    there = await connection.run_sync(lambda own: set(inspect(own).get_table_names()))
    now_ms = time.time_ns() // 1_000_000
    in_force = (api_keys.c.state == "enabled") & or_(api_keys.c.expires_ms.is_(None), api_keys.c.expires_ms > now_ms)
    sought: tuple[tuple[str, FromClause, ColumnElement[bool]], ...] = (
        (KEY, api_keys, in_force),
        (ADMIN_USER, users, IS_ADMIN),
    )
    found = []
    for words, table, which in sought:
        count = select(func.count()).select_from(table).where(which)
        if str(table) not in there or not (await connection.execute(count)).scalar_one():
            found.append(words)
    return tuple(found)
