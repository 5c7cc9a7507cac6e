"""The figure that a run of everything is judged by is counted room by room."""

from __future__ import annotations

from typing import Any

from tests.rooms.branches import percents


def measured(ways: int, taken: int) -> dict[str, Any]:
    """What is written down of one file."""
    return {"summary": {"num_branches": ways, "covered_branches": taken}}


def test_branches_are_counted_by_room_and_an_unmeasured_room_falls_short() -> None:
    files = {
        "src/dragoman/canon/order.py": measured(40, 40),
        "src/dragoman/canon/reply.py": measured(60, 50),
        "src/dragoman/dialects/sse.py": measured(10, 10),
    }
    assert percents(files) == {"canon": 90.0, "dialects": 100.0, "routing": 0.0, "shapes": 0.0}
