"""Conditions stand in trees, know days and media, and say which branch was not met."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.match import Resolved, resolve
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.routing.profile import Dates, Hours, When
from dragoman.routing.when import unmet
from tests.routing.house import ASK, channel, rule, snapshot

FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOON = FRIDAY.timestamp()
MOSCOW = timezone(timedelta(hours=3))
HAS_IMAGES = When(images=True)
HAS_TOOLS = When(tools=True)


@pytest.mark.parametrize(
    ("when", "meets", "fails", "words"),
    [
        (When(audio=True), {"has_audio": True}, {}, "has no audio"),
        (When(video=False), {}, {"has_video": True}, "has video"),
        (When(min_images=2), {"images": 2}, {"images": 1}, "has 1 images, less than 2"),
        (When(max_images=2), {"images": 2}, {"images": 3}, "has 3 images, more than 2"),
        (
            When(outside=Hours(9 * 60, 17 * 60, UTC)),
            {"now_s": NOON + 5 * 3600},
            {"now_s": NOON},
            "it is another time of day",
        ),
        (When(dates=Dates(days=frozenset({4}), zone=UTC)), {"now_s": NOON}, {"now_s": NOON + 86400}, "it is sat"),
        (
            When(dates=Dates(days=frozenset({5}), zone=MOSCOW)),
            {"now_s": NOON + 9 * 3600},
            {"now_s": NOON + 8 * 3600},
            "it is fri",
        ),
        (
            When(dates=Dates(since=date(2026, 11, 21), zone=UTC)),
            {"now_s": NOON + 12 * 3600},
            {"now_s": NOON},
            "it is 2026-11-20, before 2026-11-21",
        ),
        (
            When(dates=Dates(until=date(2026, 11, 20), zone=UTC)),
            {"now_s": NOON + 11 * 3600},
            {"now_s": NOON + 12 * 3600},
            "it is 2026-11-21, after 2026-11-20",
        ),
        (
            When(any=(HAS_IMAGES, HAS_TOOLS)),
            {"has_tools": True},
            {},
            "none of any holds (1: has no images; 2: has no tools)",
        ),
        (
            When(all=(HAS_IMAGES, HAS_TOOLS)),
            {"has_tools": True, "has_images": True},
            {"has_images": True},
            "2 of all: has no tools",
        ),
        (When(not_=HAS_IMAGES), {}, {"has_images": True}, "what must not hold does"),
        (
            When(any=(When(all=(HAS_IMAGES, When(not_=HAS_TOOLS))), When(min_tokens=9))),
            {"prompt_tokens": 9},
            {"has_images": True, "has_tools": True},
            "none of any holds (1: 2 of all: what must not hold does; 2: prompt is 0 tokens, less than 9)",
        ),
    ],
)
def test_a_condition_and_the_words_for_what_it_misses(
    when: When, meets: dict[str, Any], fails: dict[str, Any], words: str
) -> None:
    assert unmet(when, replace(ASK, **meets)) == ""
    assert unmet(when, replace(ASK, **fails)) == words


LEAVES = st.sampled_from([HAS_IMAGES, HAS_TOOLS, When(stream=True), When(min_tokens=5), When(thinking=False)])
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda one: When(not_=one), inner)
        | st.builds(lambda some: When(any=tuple(some)), st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda some: When(all=tuple(some)), st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=8,
)
ASKS = st.builds(
    lambda images, tools, stream, tokens, thinking: replace(
        ASK, has_images=images, has_tools=tools, stream=stream, prompt_tokens=tokens, thinking=thinking
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 9),
    st.booleans(),
)


@settings(max_examples=80)
@given(TREES, TREES, ASKS)
def test_trees_obey_the_laws_of_logic(one: When, other: When, ask: Ask) -> None:
    def holds(when: When) -> bool:
        return not unmet(when, ask)

    assert holds(When(not_=one)) is not holds(one)
    assert holds(When(any=(one, other))) is (holds(one) or holds(other))
    assert holds(When(all=(one, other))) is (holds(one) and holds(other))
    assert holds(When(not_=When(any=(one, other)))) is holds(When(all=(When(not_=one), When(not_=other))))


def test_the_plan_names_the_rules_whose_conditions_failed_and_why() -> None:
    house = snapshot(
        channel("a"),
        rules=(
            replace(rule("x", "a/1"), when=When(any=(HAS_IMAGES, HAS_TOOLS))),
            replace(rule("y", "a/2"), when=HAS_IMAGES),
            replace(rule("/x|z/", "a/3"), when=HAS_IMAGES),
            rule("x", "a/4"),
        ),
    )
    plan = decide(house, Health(), Ask(door="door", asked="x"), 0, 0.0)
    assert isinstance(plan, Plan)
    assert plan.attempts[0].model == "4"
    assert plan.passed_over == (
        ("rule 1 of profile 'default'", "none of any holds (1: has no images; 2: has no tools)"),
        ("rule 3 of profile 'default'", "has no images"),
    )
    refused = resolve(house, Ask(door="door", asked="z"))
    assert isinstance(refused, Refused)
    assert refused.lines()[1] == "not rule 3 of profile 'default': has no images"


def test_only_the_beginning_of_a_header_is_searched() -> None:
    when = When(headers={"x-team": re.compile("red")})
    assert unmet(when, replace(ASK, headers={"x-team": "red" + " " * 5000})) == ""
    assert unmet(when, replace(ASK, headers={"x-team": " " * 5000 + "red"}))


def test_a_met_tree_takes_the_request() -> None:
    house = snapshot(channel("a"), rules=(replace(rule("x", "a/1"), when=When(not_=HAS_TOOLS)),))
    assert isinstance(resolve(house, Ask(door="door", asked="x")), Resolved)
