"""Verdicts and breakers heed the numbers that are set, within bounds that a mistake cannot leave."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.canon.problem import Kind
from dragoman.routing.health import Health, Succeeded, learn, usable
from dragoman.routing.snapshot import RetryRule
from dragoman.routing.verdict import Again, Next, Situation, Stop, Verdict, verdict
from dragoman.shapes.policy import USUAL_BREAKER, BreakerPolicy, RetryPolicy
from tests.routing.house import fault, step


@pytest.mark.parametrize(
    ("kind", "where", "does"),
    [
        (Kind.UPSTREAM_ERROR, ((1, 0, 0), {}), Again(0.5)),
        (Kind.UPSTREAM_ERROR, ((2, 0, 0), {}), Stop()),
        (Kind.UPSTREAM_ERROR, ((2, 0, 0), {"same_channel": 2}), Again(1.0)),
        (Kind.UPSTREAM_ERROR, ((1, 0, 0), {"same_channel": 0}), Stop()),
        (Kind.UPSTREAM_ERROR, ((3, 0, 0), {"same_channel": 2}), Stop()),
        (Kind.UPSTREAM_ERROR, ((3, 2, 0), {}), Stop()),
        (Kind.UPSTREAM_ERROR, ((3, 2, 0), {"attempts": 6}), Next()),
        (Kind.UPSTREAM_ERROR, ((1, 2, 5000), {"within_s": 5}), Stop()),
        (Kind.UPSTREAM_ERROR, ((1, 2, 5000), {"within_s": 6}), Next()),
        (Kind.UPSTREAM_ERROR, ((1, 0, 600), {"within_s": 1}), Stop()),
        (Kind.UPSTREAM_ERROR, ((1, 2, 0), {"enabled": False}), Stop()),
        (Kind.OVERLOADED, ((1, 0, 0), {"same_channel": 2}), Stop()),
        (Kind.INVALID_REQUEST, ((1, 2, 0), {"attempts": 6, "same_channel": 2}), Stop()),
    ],
)
def test_a_verdict_is_what_the_policy_allows(
    kind: Kind, where: tuple[tuple[int, int, int], dict[str, int]], does: Verdict
) -> None:
    (attempts, others, elapsed_ms), policy = where
    found = Situation(
        attempts=attempts, others=others, elapsed_ms=elapsed_ms, policy=msgspec.convert(policy, RetryPolicy)
    )
    assert verdict(fault(kind), found, 1.0) == does


def test_a_channels_own_rule_sends_a_refusal_elsewhere_or_once_more() -> None:
    rules = (RetryRule(status=400),)
    refused = fault(Kind.INVALID_REQUEST, status=400)
    assert verdict(refused, Situation(attempts=1, others=1, elapsed_ms=0, rules=rules), 0.0) == Next()
    assert isinstance(verdict(refused, Situation(attempts=1, others=0, elapsed_ms=0, rules=rules), 0.0), Again)
    assert verdict(refused, Situation(attempts=2, others=0, elapsed_ms=0, rules=rules), 0.0) == Stop()
    assert (
        verdict(refused, Situation(attempts=1, others=1, elapsed_ms=0, rules=(RetryRule(status=401),)), 0.0) == Stop()
    )
    shown = Situation(attempts=1, others=1, elapsed_ms=0, rules=rules, content_shown=True)
    assert verdict(refused, shown, 0.0) == Stop()


def suffered(policy: BreakerPolicy, *kinds: Kind | None) -> Health:
    health = Health()
    for kind in kinds:
        health = learn(health, step(), fault(kind) if kind else Succeeded(), 0, 0.5, policy)
    return health


@pytest.mark.parametrize("failures", [2, 5, 9])
def test_a_target_rests_after_the_policys_faults_in_a_row(failures: int) -> None:
    policy = BreakerPolicy(failures=failures, least=1000)
    for many, answer in ((failures - 1, "yes"), (failures, "no")):
        health = suffered(policy, *[Kind.UPSTREAM_ERROR] * many)
        assert usable(health, step().channel, "m", 1).answer == answer


def test_the_policy_says_what_share_of_failures_is_too_much() -> None:
    mixed = [*[Kind.UPSTREAM_ERROR, None] * 5, Kind.UPSTREAM_ERROR]
    for share, answer in ((0.4, "no"), (0.9, "yes")):
        health = suffered(BreakerPolicy(share=share, failures=50), *mixed)
        assert usable(health, step().channel, "m", 1).answer == answer


def test_the_policy_says_how_long_a_rest_is_and_what_ends_it() -> None:
    policy = BreakerPolicy(failures=2, rest_s=2, longest_s=3, successes=1)
    health = suffered(policy, *[Kind.UPSTREAM_ERROR] * 2)
    assert usable(health, step().channel, "m", 1999).answer == "no"
    assert usable(health, step().channel, "m", 2000).answer == "probe"
    again = learn(health, step(), fault(Kind.UPSTREAM_ERROR), 2000, 0.5, policy)
    assert usable(again, step().channel, "m", 4999).answer == "no"
    assert usable(again, step().channel, "m", 5000).answer == "probe"
    healed = learn(health, step(), Succeeded(), 2000, 0.5, policy)
    assert usable(healed, step().channel, "m", 2000).answer == "yes"


NUMBERS = st.one_of(st.none(), st.integers(-10, 10**6), st.floats(-10, 10**6))


@settings(max_examples=60)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(RetryPolicy.__struct_fields__, NUMBERS)))
def test_no_number_of_retries_can_be_set_that_is_not_sane(said: dict[str, object]) -> None:
    try:
        policy = msgspec.convert(said, RetryPolicy)
    except msgspec.ValidationError:
        return
    assert 1 <= policy.most <= 6
    assert 0 <= policy.same_channel <= 2
    assert 50 <= policy.pause_ms <= 10_000
    assert 1 <= policy.within_s <= 300


def test_the_usual_numbers_are_what_they_were() -> None:
    usual = RetryPolicy()
    assert (usual.most, usual.same_channel, usual.pause_ms, usual.within_s) == (3, 1, 500, 110)
    assert msgspec.structs.astuple(USUAL_BREAKER) == (5, 3, 0.3, 10, 5.0, 25.0, 2)
