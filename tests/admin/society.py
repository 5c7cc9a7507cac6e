"""A gateway with two projects and people in it, for those who give and are given rights."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dragoman.shapes.access import ProjectTable, RoleTable
from dragoman.store.ports import SYSTEM, NewToken, User
from tests.admin.stage import House, Visitor, house

API = "/api/v1"
PEOPLE = ("members:read", "members:write", "roles:read", "roles:write", "users:read", "users:write")
"""What it takes to keep people."""


def somebody(login: str, **members: Any) -> User:
    """A user to be added."""
    usual = {"id": "", "login": login, "state": "enabled", "revision": 0, "created_ms": 0, "updated_ms": 0}
    return User(**{**usual, **members})


class Scene:
    """A gateway, its admin, and others with less. Mutable: it makes people."""

    def __init__(self, place: House, root: Visitor) -> None:
        self.place, self.root = place, root

    async def user(self, login: str, **members: Any) -> User:
        """Somebody."""
        return await self.place.store.people.add(SYSTEM, somebody(login, **members))

    async def script(self, user: User, **members: Any) -> Visitor:
        """A script with a token of theirs."""
        text, _ = await self.place.store.people.add_token(SYSTEM, user.id, NewToken(name="script", **members))
        return self.place.visitor(text)

    async def role(self, name: str, *scopes: str, project: str = "") -> RoleTable:
        """A role of one's own."""
        role = RoleTable(name=name, scopes=scopes, project=project)
        return (await self.place.store.configuration.roles.add(SYSTEM, role)).spec


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """The gateway with two projects, and a role that keeps people."""
    async with house(folder) as place:
        admin = await place.store.people.add(SYSTEM, somebody("root", role="admin"))
        text, _ = await place.store.people.add_token(SYSTEM, admin.id, NewToken(name="script"))
        made = Scene(place, place.visitor(text))
        for project in ("red", "blue"):
            await place.store.configuration.projects.add(SYSTEM, ProjectTable(name=project))
        await made.role("keeper", *PEOPLE, "keys:read", "channels:read")
        yield made
