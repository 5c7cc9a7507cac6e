"""The configuration in the database: rows of one table, their secrets in another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Row as SqlRow
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store import tables
from dragoman.store.books import Books, fitting, missing, new_id, note, stale
from dragoman.store.ports import Actor, Note, Row, RowChange, State, StoreTrouble
from dragoman.store.reading import as_stored, name_of, read_row
from dragoman.store.sealing import ChangeAll, joined, parted, without_secrets
from dragoman.store.tables import configured, plain
from dragoman.store.vault import Place

S = TypeVar("S", bound=Struct)


class Loaded(NamedTuple, Generic[S]):
    """The rows of one kind."""

    rows: tuple[Row[S], ...]
    unread: tuple[Row[Any], ...]
    """Those that cannot be read, as they were stored, each with its fault."""


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
        self.kind = kind
        self._spec = spec
        self._secrets_of = secrets_of

    async def all(self, *, archived: bool = False) -> tuple[Row[S], ...]:
        """Every row that can be read, by name."""
        return await self._books.read(lambda connection: self.rows(connection, archived=archived))

    async def unread(self) -> tuple[Row[Any], ...]:
        """The rows that cannot be read, with their faults."""
        found = await self._books.read(lambda connection: self._every(connection, archived=True))
        return tuple(row for row in found if row.fault)

    async def get(self, row_id: str) -> Row[S]:
        """One row."""
        row = await self._books.read(lambda connection: self._one(connection, row_id))
        if row.fault:
            raise StoreTrouble("damaged", row.fault)
        return row

    async def add(self, by: Actor, spec: S, *, state: State = "enabled") -> Row[S]:
        """A new row."""
        shown, new, kept = parted(spec, self._secrets_of)
        if kept:
            raise StoreTrouble("missing", f"There is no secret yet to keep as {', '.join(sorted(kept))}.")
        now_ms, row_id = self._books.now_ms(), new_id()
        row = Row(id=row_id, spec=shown, state=state, revision=1, created_ms=now_ms, updated_ms=now_ms)

        async def work(connection: AsyncConnection) -> tuple[Row[S], Note]:
            await connection.execute(configured.insert(), {**self._columns(row), "id": row_id, "kind": self.kind})
            await self._put_secrets(connection, row_id, new)
            return row, note(by, f"{self.kind}.add", row_id, name_of(shown), None, shown)

        return await self._books.changed(work)

    async def change(
        self,
        by: Actor,
        row_id: str,
        revision: int,
        *,
        spec: S | None = None,
        state: State | None = None,
        force: bool = False,
    ) -> Row[S]:
        """The row with what is not None replaced."""
        wanted = RowChange(id=row_id, revision=revision, spec=spec, state=state, force=force)
        return await self._books.changed(lambda connection: self._changed(connection, by, wanted))

    async def remove(self, by: Actor, row_id: str, revision: int, *, force: bool = False) -> None:
        """The row is gone, and its secrets are."""
        wanted: RowChange[S] = RowChange(id=row_id, revision=revision, remove=True, force=force)
        await self._books.changed(lambda connection: self._removed(connection, by, wanted))

    async def change_all(self, by: Actor, changes: Sequence[RowChange[S]]) -> tuple[Row[S], ...]:
        """All of them at once, each with its entry in the log, or none; the rows that are left."""

        async def work(connection: AsyncConnection) -> tuple[tuple[Row[S], ...], list[Note]]:
            rows: list[Row[S]] = []
            notes: list[Note] = []
            for wanted in changes:
                if wanted.remove:
                    _, noted = await self._removed(connection, by, wanted)
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
        """Every row that can be read, by name, within a transaction that is running."""
        return tuple(row for row in await self._every(connection, archived=archived) if not row.fault)

    async def _every(self, connection: AsyncConnection, *, archived: bool = False) -> tuple[Row[Any], ...]:
        """Every row by name, also those that cannot be read."""
        wanted = select(configured).where(configured.c.kind == self.kind).order_by(configured.c.name, configured.c.id)
        if not archived:
            wanted = wanted.where(configured.c.state != "archived")
        return tuple(map(self._row, await connection.execute(wanted)))

    async def loaded(self, connection: AsyncConnection) -> Loaded[S]:
        """Every row by name, its secrets in their places, apart from those that cannot be read, or not with their
        secrets."""
        rows = await self._every(connection)
        sealed: dict[str, dict[str, bytes]] = {row.id: {} for row in rows}
        for secret in await connection.execute(select(tables.secrets)):
            if secret.owner in sealed:
                sealed[secret.owner][secret.place] = secret.sealed
        found = [row if row.fault else self._unsealed(row, sealed[row.id]) for row in rows]
        return Loaded(tuple(row for row in found if not row.fault), tuple(row for row in found if row.fault))

    def _unsealed(self, row: Row[S], sealed: Mapping[str, bytes]) -> Row[Any]:
        """The row with its secrets in their places, or as it is stored, with the fault that keeps them away."""
        try:
            opened = {
                place: self._books.vault.open(Place(tables.secrets.name, row.id, place), content).decode()
                for place, content in sealed.items()
            }
            return msgspec.structs.replace(row, spec=joined(row.spec, opened, self._secrets_of))
        except (StoreTrouble, msgspec.MsgspecError) as found:
            words = f"The secrets of the {self.kind} '{name_of(row.spec)}' cannot be read: {found}"
            return cast("Row[Any]", msgspec.structs.replace(cast("Any", row), spec=as_stored(row.spec), fault=words))

    async def _changed(self, connection: AsyncConnection, by: Actor, wanted: RowChange[S]) -> tuple[Row[S], Note]:
        """One row with what is not None replaced, within a transaction that is running."""
        before = await self._seen(connection, wanted.id, wanted.revision)
        shown, new = await self._sealed(connection, before, wanted.spec)
        if wanted.state == "archived" or name_of(shown) != name_of(before.spec):
            await self._check_free(connection, before, force=wanted.force)
        after = msgspec.structs.replace(
            before,
            spec=shown,
            state=wanted.state or before.state,
            revision=before.revision + 1,
            updated_ms=self._books.now_ms(),
            fault="" if wanted.spec is not None else before.fault,
        )
        await connection.execute(update(configured).where(configured.c.id == wanted.id), self._columns(after))
        action = f"{self.kind}.change" if after.state == before.state else f"{self.kind}.{after.state}"
        return after, secrets_noted(note(by, action, wanted.id, name_of(shown), before.spec, shown), new)

    async def _sealed(
        self, connection: AsyncConnection, before: Row[Any], wanted: S | None
    ) -> tuple[Any, Mapping[str, str]]:
        """The description as it is stored from now on, its secrets put away; and those that are new, by place."""
        if wanted is None and before.fault:
            return before.spec, {}
        shown, new, kept = parted(before.spec if wanted is None else wanted, self._secrets_of)
        if before.fault and kept:
            raise StoreTrouble(
                "unfit", "What stood here cannot be read, so nothing says where its secrets may go. Give them anew."
            )
        await self._drop_secrets(connection, before.id, kept)
        await self._put_secrets(connection, before.id, new)
        return shown, new

    async def _removed(self, connection: AsyncConnection, by: Actor, wanted: RowChange[S]) -> tuple[None, Note]:
        """One row gone, within a transaction that is running."""
        before = await self._seen(connection, wanted.id, wanted.revision)
        await self._check_free(connection, before, force=wanted.force)
        await self._drop_secrets(connection, before.id, frozenset())
        await connection.execute(delete(configured).where(configured.c.id == before.id))
        return None, note(by, f"{self.kind}.remove", before.id, name_of(before.spec), before.spec, None)

    async def _seen(self, connection: AsyncConnection, row_id: str, revision: int) -> Row[Any]:
        """The row, if it is still the one that was seen. Trouble: missing, stale."""
        before = await self._one(connection, row_id)
        if before.revision != revision:
            raise stale(self.kind)
        return before

    async def _check_free(self, connection: AsyncConnection, row: Row[Any], *, force: bool) -> None:
        """Trouble (in_use) where something else needs the row by its name, and it is not said that it may go."""
        if self._in_use is None or force or row.state == "archived":
            return
        name = name_of(row.spec)
        if users := await self._in_use(connection, name):
            words = f"'{name}' is used by {', '.join(users[:10])}. Take it from there first, or say `force`."
            raise StoreTrouble("in_use", words)

    async def _to_copy(self, connection: AsyncConnection, row_id: str, *, secrets: bool) -> S:
        """A row's description with its secrets in their places, or without them."""
        if not secrets:
            row = await self._one(connection, row_id)
            if row.fault:
                raise StoreTrouble("damaged", row.fault)
            return without_secrets(cast("S", row.spec))
        rows, unread = await self.loaded(connection)
        for found in rows:
            if found.id == row_id:
                return found.spec
        for lost in unread:
            if lost.id == row_id:
                raise StoreTrouble("damaged", lost.fault)
        raise missing(self.kind)

    async def _one(self, connection: AsyncConnection, row_id: str) -> Row[Any]:
        wanted = select(configured).where(configured.c.id == plain(row_id), configured.c.kind == self.kind)
        found = (await connection.execute(wanted)).one_or_none()
        if found is None:
            raise missing(self.kind)
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

    def _columns(self, row: Row[Any]) -> dict[str, Any]:
        """A row as it is stored, but for what never changes."""
        return {
            "name": fitting(name_of(row.spec), "name"),
            "state": row.state,
            "spec": msgspec.json.encode(row.spec).decode(),
            "revision": row.revision,
            "created_ms": row.created_ms,
            "updated_ms": row.updated_ms,
        }

    def _row(self, found: SqlRow[Any]) -> Row[Any]:
        return read_row(found, self._spec, self.kind)


async def put_secret(connection: AsyncConnection, books: Books, owner: str, place: str, content: bytes) -> None:
    """Seals a secret in its place; one that is there already must be gone."""
    sealed = books.vault.seal(Place(tables.secrets.name, owner, place), content)
    row = {"owner": owner, "place": place, "sealed": sealed, "made_ms": books.now_ms()}
    await connection.execute(tables.secrets.insert(), row)


def secrets_noted(found: Note, new: Mapping[str, str]) -> Note:
    """The entry with the places whose secrets were given anew, since they may look the same afterwards."""
    return msgspec.structs.replace(found, changed=tuple(sorted({*found.changed, *new})))
