"""What may be done with the gateway, in named scopes; roles are sets of them, and nobody gives what he has not.

Rules. A scope is had everywhere or in some projects. What is about the whole gateway needs it everywhere; what belongs
to a project needs it there. Rights are only ever narrowed on their way: a token has at most what its user has, and a
user is given at most what the giver has at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias, get_args

from msgspec import Struct

from dragoman.shapes.access import RoleTable
from dragoman.store.ports import User

Scope: TypeAlias = Literal[
    "audit:read",
    "channels:private",
    "channels:read",
    "channels:write",
    "contents:read",
    "exchanges:read",
    "keys:read",
    "keys:write",
    "members:read",
    "members:write",
    "models:read",
    "models:write",
    "overrides:read",
    "overrides:write",
    "prices:read",
    "prices:write",
    "profiles:read",
    "profiles:write",
    "projects:read",
    "projects:write",
    "roles:read",
    "roles:write",
    "settings:read",
    "settings:write",
    "sso:read",
    "sso:write",
    "transfer:read",
    "transfer:write",
    "users:read",
    "users:write",
]

MEANINGS: Mapping[Scope, str] = MappingProxyType(
    {
        "audit:read": "See who did what.",
        "channels:private": "Describe channels that lead into a private network, and keep secrets where they change.",
        "channels:read": "See channels, without their secrets, and how they are.",
        "channels:write": "Add, change, try and remove channels.",
        "contents:read": "See what was said in exchanges, as long as it is kept.",
        "exchanges:read": "See exchanges, without what was said, and their sums.",
        "keys:read": "See API keys, without what opens the doors, and what they have used.",
        "keys:write": "Make, change, rotate and switch off API keys.",
        "members:read": "See who belongs to a project, and who is invited to it.",
        "members:write": "Give people roles in a project, invite them to it, and keep its service accounts.",
        "models:read": "See what is known of models, and where they lead.",
        "models:write": "Describe models.",
        "overrides:read": "See named sets of changes to what channels are sent.",
        "overrides:write": "Add, change and remove such sets.",
        "prices:read": "See prices of one's own.",
        "prices:write": "Add, change and remove prices.",
        "profiles:read": "See rules of routing, and ask where a request would go.",
        "profiles:write": "Add, change and remove rules of routing.",
        "projects:read": "See projects.",
        "projects:write": "Add, change and remove projects.",
        "roles:read": "See roles.",
        "roles:write": "Make, change and remove roles that allow no more than one may oneself.",
        "settings:read": "See what is set for the whole gateway.",
        "settings:write": "Change what is set for the whole gateway.",
        "sso:read": "See the identity providers that one may sign in by, without their secrets.",
        "sso:write": "Add, change and remove identity providers, and the rules by which they give roles.",
        "transfer:read": "Take out the configuration as YAML; only what one may see.",
        "transfer:write": "Take in a configuration; only what one may change.",
        "users:read": "See users, their tokens and invitations.",
        "users:write": "Add, change and remove users who may do no more than one may oneself.",
    }
)

IN_PROJECT: frozenset[Scope] = frozenset(
    {
        "contents:read",
        "exchanges:read",
        "keys:read",
        "keys:write",
        "members:read",
        "members:write",
        "projects:read",
        "roles:read",
        "roles:write",
    }
)
"""What can be had in one project alone; the rest is about the whole gateway."""

EVERY: frozenset[Scope] = frozenset(get_args(Scope))
SEEING: frozenset[Scope] = frozenset(
    {
        "channels:read",
        "exchanges:read",
        "keys:read",
        "models:read",
        "overrides:read",
        "prices:read",
        "profiles:read",
        "projects:read",
        "settings:read",
    }
)
WORKING: frozenset[Scope] = SEEING | {
    "channels:write",
    "contents:read",
    "keys:write",
    "models:write",
    "overrides:write",
    "profiles:write",
    "transfer:read",
}
BUILT_IN: Mapping[str, frozenset[Scope]] = MappingProxyType({"viewer": SEEING, "operator": WORKING, "admin": EVERY})
"""The roles that are always there."""
ADMIN = "admin"


class Rights(Struct, frozen=True):
    """What somebody may do: scopes had everywhere, and others in single projects."""

    everywhere: frozenset[str] = frozenset()
    within: Mapping[str, frozenset[str]] = {}
    """By project, beside those had everywhere."""

    def may(self, scope: str, project: str | None = None) -> bool:
        """Whether they have this scope everywhere, or in this project."""
        return scope in self.everywhere or (project is not None and scope in self.within.get(project, ()))

    def somewhere(self, scope: str) -> bool:
        """Whether they have it everywhere or in any project."""
        return scope in self.everywhere or any(scope in scopes for scopes in self.within.values())

    def projects(self, scope: str) -> tuple[str, ...] | None:
        """The projects in which they have it; None: everywhere."""
        if scope in self.everywhere:
            return None
        return tuple(sorted(name for name, scopes in self.within.items() if scope in scopes))

    def covers(self, other: Rights) -> bool:
        """Whether these allow everything that the others do."""
        return other.everywhere <= self.everywhere and all(
            scopes <= self.everywhere | self.within.get(project, frozenset())
            for project, scopes in other.within.items()
        )

    def narrowed(self, scopes: Iterable[str]) -> Rights:
        """The same held to these scopes; none: as they are."""
        held = frozenset(scopes)
        if not held:
            return self
        return Rights(self.everywhere & held, {project: own & held for project, own in self.within.items()})


class Grant(NamedTuple):
    """Roles as they are given: one for everything, and one in each of some projects."""

    role: str
    memberships: Mapping[str, str]


def grant_of(user: User) -> Grant:
    """What a user was given."""
    return Grant(user.role, user.memberships)


def rights_of(grant: Grant, roles: Iterable[RoleTable]) -> Rights:
    """What these roles allow, where `roles` are those of one's own that are in force. A role that is not there allows
    nothing, nor does one of a project elsewhere."""
    own = {role.name: role for role in roles}
    return Rights(
        _scopes(grant.role, own, "") if grant.role else frozenset(),
        {project: _scopes(name, own, project) & IN_PROJECT for project, name in grant.memberships.items()},
    )


def _scopes(name: str, own: Mapping[str, RoleTable], project: str) -> frozenset[str]:
    if name in BUILT_IN:
        return BUILT_IN[name]
    role = own.get(name)
    if role is None or (role.project and role.project != project):
        return frozenset()
    return frozenset(role.scopes) & EVERY


def faults_of_role(role: RoleTable) -> list[str]:
    """What keeps a role from being used, in words."""
    faults = [f"There is no scope '{scope}'." for scope in role.scopes if scope not in EVERY]
    if role.name in BUILT_IN:
        faults.append(f"'{role.name}' is a role that is always there. Choose another name.")
    if role.project:
        wide = sorted(set(role.scopes) & EVERY - IN_PROJECT)
        faults += [f"'{scope}' is about the whole gateway, and the role is for a project." for scope in wide]
    return faults
