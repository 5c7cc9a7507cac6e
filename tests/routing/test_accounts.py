"""Each key of a channel is an account of its own, which is asked, rests and is followed by the next."""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.routing.decide import decide
from dragoman.routing.health import Health, learn
from dragoman.routing.key import Key
from dragoman.routing.plan import Ask, Plan, Step
from dragoman.routing.snapshot import RestRule, with_keys
from dragoman.shapes.access import KeyTable
from dragoman.shapes.secret import Secret
from tests.routing.house import channel, fault, snapshot

ASK = Ask(door="door", asked="m")


def test_the_keys_of_a_channel_are_asked_one_after_the_other() -> None:
    keyed = with_keys(channel("a", "m"), [Secret("k-1"), Secret("k-2")])
    plan = decide(snapshot(keyed, channel("b", "m", priority=1)), Health(), ASK, 0, 0.0)
    assert isinstance(plan, Plan)
    assert [step.channel.account for step in plan.attempts] == ["a#1", "a#2", "b"]
    assert "key 1 of 2" in plan.attempts[0].why


def test_a_key_that_is_limited_rests_alone() -> None:
    keyed = with_keys(channel("a", "m"), [Secret("k-1"), Secret("k-2")])
    first = keyed.accounts[0]
    limited = learn(Health(), Step(channel=first, model="m", why="test"), fault(Kind.RATE_LIMITED, 60.0), 0, 0.5)
    plan = decide(snapshot(keyed), limited, ASK, 1_000, 0.0)
    assert isinstance(plan, Plan)
    assert [step.channel.account for step in plan.attempts] == ["a#2"]


def test_one_key_needs_no_account() -> None:
    assert with_keys(channel("a"), [Secret("k")]).accounts == ()
    assert with_keys(channel("a"), []).accounts == ()


def test_a_rule_for_another_status_says_nothing() -> None:
    ruled = replace(
        channel("a"), rests=(RestRule(status=418, times=1, for_s=60), RestRule(status=419, times=1, for_s=9))
    )
    at = Step(channel=ruled, model="m", why="test")
    assert learn(Health(), at, fault(Kind.INVALID_REQUEST, status=400), 0, 0.5).breakers == {}
    assert learn(Health(), at, fault(Kind.INVALID_REQUEST, status=419), 0, 0.5).breakers["channel a"].until_ms == 9_000


def test_a_key_names_its_profile_or_takes_the_default_one() -> None:
    bare = Key(id="1", public_id="p", digest=b"", spec=KeyTable(name="n"))
    assert bare.profile is None
    assert replace(bare, spec=KeyTable(name="n", profile="team")).profile == "team"
