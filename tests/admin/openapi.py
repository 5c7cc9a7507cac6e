"""Writes docs/openapi.json, the routes in docs/admin-api.md and the scopes in docs/people.md.

`python -m tests.admin.openapi`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from dragoman.assembly import assemble
from dragoman.routing.snapshot import Snapshot
from dragoman.settings.record import Server, Settings
from dragoman.web.admin.building import declared
from dragoman.web.admin.scopes import IN_PROJECT, MEANINGS, SEEING, WORKING
from dragoman.web.setup import SetupToken

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "openapi.json"
TABLE = DOCS / "admin-api.md"
MARK = "<!-- routes -->\n"
PEOPLE = DOCS / "people.md"
SCOPES_MARK = "<!-- scopes -->\n"
WHERE = {"": "", "everywhere": "", "project": " in its project", "own": " in its project, or one's own"}
NOWHERE = Server(
    host="127.0.0.1",
    port=0,
    api_keys=(),
    data_dir=Path("/nonexistent"),
    open=False,
    log_level="error",
    log_format="json",
)


def document() -> str:
    """The document that the application tells, as it is kept."""

    async def told() -> str:
        async with assemble(Settings(server=NOWHERE, snapshot=Snapshot(), sources={})) as assembly:
            api = declared(assembly.live, SetupToken())
            api.application()
            return json.dumps(api.document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    return asyncio.run(told())


def table() -> str:
    """The routes as a table: what they do, and who may."""
    paths = json.loads(document())["paths"]
    lines = ["", "| route | does | for |", "|---|---|---|"]
    lines += [
        f"| `{method.upper()} {path.removeprefix('/api/v1')}` | {one['summary'].splitlines()[0]} | {needs(one)} |"
        for path, methods in paths.items()
        for method, one in methods.items()
    ]
    return "\n".join(lines) + "\n"


def needs(one: dict[str, str]) -> str:
    """Who may, in words."""
    return {
        "anyone": "anybody",
        "signed_in": "whoever is signed in",
    }.get(one["x-needs"], f"`{one['x-needs']}`" + WHERE[one["x-where"]])


def scopes() -> str:
    """The scopes as a table: what they allow, and which of the usual roles have them."""
    lines = ["", "| scope | allows | in one project | viewer | operator |", "|---|---|---|---|---|"]
    for scope, meaning in MEANINGS.items():
        told = [scope in one for one in (IN_PROJECT, SEEING, WORKING)]
        lines.append(f"| `{scope}` | {meaning} | {' | '.join('yes' if one else '' for one in told)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
    TABLE.write_text(TABLE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + table(), encoding="utf-8")
    PEOPLE.write_text(PEOPLE.read_text(encoding="utf-8").partition(SCOPES_MARK)[0] + SCOPES_MARK + scopes(), "utf-8")
