"""Tokens for scripts: one's own, and those of service accounts, which are users that nobody signs in as."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct

from dragoman.store.ports import NewToken, State, Token, User
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.giving import check_giving, check_over, narrowed, roles_in_force
from dragoman.web.admin.people import ChangeUser, Memberships, Name, RoleName, Told, blank, changed
from dragoman.web.admin.proof import Login
from dragoman.web.admin.scopes import ADMIN, BUILT_IN, Grant
from dragoman.web.admin.wire import Refusal, answer, nothing


class AskedToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to be made."""

    name: Name
    login: Annotated[str, Meta(max_length=200)] = ""
    """Whose it is to be; empty: one's own. A service account's needs `members:write` in its project, anybody else's
    `users:write`."""
    scopes: tuple[Name, ...] = ()
    """The most that it may do; none: all that its user may. `GET /scopes` tells them."""
    role: RoleName = ""
    """Instead of scopes: those of this role as it is now."""
    addresses: tuple[Name, ...] = ()
    """Networks in CIDR form that it may be used from; none: all."""
    expires_ms: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class ShownToken(Struct, frozen=True, kw_only=True):
    """A token, but for what opens the API."""

    id: str
    login: str
    name: str
    public_id: str
    scopes: tuple[str, ...]
    addresses: tuple[str, ...]
    created_ms: int
    expires_ms: int | None


class MadeToken(Struct, frozen=True, kw_only=True):
    """A token just made: the only time that its text is told."""

    text: str
    token: ShownToken


class NewService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service account to be made: it cannot sign in, and has only tokens."""

    login: Login
    name: Told = ""
    project: Annotated[str, Meta(max_length=100)] = ""
    """The project that keeps it; empty: the gateway."""
    role: RoleName = ""
    memberships: Memberships = {}


class ChangeService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    revision: int
    role: RoleName | None = None
    memberships: Memberships | None = None
    name: Told | None = None
    state: State | None = None


def routes(api: Api) -> None:
    """Declares the routes."""
    _routes_of_tokens(api)
    _routes_of_services(api)
    _routes_of_one_service(api)


def _routes_of_tokens(api: Api) -> None:
    @api.route("GET", "/tokens", needs="signed_in", wide=False, tells=list[ShownToken], query=("all",))
    async def tokens(call: Call) -> Response:
        """One's own tokens; with `all=true` also those that one may see: of everybody, or of one's service accounts."""
        everybodys = call.query("all") == "true"
        found = await call.store.people.tokens("" if everybodys else call.who.user.id)
        return answer([_shown(token) for token in found if _may_see(call, token.user)])

    @api.route("POST", "/tokens", needs="signed_in", wide=False, reads=AskedToken, tells=MadeToken, status=201)
    async def add_token(call: Call) -> Response:
        """Makes a token for scripts, for oneself or for a service account. Its text is told only in this answer."""
        said = await call.body(AskedToken)
        return await _made(call, await _whose(call, said.login), said)

    @api.route("DELETE", "/tokens/{id}", needs="signed_in", wide=False, status=204)
    async def remove_token(call: Call) -> Response:
        """Takes a token away: one's own, one of a service account of one's project, with `users:write` anybody's."""
        token = next((one for one in await call.store.people.tokens() if one.id == call.id), None)
        if token is None or not _may_see(call, token.user):
            raise Refusal(404, "missing", "There is no such token.")
        if token.user.id != call.who.user.id:
            if not (call.who.may("users:write") or _keeps(call, token.user)):
                raise Refusal(403, "forbidden", "Taking away another's token needs the scope 'users:write'.")
            await check_over(call, token.user)
        await call.store.people.remove_token(call.by, call.id)
        return nothing()


def _routes_of_services(api: Api) -> None:
    @api.route("GET", "/services", needs="members:read", wide=False, tells=list[User])
    async def show_all(call: Call) -> Response:
        """Service accounts by login: those of the projects that one may see the members of."""
        found = await call.store.people.users()
        return answer([one for one in found if one.kind == "service" and call.who.may("members:read", one.project)])

    @api.route("POST", "/services", needs="members:write", wide=False, reads=NewService, tells=User, status=201)
    async def add(call: Call) -> Response:
        """Adds a service account to a project, or to the gateway; then make it a token."""
        said = await call.body(NewService)
        if not call.who.may("members:write", said.project):
            raise Refusal(403, "forbidden", "You may make service accounts in your own projects only.")
        await check_giving(call, Grant(said.role, {**({said.project: ""} if said.project else {}), **said.memberships}))
        service = blank(
            said.login,
            name=said.name,
            kind="service",
            project=said.project,
            role=said.role,
            memberships=said.memberships,
        )
        made = await call.store.people.add(call.by, service)
        return answer(made, 201, {"location": f"/api/v1/services/{made.id}"})


def _routes_of_one_service(api: Api) -> None:
    @api.route("PATCH", "/services/{id}", needs="members:write", wide=False, reads=ChangeService, tells=User)
    async def change(call: Call) -> Response:
        """Changes what a service account may do, or switches it off."""
        said = await call.body(ChangeService)
        service = await _service(call)
        wish = ChangeUser(
            revision=said.revision, role=said.role, memberships=said.memberships, name=said.name, state=said.state
        )
        return answer(await changed(call, service, wish))

    @api.route("DELETE", "/services/{id}", needs="members:write", wide=False, status=204)
    async def remove(call: Call) -> Response:
        """Removes a service account for good, with its tokens."""
        await check_over(call, await _service(call))
        await call.store.people.remove(call.by, call.id)
        return nothing()


async def _made(call: Call, user: User, said: AskedToken) -> Response:
    """A new token for this user."""
    if said.role and said.scopes:
        raise Refusal(422, "invalid", "Both `role` and `scopes` were given. Keep one of them.")
    scopes = await _scopes_of(call, said.role) if said.role else said.scopes
    wish = NewToken(name=said.name, scopes=scopes, addresses=said.addresses, expires_ms=said.expires_ms)
    text, token = await call.store.people.add_token(call.by, user.id, await narrowed(call, user, wish))
    return answer(MadeToken(text=text, token=_shown(token)), 201)


async def _whose(call: Call, login: str) -> User:
    """The user for whom the caller may make a token. Raises `Refusal`."""
    if login.lower() in ("", call.who.user.login) and call.who.user.id:
        return call.who.user
    found = await call.store.people.find(login=login)
    allowed = call.who.may("users:write") or (found is not None and _keeps(call, found[0]))
    if found is None or not allowed:
        raise Refusal(404, "missing", "There is no user of this login that you may make tokens for.")
    await check_over(call, found[0])
    return found[0]


async def _scopes_of(call: Call, role: str) -> tuple[str, ...]:
    """The scopes of a role; none for that which may do everything. Raises `Refusal`."""
    if role == ADMIN and not call.who.may("users:write"):
        raise Refusal(403, "forbidden", "A token may not do more than you.")
    own = {one.name: one.scopes for one in await roles_in_force(call)}
    found = () if role == ADMIN else tuple(sorted(BUILT_IN.get(role, own.get(role, ()))))
    if not found and role != ADMIN:
        raise Refusal(422, "invalid", f"There is no role '{role}' that allows anything.")
    return found


async def _service(call: Call) -> User:
    """The service account in the path. One of a project that is not the caller's is not there. Raises `Refusal`."""
    found = await call.store.people.user(call.id)
    if found.kind != "service" or not _keeps(call, found):
        raise Refusal(404, "missing", "There is no such service account.")
    return found


def _keeps(call: Call, user: User) -> bool:
    """Whether a service account is the caller's to change."""
    return user.kind == "service" and call.who.may("members:write", user.project)


def _may_see(call: Call, user: User) -> bool:
    """Whether the tokens of a user are the caller's to see."""
    service = user.kind == "service" and call.who.may("members:read", user.project)
    return user.id == call.who.user.id or call.who.may("users:read") or service


def _shown(token: Token) -> ShownToken:
    return ShownToken(
        id=token.id,
        login=token.user.login,
        name=token.name,
        public_id=token.public_id,
        scopes=token.scopes,
        addresses=token.addresses,
        created_ms=token.created_ms,
        expires_ms=token.expires_ms,
    )
