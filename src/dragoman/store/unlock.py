"""The master key and the data keys: found, made at the first start, or refused.

Rules: a database that has data keys is only ever opened with the master key they were wrapped by; another one, or none,
is refused by the id of the right one, and nothing is written. A key of our own is made only where nothing was sealed
yet.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store.database import Database
from dragoman.store.ports import StoreTrouble
from dragoman.store.tables import SYSTEM_OWNER, VERSION, data_keys, marks
from dragoman.store.tables import secrets as secret_rows
from dragoman.store.vault import KEY_BYTES, MasterKey, Place, Vault

KEY_FILE = "master.key"
NEXT = ".next"
"""Ending of the file that holds a new master key until the database is known to use it."""
PEPPER, CHAIN = "pepper", "chain"


async def unlock(database: Database, given: str | None, folder: Path, now_ms: Callable[[], int]) -> Vault:
    """What opens and seals. `given` is the configured master key; None takes the one in the folder.

    Trouble: locked_out, where it is not the right one.
    """

    async def work(connection: AsyncConnection) -> tuple[Vault, MasterKey]:
        await _alone(connection)
        rows = (await connection.execute(select(data_keys).order_by(data_keys.c.id))).all()
        if not rows:
            master = MasterKey(given) if given else own_key(folder)
            return await _first(connection, master, now_ms()), master
        master = _fitting(rows, _candidates(given, folder), given, folder)
        return Vault({row.id: master.unwrap(row.id, row.wrapped) for row in rows}), master

    vault, master = await database.write(work)
    if not given:
        settle(folder, master)
    return vault


def settle(folder: Path, master: MasterKey) -> None:
    """Gives the new master key's file its name, once the database is known to use it."""
    following = folder / (KEY_FILE + NEXT)
    if following.exists() and read_key(following).id == master.id:
        following.replace(folder / KEY_FILE)


async def system_secret(database: Database, vault: Vault, name: str, now_ms: Callable[[], int]) -> bytes:
    """A secret of the store's own, made at its first use."""
    place = Place(secret_rows.name, SYSTEM_OWNER, name)
    which = (secret_rows.c.owner == SYSTEM_OWNER, secret_rows.c.place == name)

    async def work(connection: AsyncConnection) -> bytes:
        await _alone(connection)
        sealed = (await connection.execute(select(secret_rows.c.sealed).where(*which))).scalar_one_or_none()
        if sealed is not None:
            return vault.open(place, sealed)
        made = secrets.token_bytes(KEY_BYTES)
        row = {"owner": SYSTEM_OWNER, "place": name, "sealed": vault.seal(place, made), "made_ms": now_ms()}
        await connection.execute(secret_rows.insert(), row)
        return made

    return await database.write(work)


async def rewrap(database: Database, old: MasterKey, new: MasterKey) -> int:
    """Wraps all data keys by a new master key; how many. Gateways that run go on with what they have unwrapped.

    Trouble: locked_out, where the old one is not theirs.
    """

    async def work(connection: AsyncConnection) -> int:
        await _alone(connection)
        rows = (await connection.execute(select(data_keys))).all()
        for row in rows:
            if row.master_id != old.id:
                raise _locked_out(row.master_id, f"the one given is {old.id}")
            wrapped = {"master_id": new.id, "wrapped": new.wrap(row.id, old.unwrap(row.id, row.wrapped))}
            await connection.execute(update(data_keys).where(data_keys.c.id == row.id), wrapped)
        return len(rows)

    return await database.write(work)


def own_key(folder: Path, name: str = KEY_FILE) -> MasterKey:
    """The master key that lies in the folder; made there, for its owner only, where none does."""
    file = folder / name
    if file.exists():
        return read_key(file)
    text = secrets.token_urlsafe(KEY_BYTES)
    unfinished = folder / (name + ".part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text + "\n")
        out.flush()
        # Should the machine fail, what was sealed must not outlive its key.
        os.fsync(out.fileno())
    unfinished.replace(file)
    return MasterKey(text)


def read_key(file: Path) -> MasterKey:
    """The master key in a file. Trouble: locked_out, where it cannot be read."""
    try:
        return MasterKey(file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as failed:
        raise StoreTrouble("locked_out", f"The master key in {file} cannot be read ({failed}).") from None


async def _alone(connection: AsyncConnection) -> None:
    """Makes others who are about to open the store wait until this transaction has ended."""
    await connection.execute(update(marks).where(marks.c.name == VERSION).values(value=marks.c.value))


async def _first(connection: AsyncConnection, master: MasterKey, now_ms: int) -> Vault:
    """The vault of a new database."""
    data_key = secrets.token_bytes(KEY_BYTES)
    row = {"id": 1, "master_id": master.id, "wrapped": master.wrap(1, data_key), "made_ms": now_ms}
    await connection.execute(data_keys.insert(), row)
    return Vault({1: data_key})


def _candidates(given: str | None, folder: Path) -> list[MasterKey]:
    """The configured master key; else those in the folder, of which there are two if a change of it was cut short."""
    if given:
        return [MasterKey(given)]
    files = (folder / KEY_FILE, folder / (KEY_FILE + NEXT))
    return [read_key(file) for file in files if file.exists()]


def _fitting(rows: Sequence[Row[Any]], keys: Sequence[MasterKey], given: str | None, folder: Path) -> MasterKey:
    """The master key that wrapped the data keys."""
    wanted = rows[0].master_id
    if fitting := next((key for key in keys if key.id == wanted), None):
        return fitting
    found = f"the one in {'DRAGOMAN_MASTER_KEY' if given else folder / KEY_FILE} is {keys[0].id}" if keys else ""
    raise _locked_out(wanted, found or f"none was given, and there is no {folder / KEY_FILE}")


def _locked_out(wanted: str, found: str) -> StoreTrouble:
    return StoreTrouble(
        "locked_out",
        f"The database's secrets were sealed with master key {wanted}; {found}. Nothing was changed. Give the right "
        "key as DRAGOMAN_MASTER_KEY, or restore its file.",
    )
