"""How much of its rate limits a provider says is left, by the headers of its answers.

Sources, read 2026-11-20: platform.claude.com/docs, rate limits, response headers (times as RFC 3339);
developers.openai.com/api/docs/guides/rate-limits, rate limits in headers (durations as `6m0s`), which Groq, Azure
OpenAI and others send alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

USUAL_S = 60.0
"""Until a limit is whole again where that is not told: they are those of a minute."""
LONGEST_S = 24 * 3600.0
ANTHROPIC = "anthropic-ratelimit-{of}-{word}"
OTHERS = "x-ratelimit-{word}-{of}"
WORDS = ("limit", "remaining", "reset")
NAMES = tuple(
    (of.replace("-", " "), *(form.format(of=of, word=word) for word in WORDS))
    for form, ofs in (
        (ANTHROPIC, ("requests", "tokens", "input-tokens", "output-tokens")),
        (OTHERS, ("requests", "tokens")),
    )
    for of in ofs
)
"""Of each limit: what it counts, and the headers that tell it, what is left of it, and when it is whole again."""
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Room(NamedTuple):
    """What is left of one limit."""

    of: str
    """What it counts, as `tokens`."""
    limit: int
    left: int
    for_s: float
    """Until it is whole again."""

    @property
    def share(self) -> float:
        """What is left, from 0 to 1."""
        return min(1.0, self.left / self.limit)


def room_of(headers: Mapping[str, str], now_s: float) -> Room | None:
    """What is left of the limit of which least is left; None where none is told. `now_s` is Unix time."""
    rooms = [
        Room(of, int(limit), int(left), _until_s(headers.get(reset_name, ""), now_s))
        for of, limit_name, left_name, reset_name in NAMES
        if (left := headers.get(left_name)) is not None
        and _is_number(left)
        and _is_number(limit := headers.get(limit_name, ""))
        and int(limit) > 0
    ]
    return min(rooms, key=_share) if rooms else None


def _share(room: Room) -> float:
    return room.share


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _until_s(text: str, now_s: float) -> float:
    """Seconds until a moment or for a span, as headers tell it."""
    found = _SPAN.findall(text)
    if found and "".join(f"{number}{unit}" for number, unit in found) == text:
        told_s = sum(float(number) * _SECONDS[unit] for number, unit in found)
    else:
        try:
            moment = datetime.fromisoformat(text)
            told_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_s
        except (ValueError, OverflowError, OSError):
            told_s = USUAL_S
    return min(max(0.0, told_s), LONGEST_S)
