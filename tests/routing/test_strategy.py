"""Each strategy puts equals in the order it promises."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.load import IDLE, Load, Loads, came_back, set_out, target_key
from dragoman.routing.plan import Ask
from dragoman.routing.profile import Profile, Rule, RuleTarget
from dragoman.routing.snapshot import Snapshot
from dragoman.shapes.fields import Strategy
from tests.routing.house import channel, names

X = Ask(door="door", asked="x")


def house(strategy: Strategy | None, *weights: float) -> Snapshot:
    """Targets a, b, c … of one rule, with these weights."""
    called = "abcdef"[: len(weights)]
    targets = tuple(RuleTarget(name, "m", weight=weight) for name, weight in zip(called, weights, strict=True))
    return Snapshot(
        channels=tuple(channel(name) for name in called),
        profiles=(Profile("default", (Rule(model="x", targets=targets, strategy=strategy),)),),
    )


def first(snapshot: Snapshot, loads: dict[str, Load] | None = None, dice: float = 0.0, now_ms: int = 0) -> str:
    known = Loads({target_key(name, "m"): load for name, load in (loads or {}).items()})
    return names(decide(snapshot, Health(), X, now_ms, dice, known))[0]


def drawn(snapshot: Snapshot, loads: dict[str, Load] | None = None) -> Counter[str]:
    """Who comes first in a hundred even throws."""
    return Counter(first(snapshot, loads, dice=throw / 100) for throw in range(100))


def test_failover_keeps_the_rules_order() -> None:
    assert drawn(house("failover", 1, 9, 9)) == {"a": 100}
    assert drawn(house(None, 1, 9)) == {"a": 100}


def test_weighted_draws_by_weight() -> None:
    assert drawn(house("weighted", 1, 3)) == {"a": 25, "b": 75}


def test_round_robin_serves_by_weight_in_turn() -> None:
    snapshot, served = house("round_robin", 1, 2), Counter[str]()
    loads: dict[str, Load] = {}
    for moment in range(90):
        name = first(snapshot, loads, now_ms=moment * 10)
        loads[name] = set_out(loads.get(name, IDLE), moment * 10)
        served[name] += 1
    assert served == {"a": 30, "b": 60}


def test_fastest_asks_who_was_quickest_for_each_attempt_under_way() -> None:
    snapshot = house("fastest", 1, 1)
    quick, slow = Load(first_ms=200), Load(first_ms=900)
    assert first(snapshot, {"a": slow, "b": quick}) == "b"
    assert first(snapshot, {"a": slow, "b": replace(quick, under_way=9)}) == "a"
    assert first(snapshot, {"a": quick}) == "b", "who was never measured is measured"
    assert first(snapshot, {"a": replace(slow, first_ms=220), "b": quick}) == "a", "a small difference is chance"


@pytest.mark.parametrize(
    "ill", [Load(first_ms=5000), Load(success=0.2), Load(under_way=20)], ids=["slow", "failing", "busy"]
)
def test_adaptive_turns_away_from_what_is(ill: Load) -> None:
    snapshot = house("adaptive", 1, 1)
    assert drawn(snapshot, {"a": ill, "b": Load(first_ms=300)}) == {"b": 100}


def test_adaptive_spreads_over_more_than_the_best() -> None:
    among = drawn(
        house("adaptive", 1, 1, 1), {"a": Load(first_ms=300), "b": Load(first_ms=310), "c": Load(first_ms=320)}
    )
    assert set(among) == {"a", "b"}
    assert among["b"] > 20


def test_a_full_channel_is_passed_over_while_another_is_free() -> None:
    snapshot = house("failover", 1, 1)
    plan = decide(snapshot, Health(), X, 0, 0.0, Loads(full={"a": "60 requests a minute are used up"}))
    assert names(plan) == ["b"]
    assert names(decide(snapshot, Health(), X, 0, 0.0, Loads(full={"a": "full", "b": "full"}))) == ["a", "b"]


def test_a_slow_answer_counts_at_once_and_a_quick_one_with_time() -> None:
    load = came_back(set_out(IDLE, 0), 0, first_ms=100, ok=True)
    assert load == Load(served=1.0, first_ms=100.0)
    slow = came_back(set_out(load, 1000), 2000, first_ms=900, ok=True)
    assert slow.first_ms == 900
    again = came_back(set_out(slow, 2000), 3000, first_ms=100, ok=False)
    assert 800 < (again.first_ms or 0) < 900
    assert again.success == pytest.approx(0.9)
    assert came_back(again, 4000, first_ms=None, ok=None) == again
