"""How many retries are worth their cost: enough to mend what fails now and then, too few to bury what is down.

Rules. Two budgets hold at once. Of the attempts that an upstream has to do, a fifth may be retries that still wait for
their first content, but three always may. And of the requests of a key in the last minute, a tenth may have had a retry
that failed or still waits, but ten always may. A retry that was answered has paid for itself: it costs nothing from
then on, so that a healthy channel may make up for an ill one for as long as it takes. What a provider refused because
of a limit, an account or a model may go to the next channel once without counting at all.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from dragoman.canon.problem import Kind, Problem

AT_ONCE_SHARE = 0.2
AT_ONCE_LEAST = 3
"""Retries that may wait at one upstream: of the attempts it has to do, and in any case."""
MINUTE_SHARE = 0.1
MINUTE_LEAST = 10
"""Retries in vain in a minute: of the requests, and in any case."""
BUCKET_MS = 10_000
BUCKETS = 6
"""The minute, in steps."""
TURNED_AWAY = frozenset(
    {Kind.RATE_LIMITED, Kind.UPSTREAM_CREDENTIAL, Kind.UPSTREAM_QUOTA, Kind.MODEL_NOT_FOUND, Kind.UNSUPPORTED}
)
"""Refusals that cost a provider nothing, and that it would repeat."""


class Tally(NamedTuple):
    """What happened in one stretch of `BUCKET_MS`."""

    number: int
    requests: int
    vain: int
    """Retries that failed."""


class Retries(Struct, frozen=True):
    """What one key has asked for and retried lately."""

    tallies: tuple[Tally, ...] = ()
    """Oldest first."""


def asked(retries: Retries, now_ms: int) -> Retries:
    """With one more request."""
    return _counted(retries, now_ms, requests=1, vain=0)


def failed(retries: Retries, now_ms: int) -> Retries:
    """With one more retry that was in vain."""
    return _counted(retries, now_ms, requests=0, vain=1)


def may_retry(retries: Retries, waiting: int, now_ms: int) -> bool:
    """Whether the key may retry once more, while so many of its retries wait for content."""
    oldest = now_ms // BUCKET_MS - BUCKETS
    recent = [tally for tally in retries.tallies if tally.number > oldest]
    most = max(MINUTE_LEAST, MINUTE_SHARE * sum(tally.requests for tally in recent))
    return sum(tally.vain for tally in recent) + waiting < most


def has_place(waiting: int, running: int) -> bool:
    """Whether an upstream may get one more retry, while so many wait there, and so many attempts run in all."""
    return waiting < max(AT_ONCE_LEAST, AT_ONCE_SHARE * running)


def is_free(found: Problem, attempts: int) -> bool:
    """Whether what follows this failure counts into no budget: the first turn from a channel that turned it away."""
    return attempts == 1 and found.kind in TURNED_AWAY


def _counted(retries: Retries, now_ms: int, *, requests: int, vain: int) -> Retries:
    number = now_ms // BUCKET_MS
    *older, last = retries.tallies or (Tally(number, 0, 0),)
    if last.number != number:
        older, last = [*older, last], Tally(number, 0, 0)
    kept = (tally for tally in older if tally.number > number - BUCKETS)
    return Retries((*kept, Tally(number, last.requests + requests, last.vain + vain)))
