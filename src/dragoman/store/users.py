"""Users as they are stored, and the roles that they can have."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import RoleTable
from dragoman.store.books import fitting, missing, new_id
from dragoman.store.ports import StoreTrouble, User
from dragoman.store.reading import read_or_raw
from dragoman.store.tables import configured, plain, users

ADMIN = "admin"
"""The role that may do everything."""
IS_ADMIN = (users.c.role == ADMIN) & (users.c.state == "enabled") & (users.c.kind == "person")
"""Whether a row is somebody who may do everything, and sign in to do it."""
WORD = re.compile(r"[^\W\d_]+")
ALIKE = ("LATIN", "CYRILLIC", "GREEK")
"""Alphabets that share the looks of letters, as the names of these begin (Unicode Technical Standard 39)."""
ROLE_KIND = "role"
"""Kind of the rows of the configuration that are roles of one's own."""


async def one(connection: AsyncConnection, user_id: str) -> User:
    """The user of this id. Trouble: missing."""
    found = (await connection.execute(select(users).where(users.c.id == plain(user_id)))).one_or_none()
    if found is None:
        raise missing("user")
    return user_of(found)


async def person(connection: AsyncConnection, user_id: str) -> User:
    """A user who may sign in. Trouble: missing, unfit."""
    user = await one(connection, user_id)
    if user.kind != "person":
        raise StoreTrouble("unfit", "A service account cannot sign in. Make a token for it.")
    return user


async def check_admins(connection: AsyncConnection, before: User) -> None:
    """Trouble: last_admin, where a change has left nobody who may do everything. Changes of users wait for each other,
    so that two admins cannot demote one another."""
    if not _is_admin(before):
        return
    admins = select(func.count()).where(IS_ADMIN)
    if not (await connection.execute(admins)).scalar_one():
        raise StoreTrouble("last_admin", "This is the last admin. Make another one first.")


def _is_admin(user: User) -> bool:
    return user.role == ADMIN and user.state == "enabled" and user.kind == "person"


async def roles_in_force(connection: AsyncConnection) -> tuple[RoleTable, ...]:
    """The roles of one's own that are switched on. One that cannot be read gives nothing."""
    wanted = select(configured.c.name, configured.c.spec).where(
        configured.c.kind == ROLE_KIND, configured.c.state == "enabled"
    )
    found = await connection.execute(wanted)
    specs = [read_or_raw(row.spec, RoleTable, ROLE_KIND, row.name)[0] for row in found]
    return tuple(spec for spec in specs if isinstance(spec, RoleTable))


async def enabled_logins(connection: AsyncConnection) -> frozenset[str]:
    """The logins of those who are not switched off."""
    return frozenset((await connection.execute(select(users.c.login).where(users.c.state == "enabled"))).scalars())


async def members_of(connection: AsyncConnection, project: str) -> tuple[str, ...]:
    """The logins of those who have a role in a project, or are service accounts of it."""
    found = await connection.execute(
        select(users.c.login, users.c.memberships, users.c.project).order_by(users.c.login)
    )
    return tuple(row.login for row in found if project in row.memberships or row.project == project)


def new_user(user: User, now_ms: int) -> User:
    """A user as one is added. Trouble: unfit, for a login that could be taken for another."""
    if wrong := fault_of_login(user.login.lower()):
        raise StoreTrouble("unfit", f"The login {wrong}. Choose another.")
    return replace(user, id=new_id(), login=user.login.lower(), revision=1, created_ms=now_ms, updated_ms=now_ms)


def fault_of_login(login: str) -> str:
    """Why somebody could take a login for another one, in words; empty where nobody can. Of alphabets only those are
    kept apart whose letters look alike."""
    if login != login.strip() or not login.isprintable():
        return "begins or ends with a blank, or holds what cannot be seen"
    if login != unicodedata.normalize("NFKC", login):
        return "holds letters that are another way to write others"
    for word in WORD.findall(login):
        if len({alphabet for letter in word if (alphabet := unicodedata.name(letter, "").split(" ")[0]) in ALIKE}) > 1:
            return f"has letters of several alphabets in one word, '{word[:40]}'"
    return ""


async def insert_user(connection: AsyncConnection, user: User, password_hash: str) -> None:
    """Adds a user."""
    await connection.execute(users.insert(), {**columns(user), "password_hash": password_hash})


def columns(user: User) -> dict[str, Any]:
    """A user as it is stored."""
    return {
        **asdict(user),
        "login": fitting(user.login, "login"),
        "subject": fitting(user.subject, "subject"),
        "role": fitting(user.role, "role"),
        "project": fitting(user.project, "project"),
        "name": plain(user.name),
        "email": plain(user.email),
    }


def user_of(found: Row[Any]) -> User:
    """A user as it was stored."""
    return User(**{name: getattr(found, name) for name in User.__struct_fields__})
