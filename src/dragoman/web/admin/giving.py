"""Nobody gives more than he has: the one place that looks at roles, tokens, users and invitations that are given.

Rules. Whoever changes what somebody may do must himself have all that this is and all that it becomes; and whoever may
do more than oneself is not oneself's to change. A script's token gives only tokens that end no later than itself and
come from nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

from dragoman.routing.key import networks_of
from dragoman.shapes.access import RoleTable
from dragoman.store.ports import NewToken, Token, User
from dragoman.web.admin.api import Call
from dragoman.web.admin.scopes import BUILT_IN, EVERY, IN_PROJECT, Grant, Rights, grant_of, rights_of
from dragoman.web.admin.wire import Refusal

Network: TypeAlias = IPv4Network | IPv6Network


async def roles_in_force(call: Call) -> tuple[RoleTable, ...]:
    """The roles of one's own that are switched on."""
    return tuple(row.spec for row in await call.store.configuration.roles.all() if row.state == "enabled")


async def projects_of(call: Call) -> frozenset[str]:
    """The names of the projects that there are."""
    return frozenset(row.spec.name for row in await call.store.configuration.projects.all())


async def check_giving(call: Call, grant: Grant) -> None:
    """Raises `Refusal` where these roles are not there, or allow what the caller may not."""
    roles = await roles_in_force(call)
    if faults := _faults_of_grant(grant, roles, await projects_of(call) if grant.memberships else ()):
        raise Refusal(422, "invalid", "The roles were read but cannot be given. " + " ".join(faults), tuple(faults))
    _check_covered(call, rights_of(grant, roles), "You may not give what you may not do yourself.")


async def check_over(call: Call, user: User) -> None:
    """Raises `Refusal` where somebody may do what the caller may not, and is therefore not theirs to change."""
    rights = rights_of(grant_of(user), await roles_in_force(call))
    _check_covered(call, rights, "You may not change somebody who may do more than you.")


def check_role(call: Call, role: RoleTable) -> None:
    """Raises `Refusal` where a role allows what the caller may not."""
    scopes = frozenset(role.scopes) & EVERY
    rights = Rights(within={role.project: scopes & IN_PROJECT}) if role.project else Rights(scopes)
    _check_covered(call, rights, "You may not make or change a role that allows what you may not do yourself.")


async def narrowed(call: Call, user: User, said: NewToken) -> NewToken:
    """The token as it may be made for this user: never more than whoever makes it. Raises `Refusal`."""
    parent = call.who.token
    if parent is not None:
        said = _within(parent, said)
    if strange := sorted(set(said.scopes) - EVERY):
        raise Refusal(422, "invalid", f"There is no scope '{strange[0][:60]}'. GET /api/v1/scopes tells them all.")
    if lacking := [scope for scope in said.scopes if not call.who.rights.somewhere(scope)]:
        raise Refusal(403, "forbidden", f"A token may not do more than you, and you have not '{lacking[0]}'.")
    try:
        networks_of(said.addresses)
    except ValueError as found:
        raise Refusal(422, "invalid", f"An address is no network: {found}.") from None
    rights = rights_of(grant_of(user), await roles_in_force(call)).narrowed(said.scopes)
    _check_covered(call, rights, "A token may not do more than you.")
    return said


def _within(parent: Token, said: NewToken) -> NewToken:
    """What a token asks for, held to what it is itself. Raises `Refusal`."""
    expires_ms = parent.expires_ms if said.expires_ms is None else said.expires_ms
    if parent.expires_ms is not None and (expires_ms or 0) > parent.expires_ms:
        raise Refusal(403, "forbidden", "A token may not make one that lasts longer than itself.")
    addresses = said.addresses or parent.addresses
    try:
        wide = [text for text in addresses if not _inside(text, networks_of(parent.addresses))]
    except ValueError as found:
        raise Refusal(422, "invalid", f"An address is no network: {found}.") from None
    if parent.addresses and wide:
        raise Refusal(403, "forbidden", f"A token may not make one for a wider network than its own, as {wide[0]}.")
    return NewToken(name=said.name, scopes=said.scopes or parent.scopes, addresses=addresses, expires_ms=expires_ms)


def _inside(text: str, networks: Iterable[Network]) -> bool:
    (asked,) = networks_of([text])
    return any(asked.version == one.version and asked.subnet_of(one) for one in networks)  # type: ignore[arg-type]  # the same version


def _faults_of_grant(grant: Grant, roles: Iterable[RoleTable], projects: Collection[str]) -> list[str]:
    own = {role.name: role for role in roles}
    faults = [f"There is no project '{name}'." for name in grant.memberships if name not in projects]
    for project, name in (("", grant.role), *grant.memberships.items()):
        role = own.get(name)
        if name and name not in BUILT_IN and role is None:
            faults.append(f"There is no role '{name}'.")
        if role is not None and role.project not in ("", project):
            faults.append(f"The role '{name}' is for the project '{role.project}' only.")
    return faults


def _check_covered(call: Call, rights: Rights, words: str) -> None:
    if not call.who.rights.covers(rights):
        raise Refusal(403, "forbidden", words)
