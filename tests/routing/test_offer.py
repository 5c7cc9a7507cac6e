"""What may be asked for, by whom, and what nobody can reach: always just what routing would do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.routing.bounds import Bounds
from dragoman.routing.cards import ModelCard
from dragoman.routing.key import may_ask
from dragoman.routing.match import resolve
from dragoman.routing.offer import Astray, Idle, Lists, offer_of, offers, unreached
from dragoman.routing.plan import Refused
from dragoman.routing.profile import Profile, Project, Refusal, Rule, RuleTarget, When
from dragoman.routing.snapshot import Mapping3, Snapshot
from dragoman.shapes.access import KeyTable
from tests.routing.house import ASK, channel, rule, snapshot

DOORS = ("door",)


def listed(configured: Snapshot, key: KeyTable | None = None, doors: tuple[str, ...] = DOORS) -> list[str]:
    """The names that are offered."""
    return [offer.name for offer in offers(configured, doors, key or KeyTable(name="k"))]


NAMES = st.sampled_from(["x", "y", "v/x", "X", "sonnet"])
CHANNELS = st.builds(
    lambda name, models, alias, trim, loose, on, shown: replace(
        channel(name, *models), aliases=alias, trim=trim, any_case=loose, enabled=on, listed=shown
    ),
    st.sampled_from(["a", "b"]),
    st.lists(NAMES, max_size=3, unique=True),
    st.dictionaries(NAMES, NAMES, max_size=2),
    st.sampled_from([(), ("v",)]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["all", "models", "aliases", "none"]),
)
RULES = st.builds(
    lambda name, targets: rule(name, *targets),
    NAMES,
    st.lists(st.sampled_from(["a/x", "b/y", "gone/x"]), max_size=2),
)


@given(st.lists(CHANNELS, max_size=2, unique_by=lambda one: one.name), st.none() | st.lists(RULES, max_size=3))
@settings(max_examples=150)
def test_what_is_offered_is_answered_and_what_is_not_offered_is_hidden_or_refused(
    channels: list[object], rules: list[Rule] | None
) -> None:
    configured = snapshot(*channels, rules=None if rules is None else tuple(rules))  # type: ignore[arg-type]
    names = listed(configured)

    assert len(names) == len(set(names))
    for name in names:
        assert not isinstance(resolve(configured, replace(ASK, asked=name)), Refused)
    for one in configured.channels:
        for name in one.names.exact if one.listed == "all" else ():
            answered = not isinstance(resolve(configured, replace(ASK, asked=name)), Refused)
            assert answered == (name in names)


@pytest.mark.parametrize(
    ("shown", "names"),
    [("all", ["v/x", "fast", "x"]), ("models", ["v/x"]), ("aliases", ["fast", "x"]), ("none", [])],
)
def test_a_channel_chooses_which_of_its_names_are_listed_and_answers_to_all(shown: str, names: list[str]) -> None:
    one = replace(channel("a", "v/x"), aliases={"fast": "v/x"}, trim=("v",), listed=shown)
    configured = snapshot(one)

    assert listed(configured) == names
    for name in ("v/x", "fast", "x", "a/x"):
        found = offer_of(configured, name, DOORS)
        assert found is not None
        assert (found.first.channel.name, found.first.model) == ("a", "v/x")


def test_a_rule_is_offered_where_its_conditions_hold() -> None:
    configured = snapshot(
        channel("a", "m"),
        rules=(
            Rule(model="x", when=When(doors=("door",), images=True), targets=(RuleTarget("a", "m"),)),
            rule("x", message="no"),
            Rule(model="y", when=When(doors=("other",)), targets=(RuleTarget("a", "m"),)),
            Rule(model="z", enabled=False, targets=(RuleTarget("a", "m"),)),
            rule("w", "gone/m"),
        ),
    )

    assert listed(configured) == ["x", "m"]
    assert listed(configured, doors=("other",)) == ["y", "m"]
    assert listed(configured, doors=("other", "door")) == ["x", "y", "m"]


def test_a_rule_that_always_refuses_hides_those_behind_it() -> None:
    configured = snapshot(channel("a", "m", "x"), rules=(rule("x", message="no"), rule("x", "a/m")))

    assert listed(configured) == ["m"]


def test_a_name_that_only_a_pattern_takes_is_listed_where_a_card_bears_it() -> None:
    cards = (ModelCard(name="claude-opus-5", title="Opus", context=7), ModelCard(name="m2"), ModelCard(name="z*"))
    configured = replace(snapshot(channel("a", "m", context=9), rules=(rule("/claude-.*", "a/m"),)), models=cards)

    assert listed(configured) == ["claude-opus-5", "m"]
    card = offers(configured, DOORS)[0].card
    assert (card.name, card.title, card.context) == ("claude-opus-5", "Opus", 7)


def test_a_name_is_described_as_the_model_that_is_asked_first() -> None:
    configured = snapshot(channel("a", "m", context=9), channel("b", "n", context=3), rules=(rule("x", "b/n", "a/m"),))
    offer = offers(configured, DOORS)[0]

    assert (offer.name, offer.card.context) == ("x", 3)
    assert [(one.channel.name, one.model) for one in offer.candidates] == [("b", "n"), ("a", "m")]


def test_a_mapping_offers_its_tiers() -> None:
    mapping = Mapping3(big="B", middle="M", small="S")

    assert listed(snapshot(channel("a"), mapping=mapping)) == [
        "claude-opus", "claude-sonnet", "claude-haiku", "B", "M", "S"
    ]  # fmt: skip


PAIR = snapshot(replace(channel("a", "m", "big-1", "big-2")), channel("b", "n"))


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (KeyTable(name="k", models=("big-*", "n")), ["big-1", "big-2", "n"]),
        (KeyTable(name="k", models=("m", "gone", "b/n")), ["m", "b/n"]),
        (KeyTable(name="k", doors=("other",)), []),
        (KeyTable(name="k", profile="gone"), []),
        (KeyTable(name="k", profile="only-b"), ["x", "n"]),
        (KeyTable(name="k", project="red"), ["m", "big-1", "big-2"]),
        (KeyTable(name="k", project="gone"), []),
    ],
)
def test_a_key_sees_what_it_may_ask_for(key: KeyTable, names: list[str]) -> None:
    configured = replace(
        PAIR,
        profiles=(Profile("only-b", (rule("x", "b/n", "a/m"), rule("z", "a/m")), channels=Bounds(any=frozenset("b"))),),
        projects={"red": Project(channels=Bounds(none=frozenset("b")))},
    )

    assert listed(configured, key) == names


def test_a_name_in_another_case_is_found_only_by_who_may_ask_for_it_so() -> None:
    loose = snapshot(replace(channel("a", "Big"), any_case=True))

    assert offer_of(loose, "BIG", DOORS)
    assert offer_of(loose, "BIG", DOORS, KeyTable(name="k", models=("Big",))) is None
    assert offer_of(loose, "BIG", DOORS, KeyTable(name="k", models=("B*",)))


def test_what_claude_codes_picker_calls_a_model_is_no_other_name() -> None:
    key = KeyTable(name="k", models=("m", "big-*"))

    told = {name: may_ask(key, "door", name) for name in ("m", "claude-via-m", "m[1m]", "claude-via-big-1[1m]", "x")}
    assert told == {"m": True, "claude-via-m": True, "m[1m]": True, "claude-via-big-1[1m]": True, "x": False}


def test_what_is_refused_to_all_is_offered_to_nobody() -> None:
    assert listed(replace(PAIR, refusals=(Refusal(re.compile("big-.*")),))) == ["m", "n"]
    assert listed(replace(PAIR, direct=False)) == []


def test_lists_are_worked_out_once_for_each_configuration() -> None:
    lists, key = Lists(), KeyTable(name="k")
    first = lists.offers(PAIR, DOORS, key)

    assert lists.offers(PAIR, DOORS, KeyTable(name="another")) is first
    assert lists.offers(PAIR, DOORS, KeyTable(name="k", models=("m",))) != first
    assert lists.offers(replace(PAIR), DOORS, key) is not first


def test_models_without_a_rule_are_found() -> None:
    trimmed = replace(channel("a", "v/x", "y", "gpt-1", "z"), trim=("v",))
    off = replace(channel("off", "q"), enabled=False)
    rules = (rule("sonnet", "a/x"), rule("/(gpt)-(.*)", "a/\\1-\\2"), Rule(model="n", enabled=False))
    idle, astray = unreached(snapshot(trimmed, off, rules=rules))

    assert idle == [Idle(channel="a", model="y", by_name=True), Idle(channel="a", model="z", by_name=True)]
    assert astray == []
    assert all(not one.by_name for one in unreached(replace(snapshot(trimmed), direct=False))[0])


def test_targets_that_lead_nowhere_are_found() -> None:
    off = replace(channel("off", "m"), enabled=False)
    targets = (
        RuleTarget("gone", "m"),
        RuleTarget("", "m", tag="none"),
        RuleTarget("off", "m"),
        RuleTarget("a", "missing"),
        RuleTarget("a", "", models=re.compile("zz.*")),
        RuleTarget("a", "m"),
        RuleTarget("any", "whatever"),
        RuleTarget("gone", "m", enabled=False),
    )
    configured = snapshot(channel("a", "m"), channel("any"), off, rules=(Rule(model="x", targets=targets),))

    def one(target: str, why: str, *, asked: bool = False) -> Astray:
        return Astray(profile="default", rule=1, name="x", target=target, why=why, asked=asked)

    assert unreached(configured)[1] == [
        one("gone/m", "there is no such channel"),
        one("tag none/m", "there is no such channel"),
        one("off/m", "its channel is switched off"),
        one("a/missing", "no such model is known there", asked=True),
        one("a/zz.*", "no such model is known there"),
    ]
    held = replace(Rule(model="x", targets=targets[5:6]), channels=Bounds(none=frozenset("a")))
    assert unreached(snapshot(channel("a", "m"), rules=(held,)))[1][0].why == "the rule's own `channels` leave it out"


def test_brackets_in_what_a_key_names_are_parts_of_names() -> None:
    key = KeyTable(name="k", models=("claude-*[1m]",))

    told = {name: may_ask(key, "door", name) for name in ("claude-opus[1m]", "claude-opus", "claude-m", "claude-1")}

    assert told == {"claude-opus[1m]": True, "claude-opus": False, "claude-m": False, "claude-1": False}
