"""How allowances are counted, the same on every board.

Theory: an allowance has one counter for each calendar period, or one for good. A counter sums what was used; that of a
time just gone keeps the sums of its steps apart, and forgets those that have gone by.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.ledger.period import FOREVER, Period, past_ms, period, step_ms, zone_of
from dragoman.store.ports.board import Hold

SLIDING_MS = 60_000
SOON_MS = 1_000
"""When to ask again for a place that a running request holds."""
WHOLE = 0
"""The step of counters that know none."""


class Counter:
    """What was used, by step, and is held of one allowance in one period. Mutable."""

    __slots__ = ("end_ms", "held", "used")

    def __init__(self, used: Mapping[int, int], end_ms: int) -> None:
        self.used = dict(used)
        self.held = 0
        self.end_ms = end_ms

    def sum(self, since_ms: int) -> int:
        """What was used in the steps since then; the others are forgotten."""
        for step in [step for step in self.used if step < since_ms]:
            del self.used[step]
        return sum(self.used.values())


def counted_in(hold: Hold, now_ms: int) -> Period:
    """The period in whose counter an amount stands."""
    match hold.span:
        case "now":
            return FOREVER
        case "sliding":
            return period("minute", now_ms)
        case span if step_ms(span):
            return FOREVER
        case span:
            return period(span, now_ms, zone_of(hold.zone))


def step_of(hold: Hold, now_ms: int) -> int:
    """The step in which an amount is counted."""
    step = step_ms(hold.span)
    return now_ms // step * step if step else WHOLE


def since_of(hold: Hold, now_ms: int) -> int:
    """The first step that counts now."""
    return period(hold.span, now_ms).start_ms if step_ms(hold.span) else WHOLE


def by_step(hold: Hold, used: Mapping[int, int], now_ms: int) -> dict[int, int]:
    """What was used when, by the steps of a counter."""
    sums: dict[int, int] = {}
    since_ms = since_of(hold, now_ms)
    for at_ms, amount in used.items():
        step = step_of(hold, min(at_ms, now_ms))
        if step >= since_ms:
            sums[step] = sums.get(step, 0) + amount
    return sums


def suffices(hold: Hold, used: int, held: int) -> bool:
    """Whether an allowance suffices, of which this much is used in all and this much of that is held."""
    return used + hold.amount <= hold.limit or (held == 0 and used < hold.limit)


def faded(past: int, counted: Period, now_ms: int) -> int:
    """What still counts of the minute before, as of now."""
    return past * (counted.end_ms - now_ms) // SLIDING_MS


def wait_ms(hold: Hold, used: int, past: int, steps: Mapping[int, int], now_ms: int) -> int:
    """How long until an allowance may suffice, of which this much is used and held; `past` is what the minute before
    used, `steps` what was used in each step."""
    if hold.span == "now":
        return SOON_MS
    too_much = used + hold.amount - hold.limit
    if step_ms(hold.span):
        return _until_gone(hold, too_much, steps, now_ms)
    rest_ms = max(counted_in(hold, now_ms).end_ms - now_ms, 1)
    if hold.span != "sliding":
        return rest_ms
    fading = past * rest_ms // SLIDING_MS
    return max(1, too_much * SLIDING_MS // past) if past and too_much <= fading else rest_ms


def _until_gone(hold: Hold, too_much: int, steps: Mapping[int, int], now_ms: int) -> int:
    """Until so much has gone by, or all; what is held has no step, and may be given back soon."""
    gone, wait = 0, SOON_MS
    for step in sorted(steps):
        if gone >= too_much:
            break
        gone += steps[step]
        wait = step + step_ms(hold.span) + (past_ms(hold.span) or 0) - now_ms
    return max(wait, 1)
