"""Whatever rules, names and bounds there are: no plan leaves the bounds, and what is remembered changes no answer."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.canon.request import EFFORTS
from dragoman.relay.outlet import Wiring
from dragoman.routing.bounds import Bounds
from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.match import resolve
from dragoman.routing.plan import Ask, Plan
from dragoman.routing.profile import Override, Profile, Project, Refusal, Rule, RuleTarget, When
from dragoman.routing.snapshot import Snapshot
from dragoman.shapes.policy import RetryPolicy
from tests.routing.house import channel

NAMES = ("a", "ab", "b")
TAGS = ("s", "t")
MODELS = ("gpt-4", "gpt-5", "m")
WORDS = st.frozensets(st.sampled_from([*NAMES, *TAGS, "a*", "*", "gone"]), max_size=2)
BOUNDS = st.none() | st.builds(
    lambda any_, all_, none: Bounds(any=any_, all=all_, none=none),
    WORDS,
    st.frozensets(st.sampled_from(TAGS), max_size=1),
    WORDS,
)
CHANNELS = st.tuples(
    *(
        st.builds(
            lambda models, tags, on, name=name: replace(channel(name, *models), tags=tags, enabled=on),
            st.lists(st.sampled_from(MODELS), max_size=3, unique=True),
            st.frozensets(st.sampled_from(TAGS)),
            st.booleans(),
        )
        for name in NAMES
    )
)
TARGETS = st.builds(
    lambda where, what, effort, on: RuleTarget(
        where[0],
        "" if what.startswith("/") else what,
        tag=where[1],
        models=re.compile(what.strip("/")) if what.startswith("/") else None,
        override=Override(effort=effort),
        enabled=on,
    ),
    st.sampled_from([("a", ""), ("*", ""), ("a*", ""), ("", "s")]),
    st.sampled_from(["m", r"\1", "gpt-4", "/gpt.*/", "/.*/"]),
    st.sampled_from([None, "low", r"\2"]),
    st.booleans(),
)
RULES = st.builds(
    lambda pattern, targets, bounds, when, on: Rule(
        pattern=re.compile(pattern), targets=tuple(targets), channels=bounds, when=when, enabled=on
    ),
    st.sampled_from([r"(.+?)(?:-(high|low))?()", r"(gpt)(.*)", r"(m)(x?)"]),
    st.lists(TARGETS, max_size=2),
    BOUNDS,
    st.sampled_from([None, When(images=True), When(not_=When(images=True))]),
    st.booleans(),
)
HOUSES = st.builds(
    lambda channels, rules, of_profile, of_project, models, refused, direct: Snapshot(
        channels=channels,
        profiles=() if rules is None else (Profile("default", tuple(rules), channels=of_profile),),
        projects={"p": Project(channels=of_project, models=models)},
        refusals=(Refusal(re.compile("gpt-4", re.IGNORECASE)),) if refused else (),
        direct=direct,
        retry=RetryPolicy(attempts=6),
    ),
    CHANNELS,
    st.none() | st.lists(RULES, max_size=3),
    BOUNDS,
    BOUNDS,
    st.sampled_from([(), ("gpt-*",), ("*m",)]),
    st.booleans(),
    st.booleans(),
)
ASKS = st.builds(
    lambda asked, project, images: Ask(door="d", asked=asked, project=project, has_images=images),
    st.sampled_from(["gpt-4", "GPT-4", "m", "m-high", "a/gpt-4", "ab/m", "gpt-4-low", "gone", "gpt-5[1m]"]),
    st.sampled_from(["", "p"]),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(HOUSES, ASKS, st.floats(0, 1, exclude_max=True))
def test_no_plan_leaves_the_bounds(house: Snapshot, ask: Ask, dice: float) -> None:
    found = decide(house, Health(), ask, 0, dice)
    assert decide(house, Health(), ask, 0, dice) == found
    if not isinstance(found, Plan):
        assert found.problem.message
        return
    profile = house.profiles[0] if house.profiles else None
    project = house.projects[ask.project] if ask.project else Project()
    for step in found.attempts:
        for bounds in (profile.channels if profile else None, project.channels):
            assert bounds is None or not bounds.breach(step.channel.name, step.channel.tags)
        assert step.channel.enabled
        assert not any(refusal.pattern.fullmatch(step.model) for refusal in house.refusals)
        assert step.override.effort in (None, *EFFORTS)
    assert house.direct or found.rule.startswith("rule")
    taken = re.match(r"rule (\d+) ", found.rule)
    if taken and profile:
        rule = profile.rules[int(taken[1]) - 1]
        assert rule.enabled
        of_rule = rule.channels
        assert of_rule is None or all(not of_rule.breach(s.channel.name, s.channel.tags) for s in found.attempts)


@settings(max_examples=100, deadline=None)
@given(HOUSES, st.lists(ASKS, max_size=6))
def test_what_is_remembered_changes_no_answer(house: Snapshot, asks: list[Ask]) -> None:
    wiring = Wiring(house, {}, {}, "test")
    for ask in asks * 2:
        assert wiring.resolve(ask) == resolve(house, ask)
