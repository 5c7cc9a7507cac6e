"""Accounts that are used up, and limits that nearly are: who is asked last, or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.problem import Kind
from dragoman.routing.decide import decide
from dragoman.routing.health import Health, Succeeded, learn
from dragoman.routing.load import Loads, target_key
from dragoman.routing.plan import Plan, Refused
from dragoman.routing.snapshot import Snapshot
from dragoman.routing.spare import Scarce, Spared
from dragoman.shapes.fields import BalanceUse
from tests.routing.house import ASK, channel, snapshot, step

BOTH = snapshot(channel("a", "sonnet"), channel("b", "sonnet", priority=1))
EQUALS = snapshot(channel("a", "sonnet", weight=1000), channel("b", "sonnet"), channel("c", "sonnet", priority=9))


def planned(spared: Spared, base: Snapshot = BOTH, now_ms: int = 0, dice: float = 0.0) -> Plan | Refused:
    return decide(base, Health(), ASK, now_ms, dice, Loads(spared=spared))


def names(found: Plan | Refused) -> list[str]:
    return [one.channel.name for one in found.attempts] if isinstance(found, Plan) else []


@pytest.mark.parametrize(("use", "expected"), [("show", ["a", "b"]), ("last", ["b", "a"]), ("refuse", ["b"])])
def test_an_account_that_is_used_up_is(use: BalanceUse, expected: list[str]) -> None:
    found = planned(Spared({"a": "0 USD"}, use))
    assert names(found) == expected
    told = "\n".join(found.lines()) if isinstance(found, Plan) else ""
    assert ("used up" in told) is (use != "show")
    assert ("0 USD" in told) is (use == "refuse")


def test_where_all_are_used_up_it_is_said_or_they_are_asked_all_the_same() -> None:
    spent = {"a": "0 USD", "b": "0 USD"}
    refused = planned(Spared(spent, "refuse"))
    assert isinstance(refused, Refused)
    assert refused.problem.kind is Kind.UPSTREAM_QUOTA
    assert "'a', 'b'" in refused.problem.message
    assert not refused.problem.retryable
    assert names(planned(Spared(spent, "last"))) == ["a", "b"]


def test_a_used_up_home_is_left() -> None:
    health = learn(Health(), step("a", "sonnet", pin="s\x1fsonnet"), Succeeded(), 0, 0.0)
    ask = type(ASK)(door="door", asked="sonnet", session="s")
    found = decide(BOTH, health, ask, 1, 0.0, Loads(spared=Spared({"a": "0 USD"}, "last")))
    assert names(found) == ["b", "a"]


def test_a_limit_that_is_nearly_used_up_puts_a_target_behind_its_equals() -> None:
    spared = Spared(scarce={target_key("a", "sonnet"): Scarce("2 of 100 requests are left to it for now", 1000)})
    found = planned(spared, EQUALS, now_ms=999)
    assert names(found) == ["b", "a", "c"]
    assert isinstance(found, Plan)
    assert "2 of 100 requests" in found.attempts[1].why
    assert names(planned(spared, EQUALS, now_ms=1000)) == ["a", "b", "c"], "it is whole again"


def test_another_model_of_the_same_account_is_not_meant() -> None:
    spared = Spared(scarce={target_key("a", "haiku"): Scarce("nothing is left", 1000)})
    assert names(planned(spared, EQUALS)) == ["a", "b", "c"]


@given(
    st.dictionaries(st.sampled_from("abc"), st.just("0 USD")),
    st.sampled_from(["show", "last", "refuse"]),
    st.sets(st.sampled_from("abc")),
    st.floats(0, 0.999),
)
def test_nobody_is_lost_or_asked_twice(spent: dict[str, str], use: BalanceUse, scarce: set[str], dice: float) -> None:
    spared = Spared(spent, use, {target_key(name, "sonnet"): Scarce("little is left", 10) for name in scarce})
    found = planned(spared, EQUALS, dice=dice)
    gone = set(spent) if use == "refuse" else set()
    assert sorted(names(found)) == sorted({"a", "b", "c"} - gone)
    assert found == planned(spared, EQUALS, dice=dice)
    if isinstance(found, Plan):
        assert {one.name.rpartition(" ")[2] for one in found.passed_over} == gone
