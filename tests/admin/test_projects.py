"""What belongs to a project is there for its members and for nobody else: every route that is not about everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from msgspec.structs import replace

from dragoman.shapes.access import KeyTable, RoleTable
from dragoman.store.ports import SYSTEM, NewInvitation, NewToken
from dragoman.web.admin.building import declared
from dragoman.web.admin.scopes import IN_PROJECT
from dragoman.web.setup import SetupToken
from tests.admin.society import API, Scene, scene
from tests.store.contract.test_ledger import exchange

Make: TypeAlias = Callable[[Scene, str], Awaitable[str]]
"""Makes something that belongs to a project, or to none where its name is empty; its id."""


async def _key(on: Scene, project: str) -> str:
    return (await on.place.store.configuration.keys.add(SYSTEM, KeyTable(name=f"of-{project}", project=project))).key.id


async def _role(on: Scene, project: str) -> str:
    role = RoleTable(name=f"of-{project or 'all'}", project=project)
    return (await on.place.store.configuration.roles.add(SYSTEM, role)).id


async def _service(on: Scene, project: str) -> str:
    return (await on.user(f"of-{project}", kind="service", project=project)).id


async def _token(on: Scene, project: str) -> str:
    service = await on.user(f"token-of-{project}", kind="service", project=project)
    return (await on.place.store.people.add_token(SYSTEM, service.id, NewToken(name=f"of-{project}")))[1].id


async def _invitation(on: Scene, project: str) -> str:
    given = {"memberships": {project: "viewer"}} if project else {"role": "viewer"}
    said = NewInvitation(login=f"of-{project}", expires_ms=2**50, **given)
    return (await on.place.store.people.invitations.add(SYSTEM, said))[1].id


async def _project(on: Scene, project: str) -> str:
    rows = await on.place.store.configuration.projects.all()
    return next((row.id for row in rows if row.spec.name == project), "none")


async def _exchange(on: Scene, project: str) -> str:
    made = replace(exchange(f"of-{project}"), project=project)
    await on.place.store.ledger.put([made])
    return made.id


MAKERS: Mapping[str, Make] = {
    "keys": _key,
    "roles": _role,
    "services": _service,
    "tokens": _token,
    "invitations": _invitation,
    "projects": _project,
    "exchanges": _exchange,
}
"""By the first word of a path; a new one needs a line here."""
BODIES: Mapping[str, Any] = {
    "PATCH /keys/{id}": {"revision": 1, "state": "enabled"},
    "POST /keys/{id}/rotate": {"revision": 1},
    "PATCH /roles/{id}": {"revision": 1, "state": "enabled"},
    "PATCH /services/{id}": {"revision": 1, "state": "enabled"},
}
QUERIES: Mapping[str, str] = {
    "DELETE /roles/{id}": "revision=1",
    "GET /tokens": "all=true",
    "GET /totals": "by=project",
    "GET /totals.csv": "by=project",
}
NOBODYS = {"/session", "/scopes", "/docs", "/openapi.json"}
"""Lists of what belongs to no project."""
APART = {"PUT /users/{id}/password"}
"""What is about people and not about projects, and tried with them."""


async def _routes(on: Scene) -> list[tuple[str, str, str]]:
    """Method, path and first word of each route about things of projects."""
    found = declared(on.place.gateway.live, SetupToken()).declared
    return [
        (one.method, one.path, one.path.split("/")[1])
        for one in found
        if not one.wide and one.needs != "anyone" and f"{one.method} {one.path}" not in APART
    ]


def test_a_thing_of_another_project_is_not_there(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.role("all-of-it", *IN_PROJECT)
            member = await on.script(await on.user("member", memberships={"red": "all-of-it"}))
            wrong = []
            for method, path, word in await _routes(on):
                if "{id}" not in path:
                    continue
                for project in ("blue", "", "red"):
                    on_it = f"{API}{path}".replace("{id}", await _fresh(on, word, project))
                    words = f"{method} {path}"
                    told = await member.ask(method, on_it, BODIES.get(words), query=QUERIES.get(words, ""))
                    # A role for everything is theirs to see and to be given, as those that are always there.
                    allowed = project == "red" or (words, project) == ("GET /roles/{id}", "")
                    if (told.status < 300) != allowed or (not allowed and told.status not in (403, 404)):
                        wrong.append(f"{words} of '{project}': {told.status} {told.body[:200]!r}")
            assert wrong == []

    asyncio.run(act())


async def _fresh(on: Scene, word: str, project: str) -> str:
    """Something of a project that nothing was done to yet."""
    people, configuration = on.place.store.people, on.place.store.configuration
    for user in await people.users():
        if user.kind == "service":
            await people.remove(SYSTEM, user.id)
    for row in await configuration.roles.all():
        if row.spec.name.startswith("of-"):
            await configuration.roles.remove(SYSTEM, row.id, row.revision)
    for key in await configuration.keys.all():
        await configuration.keys.change(SYSTEM, key.id, key.revision, state="archived")
    return await MAKERS[word](on, project)


def test_lists_tell_of_ones_own_projects_alone(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.role("all-of-it", *IN_PROJECT)
            member = await on.script(await on.user("member", memberships={"red": "all-of-it"}))
            for make in MAKERS.values():
                for project in ("blue", "red"):
                    await make(on, project)
            lists = [
                path
                for method, path, word in await _routes(on)
                if method == "GET" and word in MAKERS and "{" not in path
            ]
            assert len(lists) >= 7
            for path in lists:
                told = await member.ask("GET", API + path, query=QUERIES.get(f"GET {path}", ""))
                assert told.status == 200, path
                assert b"blue" not in told.body, path
                assert b"red" in told.body, path

    asyncio.run(act())
