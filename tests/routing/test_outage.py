"""A primary that fails now and then costs little: its share of failures puts it to rest, and it comes back eased in."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.routing.decide import decide
from dragoman.routing.health import EASE_MS, Health, Succeeded, begin, eased_share, learn
from dragoman.routing.plan import Ask, Plan, Step
from dragoman.routing.snapshot import RestRule
from tests.routing.house import after, channel, fault, snapshot, step

HOUSE = snapshot(channel("primary", "m"), channel("secondary", "m", priority=1))
ASK = Ask(door="door", asked="m")
FLAWS = ((0.30, Kind.UPSTREAM_ERROR), (0.40, Kind.UNREACHABLE), (0.45, Kind.TIMEOUT))
"""30 % of the primary's answers are 5xx, 10 % resets, 5 % stalls."""
S = 1000


class Shift:
    """Requests that come evenly, decided and learned from one after the other. Mutable: time goes on."""

    def __init__(self, seed: int) -> None:
        self.health = Health()
        self.now_ms = 0
        self.calls = self.failed = self.requests = 0
        self._chance = random.Random(seed)

    def work(self, seconds: float, per_s: float, *, flawed: bool) -> list[str]:
        """Who answered, request by request."""
        answered: list[str] = []
        for _ in range(int(seconds * per_s)):
            self.now_ms += int(1000 / per_s)
            self.requests += 1
            answered.append(self._request(flawed=flawed))
        return answered

    def _request(self, *, flawed: bool) -> str:
        plan = decide(HOUSE, self.health, ASK, self.now_ms, self._chance.random())
        assert isinstance(plan, Plan)
        for at in plan.attempts:
            self.calls += 1
            self.health = begin(self.health, at, self.now_ms)
            kind = self._flaw() if flawed and at.channel.name == "primary" else None
            outcome = fault(kind) if kind else Succeeded()
            self.health = learn(self.health, at, outcome, self.now_ms, self._chance.random())
            if kind is None:
                return at.channel.name
        self.failed += 1
        return ""

    def _flaw(self) -> Kind | None:
        drawn = self._chance.random()
        return next((kind for until, kind in FLAWS if drawn < until), None)


@pytest.mark.parametrize("per_s", [5.0, 20.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_primary_that_fails_half_the_time_costs_a_fifth_of_a_call_at_most(seed: int, per_s: float) -> None:
    shift = Shift(seed)
    shift.work(120, per_s, flawed=True)
    assert shift.failed == 0
    assert shift.calls <= 1.2 * shift.requests


@pytest.mark.parametrize("seed", range(5))
def test_a_healed_primary_answers_again_within_half_a_minute(seed: int) -> None:
    shift = Shift(seed)
    shift.work(120, 5.0, flawed=True)
    assert "primary" in shift.work(31, 5.0, flawed=False)
    shift.work(EASE_MS / S, 5.0, flawed=False)
    assert set(shift.work(10, 5.0, flawed=False)) == {"primary"}


def test_a_share_of_faults_opens_although_they_are_not_in_a_row() -> None:
    health = after(*[Kind.TIMEOUT, None, None] * 3, Kind.TIMEOUT)
    assert health.breakers["model m on a"].is_open
    assert not after(*[Kind.TIMEOUT, None, None, None] * 5).breakers["model m on a"].is_open


def test_faults_of_long_ago_do_not_count_into_the_share() -> None:
    health = after(*[Kind.TIMEOUT, None] * 4)
    health = after(*[None] * 2, Kind.TIMEOUT, health=health, now_ms=40 * S)
    assert not health.breakers["model m on a"].is_open


def test_what_has_recovered_is_eased_in() -> None:
    at = step()
    health = after(*[Kind.TIMEOUT] * 5)
    for moment_ms in (6 * S, 7 * S):
        probe = Step(channel=at.channel, model=at.model, why="test", probe=True)
        health = learn(begin(health, probe, moment_ms), probe, Succeeded(), moment_ms, 0.5)
    shares = [round(eased_share(health, at.channel, at.model, moment_ms), 2) for moment_ms in (7 * S, 22 * S, 40 * S)]
    assert shares == [0.1, 0.55, 1.0]
    assert eased_share(Health(), at.channel, at.model, 0) == 1.0


def test_a_channel_rests_by_its_own_rule() -> None:
    ruled = replace(channel("a"), rests=(RestRule(status=418, times=2, for_s=3600),))
    at = Step(channel=ruled, model="m", why="test")
    health = learn(Health(), at, fault(Kind.INVALID_REQUEST, status=418), 0, 0.5)
    assert not health.breakers["channel a"].is_open
    health = learn(health, at, fault(Kind.INVALID_REQUEST, status=418), 0, 0.5)
    assert health.breakers["channel a"].until_ms == 3600 * S
