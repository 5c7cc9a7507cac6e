"""Who belongs to a project, and with what role."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.store.ports import State, User, UserKind
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.giving import check_giving, roles_in_force
from dragoman.web.admin.people import Name, RoleName
from dragoman.web.admin.scopes import Grant, rights_of
from dragoman.web.admin.wire import Refusal, answer


class Member(Struct, frozen=True, kw_only=True):
    """Somebody with a role in a project."""

    login: str
    name: str
    kind: UserKind
    project: str
    role: str
    state: State


class Membership(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody is to be in a project."""

    project: Name
    login: Annotated[str, Meta(min_length=1, max_length=200)]
    role: RoleName
    """Empty: they no longer belong to it."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("GET", "/members", needs="members:read", wide=False, tells=list[Member], query=("project",))
    async def show_all(call: Call) -> Response:
        """Who has a role in a project, or in each of those that one may see the members of."""
        wished = call.query("project")
        found = [
            _member(user, project)
            for user in await call.store.people.users()
            for project in user.memberships
            if wished in ("", project) and call.who.may("members:read", project)
        ]
        return answer(found)

    @api.route("PUT", "/members", needs="members:write", wide=False, reads=Membership, tells=Member)
    async def change(call: Call) -> Response:
        """Gives a user a role in a project, or takes it away; no more than one may do there oneself."""
        said = await call.body(Membership)
        if not call.who.may("members:write", said.project):
            raise Refusal(403, "forbidden", "You may change the members of your own projects only.")
        found = await call.store.people.find(login=said.login)
        if found is None:
            raise Refusal(404, "missing", "There is no user of this login. Invite them by POST /api/v1/invitations.")
        user, _ = found
        await _check_before(call, user, said)
        if said.role:
            await check_giving(call, Grant("", {said.project: said.role}))
        kept = {project: role for project, role in user.memberships.items() if project != said.project}
        memberships = {**kept, said.project: said.role} if said.role else kept
        return answer(
            _member(await call.store.people.change(call.by, replace(user, memberships=memberships)), said.project)
        )


async def _check_before(call: Call, user: User, said: Membership) -> None:
    """Raises `Refusal` where somebody may do more in a project than the caller, who therefore may not change that; and
    where nothing would become of it but that their sessions end."""
    own, roles = user.memberships.get(said.project, ""), await roles_in_force(call)
    if not call.who.rights.covers(rights_of(Grant("", {said.project: own}), roles)):
        raise Refusal(403, "forbidden", "You may not change somebody who may do more than you.")
    if call.who.may("members:write"):
        return
    if own == said.role:
        raise Refusal(409, "no_change", "That is so already.")
    if said.role and rights_of(Grant(user.role, {}), roles).covers(
        rights_of(Grant("", {said.project: said.role}), roles)
    ):
        raise Refusal(409, "no_change", "They may do that already, in every project.")


def _member(user: User, project: str) -> Member:
    return Member(
        login=user.login,
        name=user.name,
        kind=user.kind,
        project=project,
        role=user.memberships.get(project, ""),
        state=user.state,
    )
