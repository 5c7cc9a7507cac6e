"""kill -9 under load loses nothing and doubles nothing; `scripts/soak kill` plays as many rounds as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kill.rounds import play
from tests.store.postgresql_server import postgresql

ROUNDS = 20


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_gateway_that_is_killed_keeps_its_accounts(database: str, tmp_path: Path) -> None:
    if database == "sqlite":
        report = play(tmp_path, rounds=ROUNDS, seed=20261120)
    else:
        with postgresql() as server:
            report = play(tmp_path, rounds=ROUNDS, seed=20261121, database=server.database())

    assert not report.wrongs, str(report)
    assert report.whole > ROUNDS
    assert report.interrupted > ROUNDS
