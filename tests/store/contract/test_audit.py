"""The audit log: nothing can be taken out of it, put into it or changed in it unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Executable, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store.opening import SqlStore
from dragoman.store.ports import Actor, Note
from dragoman.store.tables import audit, marks
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

EVE = Actor(kind="user", id="u2", name="eve", address="10.0.0.2")


async def tamper(store: SqlStore, *statements: Executable) -> None:
    """What somebody does who can write to the database but has no master key."""

    async def work(connection: AsyncConnection) -> None:
        for statement in statements:
            await connection.execute(statement)

    await store.database.write(work)


async def fill(store: SqlStore, count: int = 10) -> None:
    """Some entries."""
    for n in range(count):
        await store.audit.append(Note(by=EVE, action=f"key.{n}", subject=f"s{n}", name="n", after="a"))


async def test_entries_are_counted_and_given_newest_first(store: SqlStore) -> None:
    await fill(store)
    assert [entry.n for entry in await store.audit.entries(limit=4)] == [10, 9, 8, 7]
    assert [entry.n for entry in await store.audit.entries(before_n=3)] == [2, 1]
    assert [entry.n for entry in await store.audit.entries(action="key.3")] == [4]
    assert len(await store.audit.entries(action="key.")) == 10
    assert await store.audit.entries(action="key%") == ()
    assert [entry.n for entry in await store.audit.entries(subject="s7")] == [8]


async def test_an_entry_tells_who_did_what_and_when(home: Home) -> None:
    async with home.open() as store:
        note = Note(by=EVE, action="login.refused", subject="u2", name="eve\0", changed=("password",))
        entry = await store.audit.append(note)
        assert (entry.n, entry.at_ms, entry.note) == (1, home.clock.ms, note)
        assert await store.audit.entries() == (entry,)


async def test_an_untouched_log_is_sound_also_after_a_restart(home: Home) -> None:
    async with home.open() as store:
        assert await store.audit.verify() is None
        await fill(store)
        assert await store.audit.verify() is None
    async with home.open() as store:
        await fill(store, 3)
        assert await store.audit.verify() is None


TAMPERED: list[tuple[str, Sequence[Executable], int]] = [
    ("a note is changed", [update(audit).where(audit.c.n == 4).values(note=audit.c.note + " ")], 4),
    ("an action is changed", [update(audit).where(audit.c.n == 4).values(action="other")], 4),
    ("a subject is changed", [update(audit).where(audit.c.n == 4).values(subject="other")], 4),
    ("a time is changed", [update(audit).where(audit.c.n == 4).values(at_ms=1)], 4),
    ("the first is removed", [delete(audit).where(audit.c.n == 1)], 1),
    ("one is removed", [delete(audit).where(audit.c.n == 4)], 4),
    (
        "one is removed and the others close up",
        [delete(audit).where(audit.c.n == 10), update(audit).where(audit.c.n == 9).values(n=10)],
        9,
    ),
    ("the last is removed", [delete(audit).where(audit.c.n == 10)], 10),
    ("all are removed", [delete(audit)], 1),
    ("one is copied", [audit.insert().values(n=11, at_ms=1, action="a", subject="", note="{}", chain=b"x")], 11),
    ("two change places", [update(audit).where(audit.c.n == n).values(n=-n) for n in (4, 5)], 4),
]


@pytest.mark.parametrize(("what", "statements", "first"), TAMPERED, ids=[each[0] for each in TAMPERED])
async def test_tampering_is_found(store: SqlStore, what: str, statements: Sequence[Executable], first: int) -> None:
    await fill(store)
    await tamper(store, *statements)
    assert await store.audit.verify() == first


async def test_the_count_itself_cannot_be_set_back_while_entries_remain(store: SqlStore) -> None:
    await fill(store)
    await tamper(store, update(marks).where(marks.c.name == "audited").values(value=3))
    assert await store.audit.verify() is not None


async def test_entries_made_at_once_stand_in_one_chain(home: Home) -> None:
    async with home.open() as one, home.open() as other:
        await asyncio.gather(
            *(store.audit.append(Note(by=EVE, action=f"{n}")) for store in (one, other) for n in range(20))
        )
        assert [entry.n for entry in await one.audit.entries()] == list(range(40, 0, -1))
        assert await other.audit.verify() is None
