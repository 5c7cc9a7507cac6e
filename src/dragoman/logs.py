"""How this process logs: one line of facts each, text for a terminal, JSON for everything else, never content.

The last wall against secrets stands here: whatever looks like a key is masked before it leaves.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from dragoman.settings.record import LogFormat, LogLevel

KEY = re.compile(r"\b(?:sk|pk|key|dgm|ghp|xai|gsk|hf)[-_][A-Za-z0-9_\-]{16,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*|Bearer\s+\S+")
"""What keys look like: vendors' prefixes, signed tokens, bearer headers."""
PLAIN = ("exchange", "session", "timestamp", "level")
"""Members that are ours, and may look like keys."""


def configure(level: LogLevel, form: LogFormat, stream: TextIO = sys.stderr) -> None:
    """Sets up structlog for the process; call once, at start."""
    text = form == "text" or (form == "auto" and stream.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not text),
            structlog.processors.format_exc_info,
            mask,
            structlog.dev.ConsoleRenderer(colors=stream.isatty()) if text else structlog.processors.JSONRenderer(_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def mask(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The event with whatever looks like a key masked."""
    for name, value in event.items():
        if type(value) is str and name not in PLAIN:
            event[name] = KEY.sub("***", value)
    return event


def _json(event: object, **_: object) -> str:
    return msgspec.json.encode(event).decode()
