"""One gateway for all scenes of a process: each gives it channels of its own and a clean memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.gateway import Served


@pytest.fixture(scope="session")
def gateway() -> Iterator[Served]:
    """A running gateway without a channel."""
    with Served() as served:
        yield served
