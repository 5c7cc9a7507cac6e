"""Guessing at passwords: how few guesses are looked at, wherever they come from, and that the owner gets in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.store.opening import open_store
from dragoman.store.ports import Pace
from dragoman.web.admin import proof
from dragoman.web.admin.passwords import Passwords
from dragoman.web.admin.throttle import ACCOUNT, ADDRESS, EVERYBODY, network_of, paces_of
from tests.admin.stage import PASSWORD, House, Visitor, house

DAY_MS = 86_400_000
GUESSES = 100_000


class Clock:
    """A clock that goes when it is told to. Mutable, as clocks are."""

    def __init__(self) -> None:
        self.ms = 1_795_168_800_000

    def __call__(self) -> int:
        return self.ms


def guessed(folder: Path, guess: Callable[[int], tuple[str, str, str]], guesses: int, *, shops: int = 1) -> int:
    """How many of so many guesses in one day reach the hash; each goes to the next of some replicas in turn. Those that
    would surely have to wait are told from the pace alone, for the simulated day has a hundred thousand of them."""

    async def scene() -> int:
        clock, reached = Clock(), 0
        wait_until: dict[str, int] = {}
        async with open_store(folder=folder, clock=clock) as first, open_store(folder=folder, clock=clock) as second:
            stores = (first, second)[:shops]
            for number in range(guesses):
                account, address, device = guess(number)
                paces = paces_of(account, address, device)
                if clock.ms >= max(wait_until.get(pace.name, 0) for pace in paces):
                    wait_ms = await stores[number % shops].sign_in.admit(paces)
                    reached += wait_ms == 0
                    # Nobody else takes a place from what all of these are counted against.
                    wait_until[paces[0].name] = clock.ms + wait_ms
                clock.ms += DAY_MS // guesses
        return reached

    return asyncio.run(scene())


def test_of_100000_guesses_a_day_at_one_account_at_most_120_are_looked_at(tmp_path: Path) -> None:
    reached = guessed(
        tmp_path, lambda number: ("root", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", ""), GUESSES
    )
    assert 90 <= reached <= 120


def test_two_replicas_look_at_no_more_guesses_than_one(tmp_path: Path) -> None:
    reached = guessed(
        tmp_path, lambda number: ("root", f"10.0.{number >> 8 & 255}.{number & 255}", ""), GUESSES, shops=2
    )
    assert 90 <= reached <= 120


@given(
    at_once=st.integers(1, 5),
    every_ms=st.integers(1, 50),
    pauses=st.lists(st.integers(0, 60), min_size=1, max_size=60),
)
def test_within_any_time_no_more_are_admitted_than_was_said(at_once: int, every_ms: int, pauses: list[int]) -> None:
    pace = Pace("x", at_once, every_ms)
    now_ms, until_ms = 1_000, 0
    admitted: list[int] = []
    for pause_ms in pauses:
        now_ms += pause_ms
        wait_ms = pace.wait_ms(until_ms, now_ms)
        assert wait_ms <= every_ms
        if wait_ms == 0:
            until_ms = pace.charged(until_ms, now_ms)
            admitted.append(now_ms)
        else:
            assert pace.wait_ms(until_ms, now_ms + wait_ms) == 0
    for first, start_ms in enumerate(admitted):
        for last, end_ms in enumerate(admitted[first:], first):
            assert last - first + 1 <= at_once + (end_ms - start_ms) // every_ms


@pytest.mark.parametrize(("place", "pace"), [(1, ADDRESS), (2, EVERYBODY)], ids=["one address", "many addresses"])
def test_one_password_tried_on_many_accounts_is_slowed(place: int, pace: tuple[int, int]) -> None:
    """10,000 at one moment, each at a new account: from one address, or each from a new one too."""
    at_once, every_ms = pace
    addresses = [f"10.0.{number >> 8}.{number & 255}" if place == 2 else "10.0.0.1" for number in range(10_000)]
    paces = [paces_of(f"user{number}", address)[place] for number, address in enumerate(addresses)]
    assert len({pace.name for pace in paces}) == 1
    until_ms = admitted = 0
    for one in paces:
        if one.wait_ms(until_ms, 1) == 0:
            until_ms, admitted = one.charged(until_ms, 1), admitted + 1
    assert admitted == at_once
    assert paces[0].wait_ms(until_ms, 1) == every_ms


def test_guesses_that_come_at_one_moment_are_counted_one_by_one(tmp_path: Path) -> None:
    async def scene(place: House, _: Visitor) -> None:
        await use_up(place, ACCOUNT[0] - 2)
        said = {"login": "root", "password": "not the one, surely"}
        asked = [place.visitor(address=f"10.0.0.{n}").ask("POST", "/api/v1/session", said) for n in range(12)]
        told = [told.status for told in await asyncio.gather(*asked)]
        assert (told.count(401), told.count(429)) == (2, 10)

    run(tmp_path, scene)


def run(folder: Path, scene: Callable[[House, Visitor], Coroutine[Any, Any, None]]) -> None:
    """A scene with a gateway and its first admin."""

    async def whole() -> None:
        async with house(folder) as place:
            await scene(place, await place.admin())

    asyncio.run(whole())


async def use_up(place: House, guesses: int = ACCOUNT[0], login: str = "root") -> None:
    """Guesses from many addresses, as if each had been looked at."""
    for number in range(guesses):
        assert await place.store.sign_in.admit(paces_of(login, f"10.1.0.{number}")) == 0


def test_others_who_guess_cannot_keep_the_owner_out_of_a_browser_that_knows_him(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        await use_up(place)
        owner = place.visitor(address="10.2.0.1")
        owner.cookie = admin.cookie
        await owner.ask("DELETE", "/api/v1/session", headers={"x-dragoman-csrf": admin.csrf})
        assert "known" in owner.cookie
        assert (await owner.sign_in("root")).status == 200

    run(tmp_path, scene)


def test_a_browser_that_knows_one_user_has_no_pace_of_its_own_for_another(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        said = {"login": "eve", "role": "viewer", "password": PASSWORD}
        assert (await admin.ask("POST", "/api/v1/users", said)).status == 201
        eve = place.visitor(address="10.3.0.1")
        assert (await eve.sign_in("eve")).status == 200
        await use_up(place)
        assert (await eve.sign_in("root")).status == 429

    run(tmp_path, scene)


@pytest.mark.parametrize("forged", ["x", "9999999999.00.AAAA", "9999999999.00.", "..", "abc.def.ghi", "é"])
def test_a_cookie_of_ones_own_making_makes_no_browser_known(tmp_path: Path, forged: str) -> None:
    async def scene(place: House, _: Visitor) -> None:
        await use_up(place)
        mallory = place.visitor(address="10.3.0.1")
        mallory.cookie = f"dragoman-known={forged}"
        assert (await mallory.sign_in("root")).status == 429

    run(tmp_path, scene)


def test_whoever_proves_right_begins_anew(tmp_path: Path) -> None:
    async def scene(place: House, _: Visitor) -> None:
        for last in range(2):
            await use_up(place, ACCOUNT[0] - 1)
            assert (await place.visitor(address=f"10.9.0.{last}").sign_in("root")).status == 200

    run(tmp_path, scene)


def test_who_is_told_to_wait_is_told_how_long(tmp_path: Path) -> None:
    async def scene(place: House, _: Visitor) -> None:
        await use_up(place)
        told = await place.visitor(address="10.2.0.1").sign_in("root")
        assert (told.status, told.json["code"]) == (429, "slow_down")
        assert 60 < int(told.headers["retry-after"]) <= ACCOUNT[1] // 1000

    run(tmp_path, scene)


def test_nobody_keeps_the_first_user_from_being_made(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            for number in range(ACCOUNT[0] + 2):
                stranger = place.visitor(address=f"10.6.0.{number}")
                said = {"token": "wrong", "login": "mallory", "password": PASSWORD}
                assert (await stranger.ask("POST", "/api/v1/setup", said)).json["code"] == "setup_token"
            await place.admin()

    asyncio.run(scene())


def test_guesses_outlive_a_restart(tmp_path: Path) -> None:
    async def first(place: House, _: Visitor) -> None:
        await use_up(place)

    run(tmp_path, first)

    async def second() -> None:
        async with house(tmp_path) as place:
            assert (await place.visitor(address="10.4.0.1").sign_in("root")).status == 429

    asyncio.run(second())


class Counting(Passwords):
    """Passwords that count how often a hash is looked at. Mutable for that."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = 0

    async def matches(self, password: str, known: str) -> bool:
        """`Passwords.matches`."""
        self.looked += 1
        return await super().matches(password, known)


def test_an_unknown_login_costs_the_same_work_as_a_wrong_password(tmp_path: Path) -> None:
    """By what is done, not by the clock: one look at one hash of the same cost, whoever is asked for."""

    async def scene(place: House, admin: Visitor) -> None:
        users = [("off", {"state": "disabled"}), ("none", {})]
        for login, change in users:
            said = {"login": login, "role": "viewer", "password": PASSWORD if change else None}
            made = (await admin.ask("POST", "/api/v1/users", said)).json
            if change:
                await admin.ask("PATCH", f"/api/v1/users/{made['id']}", {"revision": made["revision"], **change})
        answers = set()
        for login in ("root", "nobody", "off", "none"):
            passwords = Counting()
            told = await place.visitor(address="10.5.0.1").sign_in(login, "not the one, surely")
            answers.add((told.status, told.body))
            hasher = passwords._hasher
            known = await place.store.people.find(login=login)
            hashed = (known[1] if known else "") or passwords._nobodys
            assert not hasher.check_needs_rehash(hashed)
            assert await passwords.matches("not the one, surely", known[1] if known else "") is False
            assert passwords.looked == 1
        assert len(answers) == 1

    run(tmp_path, scene)


def test_a_password_is_looked_at_once_on_every_path_to_a_refusal() -> None:
    """`prove_password` has one look at a hash, and nothing before it that leaves."""
    import ast
    import inspect

    (function,) = ast.parse(inspect.getsource(proof.prove_password)).body
    assert isinstance(function, ast.AsyncFunctionDef)
    looks = [at for at, line in enumerate(function.body) if "passwords.matches" in ast.unparse(line)]
    leaves = [
        at
        for at, line in enumerate(function.body)
        if any(isinstance(n, ast.Raise | ast.Return) for n in ast.walk(line))
    ]
    assert len(looks) == 1
    assert min(leaves) > looks[0]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_home_with_many_addresses_of_ipv6_is_one(address: str, network: str) -> None:
    assert network_of(address) == network
