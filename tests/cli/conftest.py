"""What commands set up for their process is undone behind each test, for other tests share the process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _usual_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()
