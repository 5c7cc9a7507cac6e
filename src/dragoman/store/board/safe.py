"""A shared board that may fail: its trouble weakens limits for a while, and never a request.

Theory: a breaker stands before the shared board. While it is open, and for each call that fails, this replica counts
by itself with its share of every limit, of which it always knows what it has used and holds; what it counted alone is
forgotten on the shared board when that is back, which then counts on from the ledger.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import structlog
from msgspec.structs import replace

from dragoman.store.board.local import LocalBoard
from dragoman.store.ports.board import Board, Full, Held, Hold, Unknown

PATIENCE_S = 0.1
"""A request waits for the shared board no longer than this (F92)."""
TURN_S = 0.01
"""Patience is spent in steps of this, so that a busy loop of our own is not taken for a board that is slow."""
SETTLING_S = 2.0
"""The same for what no request waits for."""
OPEN_AFTER = 5
REST_S = 10.0
"""Failures in a row after which the shared board is left alone, and for how long."""
COUNTED_S = 10.0
"""How long a count of the replicas is believed."""

T = TypeVar("T")
log = structlog.get_logger()


class Shared(Board, Protocol):
    """A board that others use as well."""

    async def replicas(self) -> int:
        """How many use it, this one included."""


class SafeBoard:
    """A shared board, and a local one for when it fails. Mutable: it knows which of both to trust."""

    shared = True

    def __init__(
        self, shared: Shared, clock: Callable[[], float] = time.monotonic, patience_s: float = PATIENCE_S
    ) -> None:
        self._shared = shared
        self._patience_s = patience_s
        self._own = LocalBoard()
        self._clock = clock
        self._failures = 0
        self._rests_until_s = 0.0
        self._replicas = 1
        self._counted_s = -COUNTED_S
        self._local: dict[str, tuple[str, ...]] = {}
        """Requests that are held by ourselves, with the names of their allowances."""
        self._astray: set[str] = set()
        """Names that we counted by ourselves, which the shared board therefore knows wrongly."""

    @property
    def trusted(self) -> bool:
        """Whether the shared board is asked at all."""
        return self._clock() >= self._rests_until_s

    async def hold(self, id: str, holds: Sequence[Hold], now_ms: int) -> Held | Full | Unknown:  # noqa: A002
        """`Board.hold`; while the shared board fails, this replica's share of each limit holds."""
        await self._catch_up()
        found = await self._try(lambda: self._shared.hold(id, holds, now_ms))
        if isinstance(found, Full | Unknown):
            return found
        counted = await self._own.hold(id, [self._share(hold) for hold in holds], now_ms)
        if found is not None:
            return found
        if isinstance(counted, Held):
            self._local[id] = tuple(hold.name for hold in holds if hold.span not in ("now", "sliding"))
        return counted

    def _share(self, hold: Hold) -> Hold:
        """What this replica alone may hold of it."""
        return replace(hold, limit=max(1, hold.limit // self._replicas))

    async def settle(self, id: str, used: Mapping[str, int]) -> None:  # noqa: A002
        """`Board.settle`; what the shared board could not be told it will learn from the ledger."""
        await self._own.settle(id, used)
        if id in self._local:
            self._astray.update(self._local.pop(id))
        elif await self._try(lambda: self._done(self._shared.settle(id, used)), SETTLING_S) is None:
            self._astray.update(used)

    async def begin(self, hold: Hold, used: Mapping[int, int], now_ms: int) -> None:
        """`Board.begin`, on both."""
        share = {at_ms: count // self._replicas for at_ms, count in used.items()}
        await self._own.begin(self._share(hold), share, now_ms)
        await self._try(lambda: self._done(self._shared.begin(hold, used, now_ms)))

    async def forget(self, names: Sequence[str]) -> None:
        """`Board.forget`, on both."""
        await self._own.forget(names)
        if await self._try(lambda: self._done(self._shared.forget(names))) is None:
            self._astray.update(names)

    async def tell(self, topic: str, news: bytes) -> None:
        """`Board.tell`; lost where nobody can be reached."""
        await self._try(lambda: self._done(self._shared.tell(topic, news)))

    async def heard(self) -> AsyncGenerator[tuple[str, bytes], None]:
        """`Board.heard`: listens again whenever the line was lost."""
        while True:
            try:
                async for topic, news in self._shared.heard():
                    yield topic, news
            except asyncio.CancelledError:
                raise
            except Exception as lost:  # the shared board's trouble is not ours
                log.warning("lost the line to the other replicas", fault=type(lost).__name__)
            await asyncio.sleep(REST_S / 10)

    async def _catch_up(self) -> None:
        """Counts the replicas now and then, and sets right what was counted without the shared board."""
        if self._clock() - self._counted_s < COUNTED_S or not self.trusted:
            return
        self._counted_s = self._clock()
        counted = await self._try(self._shared.replicas)
        if counted is None:
            return
        self._replicas = counted
        astray, self._astray = self._astray, set()
        if astray:
            await self.forget(sorted(astray))
            await self._own.forget(sorted(astray))

    async def _done(self, call: Awaitable[None]) -> bool:
        await call
        return True

    async def _try(self, call: Callable[[], Awaitable[T]], patience_s: float | None = None) -> T | None:
        """What the shared board gives; None where it fails, or is left alone."""
        if not self.trusted:
            return None
        try:
            found = await _patiently(call(), self._patience_s if patience_s is None else patience_s)
        except asyncio.CancelledError:
            raise
        except Exception as failed:  # whatever its client raises
            self._failures += 1
            if self._failures >= OPEN_AFTER:
                self._rests_until_s = self._clock() + REST_S
                log.warning("the shared board fails: limits are kept by each replica", fault=type(failed).__name__)
            return None
        self._failures = 0
        return found


async def _patiently(call: Awaitable[T], patience_s: float) -> T:
    """What the call gives. Raises `TimeoutError` when patience is spent."""
    asking = asyncio.ensure_future(call)
    try:
        for _ in range(max(1, round(patience_s / TURN_S))):
            if (await asyncio.wait({asking}, timeout=TURN_S))[0]:
                return await asking
    finally:
        asking.cancel()
    raise TimeoutError
