"""Retries mend what fails now and then, and do not bury what is down."""

from __future__ import annotations

import pytest

from dragoman.canon.problem import Kind
from dragoman.routing.retries import (
    MINUTE_LEAST,
    Retries,
    Tally,
    asked,
    failed,
    has_place,
    is_free,
    may_retry,
)
from tests.routing.house import fault

MINUTE_MS = 60_000


def after(requests: int, vain: int, now_ms: int = 0) -> Retries:
    """What is known after so many requests and retries in vain, all at one moment."""
    retries = Retries()
    for _ in range(requests):
        retries = asked(retries, now_ms)
    for _ in range(vain):
        retries = failed(retries, now_ms)
    return retries


@pytest.mark.parametrize(("requests", "most"), [(0, 10), (5, 10), (100, 10), (101, 11), (1000, 100)])
def test_a_tenth_of_the_requests_may_be_retried_in_vain_but_ten_always(requests: int, most: int) -> None:
    assert may_retry(after(requests, most - 1), 0, 0)
    assert not may_retry(after(requests, most), 0, 0)


def test_retries_that_still_wait_count_as_in_vain() -> None:
    assert may_retry(Retries(), MINUTE_LEAST - 1, 0)
    assert not may_retry(Retries(), MINUTE_LEAST, 0)


def test_a_minute_later_nothing_is_held_against_anyone() -> None:
    spent = after(0, MINUTE_LEAST)
    assert not may_retry(spent, 0, MINUTE_MS - 1)
    assert may_retry(spent, 0, MINUTE_MS)
    assert asked(spent, MINUTE_MS).tallies == (Tally(6, 1, 0),)


@pytest.mark.parametrize(("running", "most"), [(0, 3), (15, 3), (16, 4), (100, 20)])
def test_a_fifth_of_an_upstreams_attempts_may_be_retries_but_three_always(running: int, most: int) -> None:
    assert has_place(most - 1, running)
    assert not has_place(most, running)


def test_the_first_turn_from_a_channel_that_turned_a_request_away_is_free() -> None:
    free = {kind for kind in Kind if is_free(fault(kind), attempts=1)}
    assert free == {
        Kind.RATE_LIMITED,
        Kind.UPSTREAM_CREDENTIAL,
        Kind.UPSTREAM_QUOTA,
        Kind.MODEL_NOT_FOUND,
        Kind.UNSUPPORTED,
    }
    assert not is_free(fault(Kind.RATE_LIMITED), attempts=2)
