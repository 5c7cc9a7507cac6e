"""How this process logs: one line of facts each, text for a terminal, JSON for everything else, never content.

The last wall against secrets stands here: whatever looks like a key is masked before it leaves.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO, TypeAlias, cast

import msgspec
import structlog

KEY = re.compile(r"\b(?:sk|pk|key|dgm|ghp|xai|gsk|hf)[-_][A-Za-z0-9_\-]{16,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*|Bearer\s+\S+")
"""What keys look like: vendors' prefixes, signed tokens, bearer headers."""
SPOOL_LINES = 10_000
SPOOL_S = 0.05
"""Lines that wait at most, and seconds a line waits for others to leave with."""
PLAIN = frozenset({"exchange", "session", "timestamp", "level", "door", "agent", "key", "finish"})
"""Members that are ours, and may look like keys."""


Note: TypeAlias = Callable[[str, dict[str, Any]], None]
"""Logs an event and its facts, which are the log's from then on, at level `info`."""


def configure(level: str, form: str, stream: TextIO = sys.stderr) -> Note:
    """Sets up structlog for the process; call once, at start. `form` is `text`, `json` or, by the terminal, `auto`.

    Gives the short way into the same log, for lines that come with each exchange.
    """
    text = form == "text" or (form == "auto" and stream.isatty())
    lowest = getattr(logging, level.upper())
    spool = Spool(stream)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not text),
            structlog.processors.format_exc_info,
            mask,
            structlog.dev.ConsoleRenderer(colors=stream.isatty()) if text else structlog.processors.JSONRenderer(_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", spool)),
        cache_logger_on_first_use=True,
    )
    if lowest > logging.INFO:
        return lambda _, __: None
    return _note_by_structlog if text else partial(_note_as_json, spool)


def configure_for_command() -> None:
    """The same for a command that is no gateway: what went wrong, on stderr, apart from what it prints."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            mask,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def _note_by_structlog(event: str, facts: dict[str, Any]) -> None:
    structlog.get_logger().info(event, **facts)


def _note_as_json(spool: Spool, event: str, facts: dict[str, Any]) -> None:
    """Writes what structlog would, without its chain of processors, which took a tenth of a small request's time."""
    facts["event"], facts["level"], facts["timestamp"] = event, "info", datetime.now(UTC)
    spool.write(_json(mask(None, "", facts)) + "\n")


class Spool:
    """Takes lines at once and writes them soon, from a thread of its own, so that a slow log never slows an answer.

    Mutable: it holds up to `SPOOL_LINES`; beyond that lines are dropped and counted, and the count is told (F107).
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._waiting = threading.Event()
        threading.Thread(target=self._write_for_ever, name="log", daemon=True).start()
        atexit.register(self._write_all)

    def write(self, line: str) -> None:
        """Takes one line."""
        if len(self._lines) >= SPOOL_LINES:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._waiting.is_set():
            self._waiting.set()

    def flush(self) -> None:
        """Nothing: lines leave soon by themselves."""

    def _write_for_ever(self) -> None:
        while True:
            self._waiting.wait()
            time.sleep(SPOOL_S)
            self._waiting.clear()
            self._write_all()

    def _write_all(self) -> None:
        dropped, self._dropped = self._dropped, 0
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if dropped:
            lines.append(f"{dropped} lines were dropped, because the log could not be written as fast as it came\n")
        with contextlib.suppress(OSError, ValueError):
            self._stream.write("".join(lines))
            self._stream.flush()


def mask(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The event with whatever looks like a key masked."""
    for name, value in event.items():
        if type(value) is str and name not in PLAIN:
            event[name] = KEY.sub("***", value)
    return event


def _json(event: object, **_: object) -> str:
    return msgspec.json.encode(event).decode()
