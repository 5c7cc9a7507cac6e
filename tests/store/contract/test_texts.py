"""Texts that others chose: what cannot be a name is refused, what cannot be found is not there, nothing breaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.store.opening import SqlStore
from dragoman.store.ports import SYSTEM, Actor, NewToken, Note, Payer, Search, StoreTrouble
from tests.store.contract.test_ledger import exchange
from tests.store.contract.test_people import user

pytestmark = pytest.mark.anyio

HOSTILE = ["a\0b", "x" * 10_000, "%' OR 1=1 --", "\U0001f600é"]
UNFIT = HOSTILE[:2]


async def missing(asked: Awaitable[object]) -> bool:
    """Whether there is no such thing."""
    try:
        return await asked is None
    except StoreTrouble as trouble:
        return trouble.kind == "missing"


@pytest.mark.parametrize("text", HOSTILE, ids=["nul", "long", "sql", "emoji"])
async def test_what_nobody_wrote_is_not_there(store: SqlStore, text: str) -> None:
    await store.people.add(SYSTEM, user("ab", subject="ab"))
    await store.ledger.put([exchange("ab")])
    people, configuration = store.people, store.configuration
    lookups: list[Callable[[str], Awaitable[object]]] = [
        configuration.channels.get,
        configuration.keys.get,
        people.user,
        people.token,
        lambda name: people.find(login=name),
        lambda name: people.find(subject=name),
        lambda name: people.remove_token(SYSTEM, name),
        lambda name: configuration.profiles.remove(SYSTEM, name, 1),
    ]
    assert [lookup for lookup in lookups if not await missing(lookup(text))] == []
    assert await people.tokens(text) == ()
    assert await store.audit.entries(action=text, subject=text) == ()
    search = Search(session=text, model=text, key_id=text, problem=text)
    assert (await store.ledger.find(search)).exchanges == ()
    assert await store.ledger.totals(search, ["day"]) == ()
    assert (await store.ledger.spent(Payer("key", text), 0))[0].requests == 0


@pytest.mark.parametrize("text", UNFIT, ids=["nul", "long"])
async def test_what_cannot_be_a_name_is_refused_rather_than_cut(store: SqlStore, text: str) -> None:
    anna = await store.people.add(SYSTEM, user("anna"))
    for attempt in (
        store.configuration.projects.add(SYSTEM, ProjectTable(name=text)),
        store.configuration.keys.add(SYSTEM, KeyTable(name=text)),
        store.people.add(SYSTEM, user(text)),
        store.people.add(SYSTEM, user("bob", subject=text)),
        store.people.change(SYSTEM, replace(anna, login=text)),
    ):
        with pytest.raises(StoreTrouble) as refused:
            await attempt
        assert refused.value.kind == "unfit"
    assert await store.configuration.version() == 1  # only the user was added


@pytest.mark.parametrize("text", HOSTILE, ids=["nul", "long", "sql", "emoji"])
async def test_what_is_only_looked_at_may_be_any_text(store: SqlStore, text: str) -> None:
    by = Actor(kind="user", id=text, name=text, address=text)
    anna = await store.people.add(by, user("anna", name=text, email=text))
    await store.people.begin_session(by, anna.id, b"d", 2**50, text)
    await store.people.add_token(by, anna.id, NewToken(name=text))
    await store.audit.append(Note(by=by, action=text, subject=text, name=text))
    assert (await store.audit.entries(subject=text))[0].note.subject == text
    assert await store.audit.verify() is None
    assert len(await store.people.tokens(anna.id)) == 1


@pytest.mark.parametrize("cursor", ["", "x", "1", ".", "-1.e", "9" * 40 + ".e", "1.\0", "²³.e"])
async def test_a_page_that_is_none_is_not_there(store: SqlStore, cursor: str) -> None:
    await store.ledger.put([exchange("e1")])
    try:
        assert (await store.ledger.find(Search(), after=cursor)).exchanges == ()
    except StoreTrouble as trouble:
        assert trouble.kind == "missing"  # noqa: PT017 - either is right
