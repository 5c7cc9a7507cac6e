"""Copies of a whole database as one file that either kind of database can be restored from.

The file is gzip over lines of JSON: a head that names the step of the tables, a line for each row, and an end that
counts them, so that a file that was cut is known. Secrets stay sealed in it: it is of use only with the master key.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, LargeBinary, column, inspect, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store import migrations
from dragoman.store.database import Database, make_private, translated
from dragoman.store.ports import StoreTrouble
from dragoman.store.tables import metadata

FORM = "dragoman backup 1"
BATCH = 100


class Head(Struct, frozen=True, tag="head"):
    """What the file is."""

    form: str
    revision: str
    made_ms: int
    binary: dict[str, list[str]]
    """Columns by table whose values stand in base64."""


class Line(Struct, frozen=True, tag="row"):
    """One row."""

    table: str
    row: dict[str, Any]


class End(Struct, frozen=True, tag="end"):
    """The end of a whole file."""

    rows: int


_LINE = msgspec.json.Decoder(Head | Line | End)


async def back_up(database: Database, target: Path, now_ms: int, *, contents: bool = True) -> int:
    """Writes everything that the database holds at one moment, with or without the contents of requests; how many rows.

    The target is there only once it is whole, and only its owner can read it.
    """
    binary = {
        str(each.name): [str(c.name) for c in each.c if isinstance(c.type, LargeBinary)]
        for each in metadata.sorted_tables
    }
    head = Head(FORM, migrations.HEAD, now_ms, binary)

    async def work(connection: AsyncConnection) -> int:
        count = 0
        with gzip.open(unfinished, "wb") as out:
            _write(out, head)
            for each in metadata.sorted_tables:
                if each.name == "bodies" and not contents:
                    continue
                rows = await connection.stream(select(each), execution_options={"yield_per": BATCH})
                async for row in rows:
                    _write(out, Line(str(each.name), _packed(dict(row._mapping), binary[each.name])))
                    count += 1
            _write(out, End(count))
        return count

    unfinished = target.with_name(target.name + ".part")
    make_private(unfinished)
    with translated():
        # It takes as long as it takes.
        count = await database.read(work, patience_s=None)
        unfinished.replace(target)
    return count


def restore(connection: Connection, source: Path) -> int:
    """Puts everything from a backup in the place of what the database holds, within the transaction that is running,
    and brings it to this version's tables; how many rows.

    Trouble: damaged, where the file is not whole; newer, where a later version made it.
    """
    lines = _read(source)
    head = next(lines)
    if not isinstance(head, Head) or head.form != FORM:
        raise _unfit(source, "it is no backup of Dragoman")
    _clear(connection)
    migrations.upgrade(connection, head.revision)
    for name in inspect(connection).get_table_names():
        # The first step puts marks there; the backup has its own.
        if name != migrations.TABLE:
            connection.execute(table(name).delete())
    count = 0
    for batch in _batches(lines):
        if isinstance(batch, End):
            if batch.rows != count:
                break
            migrations.upgrade(connection)
            return count
        name = batch[0].table
        rows = [_unpacked(line.row, head.binary.get(name, ())) for line in batch]
        connection.execute(table(name, *map(column, rows[0])).insert(), rows)
        count += len(rows)
    raise _unfit(source, "it is not whole")


def _batches(lines: Iterator[Head | Line | End]) -> Iterator[list[Line] | End]:
    """Rows of one table each, and the end."""
    batch: list[Line] = []
    for line in lines:
        if batch and not (isinstance(line, Line) and line.table == batch[0].table and len(batch) < BATCH):
            yield batch
            batch = []
        if isinstance(line, Line):
            batch.append(line)
        elif isinstance(line, End):
            yield line


def _clear(connection: Connection) -> None:
    """Leaves none of our tables."""
    metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {migrations.TABLE}"))


def _write(out: gzip.GzipFile, line: Head | Line | End) -> None:
    out.write(msgspec.json.encode(line) + b"\n")


def _read(source: Path) -> Iterator[Head | Line | End]:
    try:
        with gzip.open(source) as lines:
            for line in lines:
                yield _LINE.decode(line)
    except FileNotFoundError:
        raise _unfit(source, "it does not exist") from None
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as failed:
        raise _unfit(source, f"it cannot be read ({failed})") from None


def _unfit(source: Path, why: str) -> StoreTrouble:
    return StoreTrouble("damaged", f"Nothing can be restored from {source}: {why}. Nothing was changed.")


def _packed(row: dict[str, Any], binary: Sequence[str]) -> dict[str, Any]:
    return {**row, **{name: base64.b64encode(row[name]).decode() for name in binary}}


def _unpacked(row: dict[str, Any], binary: Sequence[str]) -> dict[str, Any]:
    """The row as a table takes it that is known by its name only: lists as the JSON text that they are kept as."""
    lists = {name: msgspec.json.encode(value).decode() for name, value in row.items() if isinstance(value, list | dict)}
    return {**row, **lists, **{name: base64.b64decode(row[name]) for name in binary}}
