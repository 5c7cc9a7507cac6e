"""Plans: their order, what is passed over, what is refused, and the words for each."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.problem import Kind
from dragoman.routing.cards import ModelCard
from dragoman.routing.decide import card_of, decide
from dragoman.routing.health import Health, learn
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.routing.snapshot import Channel, Snapshot
from tests.routing.house import ASK, BLIND, after, channel, fault, names, rule, snapshot, step

WELL = Health()


def plan(configuration: Snapshot, ask: Ask = ASK, health: Health = WELL, now_ms: int = 0, dice: float = 0.0) -> Plan:
    """The plan, where one is expected."""
    found = decide(configuration, health, ask, now_ms, dice)
    assert isinstance(found, Plan), found
    return found


def refused(configuration: Snapshot, ask: Ask = ASK, health: Health = WELL, now_ms: int = 0) -> Refused:
    """The refusal, where one is expected."""
    found = decide(configuration, health, ask, now_ms, 0.0)
    assert isinstance(found, Refused), found
    return found


def ill(*channels: str, kind: Kind = Kind.UPSTREAM_ERROR, times: int = 5) -> Health:
    """Health in which these channels have opened for the model asked."""
    health = Health()
    for name in channels:
        health = after(*[kind] * times, health=health, at=step(name, "sonnet"))
    return health


def limited(health: Health, name: str, wait_s: float) -> Health:
    """Health after a channel's provider told how long to wait."""
    return learn(health, step(name, "sonnet"), fault(Kind.RATE_LIMITED, wait_s), 0, 0.5)


def test_lower_priority_numbers_come_first() -> None:
    ranked = snapshot(channel("c", priority=2), channel("a", priority=0), channel("b", priority=1))
    assert names(plan(ranked)) == ["a", "b", "c"]


def test_targets_of_a_rule_keep_their_order_whatever_their_priority() -> None:
    ruled = snapshot(channel("a", priority=5), channel("b", weight=100.0), rules=(rule("sonnet", "a/1", "b/2", "a/3"),))
    made = plan(ruled, dice=0.99)
    assert [(attempt.channel.name, attempt.model) for attempt in made.attempts] == [("a", "1"), ("b", "2"), ("a", "3")]
    assert made.attempts[0].why == "target 1 of the rule"


@pytest.mark.parametrize(
    ("dice", "order"),
    [
        (0.0, ["a", "b", "c"]),
        (0.05, ["a", "b", "c"]),
        (0.126, ["b", "a", "c"]),
        (0.4, ["b", "c", "a"]),
        (0.51, ["c", "a", "b"]),
        (0.999, ["c", "b", "a"]),
    ],
)
def test_equals_are_drawn_by_weight(dice: float, order: list[str]) -> None:
    weighed = snapshot(channel("a", weight=1.0), channel("b", weight=3.0), channel("c", weight=4.0))
    made = plan(weighed, dice=dice)
    assert names(made) == order
    assert {attempt.channel.name: attempt.share for attempt in made.attempts} == {"a": 1 / 8, "b": 3 / 8, "c": 4 / 8}


def test_weights_are_met_over_many_draws() -> None:
    weighed = snapshot(channel("a", weight=1.0), channel("b", weight=3.0))
    first = [names(plan(weighed, dice=throw / 1000))[0] for throw in range(1000)]
    assert first.count("a") == 250


def test_a_channel_without_weight_is_only_a_fallback() -> None:
    weighed = snapshot(channel("a", weight=0.0), channel("b", weight=1.0))
    assert {tuple(names(plan(weighed, dice=throw / 100))) for throw in range(100)} == {("b", "a")}
    assert names(plan(snapshot(channel("a", weight=0.0), channel("b", weight=0.0)), dice=0.5)) == ["b", "a"]


def test_three_attempts_are_planned_at_most() -> None:
    made = plan(snapshot(*(channel(name, priority=place) for place, name in enumerate("abcde"))))
    assert names(made) == ["a", "b", "c"]
    assert [name for name, _ in made.passed_over] == ["sonnet on d", "sonnet on e"]


def test_the_plan_tells_itself_in_lines() -> None:
    made = plan(snapshot(channel("a"), channel("b")), health=ill("b"))
    assert made.lines() == (
        "sonnet: any name, where the models are not known",
        "1. sonnet on a: takes any name, priority 0",
        "not sonnet on b: model sonnet on b rests 5.0 s more after upstream_error",
    )


def test_an_open_channel_is_passed_over() -> None:
    assert names(plan(snapshot(channel("a"), channel("b", priority=1)), health=ill("a"))) == ["b"]


def test_the_last_channel_is_asked_although_it_is_ill() -> None:
    made = plan(snapshot(channel("a")), health=ill("a"))
    assert names(made) == ["a"]
    assert made.attempts[0].why.startswith("nothing else is left, although model sonnet on a rests")


def test_of_many_ill_channels_the_one_nearest_to_recovery_is_asked_first() -> None:
    health = after(*[Kind.UPSTREAM_ERROR] * 5, health=ill("a"), at=step("b", "sonnet"), now_ms=1000)
    assert names(plan(snapshot(channel("b"), channel("a", priority=1)), health=health, now_ms=1000)) == ["a", "b"]


def test_a_recovering_channel_is_tried_in_its_place_with_others_behind_it() -> None:
    made = plan(snapshot(channel("a"), channel("b", priority=1)), health=ill("a"), now_ms=6000)
    assert [(attempt.channel.name, attempt.probe) for attempt in made.attempts] == [("a", True), ("b", False)]
    assert made.attempts[0].why.startswith("model sonnet on a is tried again")


def test_told_waits_refuse_with_the_shortest_of_them() -> None:
    health = limited(limited(WELL, "a", 10.0), "b", 14.0)
    told = refused(snapshot(channel("a"), channel("b")), health=health, now_ms=5000).problem
    assert (told.kind, told.status, told.retry_after_s) == (Kind.RATE_LIMITED, 429, 5.0)
    assert "'a', 'b'" in told.message
    assert told.message.endswith("Try again in 5 s.")


def test_a_guessed_wait_does_not_take_the_last_channel_out() -> None:
    assert names(plan(snapshot(channel("a")), health=ill("a", kind=Kind.RATE_LIMITED, times=1))) == ["a"]


def test_a_told_wait_after_overload_is_told_as_overload() -> None:
    health = learn(Health(), step("a", "sonnet"), fault(Kind.OVERLOADED, 20.0), 0, 0.5)
    told = refused(snapshot(channel("a")), health=health, now_ms=5000).problem
    assert (told.kind, told.status, told.retry_after_s) == (Kind.OVERLOADED, 529, 15.0)


def test_beside_told_waits_an_ill_channel_is_still_asked() -> None:
    health = limited(ill("a"), "b", 1.0)
    made = plan(snapshot(channel("a"), channel("b")), health=health)
    assert names(made) == ["a"]
    assert [name for name, _ in made.passed_over] == ["sonnet on b"]


@pytest.mark.parametrize(
    ("habits", "ask", "lack"),
    [
        (BLIND, replace(ASK, has_images=True), "it takes no images"),
        (Habits(tools=False), replace(ASK, has_tools=True), "it takes no tools"),
        (Habits(documents=False), replace(ASK, has_documents=True), "it takes no documents"),
    ],
)
def test_who_cannot_take_what_the_request_holds_is_passed_over(habits: Habits, ask: Ask, lack: str) -> None:
    lacking = replace(channel("a"), habits=habits)
    made = plan(snapshot(lacking, channel("b", priority=1)), ask)
    assert names(made) == ["b"]
    assert made.passed_over == (("sonnet on a", lack),)
    assert names(plan(snapshot(lacking), ask)) == ["a"]
    assert names(plan(snapshot(lacking, channel("b", priority=1)))) == ["a", "b"]


def test_a_prompt_that_fits_nowhere_is_refused_in_the_words_that_start_compaction() -> None:
    small = snapshot(channel("a", context=8_000), channel("b", context=32_000))
    told = refused(small, replace(ASK, prompt_tokens=36_000)).problem
    assert (told.kind, told.status, told.retryable) == (Kind.PROMPT_TOO_LONG, 400, False)
    assert told.message == "prompt is too long: 36000 tokens > 32000 maximum"


def test_a_prompt_that_may_fit_is_sent() -> None:
    assert names(plan(snapshot(channel("a", context=32_000)), replace(ASK, prompt_tokens=35_000))) == ["a"]


def test_a_channel_that_is_too_small_is_passed_over_for_a_larger_one() -> None:
    sizes = snapshot(channel("a", context=8_000), channel("b", context=64_000), channel("c"))
    made = plan(sizes, replace(ASK, prompt_tokens=36_000))
    assert sorted(names(made)) == ["b", "c"]
    assert made.passed_over == (("sonnet on a", "its context of 8000 tokens is too small"),)


def test_the_larger_window_of_the_vendor_is_not_guarded() -> None:
    native = replace(channel("a", context=200_000), native=True)
    for ask in (replace(ASK, asked="sonnet[1m]"), replace(ASK, long_context=True)):
        wide = replace(ask, prompt_tokens=700_000, max_output=64_000)
        assert plan(snapshot(native), wide).attempts[0].max_output is None
        assert refused(snapshot(channel("a", context=200_000)), wide).problem.kind is Kind.PROMPT_TOO_LONG


@pytest.mark.parametrize(
    ("card", "prompt", "wished", "allowed"),
    [
        (ModelCard(name="*"), 1000, 32_000, None),
        (ModelCard(name="*", context=128_000), 1000, 32_000, None),
        (ModelCard(name="*", context=128_000), 100_000, 32_000, 18_000),
        (ModelCard(name="*", context=128_000), 127_000, 32_000, 1024),
        (ModelCard(name="*", context=128_000), 127_000, 500, None),
        (ModelCard(name="*", context=128_000, max_output=8_000), 1000, 32_000, 8_000),
        (ModelCard(name="*", max_output=8_000), 1000, 4_000, None),
        (ModelCard(name="*", max_output=8_000), 1000, None, None),
    ],
)
def test_output_is_held_to_what_fits(card: ModelCard, prompt: int, wished: int | None, allowed: int | None) -> None:
    carded = replace(channel("a"), cards=(card,))
    made = plan(snapshot(carded), replace(ASK, prompt_tokens=prompt, max_output=wished))
    assert made.attempts[0].max_output == allowed


def test_the_exact_card_goes_before_the_first_pattern_that_hits() -> None:
    carded: Channel = replace(
        channel("a"), cards=(ModelCard(name="x-1", context=1), ModelCard(name="x-*", context=2), ModelCard(name="x-2"))
    )
    assert [card_of(carded, model).context for model in ("x-1", "x-2", "y")] == [1, None, None]


def test_a_session_stays_where_its_cache_is_warm() -> None:
    both = snapshot(channel("a"), channel("b", priority=1))
    asked = replace(ASK, session="s")
    first = plan(both, asked)
    moved = after(None, at=first.attempts[1])
    second = plan(both, asked, moved, now_ms=1000)
    assert names(second) == ["b", "a"]
    assert second.attempts[0].why == "the session's prompt cache is warm here"
    assert names(plan(both, replace(asked, session="other"), moved, now_ms=1000)) == ["a", "b"]
    assert names(plan(both, replace(asked, asked="opus"), moved, now_ms=1000)) == ["a", "b"]
    assert names(plan(both, replace(asked, session=None), moved, now_ms=1000)) == ["a", "b"]
    assert names(plan(both, asked, moved, now_ms=330_001)) == ["a", "b"]


def test_a_session_leaves_a_home_that_is_ill_or_told_to_wait_long() -> None:
    both = snapshot(channel("a"), channel("b", priority=1))
    asked = replace(ASK, session="s")
    at_b = plan(both, asked).attempts[1]
    moved = after(None, at=at_b)
    assert names(plan(both, asked, after(*[Kind.TIMEOUT] * 5, health=moved, at=at_b), now_ms=1)) == ["a"]
    assert names(plan(both, asked, after(*[Kind.TIMEOUT] * 5, health=moved, at=at_b), now_ms=6000)) == ["a", "b"]
    assert names(plan(both, asked, limited(moved, "b", 20.0), now_ms=1)) == ["a"]
    assert names(plan(both, asked, limited(moved, "b", 9.0), now_ms=9000)) == ["b", "a"]
