"""Lets only so many attempts of a channel run at once, first come first served (`limits.simultaneous`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.routing.snapshot import Channel

QUEUE_S = 110.0
"""Seconds an attempt waits for its place: no attempt starts later than this after its request came."""

OPEN = nullcontext()
"""The way to a channel without a limit."""


class Gates:
    """One gate per limited channel. Mutable: it knows who is inside. asyncio's semaphore keeps the order of arrival."""

    def __init__(self) -> None:
        self._gates: dict[tuple[str, int], asyncio.Semaphore] = {}

    def through(self, channel: Channel) -> AbstractAsyncContextManager[None]:
        """A place among the channel's running attempts, for as long as the context lasts.

        Raises `Trouble` (rate_limited) where none came free in `QUEUE_S`.
        """
        limit = channel.limits.get("simultaneous", 0)
        return self._place(channel, limit) if limit else OPEN

    @asynccontextmanager
    async def _place(self, channel: Channel, limit: int) -> AsyncIterator[None]:
        gate = self._gates.setdefault((channel.account, limit), asyncio.Semaphore(limit))
        try:
            async with asyncio.timeout(QUEUE_S):
                await gate.acquire()
        except TimeoutError:
            raise Trouble(
                problem(
                    Kind.RATE_LIMITED,
                    f"The channel '{channel.name}' takes {limit} requests at once and was busy for {QUEUE_S:.0f} s. "
                    "Try again, or raise its limits.simultaneous.",
                    retry_after_s=5.0,
                )
            ) from None
        try:
            yield
        finally:
            gate.release()
