"""Users: known again by password, session or token, for as long as they may be."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.store import keys
from dragoman.store.opening import SqlStore
from dragoman.store.ports import Actor, StoreTrouble, User
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

ROOT = Actor(kind="cli", name="root", address="127.0.0.1")
HASH = "$argon2id$v=19$x"


def user(login: str = "Anna", **members: Any) -> User:
    """A user to be added."""
    usual: dict[str, Any] = {"role": "operator", "state": "enabled", "revision": 0, "created_ms": 0, "updated_ms": 0}
    return User(id="", login=login, **{**usual, **members})


async def test_a_user_is_found_by_login_in_any_case_and_by_subject(store: SqlStore) -> None:
    anna = await store.people.add(ROOT, user(subject="https://id|7", email="a@b.c"), HASH)
    assert anna.login == "anna"
    assert await store.people.find(login="ANNA") == (anna, HASH)
    assert await store.people.find(subject="https://id|7") == (anna, HASH)
    assert await store.people.user(anna.id) == anna
    assert await store.people.users() == (anna,)


async def test_nobody_is_found_by_nothing(store: SqlStore) -> None:
    await store.people.add(ROOT, user())
    assert await store.people.find() is None
    assert await store.people.find(login="eve") is None
    assert await store.people.find(subject="x") is None


async def test_two_users_cannot_have_one_login(store: SqlStore) -> None:
    await store.people.add(ROOT, user("anna"))
    with pytest.raises(StoreTrouble) as refused:
        await store.people.add(ROOT, user("ANNA"))
    assert refused.value.kind == "taken"


async def test_a_user_seen_before_a_change_cannot_be_changed(store: SqlStore) -> None:
    anna = await store.people.add(ROOT, user())
    changed = await store.people.change(ROOT, replace(anna, name="Anna A."))
    assert (changed.name, changed.revision) == ("Anna A.", 2)
    with pytest.raises(StoreTrouble) as refused:
        await store.people.change(ROOT, replace(anna, role="admin"))
    assert refused.value.kind == "stale"
    assert await store.people.user(anna.id) == changed


async def test_who_is_unknown_cannot_be_changed(store: SqlStore) -> None:
    for attempt in (
        store.people.user("none"),
        store.people.change(ROOT, replace(user(), id="none")),
        store.people.set_password(ROOT, "none", HASH),
        store.people.remove(ROOT, "none"),
        store.people.begin_session(ROOT, "none", b"d", 1),
        store.people.add_token(ROOT, "none", "ci", "viewer"),
        store.people.remove_token(ROOT, "none"),
    ):
        with pytest.raises(StoreTrouble) as refused:
            await attempt
        assert refused.value.kind == "missing"


async def test_a_session_lasts_until_it_expires(home: Home) -> None:
    async with home.open() as store:
        anna = await store.people.add(ROOT, user())
        await store.people.begin_session(ROOT, anna.id, b"d1", home.clock.ms + 100, "Firefox")
        session = await store.people.session(b"d1")
        assert session is not None
        assert (session.user, session.address, session.agent) == (anna, "127.0.0.1", "Firefox")
        home.clock.ms += 99
        await store.people.seen(b"d1", home.clock.ms + 100)
        home.clock.ms += 99
        session = await store.people.session(b"d1")
        assert session is not None
        assert session.seen_ms == home.clock.ms - 99
        home.clock.ms += 1
        assert await store.people.session(b"d1") is None
        assert await store.people.session(b"d2") is None


@pytest.mark.parametrize("how", ["password", "role", "disabled", "removed", "ended", "all ended"])
async def test_a_session_ends_with_what_it_was_given_for(store: SqlStore, how: str) -> None:
    people = store.people
    anna = await people.add(ROOT, user())
    other = await people.add(ROOT, user("other"))
    for digest, whose in ((b"d1", anna), (b"d2", anna), (b"d3", other)):
        await people.begin_session(ROOT, whose.id, digest, 2**50)
    match how:
        case "password":
            await people.set_password(ROOT, anna.id, HASH)
        case "role":
            await people.change(ROOT, replace(anna, role="viewer"))
        case "disabled":
            await people.change(ROOT, replace(anna, state="disabled"))
        case "removed":
            await people.remove(ROOT, anna.id)
        case "ended":
            assert await people.end_sessions(ROOT, digest=b"d1") == 1
        case _:
            assert await people.end_sessions(ROOT, user_id=anna.id) == 2
    assert await people.session(b"d1") is None
    assert (await people.session(b"d2") is None) == (how != "ended")
    assert await people.session(b"d3") is not None


async def test_a_change_of_the_name_ends_no_session(store: SqlStore) -> None:
    anna = await store.people.add(ROOT, user())
    await store.people.begin_session(ROOT, anna.id, b"d1", 2**50)
    await store.people.change(ROOT, replace(anna, name="Anna A."))
    assert await store.people.session(b"d1") is not None


async def test_a_token_is_known_by_its_digest_until_it_expires(home: Home) -> None:
    async with home.open() as store:
        anna = await store.people.add(ROOT, user())
        text, token = await store.people.add_token(ROOT, anna.id, "ci", "viewer", expires_ms=home.clock.ms + 5)
        assert keys.is_well_formed(text, keys.TOKEN)
        assert token.digest == keys.digest(store.configuration.pepper(), text)
        assert await store.people.token(token.public_id) == token
        assert await store.people.tokens() == (token,) == await store.people.tokens(anna.id)
        assert await store.people.tokens("other") == ()
        home.clock.ms += 5
        assert await store.people.token(token.public_id) is None


async def test_a_token_opens_nothing_once_it_or_its_user_is_gone(store: SqlStore) -> None:
    anna = await store.people.add(ROOT, user())
    _, first = await store.people.add_token(ROOT, anna.id, "first", "viewer")
    _, second = await store.people.add_token(ROOT, anna.id, "second", "admin")
    await store.people.remove_token(ROOT, first.id)
    assert await store.people.token(first.public_id) is None
    assert await store.people.token(second.public_id) == second
    anna = await store.people.change(ROOT, replace(anna, state="disabled"))
    assert await store.people.token(second.public_id) is None
    await store.people.remove(ROOT, anna.id)
    assert await store.people.tokens() == ()


async def test_what_was_done_to_users_is_noted_without_their_secrets(store: SqlStore) -> None:
    anna = await store.people.add(ROOT, user(), HASH)
    await store.people.set_password(ROOT, anna.id, HASH)
    text, token = await store.people.add_token(ROOT, anna.id, "ci", "viewer")
    await store.people.begin_session(ROOT, anna.id, b"the digest of a cookie", 2**50)
    await store.people.end_sessions(ROOT, user_id=anna.id)
    await store.people.remove_token(ROOT, token.id)
    anna = await store.people.change(ROOT, replace(anna, role="admin"))
    await store.people.remove(ROOT, anna.id)
    entries = await store.audit.entries()
    assert [entry.note.action for entry in reversed(entries)] == [
        "user.add",
        "user.password",
        "token.add",
        "session.begin",
        "session.end",
        "token.remove",
        "user.change",
        "user.remove",
    ]
    assert not [word for word in (HASH, text, "cookie") if word in repr(entries)]
    assert await store.audit.verify() is None
