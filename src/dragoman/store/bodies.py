"""What was asked and answered, on its way to the database: apart from the accounts, for it may be lost and forgotten.

Rules. Contents wait in memory only, so that no file but the database ever holds them, where they are sealed. What does
not fit into the memory kept for them is dropped and counted; accounts are not touched by that.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from dragoman.store.ports import Body

DAYS = 7
"""Days that contents are kept where nothing else is said."""
DAY_MS = 86_400_000
WAITING_BYTES = 32 * 1024 * 1024
"""Bytes of contents that wait at most."""
REPLY_BYTES = 16 * 1024
"""What a reply is counted as, whose size nobody knows before it is written."""
BATCH_BYTES = 8 * 1024 * 1024

log = structlog.get_logger()


class Content(NamedTuple):
    """One exchange's content."""

    exchange_id: str
    request: bytes
    """As the client sent it."""
    reply: Callable[[], bytes] | None
    """Writes the answer in the client's dialect, as one whole; None where there was none."""
    expires_ms: int

    @property
    def size(self) -> int:
        """What it is counted as."""
        return len(self.request) + REPLY_BYTES

    def bodies(self) -> list[Body]:
        """What is put into the database. For a thread: writing a long answer takes a while."""
        contents = {"request": self.request, "reply": self._written()}
        return [
            Body(
                exchange_id=self.exchange_id,
                n=0,
                kind="request" if kind == "request" else "reply",
                content=content,
                expires_ms=self.expires_ms,
            )
            for kind, content in contents.items()
            if content
        ]

    def _written(self) -> bytes:
        try:
            return self.reply() if self.reply else b""
        except Exception as fault:  # an answer that broke off anywhere, in a wire that may not be able to say so
            log.warning("answer cannot be kept", exchange=self.exchange_id, fault=type(fault).__name__)
            return b""


class Bodies:
    """The contents that wait. Mutable: filled by the relay, emptied by the recorder."""

    def __init__(
        self,
        days: int = DAYS,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        self.days = days
        """Days that contents are kept; 0: they are not, unless a key says so."""
        self._now_ms, self._most = now_ms, waiting_bytes
        self._waiting: deque[Content] = deque()
        self._bytes = 0
        self.dropped = 0
        """Exchanges whose content is not kept because too much waited."""

    def keep(self, exchange_id: str, request: bytes, reply: Callable[[], bytes] | None, wish: bool | None) -> None:
        """Takes one exchange's content; `wish` is the key's, None leaves it to the gateway."""
        days = self.days if wish is None else (self.days or DAYS) * wish
        if not days:
            return
        content = Content(exchange_id, request, reply, self._now_ms() + days * DAY_MS)
        if self._bytes + content.size > self._most:
            self.dropped += 1
            return
        self._waiting.append(content)
        self._bytes += content.size

    def batch(self) -> list[Content]:
        """The next contents to put, one at least if any waits; they stay here until they are `done`."""
        found: list[Content] = []
        size = 0
        for content in self._waiting:
            size += content.size
            if found and size > BATCH_BYTES:
                break
            found.append(content)
        return found

    def done(self, contents: list[Content]) -> None:
        """These are in the database."""
        for content in contents:
            self._waiting.popleft()
            self._bytes -= content.size
