"""The matrix of permissions, made of the table of routes: every route, every kind of caller, own and other projects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from dragoman.routing.shape import KeyTable
from dragoman.store.keys import TOKEN, mint
from dragoman.store.ports import SYSTEM, Role, User
from dragoman.web.admin.access import RANK
from dragoman.web.admin.api import PREFIX, Declared
from dragoman.web.admin.building import declared
from dragoman.web.setup import SetupToken
from tests.admin.stage import House, Visitor, house

ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
REFUSED = (401, 403)


class Caller(NamedTuple):
    """Somebody, and the role that they have; `anyone` for those who have none."""

    visitor: Visitor
    role: str
    projects: tuple[str, ...] = ()


@asynccontextmanager
async def everybody(folder: Path) -> AsyncIterator[tuple[House, dict[str, Caller]]]:
    """A gateway, and every kind of caller."""
    async with house(folder) as place:
        people = place.store.people
        callers = {"nobody": Caller(place.visitor(), "anyone")}
        for role in ROLES:
            for projects in ((), ("red",)):
                blank = User(
                    id="",
                    login=f"{role}{len(projects)}",
                    role=role,
                    projects=projects,
                    state="enabled",
                    revision=0,
                    created_ms=0,
                    updated_ms=0,
                )
                user = await people.add(SYSTEM, blank)
                text, _ = await people.add_token(SYSTEM, user.id, "script", role)
                callers[f"{role} of {projects or 'all'}"] = Caller(place.visitor(text), role, projects)
        admin = await people.find(login="admin0")
        assert admin
        text, token = await people.add_token(SYSTEM, admin[0].id, "held", "viewer")
        callers["admin's token held to viewer"] = Caller(place.visitor(text), "viewer")
        text, token = await people.add_token(SYSTEM, admin[0].id, "gone", "admin")
        await people.remove_token(SYSTEM, token.id)
        callers["revoked token"] = Caller(place.visitor(text), "nothing")
        text, _ = await people.add_token(SYSTEM, admin[0].id, "late", "admin", expires_ms=1)
        callers["expired token"] = Caller(place.visitor(text), "nothing")
        callers["noise"] = Caller(place.visitor("rubbish"), "nothing")
        callers["unknown token"] = Caller(place.visitor(mint(TOKEN).text), "nothing")
        minted = await place.store.configuration.keys.add(SYSTEM, KeyTable(name="agent"))
        callers["a key of the data plane"] = Caller(place.visitor(minted.text), "nothing")
        yield place, callers


def may(caller: Caller, one: Declared) -> bool:
    """What the table of routes says."""
    if caller.role == "nothing":
        return False
    return RANK[caller.role] >= RANK[one.needs] and not (one.wide and caller.projects)


def test_every_route_admits_whom_it_declares_and_nobody_else(tmp_path: Path) -> None:
    async def scene() -> None:
        async with everybody(tmp_path) as (place, callers):
            routes = declared(place.gateway.live, SetupToken()).declared
            assert len(routes) > 30
            assert len(callers) >= 12
            wrong = []
            for one in routes:
                for name, caller in callers.items():
                    path = (PREFIX + one.path).replace("{id}", "nothing-of-this-id")
                    told = await caller.visitor.ask(one.method, path, b"{" if one.reads else None)
                    if may(caller, one) == (told.status in REFUSED) and (one.method, one.path) != ("POST", "/session"):
                        wrong.append(f"{one.method} {one.path} by {name}: {told.status}")
            assert wrong == []

    asyncio.run(scene())


def test_only_what_signs_somebody_in_is_open_to_anyone(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            routes = declared(place.gateway.live, SetupToken()).declared
            opened = sorted(f"{one.method} {one.path}" for one in routes if one.needs == "anyone")
            assert opened == ["GET /welcome", "POST /session", "POST /setup"]
            assert [one for one in routes if one.method == "GET" and one.reads] == []

    asyncio.run(scene())


def test_what_belongs_to_another_project_is_not_there(tmp_path: Path) -> None:
    async def scene() -> None:
        async with everybody(tmp_path) as (place, callers):
            root = callers["admin of all"].visitor
            for project in ("red", "blue"):
                assert (await root.ask("POST", "/api/v1/projects", {"spec": {"name": project}})).status == 201
            version = await place.store.configuration.version()
            while place.gateway.live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            made = {}
            for project in ("red", "blue", ""):
                told = await root.ask("POST", "/api/v1/keys", {"spec": {"name": f"k-{project}", "project": project}})
                made[project] = told.json["key"]["id"]
            red = callers["operator of ('red',)"].visitor
            listed = (await red.ask("GET", "/api/v1/keys")).json
            assert [key["spec"]["name"] for key in listed] == ["k-red"]
            for project in ("blue", ""):
                path = f"/api/v1/keys/{made[project]}"
                assert (await red.ask("GET", path)).status == 404
                assert (await red.ask("GET", path + "/usage")).status == 404
                assert (await red.ask("PATCH", path, {"revision": 1, "state": "disabled"})).status == 404
                assert (await red.ask("POST", path + "/rotate", {"revision": 1})).status == 404
                body = {"spec": {"name": "mine", "project": project}}
                assert (await red.ask("POST", "/api/v1/keys", body)).status == 403
                move = {"revision": 1, "spec": {"name": "k-red", "project": project}}
                assert (await red.ask("PATCH", f"/api/v1/keys/{made['red']}", move)).status == 403
                assert (await red.ask("GET", "/api/v1/exchanges", query=f"project={project or 'none'}")).status == 403
            assert (await red.ask("GET", "/api/v1/exchanges")).status == 200

    asyncio.run(scene())
