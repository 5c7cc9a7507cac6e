"""Users, and their sessions."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.store.ports import State, User
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.giving import check_giving, check_over
from dragoman.web.admin.passwords import MOST, Passwords
from dragoman.web.admin.proof import Login, Password
from dragoman.web.admin.scopes import Grant, grant_of
from dragoman.web.admin.throttle import begin_guess
from dragoman.web.admin.wire import Refusal, answer, nothing

Name = Annotated[str, Meta(min_length=1, max_length=100)]
RoleName = Annotated[str, Meta(max_length=64)]
"""Of a role; empty: none."""
Memberships = dict[Name, Name]
"""By project, the name of a role in it."""
Told = Annotated[str, Meta(max_length=200)]


class NewUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be added."""

    login: Login
    role: RoleName = ""
    """What they may do everywhere."""
    memberships: Memberships = {}
    name: Told = ""
    email: Told = ""
    password: Password | None = None
    """None: signs in by an identity provider only."""


class ChangeUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    revision: int
    role: RoleName | None = None
    memberships: Memberships | None = None
    """All of them."""
    name: Told | None = None
    email: Told | None = None
    subject: Told | None = None
    """Who they are to an identity provider, as `issuer|sub`; empty: nobody."""
    state: State | None = None


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password."""

    password: Password
    current: Annotated[str, Meta(max_length=MOST)] = ""
    """One's own, where one changes it oneself."""


class Ended(Struct, frozen=True):
    """How many sessions were ended."""

    sessions: int


def routes(api: Api, passwords: Passwords) -> None:
    """Declares the routes."""
    _routes_of_users(api, passwords)
    _routes_of_one_user(api)
    _routes_of_sign_in(api, passwords)


def _routes_of_users(api: Api, passwords: Passwords) -> None:
    @api.route("GET", "/users", needs="users:read", tells=list[User])
    async def show_all(call: Call) -> Response:
        """All users by login, service accounts too."""
        return answer(await call.store.people.users())

    @api.route("POST", "/users", needs="users:write", reads=NewUser, tells=User, status=201)
    async def add(call: Call) -> Response:
        """Adds a user, who may do no more than whoever adds him."""
        said = await call.body(NewUser)
        await check_giving(call, Grant(said.role, said.memberships))
        user = blank(said.login, name=said.name, email=said.email, role=said.role, memberships=said.memberships)
        known = await passwords.hash(said.password) if said.password else ""
        made = await call.store.people.add(call.by, user, known)
        return answer(made, 201, {"location": f"/api/v1/users/{made.id}"})


def _routes_of_one_user(api: Api) -> None:
    @api.route("GET", "/users/{id}", needs="users:read", tells=User)
    async def show(call: Call) -> Response:
        """One user."""
        return answer(await call.store.people.user(call.id))

    @api.route("PATCH", "/users/{id}", needs="users:write", reads=ChangeUser, tells=User)
    async def change(call: Call) -> Response:
        """Changes a user. Whose roles change, or who is switched off, loses all sessions at once."""
        said = await call.body(ChangeUser)
        before = await call.store.people.user(call.id)
        return answer(await changed(call, before, said))

    @api.route("DELETE", "/users/{id}", needs="users:write", status=204)
    async def remove(call: Call) -> Response:
        """Removes a user for good, with sessions and tokens; API keys that are theirs are switched off."""
        await check_over(call, await call.store.people.user(call.id))
        await call.store.people.remove(call.by, call.id)
        return nothing()


def _routes_of_sign_in(api: Api, passwords: Passwords) -> None:
    @api.route("PUT", "/users/{id}/password", needs="signed_in", wide=False, reads=NewPassword, status=204)
    async def set_password(call: Call) -> Response:
        """Sets a password, which ends all sessions. One's own needs the current one; another's needs `users:write`."""
        said = await call.body(NewPassword)
        if call.id == call.who.user.id:
            guess = await begin_guess(call, call.who.user.login, known=True)
            found = await call.store.people.find(login=call.who.user.login)
            if not await passwords.matches(said.current, found[1] if found else ""):
                raise Refusal(403, "wrong_password", "The current password is not right.")
            await guess.right()
        elif not call.who.may("users:write"):
            raise Refusal(403, "forbidden", "Setting somebody else's password needs the scope 'users:write'.")
        else:
            await check_over(call, await call.store.people.user(call.id))
        await call.store.people.set_password(call.by, call.id, await passwords.hash(said.password))
        return nothing()

    @api.route("DELETE", "/users/{id}/sessions", needs="users:write", tells=Ended)
    async def end_sessions(call: Call) -> Response:
        """Signs a user out everywhere."""
        await check_over(call, await call.store.people.user(call.id))
        return answer(Ended(await call.store.people.end_sessions(call.by, user_id=call.id)))


async def changed(call: Call, before: User, said: ChangeUser) -> User:
    """The user as it is after a change that the caller may make. Raises `Refusal`."""
    given = {
        name: value
        for name in ("role", "memberships", "name", "email", "subject", "state")
        if (value := getattr(said, name)) is not None
    }
    after = replace(before, revision=said.revision, **given)
    await check_over(call, before)
    if grant_of(after) != grant_of(before):
        await check_giving(call, grant_of(after))
    return await call.store.people.change(call.by, after)


def blank(login: str, **members: object) -> User:
    """A user who is to be added."""
    usual = {"id": "", "login": login, "state": "enabled", "revision": 0, "created_ms": 0, "updated_ms": 0}
    return User(**{**usual, **members})  # type: ignore[arg-type]  # members of User, by name
