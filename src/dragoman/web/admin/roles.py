"""Roles of one's own, and the scopes that they are made of."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Response
from msgspec import Raw, Struct

from dragoman.shapes.access import RoleTable
from dragoman.store.ports import Row
from dragoman.store.reading import name_of
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.giving import check_role, projects_of
from dragoman.web.admin.scopes import BUILT_IN, IN_PROJECT, MEANINGS, Scope, faults_of_role
from dragoman.web.admin.shelves import Change, New, unread
from dragoman.web.admin.wire import Refusal, answer, nothing


class ShownScope(Struct, frozen=True, kw_only=True):
    """One scope."""

    name: str
    meaning: str
    in_project: bool
    """Whether it can be had in one project alone."""
    roles: tuple[str, ...]
    """The roles that are always there and have it."""


def routes(api: Api) -> None:
    """Declares the routes."""
    _routes_of_all(api)
    _routes_of_one(api)


def _routes_of_all(api: Api) -> None:
    @api.route("GET", "/scopes", needs="signed_in", wide=False, tells=list[ShownScope])
    async def scopes(_: Call) -> Response:
        """What roles and tokens may be allowed."""
        found = [
            ShownScope(
                name=name,
                meaning=meaning,
                in_project=name in IN_PROJECT,
                roles=tuple(role for role, scopes in BUILT_IN.items() if name in scopes),
            )
            for name, meaning in MEANINGS.items()
        ]
        return answer(found)

    @api.route("GET", "/roles", needs="roles:read", wide=False, tells=list[Row[RoleTable]], query=("archived",))
    async def show_all(call: Call) -> Response:
        """Roles of one's own by name: those for everything, and those of projects that one may see the roles of."""
        shelf, archived = call.store.configuration.roles, call.query("archived") == "true"
        found = await shelf.all(archived=archived)
        lost = await unread(call, shelf, "roles:read", archived=archived)
        return answer([*(row for row in found if _may_see(call, row.spec)), *lost])

    @api.route(
        "POST", "/roles", needs="roles:write", wide=False, reads=New[RoleTable], tells=Row[RoleTable], status=201
    )
    async def add(call: Call) -> Response:
        """Makes a role, which may allow no more than its maker may."""
        said = await call.body(New[RoleTable])
        await check(call, said.spec)
        made = await call.store.configuration.roles.add(call.by, said.spec, state=said.state)
        return answer(made, 201, {"location": f"/api/v1/roles/{made.id}"})


def _routes_of_one(api: Api) -> None:
    @api.route("GET", "/roles/{id}", needs="roles:read", wide=False, tells=Row[RoleTable])
    async def show(call: Call) -> Response:
        """One role."""
        return answer(await _lost(call) or await _seen(call))

    @api.route("PATCH", "/roles/{id}", needs="roles:write", wide=False, reads=Change[RoleTable], tells=Row[RoleTable])
    async def change(call: Call) -> Response:
        """Changes what a role allows, at once for whoever has it; switched off, it allows nothing."""
        said = await call.body(Change[RoleTable])
        await _check_change(call, said)
        shelf = call.store.configuration.roles
        changed = await shelf.change(
            call.by, call.id, said.revision, spec=said.spec, state=said.state, force=said.force
        )
        return answer(changed)

    @api.route("DELETE", "/roles/{id}", needs="roles:write", wide=False, status=204, query=("revision",))
    async def remove(call: Call) -> Response:
        """Removes a role: whoever has it may no longer do what it allowed."""
        if not await _lost(call, "roles:write"):
            before = (await _seen(call)).spec
            await check(call, before, before)
        await call.store.configuration.roles.remove(call.by, call.id, call.revision())
        return nothing()


async def check(call: Call, role: RoleTable, before: RoleTable | None = None, coming: Collection[str] = ()) -> None:
    """Raises `Refusal` where a role cannot be used, or may not be made so, or not be changed from what it was. `coming`
    are projects that are made before it."""
    faults = faults_of_role(role)
    if role.project and role.project not in coming and role.project not in await projects_of(call):
        faults.append(f"There is no project '{role.project}'.")
    if before is not None and before.name != role.name:
        faults.append("A role keeps its name, by which users have it. Make another one.")
    if faults:
        raise Refusal(422, "invalid", "The role was read but cannot be used. " + " ".join(faults), tuple(faults))
    for one in filter(None, (before, role)):
        if not call.who.may("roles:write", one.project):
            raise Refusal(403, "forbidden", "You may make and change roles of your own projects only.")
        check_role(call, one)


async def _check_change(call: Call, said: Change[RoleTable]) -> None:
    """Raises `Refusal` for a change that may not be made. Of a role that cannot be read nobody knows what it allows: it
    is written anew as one is added, under its name, or switched off."""
    if lost := await _lost(call, "roles:write"):
        if said.spec is None and said.state == "enabled":
            raise Refusal(422, "invalid", "This role cannot be read. Write it anew to switch it on.")
        if said.spec is not None:
            if said.spec.name != name_of(lost.spec):
                raise Refusal(422, "invalid", "A role keeps its name, by which users have it. Make another one.")
            await check(call, said.spec)
        return
    before = (await _seen(call)).spec
    await check(call, said.spec or before, before)


async def _lost(call: Call, scope: Scope = "roles:read") -> Row[Raw] | None:
    """The role in the path, if this version cannot read it."""
    found = await unread(call, call.store.configuration.roles, scope)
    return next((row for row in found if row.id == call.id), None)


async def _seen(call: Call) -> Row[RoleTable]:
    """The role in the path; one that is not the caller's to see is not there. Trouble: missing."""
    found = await call.store.configuration.roles.get(call.id)
    if not _may_see(call, found.spec):
        raise Refusal(404, "missing", "There is no such role.")
    return found


def _may_see(call: Call, role: RoleTable) -> bool:
    return not role.project or call.who.may("roles:read", role.project)
