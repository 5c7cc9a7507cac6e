"""Users: known again by password, session or token, for as long as they may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.shapes.access import KeyTable, RoleTable
from dragoman.store import keys
from dragoman.store.opening import SqlStore
from dragoman.store.ports import Actor, NewInvitation, NewToken, StoreTrouble, User
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
        store.people.add_token(ROOT, "none", NewToken(name="ci")),
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


@pytest.mark.parametrize("how", ["password", "role", "membership", "disabled", "removed", "ended", "all ended"])
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
        case "membership":
            await people.change(ROOT, replace(anna, memberships={"red": "viewer"}))
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
        text, token = await store.people.add_token(ROOT, anna.id, NewToken(name="ci", expires_ms=home.clock.ms + 5))
        assert keys.is_well_formed(text, keys.TOKEN)
        assert token.digest == keys.digest(store.configuration.pepper(), text)
        assert await store.people.token(token.public_id) == token
        assert await store.people.tokens() == (token,) == await store.people.tokens(anna.id)
        assert await store.people.tokens("other") == ()
        home.clock.ms += 5
        assert await store.people.token(token.public_id) is None


async def test_a_token_opens_nothing_once_it_or_its_user_is_gone(store: SqlStore) -> None:
    anna = await store.people.add(ROOT, user())
    _, first = await store.people.add_token(ROOT, anna.id, NewToken(name="first"))
    _, second = await store.people.add_token(ROOT, anna.id, NewToken(name="second"))
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
    text, token = await store.people.add_token(ROOT, anna.id, NewToken(name="ci"))
    await store.people.begin_session(ROOT, anna.id, b"the digest of a cookie", 2**50)
    await store.people.end_sessions(ROOT, user_id=anna.id)
    await store.people.remove_token(ROOT, token.id)
    anna = await store.people.change(ROOT, replace(anna, role="viewer"))
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


# Service accounts, tokens with scopes, roles


async def test_nobody_signs_in_as_a_service_account(store: SqlStore) -> None:
    robot = await store.people.add(ROOT, user("robot", kind="service", project="red"))
    for attempt in (
        store.people.set_password(ROOT, robot.id, HASH),
        store.people.begin_session(ROOT, robot.id, b"d", 2**50),
    ):
        with pytest.raises(StoreTrouble) as refused:
            await attempt
        assert refused.value.kind == "unfit"
    _, token = await store.people.add_token(ROOT, robot.id, NewToken(name="ci"))
    assert (await store.people.token(token.public_id)) == token


async def test_a_token_keeps_its_scopes_and_addresses_and_brings_the_roles_in_force(store: SqlStore) -> None:
    roles = store.configuration.roles
    dev = await roles.add(ROOT, RoleTable(name="dev", scopes=("keys:read",)))
    off = await roles.add(ROOT, RoleTable(name="off", scopes=("keys:read",)), state="disabled")
    anna = await store.people.add(ROOT, user(role="dev", memberships={"red": "off"}))
    said = NewToken(name="ci", scopes=("keys:read",), addresses=("10.0.0.0/8",))
    _, token = await store.people.add_token(ROOT, anna.id, said)
    assert (token.scopes, token.addresses, token.roles) == (("keys:read",), ("10.0.0.0/8",), (dev.spec,))
    await roles.change(ROOT, off.id, off.revision, state="enabled")
    await roles.remove(ROOT, dev.id, dev.revision)
    found = await store.people.token(token.public_id)
    assert found is not None
    assert found.roles == (off.spec,)
    await store.people.begin_session(ROOT, anna.id, b"d1", 2**50)
    session = await store.people.session(b"d1")
    assert session is not None
    assert session.roles == (off.spec,)


# The last admin


@pytest.mark.parametrize("how", ["demoted", "disabled", "archived", "removed"])
async def test_the_last_admin_stays(store: SqlStore, how: str) -> None:
    root = await store.people.add(ROOT, user("root", role="admin"))
    await store.people.add(ROOT, user("robot", role="admin", kind="service"))
    await store.people.add(ROOT, user("gone", role="admin", state="disabled"))
    attempt = {
        "demoted": store.people.change(ROOT, replace(root, role="operator")),
        "disabled": store.people.change(ROOT, replace(root, state="disabled")),
        "archived": store.people.change(ROOT, replace(root, state="archived")),
        "removed": store.people.remove(ROOT, root.id),
    }
    for name, change in attempt.items():
        if name != how:
            change.close()
    with pytest.raises(StoreTrouble) as refused:
        await attempt[how]
    assert refused.value.kind == "last_admin"
    assert await store.people.user(root.id) == root


async def test_two_admins_cannot_demote_each_other_at_once(store: SqlStore) -> None:
    admins = [await store.people.add(ROOT, user(login, role="admin")) for login in ("anna", "bob")]
    outcomes = await asyncio.gather(
        *(store.people.change(ROOT, replace(one, role="viewer")) for one in admins), return_exceptions=True
    )
    assert sorted(isinstance(one, StoreTrouble) for one in outcomes) == [False, True]
    assert [one.role for one in await store.people.users()].count("admin") == 1


# Invitations


def promise(**members: Any) -> NewInvitation:
    """An invitation to be made."""
    return NewInvitation(**{"role": "viewer", "expires_ms": 2**50, **members})


async def test_an_invitation_makes_as_many_users_as_was_said_and_no_more(store: SqlStore) -> None:
    invitations = store.people.invitations
    text, made = await invitations.add(ROOT, promise(uses=2, memberships={"red": "dev"}))
    assert keys.is_well_formed(text, keys.INVITATION)
    assert made.digest == keys.digest(store.configuration.pepper(), text)
    assert await invitations.find(made.public_id) == made
    assert (await invitations.all()) == (made,)
    outcomes = await asyncio.gather(
        *(invitations.accept(ROOT, made.id, user(f"u{n}"), HASH) for n in range(5)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, StoreTrouble)]
    assert [one.kind for one in refused] == ["missing"] * 3
    assert len(await store.people.users()) == 2
    assert await invitations.find(made.public_id) is None
    assert await invitations.all() == ()


async def test_a_login_that_is_taken_costs_no_use(store: SqlStore) -> None:
    await store.people.add(ROOT, user("anna"))
    _, made = await store.people.invitations.add(ROOT, promise())
    with pytest.raises(StoreTrouble) as refused:
        await store.people.invitations.accept(ROOT, made.id, user("Anna"), HASH)
    assert refused.value.kind == "taken"
    assert await store.people.invitations.find(made.public_id) == made


async def test_an_invitation_ends_in_time_or_when_it_is_taken_back(home: Home) -> None:
    async with home.open() as store:
        invitations = store.people.invitations
        _, late = await invitations.add(ROOT, promise(expires_ms=home.clock.ms + 5))
        _, gone = await invitations.add(ROOT, promise())
        await invitations.revoke(ROOT, gone.id)
        home.clock.ms += 5
        for one in (late, gone):
            assert await invitations.find(one.public_id) is None
            with pytest.raises(StoreTrouble) as refused:
                await invitations.accept(ROOT, one.id, user(), HASH)
            assert refused.value.kind == "missing"
        with pytest.raises(StoreTrouble):
            await invitations.revoke(ROOT, gone.id)
        assert await store.people.users() == ()


@pytest.mark.parametrize(
    "login", ["root ", " ", "a\nb", "ro\u00adot", "a\u202eb", "\u0430dmin", "\ufb01", "\x1finvitation"]
)
async def test_nobody_gets_a_login_that_could_be_taken_for_another(store: SqlStore, login: str) -> None:
    with pytest.raises(StoreTrouble) as refused:
        await store.people.add(ROOT, user(login))
    assert refused.value.kind == "unfit"


@pytest.mark.parametrize(
    "login", ["ivan@example.com", "corp:\u0438\u0432\u0430\u043d", "jos\u00e9", "Anna Maria", "o'neil_2"]
)
async def test_a_login_of_any_one_alphabet_is_taken(store: SqlStore, login: str) -> None:
    assert (await store.people.add(ROOT, user(login))).login == login.lower()


async def test_keys_of_somebody_who_is_gone_do_not_come_back_with_the_login(store: SqlStore) -> None:
    anna = await store.people.add(ROOT, user("anna"))
    key = (await store.configuration.keys.add(ROOT, KeyTable(name="hers", owner="anna"))).key
    other = (await store.configuration.keys.add(ROOT, KeyTable(name="other", owner="eve"))).key
    await store.people.remove(ROOT, anna.id)
    await store.people.add(ROOT, user("anna"))
    assert (await store.configuration.keys.get(key.id)).state == "disabled"
    assert (await store.configuration.keys.get(other.id)).state == "enabled"
