"""One gateway for all scenes of a process: each gives it channels of its own and a clean memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.gateway import SPEED, Served


@pytest.fixture(scope="session")
def gateway() -> Iterator[Served]:
    """A running gateway without a channel."""
    with Served() as served:
        yield served


@pytest.fixture(scope="session")
def swift() -> Iterator[Served]:
    """A gateway that lives five times faster still, for scenes that are nothing but waiting."""
    with Served(5 * SPEED) as served:
        yield served
