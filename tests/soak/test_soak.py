"""The soak holds for twenty seconds; `scripts/soak` runs it for as long as one likes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.soak.soak import soak


@pytest.mark.slow
def test_misbehaving_vendors_lead_to_nothing_wrong(tmp_path: Path) -> None:
    report = asyncio.run(soak(tmp_path, seconds=20, streams=20, seed=20261120))

    assert not report.wrongs, str(report)
    assert report.tally.needed, "no vendor failed where another could help"
    assert report.tally.outcomes["error in the answer"], "no answer broke off"
