"""What every change of the configuration has in common: one transaction that makes it, counts it and notes it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store.database import Database, Work
from dragoman.store.log import AuditLog, digest_of
from dragoman.store.ports import Actor, Note, StoreTrouble
from dragoman.store.tables import INDEXED, VERSION, fits, marks
from dragoman.store.vault import Vault

T = TypeVar("T")


class Books:
    """What the ports are made of. Mutable: it knows who waits for the next change."""

    def __init__(self, database: Database, log: AuditLog, vault: Vault, pepper: bytes, now_ms: Callable[[], int]):
        self.database = database
        self.log = log
        self.vault = vault
        self.pepper = pepper
        self.now_ms = now_ms
        self._waiting: set[asyncio.Event] = set()

    async def changed(self, work: Callable[[AsyncConnection], Awaitable[tuple[T, Note]]]) -> T:
        """What a change of the configuration gives: it raises the version and is noted, or nothing has happened."""

        async def one(connection: AsyncConnection) -> tuple[T, Sequence[Note]]:
            result, note = await work(connection)
            return result, (note,)

        return await self.changed_all(one)

    async def changed_all(self, work: Callable[[AsyncConnection], Awaitable[tuple[T, Sequence[Note]]]]) -> T:
        """The same for several changes at once, each with a note."""

        async def whole(connection: AsyncConnection) -> T:
            # First of all, for whoever else changes something waits here until this is committed.
            raised = update(marks).where(marks.c.name == VERSION).values(value=marks.c.value + 1)
            await connection.execute(raised)
            result, notes = await work(connection)
            for note in notes:
                await self.log.write(connection, note)
            return result

        with taken():
            result = await self.database.write(whole)
        self.look()
        return result

    def look(self) -> None:
        """Whoever watches looks at the version now: it may have changed."""
        for event in self._waiting:
            event.set()

    async def noted(self, work: Callable[[AsyncConnection], Awaitable[tuple[T, Note]]]) -> T:
        """What a change gives that is none of the configuration."""

        async def whole(connection: AsyncConnection) -> T:
            result, note = await work(connection)
            await self.log.write(connection, note)
            return result

        with taken():
            return await self.database.write(whole)

    async def read(self, work: Work[T]) -> T:
        """What the work reads."""
        return await self.database.read(work)

    async def version(self) -> int:
        """How often the configuration was changed."""
        return await self.read(version_of)

    async def watch(self, every_s: float) -> AsyncIterator[int]:
        """The version, and again whenever it has changed."""
        seen: int | None = None
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            while True:
                event.clear()
                with suppress(StoreTrouble):
                    version = await self.version()
                    if version != seen:
                        seen = version
                        yield version
                with suppress(TimeoutError):
                    async with asyncio.timeout(every_s):
                        await event.wait()
        finally:
            self._waiting.discard(event)


async def version_of(connection: AsyncConnection) -> int:
    """The configuration's version, as this transaction sees it."""
    return int((await connection.execute(select(marks.c.value).where(marks.c.name == VERSION))).scalar_one())


@contextmanager
def taken() -> Iterator[None]:
    """A row that may not be there twice, as trouble."""
    try:
        yield
    except IntegrityError:
        raise StoreTrouble("taken", "The name is in use already. Choose another.") from None


def fitting(text: str, what: str) -> str:
    """The text, if it can be stored as it is. Trouble: unfit."""
    if not fits(text):
        raise StoreTrouble("unfit", f"The {what} is too long, or holds a NUL. Use at most {INDEXED} characters.")
    return text


def stale(what: str) -> StoreTrouble:
    """The trouble of whoever changes what he has not seen."""
    return StoreTrouble("stale", f"The {what} was changed meanwhile. Look at it again, then repeat the change.")


def missing(what: str) -> StoreTrouble:
    """The trouble of whoever asks for what is not there."""
    return StoreTrouble("missing", f"There is no such {what}.")


def new_id() -> str:
    """An id that nothing else has."""
    return secrets.token_hex(12)


def note(by: Actor, action: str, subject: str, name: str, before: Any = None, after: Any = None) -> Note:
    """An entry on a change from one description to another; None stands for nothing."""
    texts = [b"" if spec is None else msgspec.json.encode(spec) for spec in (before, after)]
    digests = [digest_of(text) if text else "" for text in texts]
    old, new = map(_members, texts)
    changed = tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name]))
    return Note(by=by, action=action, subject=subject, name=name, before=digests[0], after=digests[1], changed=changed)


def _members(text: bytes) -> Mapping[str, object]:
    found: dict[str, object] = msgspec.json.decode(text) if text else {}
    return found
