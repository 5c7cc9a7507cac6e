"""Periods follow each other without a gap, whatever the clocks of their zone do."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dragoman.ledger.period import FOREVER, STEP_MS, past_ms, period, step_ms, zone_of

ZONES = (
    "UTC",
    "Europe/Moscow",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
"""Among them such that changed their clocks at midnight, by half an hour, or left out a day."""
WINDOWS = ("minute", "hour", "day", "week", "month")
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@settings(max_examples=150, deadline=None)
@given(moment=MOMENTS, window=st.sampled_from(WINDOWS), zone=st.sampled_from(ZONES))
@example(moment=datetime(2006, 10, 29, 3, 15, tzinfo=UTC), window="day", zone="America/St_Johns")
@example(moment=datetime(2011, 12, 30, 10, 0, tzinfo=UTC), window="day", zone="Pacific/Apia")
@example(moment=datetime(2018, 11, 4, 3, 0, tzinfo=UTC), window="month", zone="America/Sao_Paulo")
def test_a_moment_is_in_its_period_and_the_next_begins_where_it_ends(moment: datetime, window: str, zone: str) -> None:
    where = ZoneInfo(zone)
    found = period(window, ms(moment), where)
    assert found.start_ms <= ms(moment) < found.end_ms
    assert period(window, found.start_ms, where) == period(window, found.end_ms - 1, where) == found
    assert period(window, found.end_ms, where).start_ms == found.end_ms


@pytest.mark.parametrize(
    ("at", "window", "zone", "start", "hours"),
    [
        ("2026-03-29T12:00", "day", "Europe/Berlin", "2026-03-28T23:00", 23),
        ("2026-10-25T12:00", "day", "Europe/Berlin", "2026-10-24T22:00", 25),
        ("2026-11-20T10:00", "week", "Europe/Moscow", "2026-11-15T21:00", 168),
        ("2026-03-31T22:30", "month", "Europe/Berlin", "2026-03-31T22:00", 30 * 24),
        ("2026-11-20T10:00", "hour", "Asia/Kathmandu", "2026-11-20T10:00", 1),
    ],
)
def test_days_are_those_of_the_zone(at: str, window: str, zone: str, start: str, hours: int) -> None:
    found = period(window, ms(datetime.fromisoformat(at).replace(tzinfo=UTC)), ZoneInfo(zone))
    assert found.start_ms == ms(datetime.fromisoformat(start).replace(tzinfo=UTC))
    assert found.end_ms - found.start_ms == hours * 3_600_000


@settings(max_examples=60)
@given(
    moment=MOMENTS, number=st.integers(1, 40), unit=st.sampled_from("mhd"), later_ms=st.integers(0, 100 * 86_400_000)
)
def test_what_is_counted_of_a_time_just_gone_is_too_old_by_one_step_at_most(
    moment: datetime, number: int, unit: str, later_ms: int
) -> None:
    window = f"past {number}{unit}"
    length, step, now_ms = past_ms(window) or 0, step_ms(window), ms(moment)
    found = period(window, now_ms)
    assert now_ms - length - step < found.start_ms <= now_ms - length
    assert found.start_ms % step == found.end_ms % step == step % STEP_MS == 0
    assert now_ms < found.end_ms
    assert step <= max(STEP_MS, length // 60 + STEP_MS)
    assert period(window, now_ms + later_ms).start_ms >= found.start_ms


def test_steps_are_a_sixtieth_but_not_below_five_minutes() -> None:
    minutes = [step_ms(window) // 60_000 for window in ("past 30m", "past 5h", "past 7d", "day")]
    assert minutes == [5, 5, 170, 0]


def test_everything_is_one_period() -> None:
    assert period("total", 5) == FOREVER
    with pytest.raises(ValueError, match="no window"):
        period("year", 5)


def test_a_zone_that_is_gone_is_utc() -> None:
    assert zone_of("Europe/Nowhere") == zone_of("") == zone_of("../../etc/passwd") == UTC
    assert [found for found in pairwise(ZONES) if zone_of(found[1]) == UTC] == []
