"""Profiles, rules and projects are held to channels, and the plan says what kept one out."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.routing.bounds import Bounds
from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.match import Resolved, resolve
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.routing.profile import Override, Profile, Project, Refusal, Rule, RuleTarget
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.shapes.policy import RetryPolicy
from tests.routing.house import ASK, channel, names, rule, snapshot


def tagged(name: str, *tags: str, models: tuple[str, ...] = ("m",)) -> Channel:
    return replace(channel(name, *models), tags=frozenset(tags))


CHANNELS = (tagged("eu-1", "eu", "cheap"), tagged("eu-2", "eu"), tagged("us-1", "us", "cheap"), tagged("bare"))
ASK_M = replace(ASK, asked="m")


def held(*words: str) -> frozenset[str]:
    return frozenset(words)


@pytest.mark.parametrize(
    ("bounds", "open_to"),
    [
        (Bounds(), ["eu-1", "eu-2", "us-1", "bare"]),
        (Bounds(any=held("bare", "us")), ["us-1", "bare"]),
        (Bounds(any=held("eu-*")), ["eu-1", "eu-2"]),
        (Bounds(all=held("eu", "cheap")), ["eu-1"]),
        (Bounds(none=held("us", "bare")), ["eu-1", "eu-2"]),
        (Bounds(none=held("*-1")), ["eu-2", "bare"]),
        (Bounds(any=held("eu"), none=held("cheap")), ["eu-2"]),
        (Bounds(any=held("gone")), []),
        (Bounds(any=held("*")), ["eu-1", "eu-2", "us-1", "bare"]),
        (Bounds(none=held("*")), []),
    ],
)
def test_bounds_are_names_patterns_of_names_and_tags(bounds: Bounds, open_to: list[str]) -> None:
    assert [one.name for one in CHANNELS if not bounds.breach(one.name, one.tags)] == open_to
    for house in (
        Snapshot(channels=CHANNELS, profiles=(Profile("default", channels=bounds),)),
        Snapshot(channels=CHANNELS, projects={"p": Project(channels=bounds)}),
        Snapshot(
            channels=CHANNELS,
            profiles=(Profile("default", (Rule(model="m", targets=(RuleTarget("*", "m"),), channels=bounds),)),),
        ),
    ):
        found = resolve(house, replace(ASK_M, project="p" if house.projects else ""))
        asked = [one.channel.name for one in found.candidates] if isinstance(found, Resolved) else []
        assert asked == open_to
        assert {name for name, _ in found.passed_over} == {one.name for one in CHANNELS} - set(open_to)


def test_the_bounds_of_a_project_are_around_those_of_a_profile_and_a_rule() -> None:
    ruled = Rule(model="m", targets=(RuleTarget("*", "m"),), channels=Bounds(none=held("bare")))
    house = Snapshot(
        channels=CHANNELS,
        profiles=(Profile("default", (ruled,), channels=Bounds(any=held("cheap", "bare"))),),
        projects={"p": Project(channels=Bounds(all=held("eu")))},
    )
    plan = decide(house, Health(), replace(ASK_M, project="p"), 0, 0.0)
    assert names(plan) == ["eu-1"]
    assert isinstance(plan, Plan)
    assert dict(plan.passed_over) == {
        "eu-2": "profile 'default' leaves it out: it is none of the channels that may be used",
        "us-1": "project 'p' leaves it out: it lacks the tag 'eu'",
        "bare": "the rule leaves it out: it is excluded",
    }


def test_whoever_may_use_none_of_the_channels_is_told_so_and_the_operator_why() -> None:
    house = Snapshot(channels=CHANNELS, projects={"p": Project(channels=Bounds(any=held("gone")))})
    found = resolve(house, replace(ASK_M, project="p"))
    assert isinstance(found, Refused)
    assert "only where this request may not go" in found.problem.message
    assert "eu-1" not in found.problem.message
    assert len(found.passed_over) == 4
    assert any(line.startswith("not eu-1: project 'p'") for line in found.lines())


def test_who_may_use_no_channel_at_all_is_not_told_that_there_is_none() -> None:
    house = Snapshot(channels=CHANNELS, projects={"p": Project(channels=Bounds(any=held("gone")))})
    found = resolve(house, replace(ASK, asked="unheard-of", project="p"))
    assert isinstance(found, Refused)
    assert "every channel is closed to this API key" in found.problem.message


def test_a_channel_named_in_front_is_no_way_around_the_bounds() -> None:
    house = Snapshot(channels=CHANNELS, projects={"p": Project(channels=Bounds(all=held("eu")))})
    assert isinstance(resolve(house, replace(ASK, asked="us-1/m", project="p")), Refused)
    assert isinstance(resolve(house, replace(ASK, asked="eu-2/m", project="p")), Resolved)


@pytest.mark.parametrize(
    ("asked", "may"), [("gpt-5", True), ("gpt-5[1m]", True), ("gpt-5-mini", True), ("o3", False), ("a/gpt-5", False)]
)
def test_the_keys_of_a_project_may_ask_for_its_models_only(asked: str, may: bool) -> None:
    house = Snapshot(channels=(channel("a", "gpt-5", "gpt-5-mini", "o3"),), projects={"p": Project(models=("gpt-*",))})
    found = resolve(house, replace(ASK, asked=asked, project="p"))
    assert isinstance(found, Resolved) is may
    if isinstance(found, Refused):
        assert (found.problem.kind, found.problem.status) == (Kind.PERMISSION, 403)
        assert "They may ask for: 'gpt-*'" in found.problem.message


def test_a_project_that_is_not_there_opens_nothing() -> None:
    assert isinstance(resolve(Snapshot(channels=CHANNELS), replace(ASK_M, project="gone")), Refused)


REFUSED = (Refusal(re.compile("gpt-4.*", re.IGNORECASE), "Too old."), Refusal(re.compile("secret")))


@pytest.mark.parametrize("asked", ["gpt-4o", "GPT-4o", "gpt-4o[1m]", "claude-via-gpt-4o", "a/gpt-4o", "nick", "x"])
def test_what_is_refused_to_everybody_has_no_other_door(asked: str) -> None:
    house = Snapshot(
        channels=(replace(channel("a", "gpt-4o", "gpt-5"), aliases={"nick": "gpt-4o"}),),
        profiles=(Profile("default", (rule("x", "a/gpt-4o"),)),),
        refusals=REFUSED,
    )
    found = resolve(house, replace(ASK, asked=asked))
    assert isinstance(found, Refused)
    assert (found.problem.kind, found.problem.message) == (Kind.MODEL_NOT_FOUND, "Too old.")
    assert isinstance(resolve(house, replace(ASK, asked="gpt-5")), Resolved)


def test_a_refusal_says_the_operators_words_or_ours() -> None:
    house = Snapshot(channels=(channel("a", "gpt-4o", "secret"),), refusals=REFUSED)
    told = [resolve(house, replace(ASK, asked=name)) for name in ("gpt-4o", "secret")]
    words = [found.problem.message for found in told if isinstance(found, Refused)]
    assert words == [
        "Too old.",
        "Model 'secret' was asked for but this gateway refuses it to everybody. Use another model.",
    ]


def test_a_target_that_is_refused_to_everybody_leaves_the_others() -> None:
    house = replace(snapshot(channel("a"), rules=(rule("x", "a/gpt-4o", "a/gpt-5"),)), refusals=REFUSED)
    plan = decide(house, Health(), replace(ASK, asked="x"), 0, 0.0)
    assert isinstance(plan, Plan)
    assert [step.model for step in plan.attempts] == ["gpt-5"]
    assert plan.passed_over == (("gpt-4o on a", "this gateway refuses the model to everybody"),)


@pytest.mark.parametrize("asked", ["m", "a/m", "unknown"])
def test_without_direct_names_only_rules_lead_anywhere(asked: str) -> None:
    house = replace(snapshot(channel("a", "m"), channel("any"), rules=(rule("x", "a/m"),)), direct=False)
    assert isinstance(resolve(house, replace(ASK, asked=asked)), Refused)
    assert isinstance(resolve(house, replace(ASK, asked="x")), Resolved)
    assert isinstance(resolve(replace(house, profiles=()), replace(ASK, asked=asked)), Refused)


def test_a_pattern_target_means_every_model_that_it_matches_on_every_channel_once() -> None:
    house = snapshot(
        channel("a", "gpt-5", "gpt-5-mini", "o3"),
        channel("b", "gpt-5"),
        channel("c"),
        rules=(
            Rule(
                model="x",
                targets=(
                    RuleTarget("*", "", models=re.compile("gpt-5")),
                    RuleTarget("*", "", models=re.compile("gpt-.*")),
                ),
            ),
        ),
    )
    found = resolve(house, Ask(door="door", asked="x"))
    assert isinstance(found, Resolved)
    assert [(one.channel.name, one.model, one.rank) for one in found.candidates] == [
        ("a", "gpt-5", 1),
        ("b", "gpt-5", 1),
        ("a", "gpt-5-mini", 2),
    ]


def test_any_channel_means_those_that_have_the_model_and_a_named_one_is_believed() -> None:
    house = snapshot(
        channel("a", "m"),
        channel("ab", "other"),
        replace(channel("b", "m-1"), aliases={"m": "m-1"}),
        rules=(Rule(model="x", targets=(RuleTarget("*", "m"), RuleTarget("ab", "m"))),),
    )
    found = resolve(house, Ask(door="door", asked="x"))
    assert isinstance(found, Resolved)
    assert [(one.channel.name, one.model) for one in found.candidates] == [("a", "m"), ("b", "m-1"), ("ab", "m")]


def test_targets_and_rules_that_are_switched_off_are_not_there() -> None:
    off = replace(rule("x", "a/one"), enabled=False)
    half = Rule(model="x", targets=(RuleTarget("a", "two", enabled=False), RuleTarget("a", "three")))
    found = resolve(snapshot(channel("a"), rules=(off, half)), Ask(door="door", asked="x"))
    assert isinstance(found, Resolved)
    assert [one.model for one in found.candidates] == ["three"]
    assert found.rule.startswith("rule 2 of profile")
    none = Rule(model="x", targets=(RuleTarget("a", "two", enabled=False),))
    refused = resolve(snapshot(channel("a", "x"), rules=(none,)), Ask(door="door", asked="x"))
    assert isinstance(refused, Refused)
    assert "leads to no channel that has it" in refused.problem.message


def test_only_a_target_that_is_on_and_names_one_model_has_a_name() -> None:
    assert RuleTarget("a", "m").named == "m"
    nameless = (
        RuleTarget("a", r"my-\1"),
        RuleTarget("a", "", models=re.compile("m")),
        RuleTarget("a", "m", enabled=False),
    )
    assert [target.named for target in nameless] == ["", "", ""]


SUFFIX = re.compile(r"(.+?)(?:-(none|minimal|low|medium|high|xhigh|max|huge))?")


@pytest.mark.parametrize(
    ("asked", "model", "effort"),
    [("m-high", "m", "high"), ("m-xhigh", "m", "xhigh"), ("m", "m", None), ("qwen-max-low", "qwen-max", "low")],
)
def test_a_group_of_the_name_says_the_effort(asked: str, model: str, effort: str | None) -> None:
    ruled = Rule(pattern=SUFFIX, targets=(RuleTarget("a", r"\1", override=Override(effort=r"\2")),))
    found = resolve(snapshot(channel("a"), rules=(ruled,)), Ask(door="door", asked=asked))
    assert isinstance(found, Resolved)
    assert (found.candidates[0].model, found.candidates[0].override.effort) == (model, effort)


def test_an_effort_in_a_name_that_nobody_knows_is_the_clients_fault() -> None:
    ruled = Rule(pattern=SUFFIX, targets=(RuleTarget("a", r"\1", override=Override(effort=r"\2")),))
    found = resolve(snapshot(channel("a"), rules=(ruled,)), Ask(door="door", asked="m-huge"))
    assert isinstance(found, Refused)
    assert (found.problem.kind, found.problem.status) == (Kind.INVALID_REQUEST, 400)
    assert "asks for the effort 'huge'. Use one of: 'none', 'minimal'" in found.problem.message


@pytest.mark.parametrize(("policy", "attempts"), [(RetryPolicy(attempts=5), 5), (RetryPolicy(enabled=False), 1)])
def test_a_plan_has_as_many_attempts_as_the_policy_says(policy: RetryPolicy, attempts: int) -> None:
    house = replace(snapshot(*(channel(f"c{n}", "m") for n in range(9))), retry=policy)
    plan = decide(house, Health(), ASK_M, 0, 0.0)
    assert isinstance(plan, Plan)
    assert len(plan.attempts) == attempts
    assert len(plan.passed_over) == 9 - attempts


def test_an_endless_name_gets_past_no_rule() -> None:
    house = snapshot(channel("any"), rules=(rule("/.*/", message="No."),))
    found = resolve(house, Ask(door="door", asked="any/" + "x" * 100_000))
    assert isinstance(found, Refused)
    assert found.problem.message == "No."
