"""The configuration in the database: rows of one table, their secrets in another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Row as SqlRow
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store import tables
from dragoman.store.books import Books, fitting, missing, new_id, note, stale
from dragoman.store.ports import Actor, Note, Row, RowChange, State, StoreTrouble, Trouble
from dragoman.store.sealing import ChangeAll, joined, parted, without_secrets
from dragoman.store.tables import configured, plain
from dragoman.store.vault import Place

S = TypeVar("S", bound=Struct)


class SqlShelf(Generic[S]):
    """All rows of one kind."""

    def __init__(
        self,
        books: Books,
        kind: str,
        spec: type[S],
        secrets_of: ChangeAll[S],
        in_use: Callable[[AsyncConnection, str], Awaitable[Sequence[str]]] | None = None,
    ) -> None:
        self._books = books
        self._in_use = in_use
        """Names of what needs a row by its name."""
        self._kind = kind
        self._spec = spec
        self._secrets_of = secrets_of

    async def all(self, *, archived: bool = False) -> tuple[Row[S], ...]:
        """Every row by name."""
        return await self._books.read(lambda connection: self.rows(connection, archived=archived))

    async def get(self, row_id: str) -> Row[S]:
        """One row."""
        return await self._books.read(lambda connection: self._one(connection, row_id))

    async def add(self, by: Actor, spec: S, *, state: State = "enabled") -> Row[S]:
        """A new row."""
        shown, new, kept = parted(spec, self._secrets_of)
        if kept:
            raise StoreTrouble("missing", f"There is no secret yet to keep as {', '.join(sorted(kept))}.")
        now_ms, row_id = self._books.now_ms(), new_id()
        row = Row(id=row_id, spec=shown, state=state, revision=1, created_ms=now_ms, updated_ms=now_ms)

        async def work(connection: AsyncConnection) -> tuple[Row[S], Note]:
            await connection.execute(configured.insert(), {**self._columns(row), "id": row_id, "kind": self._kind})
            await self._put_secrets(connection, row_id, new)
            return row, note(by, f"{self._kind}.add", row_id, name_of(shown), None, shown)

        return await self._books.changed(work)

    async def change(
        self, by: Actor, row_id: str, revision: int, *, spec: S | None = None, state: State | None = None
    ) -> Row[S]:
        """The row with what is not None replaced."""
        wanted = RowChange(id=row_id, revision=revision, spec=spec, state=state)
        return await self._books.changed(lambda connection: self._changed(connection, by, wanted))

    async def remove(self, by: Actor, row_id: str, revision: int) -> None:
        """The row is gone, and its secrets are."""
        await self._books.changed(lambda connection: self._removed(connection, by, row_id, revision))

    async def change_all(self, by: Actor, changes: Sequence[RowChange[S]]) -> tuple[Row[S], ...]:
        """All of them at once, each with its entry in the log, or none; the rows that are left."""

        async def work(connection: AsyncConnection) -> tuple[tuple[Row[S], ...], list[Note]]:
            rows: list[Row[S]] = []
            notes: list[Note] = []
            for wanted in changes:
                if wanted.remove:
                    _, noted = await self._removed(connection, by, wanted.id, wanted.revision)
                else:
                    row, noted = await self._changed(connection, by, wanted)
                    rows.append(row)
                notes.append(noted)
            return tuple(rows), notes

        return await self._books.changed_all(work)

    async def copy(self, by: Actor, row_id: str, name: str, *, secrets: bool) -> Row[S]:
        """The same thing under another name, disabled; without its secrets, unless they are wished."""
        spec = await self._books.read(lambda connection: self._to_copy(connection, row_id, secrets=secrets))
        return await self.add(by, msgspec.structs.replace(spec, name=name), state="disabled")

    async def rows(self, connection: AsyncConnection, *, archived: bool = False) -> tuple[Row[S], ...]:
        """Every row by name, within a transaction that is running."""
        wanted = select(configured).where(configured.c.kind == self._kind).order_by(configured.c.name, configured.c.id)
        if not archived:
            wanted = wanted.where(configured.c.state != "archived")
        return tuple(map(self._row, await connection.execute(wanted)))

    async def with_secrets(self, connection: AsyncConnection) -> tuple[Row[S], ...]:
        """Every row by name, its secrets in their places."""
        rows = await self.rows(connection)
        found: dict[str, dict[str, str]] = {row.id: {} for row in rows}
        for secret in await connection.execute(select(tables.secrets)):
            if secret.owner in found:
                place = Place(tables.secrets.name, secret.owner, secret.place)
                found[secret.owner][secret.place] = self._books.vault.open(place, secret.sealed).decode()
        return tuple(
            msgspec.structs.replace(row, spec=joined(row.spec, found[row.id], self._secrets_of)) for row in rows
        )

    async def _changed(self, connection: AsyncConnection, by: Actor, wanted: RowChange[S]) -> tuple[Row[S], Note]:
        """One row with what is not None replaced, within a transaction that is running."""
        before = await self._seen(connection, wanted.id, wanted.revision)
        shown, new, kept = parted(before.spec if wanted.spec is None else wanted.spec, self._secrets_of)
        if wanted.state == "archived" or name_of(shown) != name_of(before.spec):
            await self._check_free(connection, before)
        await self._drop_secrets(connection, wanted.id, kept)
        await self._put_secrets(connection, wanted.id, new)
        after = msgspec.structs.replace(
            before,
            spec=shown,
            state=wanted.state or before.state,
            revision=before.revision + 1,
            updated_ms=self._books.now_ms(),
        )
        await connection.execute(update(configured).where(configured.c.id == wanted.id), self._columns(after))
        action = f"{self._kind}.change" if after.state == before.state else f"{self._kind}.{after.state}"
        return after, secrets_noted(note(by, action, wanted.id, name_of(shown), before.spec, shown), new)

    async def _removed(self, connection: AsyncConnection, by: Actor, row_id: str, revision: int) -> tuple[None, Note]:
        """One row gone, within a transaction that is running."""
        before = await self._seen(connection, row_id, revision)
        await self._check_free(connection, before)
        await self._drop_secrets(connection, row_id, frozenset())
        await connection.execute(delete(configured).where(configured.c.id == row_id))
        return None, note(by, f"{self._kind}.remove", row_id, name_of(before.spec), before.spec, None)

    async def _seen(self, connection: AsyncConnection, row_id: str, revision: int) -> Row[S]:
        """The row, if it is still the one that was seen. Trouble: missing, stale."""
        before = await self._one(connection, row_id)
        if before.revision != revision:
            raise stale(self._kind)
        return before

    async def _check_free(self, connection: AsyncConnection, row: Row[S]) -> None:
        """Trouble (in_use) where something else needs the row by its name."""
        if self._in_use is None or row.state == "archived":
            return
        if users := await self._in_use(connection, name_of(row.spec)):
            words = f"'{name_of(row.spec)}' is used by {', '.join(users[:10])}. Take it from there first."
            raise StoreTrouble("in_use", words)

    async def _to_copy(self, connection: AsyncConnection, row_id: str, *, secrets: bool) -> S:
        """A row's description with its secrets in their places, or without them."""
        if not secrets:
            return without_secrets((await self._one(connection, row_id)).spec)
        for row in await self.with_secrets(connection):
            if row.id == row_id:
                return row.spec
        raise missing(self._kind)

    async def _one(self, connection: AsyncConnection, row_id: str) -> Row[S]:
        wanted = select(configured).where(configured.c.id == plain(row_id), configured.c.kind == self._kind)
        found = (await connection.execute(wanted)).one_or_none()
        if found is None:
            raise missing(self._kind)
        return self._row(found)

    async def _put_secrets(self, connection: AsyncConnection, owner: str, new: Mapping[str, str]) -> None:
        for place, text in new.items():
            await put_secret(connection, self._books, owner, place, text.encode())

    async def _drop_secrets(self, connection: AsyncConnection, owner: str, kept: frozenset[str]) -> None:
        """Forgets the secrets of a row but for some, which have to be there."""
        secrets = tables.secrets
        found = set((await connection.execute(select(secrets.c.place).where(secrets.c.owner == owner))).scalars())
        if absent := kept - found:
            raise StoreTrouble("missing", f"There is no secret yet to keep as {', '.join(sorted(absent))}.")
        await connection.execute(delete(secrets).where(secrets.c.owner == owner, secrets.c.place.not_in(kept)))

    def _columns(self, row: Row[S]) -> dict[str, Any]:
        """A row as it is stored, but for what never changes."""
        return {
            "name": fitting(name_of(row.spec), "name"),
            "state": row.state,
            "spec": msgspec.json.encode(row.spec).decode(),
            "revision": row.revision,
            "created_ms": row.created_ms,
            "updated_ms": row.updated_ms,
        }

    def _row(self, found: SqlRow[Any]) -> Row[S]:
        return Row(
            id=found.id,
            spec=read_spec(found.spec, self._spec, f"{self._kind} '{found.name}'"),
            state=found.state,
            revision=found.revision,
            created_ms=found.created_ms,
            updated_ms=found.updated_ms,
        )


def name_of(spec: Struct) -> str:
    """The name that a description gives."""
    name: str = spec.name  # type: ignore[attr-defined]  # Every kind of description has one.
    return name


def read_spec(text: str, kind: type[S], what: str) -> S:
    """A description as it was stored. Trouble: newer, where it has members that this version does not know (one of them
    may be a limit, so the rest is not taken for the whole); damaged, where it is no description at all."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as found:
        told: Trouble = "newer" if "unknown field" in str(found) else "damaged"
        raise StoreTrouble(told, f"What the database says of the {what} cannot be read: {found}.") from None


async def put_secret(connection: AsyncConnection, books: Books, owner: str, place: str, content: bytes) -> None:
    """Seals a secret in its place; one that is there already must be gone."""
    sealed = books.vault.seal(Place(tables.secrets.name, owner, place), content)
    row = {"owner": owner, "place": place, "sealed": sealed, "made_ms": books.now_ms()}
    await connection.execute(tables.secrets.insert(), row)


def secrets_noted(found: Note, new: Mapping[str, str]) -> Note:
    """The entry with the places whose secrets were given anew, since they may look the same afterwards."""
    return msgspec.structs.replace(found, changed=tuple(sorted({*found.changed, *new})))
