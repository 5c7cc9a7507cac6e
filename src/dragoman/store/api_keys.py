"""The API keys in the database: what they may do, and digests to know them by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row as SqlRow
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import KeyTable
from dragoman.store import keys
from dragoman.store.books import Books, fitting, missing, new_id, note, stale
from dragoman.store.ports import Actor, Minted, Note, Row, State, StoredKey, StoreTrouble
from dragoman.store.reading import name_of, read_or_raw, read_row
from dragoman.store.tables import api_keys, plain

WHAT = "API key"


class SqlKeys:
    """All API keys."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def all(self, *, archived: bool = False) -> tuple[StoredKey, ...]:
        """Every key that can be read, by name."""
        return await self._books.read(lambda connection: self.rows(connection, archived=archived))

    async def unread(self) -> tuple[Row[Any], ...]:
        """The keys that cannot be read, with their faults."""
        return await self._books.read(lambda connection: self.unread_rows(connection, archived=True))

    async def get(self, row_id: str) -> StoredKey:
        """One key."""
        key = await self._books.read(lambda connection: self._one(connection, row_id))
        if not _is_read(key):
            words = f"What the database says of the API key '{name_of(key.spec)}' cannot be read."
            raise StoreTrouble("damaged", words)
        return key

    async def add(self, by: Actor, spec: KeyTable, *, expires_ms: int | None = None) -> Minted:
        """A new key, and the only sight of its text."""
        minted, now_ms = keys.mint(keys.KEY), self._books.now_ms()
        key = StoredKey(
            id=new_id(),
            public_id=minted.public_id,
            digest=keys.digest(self._books.pepper, minted.text),
            spec=spec,
            state="enabled",
            expires_ms=expires_ms,
            revision=1,
            created_ms=now_ms,
            updated_ms=now_ms,
        )

        async def work(connection: AsyncConnection) -> tuple[Minted, Note]:
            await connection.execute(api_keys.insert(), {**_columns(key), "id": key.id})
            return Minted(minted.text, key), note(by, "key.add", key.id, spec.name, None, spec)

        return await self._books.changed(work)

    async def change(
        self,
        by: Actor,
        row_id: str,
        revision: int,
        *,
        spec: KeyTable | None = None,
        state: State | None = None,
        expires_ms: int | None = None,
    ) -> StoredKey:
        """The key with what is not None replaced."""

        async def work(connection: AsyncConnection) -> tuple[StoredKey, Note]:
            before = await self._seen(connection, row_id, revision)
            after = await self._put(
                connection,
                before,
                spec=spec or before.spec,
                state=state or before.state,
                expires_ms=before.expires_ms if expires_ms is None else expires_ms or None,
            )
            action = "key.change" if after.state == before.state else f"key.{after.state}"
            return after, note(by, action, row_id, name_of(after.spec), before.spec, after.spec)

        return await self._books.changed(work)

    async def rotate(self, by: Actor, row_id: str, revision: int) -> Minted:
        """The same key with a new text."""
        minted = keys.mint(keys.KEY)

        async def work(connection: AsyncConnection) -> tuple[Minted, Note]:
            before = await self._seen(connection, row_id, revision)
            digest = keys.digest(self._books.pepper, minted.text)
            after = await self._put(connection, before, public_id=minted.public_id, digest=digest)
            noted = note(by, "key.rotate", row_id, name_of(after.spec), before.spec, after.spec)
            return Minted(minted.text, after), noted

        return await self._books.changed(work)

    async def rows(self, connection: AsyncConnection, *, archived: bool = False) -> tuple[StoredKey, ...]:
        """Every key that can be read, by name, within a transaction that is running."""
        found = map(_key, await self._found(connection, archived=archived))
        return tuple(key for key in found if _is_read(key))

    async def unread_rows(self, connection: AsyncConnection, *, archived: bool = False) -> tuple[Row[Any], ...]:
        """Every key that cannot be read, within a transaction that is running."""
        rows = [read_row(found, KeyTable, WHAT) for found in await self._found(connection, archived=archived)]
        return tuple(row for row in rows if row.fault)

    async def _found(self, connection: AsyncConnection, *, archived: bool) -> Sequence[SqlRow[Any]]:
        wanted = select(api_keys).order_by(api_keys.c.name, api_keys.c.id)
        if not archived:
            wanted = wanted.where(api_keys.c.state != "archived")
        return (await connection.execute(wanted)).all()

    async def _one(self, connection: AsyncConnection, row_id: str) -> StoredKey:
        found = (await connection.execute(select(api_keys).where(api_keys.c.id == plain(row_id)))).one_or_none()
        if found is None:
            raise missing("API key")
        return _key(found)

    async def _seen(self, connection: AsyncConnection, row_id: str, revision: int) -> StoredKey:
        """The key, if it still is as it was seen."""
        key = await self._one(connection, row_id)
        if key.revision != revision:
            raise stale("API key")
        return key

    async def _put(self, connection: AsyncConnection, before: StoredKey, **members: Any) -> StoredKey:
        """The key with some members replaced, stored."""
        now_ms = self._books.now_ms()
        after = msgspec.structs.replace(before, **members, revision=before.revision + 1, updated_ms=now_ms)
        await connection.execute(update(api_keys).where(api_keys.c.id == after.id), _columns(after))
        return after


async def switch_off(connection: AsyncConnection, owner: str, now_ms: int) -> None:
    """The keys of somebody who goes for good open nothing, not even for the next one of the same login."""
    for found in (await connection.execute(select(api_keys).where(api_keys.c.state == "enabled"))).all():
        key = _key(found)
        # One that cannot be read may be theirs: it opens nothing now, and shall not when it can be read again.
        if not _is_read(key) or key.spec.owner == owner:
            off = {"state": "disabled", "revision": found.revision + 1, "updated_ms": now_ms}
            await connection.execute(update(api_keys).where(api_keys.c.id == found.id), off)


def _columns(key: StoredKey) -> dict[str, Any]:
    """A key as it is stored, but for its id."""
    found = msgspec.structs.asdict(key)
    del found["id"]
    spec = msgspec.json.encode(key.spec).decode()
    return {**found, "spec": spec, "name": fitting(name_of(key.spec), "name")}


def _is_read(key: StoredKey) -> bool:
    """Whether a key's description could be read."""
    return isinstance(key.spec, KeyTable)


def _key(found: SqlRow[Any]) -> StoredKey:
    """A key as it was stored; one that cannot be read is described by raw JSON, and leaves this file as `Row` only."""
    spec: Any = read_or_raw(found.spec, KeyTable, WHAT, found.name)[0]
    return StoredKey(
        id=found.id,
        public_id=found.public_id,
        digest=bytes(found.digest),
        spec=spec,
        state=found.state,
        expires_ms=found.expires_ms,
        revision=found.revision,
        created_ms=found.created_ms,
        updated_ms=found.updated_ms,
    )
