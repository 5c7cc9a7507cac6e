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
    """A gateway that lives ten times faster still, for scenes that are nothing but waiting."""
    with Served(10 * SPEED) as served:
        yield served


@pytest.fixture(scope="session")
def calm() -> Iterator[Served]:
    """A gateway on the world's own clock, for scenes of such volume that a hurried one would run out of patience."""
    with Served(1.0) as served:
        yield served
