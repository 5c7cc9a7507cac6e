"""What docs/parity.md says is there is there: every setting, member, route and command that it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct

from dragoman.cli.app import command_line
from dragoman.ledger.exchange import Exchange
from dragoman.ledger.own import OwnPrice
from dragoman.settings.server import USUAL
from dragoman.shapes.access import KeyTable, ProjectTable, RoleTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import SsoTable
from dragoman.shapes.tuning import TuningTable
from dragoman.store.ports import User
from dragoman.web.admin.building import declared
from dragoman.web.setup import SetupToken
from tests.admin.stage import House, house
from tests.docs.pages import text

LINES = [line[1:-1] for line in text("parity.md").splitlines() if line.startswith("|") and "|---" not in line]
ROWS = [[cell.strip() for cell in line.split("|")] for line in LINES if "| here |" not in line]
"""There, here, where, note; a cell may be empty."""
STANDINGS = {"matched", "bettered", "in part", "later", "no"}
THERE = {"matched", "bettered"}
NAME = re.compile(r"`([^`]+)`")
TABLES: dict[str, type[Struct]] = {
    "channels": ChannelTable,
    "overrides": OverrideTable,
    "profiles": ProfileTable,
    "keys": KeyTable,
    "projects": ProjectTable,
    "settings": TuningTable,
    "models": ModelTable,
    "prices": OwnPrice,
    "users": User,
    "roles": RoleTable,
    "sso": SsoTable,
    "exchange": Exchange,
}


def named() -> list[str]:
    """Everything that the page names as the place to look at."""
    return sorted({name for row in ROWS for name in NAME.findall(row[2])})


def structs_in(shape: Any) -> Iterator[type[Struct]]:
    """The tables that a type holds, however deep."""
    if isinstance(shape, type) and issubclass(shape, Struct):
        yield shape
    for part in get_args(shape):
        yield from structs_in(part)


def is_member(path: str) -> bool:
    """Whether a dotted path leads through the tables."""
    root, *members = path.split(".")
    shapes: list[type[Struct]] = [TABLES[root]] if root in TABLES else []
    for member in members:
        types = [
            field.type for shape in shapes for field in msgspec.structs.fields(shape) if field.encode_name == member
        ]
        if not types:
            return False
        shapes = [shape for found in types for shape in structs_in(found)]
    return bool(members and root in TABLES)


def is_command(words: str) -> bool:
    """Whether the command line has these words."""
    app: Any = command_line()
    try:
        for word in words.split()[1:]:
            app = app[word]
    except KeyError:
        return False
    return True


def is_there(name: str, routes: set[str]) -> bool:
    """Whether what the page names exists."""
    if name.startswith("dragoman "):
        return is_command(name)
    if " " in name:
        return name in routes
    root, _, key = name.partition(".")
    return key in USUAL if root == "server" else is_member(name)


@pytest.mark.anyio
async def test_all_that_is_named_exists(tmp_path: Any) -> None:
    async with house(tmp_path) as place:
        routes = routes_of(place)
    assert len(named()) > 100
    assert [name for name in named() if not is_there(name, routes)] == []


def routes_of(place: House) -> set[str]:
    """The doors, and the routes of the admin API without what stands before them."""
    doors = set(place.gateway.app.routes)
    return doors | {f"{one.method} {one.path}" for one in declared(place.gateway.live, SetupToken()).declared}


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_a_row_has_a_standing_and_its_reason(row: list[str]) -> None:
    _, standing, where, note = row
    assert standing in STANDINGS
    if standing in THERE:
        assert "`" in where or "](" in where, "it says where to look"
    if standing in ("bettered", "no", "in part"):
        assert note, "it says why"


def test_what_does_not_exist_is_found_out() -> None:
    untrue = ("channels.gone", "channels.limits.gone", "gone.name", "server.gone", "GET /gone", "dragoman gone")
    assert [name for name in untrue if is_there(name, set())] == []
