"""Law 7: a decision is deterministic, never plans a closed channel, and always says why; and health stays sound."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.canon.problem import Kind
from dragoman.routing.decide import decide
from dragoman.routing.health import Health, Left, Outcome, Succeeded, begin, learn, usable
from dragoman.routing.plan import Ask, Plan, Refused, Step
from dragoman.routing.snapshot import Mapping3, Snapshot
from dragoman.shapes.policy import USUAL_RETRY
from tests.routing.house import channel, fault, rule, snapshot

NAMES = st.sampled_from("abcd")
MODELS = st.sampled_from(["sonnet", "opus", "chat"])
WAITS = st.one_of(st.none(), st.floats(0.5, 3600))
FAULTY = st.builds(fault, st.sampled_from(Kind), WAITS)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(st.just(Succeeded()), st.just(Left()), FAULTY)
DICE = st.floats(0, 1, exclude_max=True)

CHANNELS = st.lists(
    st.builds(
        lambda name, models, priority, weight, host, context: channel(
            name, *models, priority=priority, weight=weight, host=host, context=context
        ),
        NAMES,
        st.lists(MODELS, max_size=2, unique=True),
        st.integers(0, 2),
        st.sampled_from([0.0, 0.5, 1.0, 3.0]),
        st.sampled_from(["", "shared"]),
        st.sampled_from([None, 8_000, 200_000]),
    ),
    max_size=4,
    unique_by=lambda made: made.name,
)
RULES = st.one_of(
    st.none(),
    st.lists(
        st.builds(
            lambda name, targets: rule(name, *targets),
            st.sampled_from(["sonnet", "/s.*/", "/.*/"]),
            st.lists(st.builds("{}/{}".format, NAMES, MODELS), max_size=3),
        ),
        max_size=2,
    ).map(tuple),
)
SNAPSHOTS = st.builds(
    lambda channels, rules, mapping: snapshot(*channels, rules=rules, mapping=mapping),
    CHANNELS,
    RULES,
    st.sampled_from([None, Mapping3(big="opus", middle="sonnet", small="chat")]),
)
ASKS = st.builds(
    Ask,
    door=st.just("door"),
    asked=st.one_of(MODELS, st.sampled_from(["claude-haiku[1m]", "a/chat", "b", "a/"])),
    session=st.sampled_from([None, "s"]),
    prompt_tokens=st.sampled_from([10, 9_000, 1_000_000]),
    max_output=st.sampled_from([None, 100, 64_000]),
)
LIVES = st.lists(
    st.tuples(
        st.builds(
            Step,
            channel=st.builds(channel, NAMES, host=st.sampled_from(["", "shared"])),
            model=MODELS,
            why=st.just("test"),
            probe=st.booleans(),
            pin=st.sampled_from(["", "s\x1fsonnet"]),
        ),
        OUTCOMES,
        st.integers(0, 40_000),
        DICE,
    ),
    max_size=30,
)


def lived(life: list[tuple[Step, Outcome, int, float]]) -> tuple[Health, int]:
    """Health after a life of attempts, and the time it is then."""
    health, now_ms = Health(), 0
    for step, outcome, pause_ms, dice in life:
        health = learn(begin(health, step, now_ms), step, outcome, now_ms + pause_ms, dice)
        now_ms += pause_ms
    return health, now_ms


@settings(max_examples=150)
@given(SNAPSHOTS, LIVES, ASKS, DICE)
def test_a_plan_never_holds_a_closed_channel_and_always_says_why(
    configuration: Snapshot, life: list[tuple[Step, Outcome, int, float]], ask: Ask, dice: float
) -> None:
    health, now_ms = lived(life)
    found = decide(configuration, health, ask, now_ms, dice)
    assert decide(configuration, health, ask, now_ms, dice) == found
    if isinstance(found, Refused):
        assert found.problem.message
        assert found.problem.kind in (Kind.MODEL_NOT_FOUND, Kind.PROMPT_TOO_LONG, Kind.RATE_LIMITED, Kind.OVERLOADED)
        return
    assert isinstance(found, Plan)
    assert found.rule
    assert 1 <= len(found.attempts) <= USUAL_RETRY.attempts
    assert len({(step.channel.name, step.model) for step in found.attempts}) == len(found.attempts)
    answers = [usable(health, step.channel, step.model, now_ms) for step in found.attempts]
    assert all(answer.answer != "no" for answer in answers) or not any(answer.told for answer in answers)
    assert all(step.why for step in found.attempts)
    assert all(name and why for name, why in found.passed_over)
    assert {step.channel.name for step in found.attempts} <= {channel.name for channel in configuration.channels}


@settings(max_examples=100)
@given(LIVES)
def test_an_hour_after_the_last_fault_every_channel_may_be_asked(
    life: list[tuple[Step, Outcome, int, float]],
) -> None:
    health, now_ms = lived(life)
    later_ms = now_ms + 3_600_000
    assert all(usable(health, step.channel, step.model, later_ms).answer != "no" for step, *_ in life)
    kept = health.breakers.values()
    assert all(breaker.faults or breaker.is_open or breaker.openings or breaker.window for breaker in kept)
