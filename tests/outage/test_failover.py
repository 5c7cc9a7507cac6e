"""A vendor that fails nearly half the time costs no stream, and no more than a fifth of a call for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outage.failover import play


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_an_ill_vendor_costs_no_stream_and_is_asked_again_once_it_is_healed(tmp_path: Path) -> None:
    report = play(tmp_path, seconds=20, per_s=20, seed=20261120)

    assert not list(report.wrongs), str(report)
    assert report.asked >= 20 * 15
