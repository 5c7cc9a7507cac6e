"""The page on routing tells every problem as the code treats it."""

from __future__ import annotations

from dragoman.canon.problem import Kind
from tests.routing.page import PAGE, ROW, renewed


def test_every_problem_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [row["kind"] for row in ROW.finditer(page)] == list(Kind)


def test_the_table_of_problems_is_not_stale() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "scripts/docs mends it"
