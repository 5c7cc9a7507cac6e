"""What is remembered while somebody signs in: each try is counted, and each code and visit is good once."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.store.opening import SqlStore
from dragoman.store.ports import Actor, Pace, StoreTrouble, User, Visit
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

ROOT = Actor(kind="cli", name="root")


async def anna(store: SqlStore) -> User:
    """A user."""
    made = User(id="", login="anna", role="viewer", state="enabled", revision=0, created_ms=0, updated_ms=0)
    return await store.people.add(ROOT, made, "hash")


async def test_tries_are_free_up_to_a_number_and_then_come_back_one_by_one(home: Home) -> None:
    pace = Pace("x", 3, 1_000)
    async with home.open() as store:
        assert [await store.sign_in.admit([pace]) for _ in range(4)] == [0, 0, 0, 1_000]
        home.clock.ms += 400
        assert await store.sign_in.admit([pace]) == 600
        home.clock.ms += 600
        assert [await store.sign_in.admit([pace]) for _ in range(2)] == [0, 1_000]
        assert await store.sign_in.admit([Pace("y", 1, 1_000)]) == 0


async def test_a_try_that_must_wait_is_counted_nowhere(store: SqlStore) -> None:
    narrow, wide = Pace("narrow", 1, 1_000), Pace("wide", 2, 1_000)
    assert await store.sign_in.admit([narrow, wide]) == 0
    assert await store.sign_in.admit([narrow, wide]) == 1_000
    assert await store.sign_in.admit([wide]) == 0


async def test_of_many_tries_at_one_moment_no_more_are_free(home: Home) -> None:
    async with home.open() as one, home.open() as other:
        pace = Pace("x", 5, 60_000)
        told = await asyncio.gather(*((one, other)[n % 2].sign_in.admit([pace]) for n in range(20)))
        assert sorted(told)[:6] == [0] * 5 + [60_000]


async def test_a_right_try_is_taken_back(store: SqlStore) -> None:
    account, address = Pace("account", 2, 1_000), Pace("address", 2, 1_000)
    for _ in range(2):
        await store.sign_in.admit([account, address])
    await store.sign_in.forgive([account, address], "account")
    assert await store.sign_in.admit([account]) == 0
    assert await store.sign_in.admit([account]) == 0
    assert [await store.sign_in.admit([address]) for _ in range(2)] == [0, 1_000]


async def test_what_is_tried_cannot_be_told_from_the_database(sqlite_home: Home) -> None:
    async with sqlite_home.open() as store:
        await store.sign_in.admit([Pace("account/somebody-in-particular", 2, 1_000)])
    assert b"somebody-in-particular" not in sqlite_home.file.read_bytes()


async def test_a_second_factor_counts_once_it_is_confirmed(store: SqlStore) -> None:
    user = await anna(store)
    assert await store.sign_in.factor(user.id) is None
    await store.sign_in.propose_factor(ROOT, user.id, b"first")
    await store.sign_in.propose_factor(ROOT, user.id, b"second")
    assert await store.sign_in.factors() == frozenset()
    assert await store.sign_in.confirm_factor(ROOT, user.id, 7, ["a", "b"])
    assert not await store.sign_in.confirm_factor(ROOT, user.id, 8, ["c"])
    found = await store.sign_in.factor(user.id)
    assert found is not None
    assert (found.secret, found.confirmed, found.last_step, found.codes) == (b"second", True, 7, 2)
    assert await store.sign_in.factors() == {user.id}
    with pytest.raises(StoreTrouble) as refused:
        await store.sign_in.propose_factor(ROOT, user.id, b"third")
    assert refused.value.kind == "taken"


async def test_a_step_and_a_recovery_code_are_good_once(store: SqlStore) -> None:
    user = await anna(store)
    await store.sign_in.propose_factor(ROOT, user.id, b"secret")
    await store.sign_in.confirm_factor(ROOT, user.id, 7, ["a", "b"])
    told = await asyncio.gather(*(store.sign_in.use_step(user.id, 8) for _ in range(4)))
    assert sorted(told) == [False, False, False, True]
    assert not await store.sign_in.use_step(user.id, 7)
    used = [await store.sign_in.use_code(ROOT, user.id, code) for code in ("a", "a", "x", "b")]
    assert used == [True, False, False, True]
    await store.sign_in.renew_codes(ROOT, user.id, ["c"])
    assert await store.sign_in.use_code(ROOT, user.id, "c")


async def test_a_second_factor_goes_with_its_user(store: SqlStore) -> None:
    user = await anna(store)
    await store.sign_in.propose_factor(ROOT, user.id, b"secret")
    await store.sign_in.confirm_factor(ROOT, user.id, 7, ["a"])
    await store.people.add(
        ROOT, User(id="", login="root", role="admin", state="enabled", revision=0, created_ms=0, updated_ms=0)
    )
    await store.people.remove(ROOT, user.id)
    assert await store.sign_in.factor(user.id) is None
    assert not await store.sign_in.use_code(ROOT, user.id, "a")
    assert not await store.sign_in.drop_factor(ROOT, user.id)


async def test_a_visit_ends_once_and_in_time(home: Home) -> None:
    async with home.open() as store:
        visit = Visit("corp", "/back")
        await store.sign_in.send_off(b"one", visit, home.clock.ms + 1_000)
        await store.sign_in.send_off(b"two", visit, home.clock.ms + 1_000)
        told = await asyncio.gather(*(store.sign_in.returned(b"one") for _ in range(4)))
        assert [one for one in told if one] == [visit]
        assert await store.sign_in.returned(b"three") is None
        home.clock.ms += 1_000
        assert await store.sign_in.returned(b"two") is None
