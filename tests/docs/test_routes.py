"""docs/endpoints.md tells every route, whether it asks for a key, and every header."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from dragoman.assembly import assemble
from dragoman.canon.problem import Kind, problem
from dragoman.relay.delivery import problem_headers
from dragoman.routing.match import ALIAS
from dragoman.routing.snapshot import Snapshot
from dragoman.settings.record import Server, Settings
from dragoman.shapes.secret import Secret
from dragoman.web.app import App
from dragoman.web.doors import DOORS
from tests.docs.pages import ROOT, rows, section, text

PAGE = text("endpoints.md")
TABLES = ("Doors", "Models", "For whoever watches", "For agents, on the side")
ROUTES = {row[0].strip("`"): row for table in TABLES for row in rows(section(PAGE, table))}
HEADERS = {name for row in rows(section(PAGE, "Headers of an answer")) for name in re.findall(r"`([\w-]+)`", row[0])}
NOWHERE = Server(
    host="127.0.0.1",
    port=0,
    api_keys=(Secret("right"),),
    data_dir=Path("/nonexistent"),
    open=False,
    log_level="error",
    log_format="json",
)


async def status_of(app: App, route: str) -> int:
    """The status that a client without a key gets."""
    method, _, path = route.partition(" ")
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        told.append(dict(message))

    path = path.format(id="m", model="m")
    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return int(told[0]["status"])


@pytest.mark.anyio
async def test_every_route_is_documented_with_whether_it_asks_for_a_key() -> None:
    settings = Settings(server=NOWHERE, snapshot=Snapshot(), sources={})
    async with assemble(settings) as assembly:
        assert sorted(ROUTES) == sorted(assembly.app.routes)
        asks = {route: await status_of(assembly.app, route) == 401 for route in ROUTES}

    assert {route: "yes" if asked else "no" for route, asked in asks.items()} == {
        route: row[2] for route, row in ROUTES.items()
    }


def test_the_doors_are_those_of_the_door_table() -> None:
    assert [row[0].strip("`") for row in rows(section(PAGE, "Doors"))] == list(DOORS)


def test_every_header_of_ours_is_documented_and_no_other() -> None:
    ours = {
        node.value
        for file in (ROOT / "src").rglob("*.py")
        if not {"admin", "cli"} & set(file.parts)  # their headers are asked for, not answered with
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match("x-dragoman-.", node.value)
    }
    again = problem_headers(problem(Kind.RATE_LIMITED, "", retry_after_s=1.0))
    never = problem_headers(problem(Kind.AUTHENTICATION, ""))

    assert {"request-id", "x-request-id", *again, *never, *ours} == HEADERS


def test_the_prefix_for_the_picker_is_the_one_in_use() -> None:
    assert f"`{ALIAS}…`" in PAGE
