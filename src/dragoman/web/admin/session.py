"""Signing in and out, and the first user of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.store.ports import SYSTEM, User
from dragoman.web.admin.access import (
    COOKIE,
    CSRF_HEADER,
    IDLE_MS,
    PLAIN_COOKIE,
    Principal,
    csrf_of,
    new_cookie,
    principal_of_user,
)
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.passwords import Passwords
from dragoman.web.admin.proof import Claim, Login, Password, needs_factor, prove
from dragoman.web.admin.throttle import begin_guess, remember_browser
from dragoman.web.admin.wire import Refusal, answer, nothing
from dragoman.web.setup import SetupToken


class SetUp(Struct, frozen=True, forbid_unknown_fields=True):
    """The first user of all, who becomes an admin."""

    token: Annotated[str, Meta(max_length=200)]
    """What the gateway printed when it started."""
    login: Login
    password: Password


class Me(Struct, frozen=True, kw_only=True):
    """Who asks."""

    login: str
    name: str
    role: str
    """What they were given everywhere; empty: nothing."""
    memberships: Mapping[str, str] = {}
    """By project, their role in it."""
    scopes: tuple[str, ...] = ()
    """What they may do everywhere now; a token may be held to less than its user."""
    csrf: str = ""
    """What a page sends in the header `x-dragoman-csrf` with each change; empty for a token."""
    means: str = ""
    """How the session began: `password`, `second_factor`, or `sso:` and a provider's name; empty for a token."""
    recovery_codes: tuple[str, ...] = ()
    """Told once, when a second factor is confirmed: each opens the account once without it."""


class Provider(Struct, frozen=True, kw_only=True):
    """An identity provider that one may sign in by."""

    name: str
    """Its path is `/session/sso/{name}`."""
    title: str


class Welcome(Struct, frozen=True, kw_only=True):
    """What somebody who has not signed in may know."""

    set_up: bool
    """Whether there is a user yet."""
    passwords: bool = True
    """Whether anybody may sign in with a password; if not, some still may."""
    sso: tuple[Provider, ...] = ()


def routes(api: Api, token: SetupToken, passwords: Passwords) -> None:
    """Declares the routes."""

    @api.route("GET", "/welcome", needs="anyone", wide=False, tells=Welcome)
    async def welcome(call: Call) -> Response:
        """Whether the gateway has been set up, and how one may sign in."""
        open_to_all = call.desk.tuning.passwords_for is None
        providers = tuple(Provider(name=one.name, title=one.title or one.name) for one in call.desk.sso)
        users = await call.store.people.users()
        return answer(Welcome(set_up=bool(users), passwords=open_to_all, sso=providers))

    @api.route("POST", "/setup", needs="anyone", wide=False, reads=SetUp, tells=Me, status=201)
    async def set_up(call: Call) -> Response:
        """Makes the first user, an admin, with the token that the gateway printed when it started."""
        said = await call.body(SetUp)
        guess = await begin_guess(call, "")
        if await call.store.people.users():
            raise Refusal(409, "set_up", "The gateway has been set up already. Sign in.")
        if not token.use(said.token):
            words = "This is not the token that the gateway printed when it started, or it is too old. Start it again."
            raise Refusal(403, "setup_token", words)
        await guess.right()
        user = User(id="", login=said.login, role="admin", state="enabled", revision=0, created_ms=0, updated_ms=0)
        made = await call.store.people.add(SYSTEM, user, await passwords.hash(said.password))
        return await begin(call, made, "password", status=201)

    @api.route("POST", "/session", needs="anyone", wide=False, reads=Claim, tells=Me)
    async def sign_in(call: Call) -> Response:
        """Signs in with login, password and, where one has a second factor, its code; sets the session's cookie."""
        said = await call.body(Claim)
        proven = await prove(call, passwords, said)
        user = proven.user
        if needs_factor(call) and not proven.has_factor:
            words = (
                "A second factor is needed here. POST /api/v1/session/second-factor with login and password has one."
            )
            raise Refusal(403, "second_factor_missing", words)
        if passwords.stale(proven.known):
            await call.store.people.set_password(SYSTEM, user.id, await passwords.hash(said.password))
        return await begin(call, user, "second_factor" if proven.has_factor else "password")

    @api.route("GET", "/session", needs="signed_in", wide=False, tells=Me)
    async def me(call: Call) -> Response:
        """Who asks, and what their page must send along with changes."""
        return answer(told_of(call.who))

    @api.route("DELETE", "/session", needs="signed_in", wide=False, status=204)
    async def sign_out(call: Call) -> Response:
        """Signs out."""
        if call.who.session:
            await call.store.people.end_sessions(call.by, digest=call.who.session)
        response = nothing()
        for name in (COOKIE, PLAIN_COOKIE):
            response.delete_cookie(name, path="/", secure=name == COOKIE, httponly=True, samesite="strict")
        return response


def told_of(who: Principal) -> Me:
    """What somebody is told of themselves."""
    return Me(
        login=who.user.login,
        name=who.user.name,
        role=who.user.role,
        memberships=who.user.memberships,
        scopes=tuple(sorted(who.rights.everywhere)),
        csrf=who.csrf,
        means=who.means,
    )


class Cookie(NamedTuple):
    """A session's cookie, not yet given to the browser."""

    text: str
    secure: bool

    def give(self, response: Response) -> None:
        """Gives it to the browser."""
        name = COOKIE if self.secure else PLAIN_COOKIE
        response.set_cookie(name, self.text, path="/", secure=self.secure, httponly=True, samesite="strict")


async def open_session(call: Call, user: User, means: str) -> Cookie:
    """Signs a user in: a new session, whatever cookie came."""
    cookie = new_cookie()
    by = replace(call.by, kind="user", id=user.id, name=user.login)
    agent = call.request.headers.get("user-agent", "")[:200]
    until_ms = call.desk.now_ms() + IDLE_MS
    await call.store.people.begin_session(by, user.id, cookie.digest, until_ms, agent, means=means)
    return Cookie(cookie.text, call.request.url.scheme == "https")


async def begin(call: Call, user: User, means: str, *, status: int = 200, codes: tuple[str, ...] = ()) -> Response:
    """The answer to whoever has signed in with a password, whose browser is known from then on."""
    cookie = await open_session(call, user, means)
    csrf = csrf_of(cookie.text)
    who = replace(await principal_of_user(call.store, user.id), csrf=csrf, means=means)
    response = answer(replace(told_of(who), recovery_codes=codes), status, {CSRF_HEADER: csrf})
    cookie.give(response)
    remember_browser(call, response, user.login)
    return response
