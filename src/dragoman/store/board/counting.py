"""How allowances are counted, the same on every board."""

from __future__ import annotations

from dragoman.ledger.period import FOREVER, Period, period
from dragoman.store.ports.board import Hold, Span

SLIDING_MS = 60_000
SOON_MS = 1_000
"""When to ask again for a place that a running request holds."""


class Counter:
    """What was used and is held of one allowance in one period. Mutable."""

    __slots__ = ("end_ms", "held", "used")

    def __init__(self, used: int, end_ms: int) -> None:
        self.used = used
        self.held = 0
        self.end_ms = end_ms

    @property
    def total(self) -> int:
        """Used and held."""
        return self.used + self.held


def counted_in(span: Span, now_ms: int) -> Period:
    """The period in whose counter an amount stands."""
    if span == "now":
        return FOREVER
    return period("minute" if span == "sliding" else span, now_ms)


def suffices(hold: Hold, used: int, held: int) -> bool:
    """Whether an allowance suffices, of which this much is used in all and this much of that is held."""
    return used + hold.amount <= hold.limit or (held == 0 and used < hold.limit)


def faded(past: int, counted: Period, now_ms: int) -> int:
    """What still counts of the minute before, as of now."""
    return past * (counted.end_ms - now_ms) // SLIDING_MS


def wait_ms(hold: Hold, used: int, past: int, counted: Period, now_ms: int) -> int:
    """How long until an allowance may suffice; `past` is what the minute before used."""
    if hold.span == "now":
        return SOON_MS
    rest_ms = max(counted.end_ms - now_ms, 1)
    if hold.span != "sliding":
        return rest_ms
    too_much = used + hold.amount - hold.limit
    fading = past * rest_ms // SLIDING_MS
    return max(1, too_much * SLIDING_MS // past) if past and too_much <= fading else rest_ms
