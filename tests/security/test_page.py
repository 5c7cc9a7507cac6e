"""docs/security.md: every incident stands there, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import ROOT, rows, section, text

PAGE = text("security.md")
INCIDENTS = rows(section(PAGE, "What happened to others"))
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def test_every_incident_is_answered() -> None:
    assert [row[0] for row in INCIDENTS] == [f"P{number}" for number in range(1, 27)]


@pytest.mark.parametrize("row", INCIDENTS, ids=[row[0] for row in INCIDENTS])
def test_what_shows_it_exists(row: list[str]) -> None:
    named = TEST.findall(row[3])
    assert named
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []
