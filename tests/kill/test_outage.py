"""A database that cannot be written delays no answer, and has everything once when it can be again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kill.outage import Report, away, full, live_through, locked
from tests.store.postgresql_server import postgresql

MINUTE_S = 60.0
SHORT_S = 15.0
LEAST = 0.999


def claim(report: Report) -> None:
    assert not report.wrongs, str(report)
    assert report.asked > 50
    assert report.whole >= LEAST * report.asked, str(report)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_f83_a_locked_database_gets_everything_late_and_once(tmp_path: Path) -> None:
    claim(live_through(tmp_path, locked, seconds=MINUTE_S, seed=83))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_f84_a_full_disk_loses_nothing_that_memory_can_hold(tmp_path: Path) -> None:
    claim(live_through(tmp_path, full, seconds=SHORT_S, seed=84))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_f88_a_postgresql_that_goes_away_gets_everything_once_when_it_is_back(tmp_path: Path) -> None:
    with postgresql() as server:
        claim(live_through(tmp_path, away(server), seconds=MINUTE_S, seed=88, database=server.database()))
