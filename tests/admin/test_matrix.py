"""The matrix of permissions, made of the table of routes: every route, every kind of caller, own and other projects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from dragoman.shapes.access import KeyTable, ProjectTable, RoleTable
from dragoman.store.keys import TOKEN, mint
from dragoman.store.ports import SYSTEM, NewToken
from dragoman.web.admin.api import PREFIX, Declared
from dragoman.web.admin.building import declared
from dragoman.web.admin.scopes import BUILT_IN, EVERY, IN_PROJECT, MEANINGS, SEEING, WORKING, Rights
from dragoman.web.setup import SetupToken
from tests.admin.society import somebody
from tests.admin.stage import House, Visitor, house

REFUSED = (401, 403)
OPEN = {"GET /welcome", "POST /session", "POST /setup", "POST /invitations/accept"}
"""What is for nobody in particular, beside the ways to sign in."""


class Caller(Struct, frozen=True):
    """Somebody at the API, and what they may do; None where nobody is known by what they show."""

    visitor: Visitor
    rights: Rights | None
    held: frozenset[str] = frozenset()
    """Scopes that their token is held to; none: to none."""


class Everybody(Struct, frozen=True):
    """A gateway, its routes, and every kind of caller."""

    place: House
    routes: tuple[Declared, ...]
    callers: Mapping[str, Caller]

    async def with_role(self, scopes: frozenset[str], project: str = "") -> Caller:
        """Somebody with a role of just these scopes, everywhere or in a project."""
        people, roles = self.place.store.people, self.place.store.configuration.roles
        name = f"r{len(await roles.all())}"
        await roles.add(SYSTEM, RoleTable(name=name, scopes=tuple(sorted(scopes))))
        given = {"memberships": {project: name}} if project else {"role": name}
        user = await people.add(SYSTEM, somebody(name, **given))
        text, _ = await people.add_token(SYSTEM, user.id, NewToken(name="script"))
        rights = Rights(within={project: scopes & IN_PROJECT}) if project else Rights(scopes)
        return Caller(self.place.visitor(text), rights)


@asynccontextmanager
async def everybody(folder: Path) -> AsyncIterator[Everybody]:
    """A gateway with two projects, and every kind of caller."""
    async with house(folder) as place:
        people, configuration = place.store.people, place.store.configuration
        for project in ("red", "blue"):
            await configuration.projects.add(SYSTEM, ProjectTable(name=project))
        callers = {"nobody": Caller(place.visitor(), None)}
        for role, scopes in BUILT_IN.items():
            user = await people.add(SYSTEM, somebody(role, role=role))
            text, _ = await people.add_token(SYSTEM, user.id, NewToken(name="script"))
            callers[role] = Caller(place.visitor(text), Rights(scopes))
            member = await people.add(SYSTEM, somebody(f"red-{role}", memberships={"red": role}))
            text, _ = await people.add_token(SYSTEM, member.id, NewToken(name="script"))
            callers[f"{role} of red"] = Caller(place.visitor(text), Rights(within={"red": scopes & IN_PROJECT}))
        idle = await people.add(SYSTEM, somebody("idle", role="gone"))
        text, _ = await people.add_token(SYSTEM, idle.id, NewToken(name="script"))
        callers["somebody whose role is gone"] = Caller(place.visitor(text), Rights())
        found = await people.find(login="admin")
        assert found
        admin = found[0]
        text, _ = await people.add_token(SYSTEM, admin.id, NewToken(name="held", scopes=tuple(SEEING)))
        callers["a token held to what viewers may"] = Caller(place.visitor(text), Rights(SEEING), SEEING)
        text, _ = await people.add_token(SYSTEM, admin.id, NewToken(name="far", addresses=("10.0.0.0/8",)))
        callers["a token from elsewhere"] = Caller(place.visitor(text), None)
        text, token = await people.add_token(SYSTEM, admin.id, NewToken(name="gone"))
        await people.remove_token(SYSTEM, token.id)
        callers["a revoked token"] = Caller(place.visitor(text), None)
        text, _ = await people.add_token(SYSTEM, admin.id, NewToken(name="late", expires_ms=1))
        callers["an expired token"] = Caller(place.visitor(text), None)
        off = await people.add(SYSTEM, somebody("off", role="admin", state="disabled"))
        text, _ = await people.add_token(SYSTEM, off.id, NewToken(name="off"))
        callers["a token of somebody switched off"] = Caller(place.visitor(text), None)
        callers["noise"] = Caller(place.visitor("rubbish"), None)
        callers["an unknown token"] = Caller(place.visitor(mint(TOKEN).text), None)
        minted = await configuration.keys.add(SYSTEM, KeyTable(name="agent"))
        callers["a key of the data plane"] = Caller(place.visitor(minted.text), None)
        yield Everybody(place, tuple(declared(place.gateway.live, SetupToken()).declared), callers)


def may(caller: Caller, one: Declared) -> bool:
    """What the table of routes says."""
    if caller.rights is None:
        return False
    match one.needs:
        case "anyone" | "signed_in":
            return True
        case scope if one.wide:
            return caller.rights.may(scope)
        case scope:
            own = one.own and (not caller.held or scope in caller.held)
            return own or caller.rights.somewhere(scope)


async def admitted(caller: Caller, one: Declared) -> bool:
    """Whether a route lets somebody in; what it then says to what makes no sense is its own business."""
    path = (PREFIX + one.path).replace("{id}", "nothing-of-this-id")
    told = await caller.visitor.ask(one.method, path, b"{" if one.reads else None)
    return told.status not in REFUSED


def test_every_route_admits_whom_it_declares_and_nobody_else(tmp_path: Path) -> None:
    async def scene() -> None:
        async with everybody(tmp_path) as all_of_them:
            assert len(all_of_them.routes) > 70
            assert len(all_of_them.callers) >= 16
            wrong = [
                f"{one.method} {one.path} by {name}"
                for one in all_of_them.routes
                for name, caller in all_of_them.callers.items()
                if one.needs != "anyone" and await admitted(caller, one) != may(caller, one)
            ]
            assert wrong == []

    asyncio.run(scene())


def test_one_scope_opens_what_needs_it_and_all_the_others_do_not(tmp_path: Path) -> None:
    async def scene() -> None:
        async with everybody(tmp_path) as all_of_them:
            wrong = []
            for scope in sorted(EVERY):
                callers = {
                    "who has just it": await all_of_them.with_role(frozenset({scope})),
                    "who has all but it": await all_of_them.with_role(EVERY - {scope}),
                    "who has just it in red": await all_of_them.with_role(frozenset({scope}), "red"),
                    "who has all but it in red": await all_of_them.with_role(EVERY - {scope}, "red"),
                }
                needing = [one for one in all_of_them.routes if one.needs == scope]
                wrong += [
                    f"{one.method} {one.path} by {name}"
                    for one in needing
                    for name, caller in callers.items()
                    if await admitted(caller, one) != may(caller, one)
                ]
            assert wrong == []

    asyncio.run(scene())


def test_every_route_declares_a_scope_that_there_is(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            routes = declared(place.gateway.live, SetupToken()).declared
            assert [one for one in routes if one.needs not in {*EVERY, "anyone", "signed_in"}] == []
            assert [one for one in routes if not one.wide and one.needs in EVERY - IN_PROJECT] == []
            assert [one for one in routes if one.method == "GET" and one.reads] == []
            opened = {f"{one.method} {one.path}" for one in routes if one.needs == "anyone"}
            assert {one for one in opened if not one.partition(" ")[2].startswith("/session/")} == OPEN

    asyncio.run(scene())


def test_the_roles_that_are_always_there_are_steps_of_one_stair() -> None:
    assert set(MEANINGS) == EVERY == BUILT_IN["admin"]
    assert SEEING < WORKING < EVERY
    assert {scope for scope in SEEING if not scope.endswith(":read")} == set()
    assert not WORKING & {"users:read", "users:write", "roles:write", "settings:write", "members:write", "sso:write"}


def test_what_belongs_to_another_project_is_not_there(tmp_path: Path) -> None:
    async def scene() -> None:
        async with everybody(tmp_path) as all_of_them:
            place, root = all_of_them.place, all_of_them.callers["admin"].visitor
            version = await place.store.configuration.version()
            while place.gateway.live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            made = {}
            for project in ("red", "blue", ""):
                told = await root.ask("POST", "/api/v1/keys", {"spec": {"name": f"k-{project}", "project": project}})
                made[project] = told.json["key"]["id"]
            red = all_of_them.callers["operator of red"].visitor
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
