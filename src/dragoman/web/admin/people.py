"""Users, their sessions and their tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.store.ports import Role, State, Token, User
from dragoman.web.admin.access import RANK
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.passwords import MOST, Passwords
from dragoman.web.admin.session import Login, Password
from dragoman.web.admin.wire import Refusal, answer, nothing

Name = Annotated[str, Meta(min_length=1, max_length=100)]


class NewUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be added."""

    login: Login
    role: Role
    name: Annotated[str, Meta(max_length=200)] = ""
    email: Annotated[str, Meta(max_length=200)] = ""
    projects: tuple[Name, ...] = ()
    """Names of the projects that they are held to; none: they see everything that their role may."""
    password: Password | None = None
    """None: signs in by OIDC only."""


class ChangeUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    revision: int
    role: Role | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    email: Annotated[str, Meta(max_length=200)] | None = None
    projects: tuple[Name, ...] | None = None
    state: State | None = None


class NewPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password."""

    password: Password
    current: Annotated[str, Meta(max_length=MOST)] = ""
    """One's own, where one changes it oneself."""


class NewToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to be made for oneself."""

    name: Name
    role: Role
    """The most that it may do; never more than its user."""
    expires_ms: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class ShownToken(Struct, frozen=True, kw_only=True):
    """A token, but for what opens the API."""

    id: str
    login: str
    name: str
    public_id: str
    role: Role
    created_ms: int
    expires_ms: int | None


class MadeToken(Struct, frozen=True, kw_only=True):
    """A token just made: the only time that its text is told."""

    text: str
    token: ShownToken


class Ended(Struct, frozen=True):
    """How many sessions were ended."""

    sessions: int


def routes(api: Api, passwords: Passwords) -> None:
    """Declares the routes."""
    _routes_of_users(api, passwords)
    _routes_of_one_user(api)
    _routes_of_sign_in(api, passwords)
    _routes_of_tokens(api)


def _routes_of_users(api: Api, passwords: Passwords) -> None:
    @api.route("GET", "/users", needs="admin", tells=list[User])
    async def show_all(call: Call) -> Response:
        """All users by login."""
        return answer(await call.store.people.users())

    @api.route("POST", "/users", needs="admin", reads=NewUser, tells=User, status=201)
    async def add(call: Call) -> Response:
        """Adds a user."""
        said = await call.body(NewUser)
        user = User(
            id="",
            login=said.login,
            name=said.name,
            email=said.email,
            role=said.role,
            projects=said.projects,
            state="enabled",
            revision=0,
            created_ms=0,
            updated_ms=0,
        )
        known = await passwords.hash(said.password) if said.password else ""
        made = await call.store.people.add(call.by, user, known)
        return answer(made, 201, {"location": f"/api/v1/users/{made.id}"})


def _routes_of_one_user(api: Api) -> None:
    @api.route("GET", "/users/{id}", needs="admin", tells=User)
    async def show(call: Call) -> Response:
        """One user."""
        return answer(await call.store.people.user(call.id))

    @api.route("PATCH", "/users/{id}", needs="admin", reads=ChangeUser, tells=User)
    async def change(call: Call) -> Response:
        """Changes a user. Whoever loses a role or is switched off loses all sessions at once."""
        said = await call.body(ChangeUser)
        before = await call.store.people.user(call.id)
        given = {
            name: value
            for name in ("role", "name", "email", "projects", "state")
            if (value := getattr(said, name)) is not None
        }
        after = replace(before, revision=said.revision, **given)
        await _check_last_admin(call, before, after)
        return answer(await call.store.people.change(call.by, after))

    @api.route("DELETE", "/users/{id}", needs="admin", status=204)
    async def remove(call: Call) -> Response:
        """Removes a user for good, with sessions and tokens."""
        before = await call.store.people.user(call.id)
        await _check_last_admin(call, before, replace(before, state="archived"))
        await call.store.people.remove(call.by, call.id)
        return nothing()


def _routes_of_sign_in(api: Api, passwords: Passwords) -> None:
    @api.route("PUT", "/users/{id}/password", needs="viewer", wide=False, reads=NewPassword, status=204)
    async def set_password(call: Call) -> Response:
        """Sets a password, which ends all sessions of the user. One's own needs the current one; others', an admin."""
        said = await call.body(NewPassword)
        if call.id == call.who.user.id:
            found = await call.store.people.find(login=call.who.user.login)
            if not await passwords.matches(said.current, found[1] if found else ""):
                raise Refusal(403, "wrong_password", "The current password is not right.")
        elif not call.who.may("admin"):
            raise Refusal(403, "forbidden", "Only an admin may set somebody else's password.")
        await call.store.people.set_password(call.by, call.id, await passwords.hash(said.password))
        return nothing()

    @api.route("DELETE", "/users/{id}/sessions", needs="admin", tells=Ended)
    async def end_sessions(call: Call) -> Response:
        """Signs a user out everywhere."""
        await call.store.people.user(call.id)
        return answer(Ended(await call.store.people.end_sessions(call.by, user_id=call.id)))


def _routes_of_tokens(api: Api) -> None:
    @api.route("GET", "/tokens", needs="viewer", wide=False, tells=list[ShownToken], query=("all",))
    async def tokens(call: Call) -> Response:
        """One's own tokens; an admin sees everybody's with `all=true`."""
        everybodys = call.query("all") == "true" and call.who.may("admin")
        found = await call.store.people.tokens("" if everybodys else call.who.user.id)
        return answer([_shown(token) for token in found])

    @api.route("POST", "/tokens", needs="viewer", wide=False, reads=NewToken, tells=MadeToken, status=201)
    async def add_token(call: Call) -> Response:
        """Makes a token for oneself, for scripts. Its text is told only in this answer."""
        said = await call.body(NewToken)
        if RANK[said.role] > RANK[call.who.role]:
            raise Refusal(403, "forbidden", f"A token may not do more than you: you have the role '{call.who.role}'.")
        text, token = await call.store.people.add_token(
            call.by, call.who.user.id, said.name, said.role, expires_ms=said.expires_ms
        )
        return answer(MadeToken(text=text, token=_shown(token)), 201)

    @api.route("DELETE", "/tokens/{id}", needs="viewer", wide=False, status=204)
    async def remove_token(call: Call) -> Response:
        """Takes a token away; an admin may take anybody's."""
        mine = {token.id for token in await call.store.people.tokens(call.who.user.id)}
        if call.id not in mine and not call.who.may("admin"):
            raise Refusal(404, "missing", "There is no such token.")
        await call.store.people.remove_token(call.by, call.id)
        return nothing()


async def _check_last_admin(call: Call, before: User, after: User) -> None:
    """Raises `Refusal` where nobody would be left to manage the gateway."""
    if before.role != "admin" or before.state != "enabled" or (after.role == "admin" and after.state == "enabled"):
        return
    others = [user for user in await call.store.people.users() if user.role == "admin" and user.state == "enabled"]
    if len(others) <= 1:
        raise Refusal(409, "last_admin", "This is the last admin. Make another one first.")


def _shown(token: Token) -> ShownToken:
    return ShownToken(
        id=token.id,
        login=token.user.login,
        name=token.name,
        public_id=token.public_id,
        role=token.role,
        created_ms=token.created_ms,
        expires_ms=token.expires_ms,
    )
