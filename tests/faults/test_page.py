"""The page of faults tells what the tests hold."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.page import BESIDE, NUMBERS, OPEN, PARTLY, covered, page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
FOLDER = Path(__file__).parent


def test_the_page_is_that_of_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.faults mends it"


def test_every_fault_is_covered_or_open_and_never_both() -> None:
    still_open = [number for numbers, _ in OPEN.values() for number in numbers]
    assert sorted([*covered(), *still_open], key=NUMBERS.index) == NUMBERS
    assert PARTLY.keys() <= covered()


def test_what_is_said_to_be_proved_has_a_test_of_its_number() -> None:
    for number, (_, where) in BESIDE.items():
        for name in where.split(", and "):
            file = FOLDER.parents[1] / f"{name}.py" if "/" in name else FOLDER / f"{name}.py"
            assert re.search(rf"def test_\w*{number.lower()}_", file.read_text(encoding="utf-8")), (number, name)
