"""Lets only so many attempts of a channel run at once, first come first served (`limits.simultaneous`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.routing.snapshot import Channel

QUEUE_S = 110.0
"""Seconds an attempt waits for its place at most: no attempt starts later than this after its request came."""

OPEN = nullcontext()
"""The way to a channel without a limit."""


class Gate:
    """The places of one channel. Mutable: it knows who waits. asyncio's semaphore keeps the order of arrival."""

    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self.waiting = 0


class Gates:
    """One gate per limited account of a channel. Mutable, as its gates are."""

    def __init__(self) -> None:
        self._gates: dict[tuple[str, int], Gate] = {}

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
        gate.waiting += 1
        try:
            async with asyncio.timeout(min(wait_s, QUEUE_S)):
                await gate.places.acquire()
        except TimeoutError:
            raise _full(channel, limit, f"was busy for {min(wait_s, QUEUE_S):.0f} s") from None
        finally:
            gate.waiting -= 1
        try:
            yield
        finally:
            gate.places.release()


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
