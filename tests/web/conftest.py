"""What the tests of the doors share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dragoman.shapes.secret import Secret
from tests.faults.gateway import Served


@pytest.fixture(scope="package")
def served() -> Iterator[Served]:
    """A gateway without keys."""
    with Served() as running:
        yield running


@pytest.fixture(scope="package")
def locked() -> Iterator[Served]:
    """A gateway that asks for the key `right`."""
    with Served(api_keys=(Secret("right"),)) as running:
        yield running
