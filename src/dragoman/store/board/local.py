"""The board of a lone replica: counters in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from dragoman.ledger.period import Period
from dragoman.store.board.counting import (
    SLIDING_MS,
    WHOLE,
    Counter,
    by_step,
    counted_in,
    faded,
    since_of,
    step_of,
    suffices,
    wait_ms,
)
from dragoman.store.ports.board import Full, Held, Hold, Span, Unknown

COUNTERS = 100_000
"""Counters that are kept at most before those of past periods are thrown out."""


CounterKey: TypeAlias = tuple[str, Span, str, int]
"""Name, span, zone and start of the period."""


class _Taken(NamedTuple):
    hold: Hold
    counter: Counter
    step: int
    amount: int


class LocalBoard:
    """Counts in this process. Mutable, and used from one event loop only."""

    shared = False

    def __init__(self) -> None:
        self._counters: dict[CounterKey, Counter] = {}
        self._taken: dict[str, list[_Taken]] = {}

    async def hold(self, id: str, holds: Sequence[Hold], now_ms: int) -> Held | Full | Unknown:  # noqa: A002
        """`Board.hold`."""
        periods = [(hold, counted_in(hold, now_ms)) for hold in holds]
        unknown = [hold for hold, period in periods if self._find(hold, period) is None]
        if unknown:
            return Unknown(tuple(unknown))
        for hold, period in periods:
            counter = self._counters[_key(hold, period)]
            past = self._past(hold, period)
            used = counter.sum(since_of(hold, now_ms)) + counter.held + faded(past, period, now_ms)
            if not suffices(hold, used, counter.held):
                return Full(hold=hold, used=used, wait_ms=wait_ms(hold, used, past, counter.used, now_ms))
        self._taken[id] = [self._take(hold, period, step_of(hold, now_ms)) for hold, period in periods]
        return Held()

    def _find(self, hold: Hold, period: Period) -> Counter | None:
        """The counter of a period; those that need no ledger begin by themselves."""
        key = _key(hold, period)
        if key not in self._counters and hold.span in ("now", "sliding"):
            self._keep(key, Counter({WHOLE: 0}, period.end_ms))
        return self._counters.get(key)

    def _take(self, hold: Hold, period: Period, step: int) -> _Taken:
        counter = self._counters[_key(hold, period)]
        counter.held += hold.amount
        return _Taken(hold, counter, step, hold.amount)

    async def settle(self, id: str, used: Mapping[str, int]) -> None:  # noqa: A002
        """`Board.settle`."""
        for hold, counter, step, amount in self._taken.pop(id, []):
            counter.held -= amount
            if hold.span != "now":
                counter.used[step] = counter.used.get(step, 0) + used.get(hold.name, 0)

    async def begin(self, hold: Hold, used: Mapping[int, int], now_ms: int) -> None:
        """`Board.begin`."""
        period = counted_in(hold, now_ms)
        key = _key(hold, period)
        if key not in self._counters:
            self._keep(key, Counter(by_step(hold, used, now_ms), period.end_ms))

    def _past(self, hold: Hold, period: Period) -> int:
        """What the minute before used, for an allowance of any minute."""
        before = self._counters.get((hold.name, hold.span, hold.zone, period.start_ms - SLIDING_MS))
        return before.sum(WHOLE) if before and hold.span == "sliding" else 0

    def _keep(self, key: CounterKey, counter: Counter) -> None:
        if len(self._counters) >= COUNTERS:
            newest = max(start_ms for *_, start_ms in self._counters)
            past = [old for old, kept in self._counters.items() if kept.end_ms < newest - SLIDING_MS and not kept.held]
            for old in past:
                del self._counters[old]
        self._counters[key] = counter

    async def forget(self, names: Sequence[str]) -> None:
        """`Board.forget`."""
        gone = frozenset(names)
        self._counters = {key: kept for key, kept in self._counters.items() if key[0] not in gone}

    async def tell(self, topic: str, news: bytes) -> None:
        """`Board.tell`: there is nobody."""

    async def heard(self) -> AsyncGenerator[tuple[str, bytes], None]:
        """`Board.heard`: nothing, for ever."""
        await asyncio.Event().wait()
        yield "", b""


def _key(hold: Hold, period: Period) -> CounterKey:
    return hold.name, hold.span, hold.zone, period.start_ms
