"""One circuit breaker: what counts as a fault, when it opens, how long it rests, and what closes it.

Rules. It opens on faults in a row, or when too large a share of the attempts of half a minute failed; when its time has
run out one request at a time may try it, and the policy's successes close it. A limit opens it at once, and is over
when its wait is over; a wait that the provider told is kept to the millisecond. The numbers are those of the tables
below, and of the policy.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.problem import Kind, Problem
from dragoman.shapes.policy import BreakerPolicy

BUCKET_MS = 5_000
BUCKETS = 6
"""The share is that of the last half minute, in steps."""
HEALTHY_MS = 30_000
"""After each such time without opening, the next opening counts as one fewer."""
LASTING_MS = (10_000, 300_000)
"""First and longest rest after faults that someone has to mend, and after limits whose end was not told; each opening
doubles it. After faults that pass by themselves it is the policy's, give or take a fifth."""


class Fault(NamedTuple):
    """What one kind of problem means for the health of a channel."""

    scope: Literal["target", "channel"]
    open_after: int | None = None
    """Faults in a row that open a breaker; None: as the policy says."""
    rest_ms: tuple[int, int] | None = None
    """None: the same."""
    connect: bool = False
    """Whether no connection came about."""
    is_limit: bool = False
    """Whether it is a limit and no illness: it opens at once, and is over when its rest is over."""


FAULTS: dict[Kind, Fault] = {
    Kind.UNREACHABLE: Fault("target", connect=True),
    Kind.TLS: Fault("target", connect=True),
    Kind.TIMEOUT: Fault("target"),
    Kind.CUT_SHORT: Fault("target"),
    Kind.GARBLED: Fault("target"),
    Kind.UPSTREAM_ERROR: Fault("target"),
    Kind.OVERLOADED: Fault("target"),
    Kind.REDIRECTED: Fault("target"),
    Kind.RATE_LIMITED: Fault("target", 1, LASTING_MS, is_limit=True),
    Kind.MODEL_NOT_FOUND: Fault("target", 1, LASTING_MS),
    Kind.UPSTREAM_CREDENTIAL: Fault("channel", 3, LASTING_MS),
    Kind.UPSTREAM_QUOTA: Fault("channel", 1, LASTING_MS),
}
"""Kinds that count; all others say nothing of the channel. Vendors limit rates per model, hence the scope of those."""


class Bucket(NamedTuple):
    """What came of the attempts that ended in one stretch of `BUCKET_MS`."""

    number: int
    attempts: int
    faults: int


class Breaker(Struct, frozen=True, kw_only=True):
    """What is remembered of one scope."""

    faults: int = 0
    """In a row."""
    connect_only: bool = True
    """Whether all of those were in connecting."""
    openings: int = 0
    """How often it opened lately."""
    is_open: bool = False
    until_ms: int = 0
    """While open: when it may be tried again; afterwards: when it might have been, or closed if that was earlier."""
    closed_ms: int = 0
    """When it closed after faults; 0 where it never did."""
    is_limit: bool = False
    """Whether it is open for a limit, and closes by itself when its rest is over."""
    told: bool = False
    """Whether `until_ms` is the provider's word and not our guess."""
    kind: Kind = Kind.UPSTREAM_ERROR
    """The last fault."""
    successes: int = 0
    """Since it opened."""
    leased_until_ms: int = 0
    """While later than now, a probe is on its way."""
    window: tuple[Bucket, ...] = ()
    """What came of the last attempts, oldest first; empty before the first fault."""
    host: str = ""


class Moment(NamedTuple):
    """What there is to know beside the fault."""

    ms: int
    dice: float
    """Drawn evenly from 0 up to 1."""
    policy: BreakerPolicy


def failed(before: Breaker, found: Problem, fault: Fault, now: Moment) -> Breaker:
    """The breaker after a fault that counts: open, where it has had enough."""
    if fault.is_limit or (found.kind is Kind.OVERLOADED and found.retry_after_s is not None):
        return opened(before, found, fault, now, is_limit=True)
    counted = replace(
        before,
        faults=before.faults + 1,
        connect_only=before.connect_only and fault.connect,
        kind=found.kind,
        window=_seen(before.window, now.ms, failed=True) if fault.scope == "target" else (),
    )
    if not rests(before, now.ms) and (is_tried(before) or _has_enough(counted, fault, now.policy)):
        return opened(counted, found, fault, now)
    return counted


def opened(breaker: Breaker, found: Problem, fault: Fault, now: Moment, *, is_limit: bool = False) -> Breaker:
    """The breaker open from now on. What fails while it rests already prolongs the wait, but counts no new opening:
    requests that were on their way together fail together."""
    told = is_limit and found.retry_after_s is not None
    resting = rests(breaker, now.ms)
    openings = breaker.openings if resting else _openings(breaker, now.ms) + 1
    until_ms = now.ms + _rest_ms(openings, found, fault, now)
    if resting and (breaker.until_ms >= until_ms or (breaker.told and not told)):
        return breaker
    return replace(
        breaker,
        kind=found.kind,
        is_open=True,
        openings=openings,
        until_ms=until_ms,
        is_limit=is_limit,
        told=told,
        successes=0,
        leased_until_ms=0,
        window=(),
    )


def bettered(breaker: Breaker, now_ms: int, policy: BreakerPolicy) -> Breaker | None:
    """A breaker after a success; None when nothing is left to remember."""
    resting = rests(breaker, now_ms)
    if resting and breaker.told:
        return breaker
    if is_tried(breaker) and breaker.successes + 1 < policy.successes:
        return replace(breaker, successes=breaker.successes + 1, leased_until_ms=0)
    window = _seen(breaker.window, now_ms, failed=False) if breaker.window else ()
    if not _openings(breaker, now_ms):
        return Breaker(kind=breaker.kind, host=breaker.host, window=window) if window else None
    if not breaker.is_open and not breaker.faults and not window:
        return breaker
    tried = is_tried(breaker)
    return Breaker(
        openings=breaker.openings,
        until_ms=now_ms if resting else breaker.until_ms,
        closed_ms=now_ms if tried else breaker.closed_ms,
        kind=breaker.kind,
        window=window,
        host=breaker.host,
    )


def rests(breaker: Breaker, now_ms: int) -> bool:
    """Whether it is open, and not to be tried yet."""
    return breaker.is_open and breaker.until_ms > now_ms


def is_tried(breaker: Breaker) -> bool:
    """Whether a breaker that does not rest is half open."""
    return breaker.is_open and not breaker.is_limit


def _has_enough(breaker: Breaker, fault: Fault, policy: BreakerPolicy) -> bool:
    """Whether the faults in a row, or their share of the last attempts, open a breaker."""
    in_a_row = fault.open_after or policy.failures
    if breaker.faults >= (policy.connecting if breaker.connect_only and fault.connect else in_a_row):
        return True
    attempts = sum(bucket.attempts for bucket in breaker.window)
    return attempts >= policy.least and sum(bucket.faults for bucket in breaker.window) >= policy.share * attempts


def _seen(window: tuple[Bucket, ...], now_ms: int, *, failed: bool) -> tuple[Bucket, ...]:
    """The window with one more attempt in it; empty once no fault is left in it."""
    number = now_ms // BUCKET_MS
    *older, last = window or (Bucket(number, 0, 0),)
    if last.number != number:
        older, last = [*older, last], Bucket(number, 0, 0)
    last = Bucket(number, last.attempts + 1, last.faults + failed)
    kept = (*(bucket for bucket in older if bucket.number > number - BUCKETS), last)
    return kept if any(bucket.faults for bucket in kept) else ()


def _rest_ms(openings: int, found: Problem, fault: Fault, now: Moment) -> int:
    """How long a breaker rests after opening for the n-th time."""
    if found.retry_after_s is not None:
        return int(found.retry_after_s * 1000)
    first_ms, most_ms = fault.rest_ms or (int(now.policy.rest_s * 1000), int(now.policy.longest_s * 1000))
    rest_ms = min(first_ms << min(openings - 1, 16), most_ms)
    return rest_ms if fault.rest_ms else int(rest_ms * (0.8 + 0.4 * now.dice))


def _openings(breaker: Breaker, now_ms: int) -> int:
    """How often it opened lately: one fewer for each healthy half minute since its rest was over."""
    return max(0, breaker.openings - max(0, now_ms - breaker.until_ms) // HEALTHY_MS)
