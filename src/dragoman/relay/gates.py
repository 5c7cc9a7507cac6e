"""Lets only so many attempts of a channel run at once, first come first served (`limits.simultaneous`).

Theory: each replica keeps a fair queue of its own. Where several share a board, whoever has come to the head of a queue
also leases one of the places that all of them have; a replica that dies loses its leases within seconds, and where the
board fails each replica has its share of the places. Between replicas chance decides who comes first.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import TypeVar
from uuid import uuid4

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.routing.snapshot import Channel
from dragoman.store.ports.board import Board, Held, Hold

QUEUE_S = 110.0
"""Seconds an attempt waits for its place at most: no attempt starts later than this after its request came."""
ASK_S = (0.1, 0.3)
"""Seconds between two questions for a place that other replicas hold, drawn evenly between."""

T = TypeVar("T")

OPEN = nullcontext()
"""The way to a channel without a limit."""


class Gate:
    """The places of one channel. Mutable: it knows who waits. asyncio's semaphore keeps the order of arrival."""

    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self.waiting = 0

    @contextmanager
    def queued(self) -> Iterator[None]:
        """One more waits, as long as the context lasts."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1


class Gates:
    """One gate per limited account of a channel. Mutable, as its gates are."""

    def __init__(self, board: Board | None = None) -> None:
        self._board = board if board is not None and board.shared else None
        self._gates: dict[tuple[str, int], Gate] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def through(self, channel: Channel) -> AbstractAsyncContextManager[None]:
        """A place among the channel's running attempts, for as long as the context lasts.

        Raises `Full` (rate_limited) where too many wait already (`limits.queue`), or none came free in time
        (`limits.queue_s`).
        """
        limit = channel.limits.get("simultaneous", 0)
        return self._place(channel, limit) if limit else OPEN

    @asynccontextmanager
    async def _place(self, channel: Channel, limit: int) -> AsyncIterator[None]:
        gate = self._gates.setdefault((channel.account, limit), Gate(limit))
        queue, wait_s = channel.limits.get("queue"), channel.limits.get("queue_ms", QUEUE_S * 1000) / 1000
        if queue is not None and gate.places.locked() and gate.waiting >= queue:
            raise _full(channel, limit, f"{gate.waiting} wait already")
        patience = _Patience(channel, limit, min(wait_s, QUEUE_S))
        with gate.queued():
            await patience.spent_on(gate.places.acquire())
        try:
            with gate.queued():
                lease = await patience.spent_on(self._leased(channel, limit, gate)) if self._board else ""
            try:
                yield
            finally:
                self._leave(lease)
        finally:
            gate.places.release()

    async def _leased(self, channel: Channel, limit: int, gate: Gate) -> str:
        """The id of a place among those of all replicas, as soon as one is free. Raises `Full`."""
        assert self._board is not None  # noqa: S101 - asked only where there is one
        lease, queue = f"place:{uuid4().hex}", channel.limits.get("queue")
        hold = Hold(name=f"channel:{channel.account}:at-once", span="now", limit=limit, amount=1)
        while not isinstance(await self._board.hold(lease, [hold], int(time.time() * 1000)), Held):
            if queue is not None and gate.waiting > queue:
                raise _full(channel, limit, "other replicas have them all")
            await asyncio.sleep(random.uniform(*ASK_S))  # noqa: S311 - no secret
        return lease

    def _leave(self, lease: str) -> None:
        """Gives a leased place back; nobody waits for it."""
        if lease and self._board is not None:
            task = asyncio.create_task(self._board.settle(lease, {}))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)


class _Patience:
    """How long one attempt still waits. Mutable: its time goes by."""

    def __init__(self, channel: Channel, limit: int, wait_s: float) -> None:
        self._channel, self._limit, self._wait_s = channel, limit, wait_s
        self._until_s = asyncio.get_running_loop().time() + wait_s

    async def spent_on(self, coming: Awaitable[T]) -> T:
        """What comes in time. Raises `Full`."""
        try:
            async with asyncio.timeout_at(self._until_s):
                return await coming
        except TimeoutError:
            raise _full(self._channel, self._limit, f"was busy for {self._wait_s:.0f} s") from None


class Full(Trouble):
    """No place came free here, which says nothing of the provider's health."""


def _full(channel: Channel, limit: int, why: str) -> Full:
    return Full(
        problem(
            Kind.RATE_LIMITED,
            f"The channel '{channel.name}' takes {limit} requests at once and {why}. "
            "Try again, or raise its limits.simultaneous.",
            retry_after_s=5.0,
        )
    )
