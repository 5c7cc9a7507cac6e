"""What is configured takes effect: a key that is taken and heeded by nothing would be a promise that nobody keeps."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from msgspec import Struct

from dragoman import shapes
from tests.rooms.house import read_house


def tables() -> Iterator[type[Struct]]:
    """Every table of the room."""
    for found in pkgutil.iter_modules(shapes.__path__, f"{shapes.__name__}."):
        for each in vars(importlib.import_module(found.name)).values():
            if isinstance(each, type) and issubclass(each, Struct) and each.__module__ == found.name:
                yield each


def heeded() -> frozenset[str]:
    """Names of members that some other room looks at."""
    nodes = [node for module in read_house().modules if module.room != "shapes" for node in ast.walk(module.tree)]
    return frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))


HEEDED = heeded()


@pytest.mark.parametrize("table", list(tables()), ids=lambda table: table.__name__)
def test_every_key_is_heeded_by_some_other_room(table: type[Struct]) -> None:
    assert set(table.__struct_fields__) <= HEEDED


def test_there_are_tables() -> None:
    assert len(list(tables())) > 20
