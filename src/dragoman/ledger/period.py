"""The stretches of time that budgets and limits count in: calendar periods of a time zone, and times just gone.

Rules. A minute and an hour are the same everywhere; days, weeks and months begin at midnight of a zone, also where its
clocks are put forward or back then. Of a time just gone (`past 5h`) what was used is kept by steps: what belongs to a
step counts until the whole step has gone by, so that a budget gives back too late by one step, never too early.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import Meta

from dragoman.canon.zones import zone_named

PAST = re.compile(r"past ([1-9]\d{0,3})([mhd])")
Window: TypeAlias = Annotated[str, Meta(pattern=r"^(minute|hour|day|week|month|total|past [1-9]\d{0,3}[mhd])$(?!\n)")]
"""A calendar period, a week beginning on Monday; `total`; or a time just gone, as `past 30m`, `past 5h`, `past 7d`."""
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
DAY_MS = UNITS_MS["d"]
STEP_MS = 5 * 60_000
"""What was used is known by steps of this, and of multiples of this."""
STEPS = 60
"""Steps of a time just gone, as far as they are not below `STEP_MS`."""


class Period(NamedTuple):
    """From `start_ms` up to `end_ms`, which is not part of it; milliseconds of Unix time."""

    start_ms: int
    end_ms: int


FOREVER = Period(0, 2**53)


def past_ms(window: str) -> int | None:
    """How long a time just gone is; None for other windows."""
    found = PAST.fullmatch(window)
    return int(found[1]) * UNITS_MS[found[2]] if found else None


def step_ms(window: str) -> int:
    """The step by which the use of a time just gone is kept; 0 for other windows."""
    length = past_ms(window)
    return 0 if length is None else -(-length // (STEPS * STEP_MS)) * STEP_MS


def period(window: str, now_ms: int, zone: tzinfo = UTC) -> Period:
    """The period that a moment falls into; of a time just gone, all its steps up to the end of the running one."""
    match window:
        case "total":
            return FOREVER
        case "minute" | "hour":
            size = UNITS_MS[window[0]]
            start_ms = now_ms // size * size
            return Period(start_ms, start_ms + size)
        case "day" | "week" | "month":
            return _of_calendar(window, now_ms, zone)
    step, length = step_ms(window), past_ms(window)
    if length is None:
        raise ValueError(f"there is no window '{window}'")
    return Period((now_ms - length) // step * step, now_ms // step * step + step)


def _of_calendar(window: str, now_ms: int, zone: tzinfo) -> Period:
    day = datetime.fromtimestamp(now_ms / 1000, zone).date()
    match window:
        case "week":
            day -= timedelta(days=day.weekday())
        case "month":
            day = day.replace(day=1)
    start_ms, after = _midnight_ms(day, zone), _after(window, day)
    while (end_ms := _midnight_ms(after, zone)) <= now_ms:
        # Clocks were put back over midnight: it is yesterday once more, which has ended already.
        start_ms, after = end_ms, _after(window, after)
    return Period(start_ms, end_ms)


def _after(window: str, day: date) -> date:
    """The first day of the next period."""
    if window == "month":
        return (day + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if window == "week" else 1)


def _midnight_ms(day: date, zone: tzinfo) -> int:
    """When a day begins: the first of two midnights, or the moment to which a midnight is put forward."""
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def zone_of(name: str) -> tzinfo:
    """The time zone of this name, as `Europe/Moscow`; UTC where there is none, which is said when it is set."""
    return UTC if name in ("", "UTC") else zone_named(name) or UTC
