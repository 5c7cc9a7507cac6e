"""Rules hold under their conditions, name channels by tag, and change what they send on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.routing.bounds import Bounds
from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.match import Resolved, resolve
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.routing.profile import Hours, Override, Profile, Rule, RuleTarget, When
from dragoman.routing.snapshot import Snapshot
from dragoman.routing.when import unmet
from tests.routing.house import ASK, channel, names, rule, snapshot

NOON_S = datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()
NIGHT = Hours(22 * 60, 6 * 60, UTC)
DAY = Hours(9 * 60, 17 * 60, timezone(timedelta(hours=8)))


@pytest.mark.parametrize(
    ("when", "wants", "fails"),
    [
        (When(doors=("door",)), {}, {"door": "other"}),
        (When(agents=("subagent", "background")), {"agent": "subagent"}, {"agent": "main"}),
        (When(min_tokens=100), {"prompt_tokens": 100}, {"prompt_tokens": 99}),
        (When(max_tokens=100), {"prompt_tokens": 100}, {"prompt_tokens": 101}),
        (When(images=True), {"has_images": True}, {"has_images": False}),
        (When(documents=False), {"has_documents": False}, {"has_documents": True}),
        (When(tools=True), {"has_tools": True}, {}),
        (When(thinking=False), {}, {"thinking": True}),
        (When(stream=True), {"stream": True}, {}),
        (When(hours=NIGHT), {"now_s": NOON_S + 11 * 3600}, {"now_s": NOON_S}),
        (When(hours=NIGHT), {"now_s": NOON_S - 7 * 3600}, {"now_s": NOON_S - 6 * 3600}),
        (When(hours=DAY), {"now_s": NOON_S - 4 * 3600}, {"now_s": NOON_S}),
        (
            When(headers={"x-team": re.compile("^red$")}),
            {"headers": {"x-team": "red"}},
            {"headers": {"x-team": "reds"}},
        ),
        (When(headers={"x-team": re.compile("red")}), {"headers": {"x-team": "reds"}}, {}),
    ],
)
def test_a_condition(when: When, wants: dict[str, Any], fails: dict[str, Any]) -> None:
    assert unmet(when, replace(ASK, **wants)) == ""
    assert unmet(when, replace(ASK, **fails))


def test_a_rule_whose_conditions_fail_is_not_there() -> None:
    small = replace(rule("/claude-.*/", "a/small"), when=When(agents=("background",)))
    house = snapshot(channel("a"), rules=(small, rule("/claude-.*/", "a/large")))
    main = resolve(house, Ask(door="door", asked="claude-x"))
    title = resolve(house, Ask(door="door", asked="claude-x", agent="background"))
    assert isinstance(main, Resolved)
    assert isinstance(title, Resolved)
    assert (main.candidates[0].model, title.candidates[0].model) == ("large", "small")
    assert title.rule == "rule 1 of profile 'default' (pattern 'claude-.*', with its conditions)"


def test_groups_of_the_pattern_stand_in_the_target() -> None:
    ruled = Rule(pattern=re.compile(r"gpt-(?P<size>\w+)-(\d)"), targets=(RuleTarget("a", r"my-\2-\g<size>"),))
    found = resolve(snapshot(channel("a"), rules=(ruled,)), Ask(door="door", asked="gpt-mini-4"))
    assert isinstance(found, Resolved)
    assert found.candidates[0].model == "my-4-mini"


def test_a_tag_means_every_channel_that_has_it() -> None:
    house = Snapshot(
        channels=(
            replace(channel("a"), tags=frozenset({"eu"})),
            channel("b"),
            replace(channel("c"), tags=frozenset({"eu"})),
        ),
        profiles=(Profile("default", (Rule(model="x", targets=(RuleTarget("", "m", tag="eu"),)),)),),
    )
    assert sorted(names(decide(house, Health(), Ask(door="door", asked="x"), 0, 0.0))) == ["a", "c"]


def test_a_profile_may_be_held_to_some_channels() -> None:
    house = Snapshot(
        channels=(channel("a", "m"), channel("b", "m"), replace(channel("c", "m"), tags=frozenset({"t"}))),
        profiles=(Profile("default", channels=Bounds(any=frozenset({"b", "t"}))),),
    )
    assert sorted(names(decide(house, Health(), Ask(door="door", asked="m"), 0, 0.0))) == ["b", "c"]


def test_aliases_and_prefixes_name_models() -> None:
    far = replace(channel("far", "m"), aliases={"nick": "m"}, prefix="f")
    house = snapshot(far, channel("near", "n"))
    for asked in ("nick", "m", "far/nick", "f/m"):
        found = resolve(house, Ask(door="door", asked=asked))
        assert isinstance(found, Resolved)
        assert [(one.channel.name, one.model) for one in found.candidates] == [("far", "m")]


def test_what_is_switched_off_is_not_asked_and_is_named() -> None:
    off = replace(channel("a", "m"), enabled=False)
    plan = decide(snapshot(off, channel("b", "m")), Health(), Ask(door="door", asked="m"), 0, 0.0)
    assert isinstance(plan, Plan)
    assert names(plan) == ["b"]
    assert plan.passed_over[0] == ("a", "it is switched off")
    refused = decide(snapshot(off), Health(), Ask(door="door", asked="m"), 0, 0.0)
    assert isinstance(refused, Refused)
    assert "only on 'a', which is switched off" in refused.problem.message


def test_a_target_carries_what_it_changes() -> None:
    calmer = Override(effort="low", max_output=100, addendum="Be brief.")
    ruled = Rule(model="x", targets=(RuleTarget("a", "m", override=calmer), RuleTarget("a", "n")))
    plan = decide(snapshot(channel("a"), rules=(ruled,)), Health(), Ask(door="door", asked="x"), 0, 0.0)
    assert isinstance(plan, Plan)
    assert [attempt.override for attempt in plan.attempts] == [calmer, Override()]
