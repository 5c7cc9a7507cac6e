"""The stretches of time that budgets and limits count in: calendar periods in UTC, and the minute just gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

Window: TypeAlias = Literal["minute", "hour", "day", "week", "month", "total"]
"""Calendar periods in UTC; a week begins on Monday."""


class Period(NamedTuple):
    """From `start_ms` up to `end_ms`, which is not part of it; milliseconds of Unix time."""

    start_ms: int
    end_ms: int


FOREVER = Period(0, 2**53)


def period(window: Window, now_ms: int) -> Period:
    """The period that a moment falls into."""
    if window == "total":
        return FOREVER
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    start = now.replace(second=0, microsecond=0)
    match window:
        case "minute":
            end = start + timedelta(minutes=1)
        case "hour":
            start = start.replace(minute=0)
            end = start + timedelta(hours=1)
        case "day" | "week":
            start = start.replace(hour=0, minute=0)
            days = 7 if window == "week" else 1
            start -= timedelta(days=start.weekday() if days > 1 else 0)
            end = start + timedelta(days=days)
        case "month":
            start = start.replace(day=1, hour=0, minute=0)
            end = (start + timedelta(days=32)).replace(day=1)
    return Period(_ms(start), _ms(end))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
