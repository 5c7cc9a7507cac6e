"""What follows a failed attempt, and what is told when all have failed: the tables, cell by cell."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dragoman.canon.problem import KINDS, Kind, Original, Problem
from dragoman.routing.verdict import MANNERS, Again, Failure, Next, Situation, Stop, Verdict, final, verdict
from tests.routing.house import channel, fault

ALONE = Situation(attempts=1, others=0, elapsed_ms=0)
ACCOMPANIED = Situation(attempts=1, others=2, elapsed_ms=0)

ONCE, NEVER = Again(0.5), Stop()
TABLE: dict[Kind, tuple[Verdict, Verdict]] = {
    Kind.UNREACHABLE: (Next(), ONCE),
    Kind.TLS: (Next(), NEVER),
    Kind.TIMEOUT: (Next(), NEVER),
    Kind.RATE_LIMITED: (Next(), NEVER),
    Kind.OVERLOADED: (Next(), NEVER),
    Kind.UPSTREAM_ERROR: (Next(), ONCE),
    Kind.GARBLED: (Next(), ONCE),
    Kind.CUT_SHORT: (Next(), ONCE),
    Kind.CONFLICT: (Next(), ONCE),
    Kind.REDIRECTED: (Next(), NEVER),
    Kind.UPSTREAM_CREDENTIAL: (Next(), NEVER),
    Kind.UPSTREAM_QUOTA: (Next(), NEVER),
    Kind.MODEL_NOT_FOUND: (Next(), NEVER),
    Kind.UNSUPPORTED: (Next(), NEVER),
    Kind.INVALID_REQUEST: (Stop(), Stop()),
    Kind.PROMPT_TOO_LONG: (Stop(), Stop()),
    Kind.TOO_LARGE: (Stop(), Stop()),
    Kind.AUTHENTICATION: (Stop(), Stop()),
    Kind.PERMISSION: (Stop(), Stop()),
    Kind.BILLING: (Stop(), Stop()),
    Kind.NOT_FOUND: (Stop(), Stop()),
    Kind.REFUSED: (Stop(), Stop()),
    Kind.INTERNAL: (Stop(), Stop()),
}


def test_every_kind_has_its_row() -> None:
    assert TABLE.keys() == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_the_verdict_on(kind: Kind) -> None:
    assert (verdict(fault(kind), ACCOMPANIED, 1.0), verdict(fault(kind), ALONE, 1.0)) == TABLE[kind]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "late",
    [
        replace(ACCOMPANIED, content_shown=True),
        replace(ACCOMPANIED, attempts=3),
        replace(ACCOMPANIED, elapsed_ms=110_000),
        replace(ALONE, elapsed_ms=109_700),
    ],
)
def test_nothing_is_tried_again_after_content_or_too_often_or_too_late(kind: Kind, late: Situation) -> None:
    assert verdict(fault(kind), late, 0.5) == Stop()


def test_the_same_target_is_asked_again_only_once_and_only_alone() -> None:
    assert verdict(fault(Kind.UPSTREAM_ERROR), replace(ALONE, attempts=2), 0.5) == Stop()


@pytest.mark.parametrize(("dice", "pause_s"), [(0.0, 0.375), (1.0, 0.5)])
def test_the_pause_before_asking_again_is_drawn(dice: float, pause_s: float) -> None:
    assert verdict(fault(Kind.GARBLED), ALONE, dice) == Again(pause_s)


@pytest.mark.parametrize(
    ("wait_s", "told"), [(0.5, Again(0.5)), (2.0, Again(2.0)), (2.1, Stop()), (None, Stop()), (3600.0, Stop())]
)
def test_a_rate_limit_is_waited_out_only_if_it_is_short_and_nothing_else_is_left(
    wait_s: float | None, told: Verdict
) -> None:
    assert verdict(fault(Kind.RATE_LIMITED, wait_s), ALONE, 0.5) == told
    assert verdict(fault(Kind.RATE_LIMITED, wait_s), replace(ALONE, attempts=2), 0.5) == told
    assert verdict(fault(Kind.RATE_LIMITED, wait_s), ACCOMPANIED, 0.5) == Next()


def told(*problems: Problem) -> Problem:
    """The final word after these failures on channels a, b, c."""
    return final([Failure(channel(name), found) for name, found in zip("abc", problems, strict=False)])


@pytest.mark.parametrize(
    ("kinds", "kind", "status"),
    [
        ([Kind.TIMEOUT, Kind.RATE_LIMITED, Kind.UPSTREAM_ERROR], Kind.RATE_LIMITED, 429),
        ([Kind.TIMEOUT, Kind.OVERLOADED, Kind.UPSTREAM_ERROR], Kind.OVERLOADED, 529),
        ([Kind.UPSTREAM_ERROR, Kind.TIMEOUT, Kind.UNREACHABLE], Kind.TIMEOUT, 504),
        ([Kind.UPSTREAM_CREDENTIAL, Kind.UNREACHABLE], Kind.UNREACHABLE, 502),
        ([Kind.MODEL_NOT_FOUND, Kind.UPSTREAM_CREDENTIAL], Kind.UPSTREAM_CREDENTIAL, 502),
        ([Kind.MODEL_NOT_FOUND, Kind.MODEL_NOT_FOUND], Kind.MODEL_NOT_FOUND, 404),
        ([Kind.MODEL_NOT_FOUND, Kind.CUT_SHORT], Kind.CUT_SHORT, 502),
        ([Kind.CONFLICT], Kind.UPSTREAM_ERROR, 502),
        ([Kind.UPSTREAM_ERROR, Kind.INVALID_REQUEST], Kind.INVALID_REQUEST, 400),
        ([Kind.RATE_LIMITED, Kind.PROMPT_TOO_LONG], Kind.PROMPT_TOO_LONG, 400),
        ([Kind.UNSUPPORTED], Kind.UNSUPPORTED, 400),
    ],
)
def test_of_several_failures_the_client_is_told(kinds: list[Kind], kind: Kind, status: int) -> None:
    said = told(*map(fault, kinds))
    assert (said.kind, said.status, said.retryable) == (kind, status, KINDS[kind].retryable)


@pytest.mark.parametrize("kind", MANNERS)
def test_a_lone_failure_keeps_its_kind_and_meaning(kind: Kind) -> None:
    said = told(fault(kind))
    if kind is not Kind.CONFLICT:
        assert (said.kind, said.status, said.side) == (kind, KINDS[kind].status, KINDS[kind].side)


def test_the_shortest_remaining_wait_is_told() -> None:
    assert told(fault(Kind.RATE_LIMITED, 30.0), fault(Kind.RATE_LIMITED, 12.0)).retry_after_s == 12.0
    assert told(fault(Kind.RATE_LIMITED, 30.0), fault(Kind.RATE_LIMITED)).retry_after_s == 10.0
    assert told(fault(Kind.RATE_LIMITED, 3.0), fault(Kind.RATE_LIMITED)).retry_after_s == 3.0


@pytest.mark.parametrize(("kind", "wait_s"), [(Kind.RATE_LIMITED, 10.0), (Kind.OVERLOADED, 5.0), (Kind.TIMEOUT, None)])
def test_a_limit_or_overload_always_comes_with_a_wait(kind: Kind, wait_s: float | None) -> None:
    assert told(fault(kind)).retry_after_s == wait_s


@pytest.mark.parametrize("kind", [Kind.UPSTREAM_CREDENTIAL, Kind.UPSTREAM_QUOTA])
def test_a_fault_of_our_key_names_the_provider_and_is_never_the_clients(kind: Kind) -> None:
    found = replace(
        fault(kind, status=401),
        message="Incorrect API key provided: sk-abc",
        original=Original("tongue", 401, b'{"error":"sk-abc"}'),
    )
    said = told(found)
    assert (said.status, said.retryable, said.original) == (502, False, None)
    assert "'acme'" in said.message
    assert "channel 'a'" in said.message
    assert "sk-abc" not in said.message


def test_an_upstreams_body_is_kept_where_its_status_is_the_one_we_tell() -> None:
    original = Original("tongue", 429, b"{}")
    assert told(replace(fault(Kind.RATE_LIMITED, status=429), original=original)).original == original
    assert told(replace(fault(Kind.UPSTREAM_ERROR, status=500), original=original)).original is None
    assert told(replace(fault(Kind.INVALID_REQUEST, status=422), original=original)).original == original


def test_the_message_names_what_else_was_tried() -> None:
    assert told(fault(Kind.TIMEOUT)).message == "It is timeout."
    assert told(fault(Kind.TIMEOUT), fault(Kind.GARBLED)).message == (
        "It is timeout. (Channel 'a'; also tried 'b': garbled.)"
    )
