"""What the client has been given so far, and the two commit points: the status, then the content.

Rules. The status is held until the first content, or 15 s of silence, whichever comes first; from then on a client
that streams is kept awake with its dialect's own keep-alive, always between whole frames. Where its dialect has none,
the status is the one sign of life there is, and is kept back for as long as its clients wait. An exchange ends exactly
once: with the answer's ending, or with an error in the client's dialect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Protocol

from msgspec.structs import replace

from dragoman.canon.events import Failed
from dragoman.canon.problem import Kind, Problem, Trouble, problem
from dragoman.dialects.base import Dialect, Telling

QUIET_S = 15.0
"""Seconds of silence after which a streaming client is sent a keep-alive (Claude Code shows a notice at 20)."""
QUIET_BEATLESS_S = 45.0
"""The same where the wire has no keep-alive: Gemini CLI 0.61.0 awaits a status for 60 s, and from then on content for
300 s (read 2026-11-20). The later it leaves, the longer it may still tell of a refusal."""
STALLED_S = 120.0
"""Seconds a client may leave our bytes unread before it counts as gone (F63)."""
LONGEST_S = 3600.0
"""Seconds any exchange may take (F58)."""


class Caller(Protocol):
    """The client's side of one connection."""

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends status and headers."""

    async def send(self, data: bytes) -> None:
        """Sends bytes of the body; waits while the client is slow."""

    async def end(self, data: bytes = b"") -> None:
        """Sends the last bytes and ends the body properly."""

    def drop(self) -> None:
        """Closes the connection without a proper end."""


class Delivery:
    """The answer on its way to one client. Mutable: it knows what has left."""

    def __init__(
        self,
        caller: Caller,
        door: Dialect,
        telling: Telling,
        *,
        stream: bool,
        heeds: bool = True,
        reword: Callable[[Problem], Problem] = lambda found: found,
    ) -> None:
        self._caller = caller
        self.reword = reword
        """Puts a problem into the words that a client may be told; the very same one where those are its own."""
        self._door = door
        self._heeds = heeds
        self._loop = asyncio.get_running_loop()
        self.telling = telling
        self.stream = stream
        self.headers: dict[str, str] = {}
        """What the exchange tells in headers; complete before the status is committed."""
        self.status: int | None = None
        """The status the client was given."""
        self.content_sent = False
        self.ended = False
        self._sent_s = self._loop.time()
        self._stuck_since_s: float | None = None
        self.quiet_s = QUIET_S if door.beat else QUIET_BEATLESS_S
        """Seconds of silence after which a sign of life is due."""

    async def commit_status(self) -> None:
        """Sends 200 for a stream, once."""
        if self.status is None:
            self.status = 200
            await self._caller.start(200, {"content-type": self._door.stream_type, **STREAM_HEADERS, **self.headers})

    async def send(self, data: bytes) -> None:
        """Sends bytes of the stream that hold content."""
        self.content_sent = True
        if self.status is None:
            await self.commit_status()
        self._stuck_since_s = self._sent_s = self._loop.time()
        await self._caller.send(data)
        self._stuck_since_s = None

    async def finish(self, data: bytes = b"") -> None:
        """Sends the last bytes of the stream and ends it."""
        if self.ended:
            return
        await self.commit_status()
        self.content_sent = self.ended = True
        self._stuck_since_s = self._loop.time()
        await self._caller.end(data)
        self._stuck_since_s = None

    async def whole(self, body: bytes) -> None:
        """Sends a whole answer."""
        self.content_sent = self.ended = True
        self.status = 200
        headers = {"content-type": "application/json", "content-length": str(len(body)), **self.headers}
        await self._caller.start(200, headers)
        await self._caller.end(body)

    async def fail(self, found: Problem, request_id: str) -> None:
        """Tells the client of a problem: as a status while there is still one to give, else inside the stream."""
        if self.ended:
            return
        self.ended = True
        found = self.reword(found)
        if self.status is not None:
            self._stuck_since_s = self._loop.time()
            await self._caller.end(self._door.writer(self.telling).write([Failed(found)]))
            return
        found = found if self._heeds else plainly_final(found)
        found = in_words_of(self._door, found)
        self.status = found.status
        body = self._door.write_problem(found, request_id)
        await self._caller.start(found.status, {**self.headers, **problem_headers(found), **_sized(body)})
        await self._caller.end(body)

    def ping_due_s(self, now_s: float) -> float:
        """Seconds until a keep-alive is due; `quiet_s` where none is, for now."""
        if self.ended or not self.stream or self._stuck_since_s is not None:
            return self.quiet_s
        return self.quiet_s - (now_s - self._sent_s)

    @property
    def stuck(self) -> bool:
        """Whether bytes wait for a client that has not taken them yet."""
        return self._stuck_since_s is not None

    def stalled(self, now_s: float) -> bool:
        """Whether the client has left our bytes unread for too long."""
        return self._stuck_since_s is not None and now_s - self._stuck_since_s > STALLED_S

    async def ping(self) -> None:
        """Keeps a streaming client awake, on wires that have a way to."""
        if self.ended or self._stuck_since_s is not None:
            return
        self._sent_s = self._loop.time()
        await self.commit_status()
        await self._caller.send(self._door.beat)  # also where it is empty: the status leaves with it

    def drop(self) -> None:
        """Closes a connection whose client no longer reads."""
        self.ended = True
        self._caller.drop()


STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}
"""Tell boxes in between not to hold a stream back."""


def _sized(body: bytes) -> dict[str, str]:
    return {"content-type": "application/json", "content-length": str(len(body))}


def in_words_of(door: Dialect, found: Problem) -> Problem:
    """The problem with the status by which the door's clients know it."""
    status = door.statuses.get(found.status, found.status)
    return found if status == found.status else replace(found, status=status)


def problem_headers(found: Problem) -> dict[str, str]:
    """The headers by which official SDKs and Claude Code decide whether and when to ask again."""
    headers: dict[str, str] = {}
    if found.retry_after_s is not None and found.retryable:
        headers["retry-after"] = str(max(1, ceil(found.retry_after_s)))
    if not found.retryable:
        headers["x-should-retry"] = "false"
    return headers


def heeds_headers(headers: Mapping[str, str]) -> bool:
    """Whether a client heeds `x-should-retry`, as Claude Code and the SDKs of one maker do; others judge by status."""
    return any(name.startswith("x-stainless-") for name in headers)


def plainly_final(found: Problem) -> Problem:
    """The problem with a status after which no client asks again, where that is no use.

    opencode 1.18.33 asks again without end after 5xx, Gemini CLI 0.61.0 for minutes, Codex 0.169.0 thirty times
    (measured 2026-11-20). And a 401 would make users doubt their own key.
    """
    return found if found.retryable or found.status < 500 else replace(found, status=424)


class Pulse:
    """One timer per exchange: pings a waiting client and ends what has gone silent. Mutable.

    Nothing is scheduled per read: the loop reads the clock once, and the timer looks back when it fires.
    """

    def __init__(self, delivery: Delivery, task: asyncio.Task[Any] | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._delivery = delivery
        self.task = task
        """The exchange's task, by whose cancelling it ends."""
        self._pings: set[asyncio.Task[None]] = set()
        self._born_s = self._loop.time()
        self._limit_s = LONGEST_S
        self.abort: Callable[[Trouble], object] | None = None
        """How the attempt that runs is ended; None while none does, and only pings are due."""
        self._too_late: Callable[[], Trouble] = overlong
        self.since_s = self._born_s
        """When the upstream last gave the sign that the limit counts from."""
        self._due_s = self._born_s + delivery.quiet_s
        self._timer = self._loop.call_at(self._due_s, self._tick)

    def limit(self, limit_s: float, abort: Callable[[Trouble], object], too_late: Callable[[], Trouble]) -> None:
        """From now on the attempt is aborted with `too_late()` when `since_s` lies further back than the limit."""
        self._limit_s, self.abort, self._too_late, self.since_s = limit_s, abort, too_late, self._loop.time()
        if self.since_s + limit_s < self._due_s:
            self._arm(self.since_s)

    def stop(self) -> None:
        """No more ticks. Lets go of the attempt, which holds this: its bodies would wait for the collector."""
        self._timer.cancel()
        self.abort, self._too_late = None, overlong
        for ping in self._pings:
            ping.cancel()

    def _arm(self, now_s: float) -> None:
        self._timer.cancel()
        left_s = max(self._delivery.ping_due_s(now_s), 0.05)
        if self.abort is not None:
            left_s = min(left_s, self._born_s + LONGEST_S - now_s)
            if not self._delivery.stuck:
                left_s = min(left_s, self.since_s + self._limit_s - now_s)
        self._due_s = now_s + max(left_s, 0.001)
        self._timer = self._loop.call_at(self._due_s, self._tick)

    def _tick(self) -> None:
        now_s = self._loop.time()
        if self._delivery.stalled(now_s):
            self._delivery.drop()
            if self.task is not None:
                self.task.cancel()
            return
        if self.abort is not None and (too_late := self._found_late(now_s)):
            abort, self.abort = self.abort, None
            abort(too_late())
        if self._delivery.ping_due_s(now_s) <= 0:
            ping = self._loop.create_task(self._delivery.ping())
            self._pings.add(ping)
            ping.add_done_callback(self._pings.discard)
        self._arm(now_s)

    def _found_late(self, now_s: float) -> Callable[[], Trouble] | None:
        """Why the attempt is to end now, if it is. Time in which the client keeps us waiting is not the upstream's."""
        if now_s - self._born_s >= LONGEST_S:
            return overlong
        silent = now_s - self.since_s >= self._limit_s and not self._delivery.stuck
        return self._too_late if silent else None


def overlong() -> Trouble:
    """The end of an answer that goes on and on."""
    return Trouble(
        problem(
            Kind.UPSTREAM_ERROR,
            f"The answer was underway but has not ended within {LONGEST_S:.0f} s, the longest that any may take. "
            "Ask for less at once.",
        )
    )
