"""Signing in and out, and the first user of all."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Request, Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.store.ports import SYSTEM, Note, Role, User
from dragoman.web.admin.access import (
    COOKIE,
    CSRF_HEADER,
    IDLE_MS,
    PLAIN_COOKIE,
    address_of,
    csrf_of,
    new_cookie,
)
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.passwords import LEAST, MOST, Passwords
from dragoman.web.admin.throttle import Throttle
from dragoman.web.admin.wire import Refusal, answer, nothing
from dragoman.web.setup import SetupToken

Login = Annotated[str, Meta(min_length=1, max_length=200)]
Password = Annotated[str, Meta(min_length=LEAST, max_length=MOST)]


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in."""

    login: Login
    password: Annotated[str, Meta(max_length=MOST)]


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
    role: Role
    csrf: str = ""
    """What a page sends in the header `x-dragoman-csrf` with each change; empty for a token."""


class Welcome(Struct, frozen=True, kw_only=True):
    """What somebody who has not signed in may know."""

    set_up: bool
    """Whether there is a user yet."""
    passwords: bool = True
    """Whether one may sign in with a password."""


def routes(api: Api, token: SetupToken, passwords: Passwords, throttle: Throttle) -> None:
    """Declares the routes."""

    @api.route("GET", "/welcome", needs="anyone", wide=False, tells=Welcome)
    async def welcome(call: Call) -> Response:
        """Whether the gateway has been set up."""
        return answer(Welcome(set_up=bool(await call.store.people.users())))

    @api.route("POST", "/setup", needs="anyone", wide=False, reads=SetUp, tells=Me, status=201)
    async def set_up(call: Call) -> Response:
        """Makes the first user, an admin, with the token that the gateway printed when it started."""
        said = await call.body(SetUp)
        _check_pace(throttle, "\x1fsetup", call.request)
        if await call.store.people.users():
            raise Refusal(409, "set_up", "The gateway has been set up already. Sign in.")
        if not token.use(said.token):
            throttle.failed("\x1fsetup", address_of(call.request), time.monotonic())
            words = "This is not the token that the gateway printed when it started, or it is too old. Start it again."
            raise Refusal(403, "setup_token", words)
        user = User(id="", login=said.login, role="admin", state="enabled", revision=0, created_ms=0, updated_ms=0)
        made = await call.store.people.add(SYSTEM, user, await passwords.hash(said.password))
        return await begin(call, made, status=201)

    @api.route("POST", "/session", needs="anyone", wide=False, reads=SignIn, tells=Me)
    async def sign_in(call: Call) -> Response:
        """Signs in with login and password; the answer sets the session's cookie."""
        said = await call.body(SignIn)
        account, address = said.login.lower(), address_of(call.request)
        _check_pace(throttle, account, call.request)
        found = await call.store.people.find(login=said.login)
        user, known = found or (None, "")
        right = await passwords.matches(said.password, known)
        if user is None or not right or user.state != "enabled":
            throttle.failed(account, address, time.monotonic())
            await call.store.audit.append(Note(by=call.by, action="login.refused", name=said.login[:200]))
            raise Refusal(401, "wrong_login", "Login and password do not belong together, or the user is switched off.")
        throttle.succeeded(account)
        if passwords.stale(known):
            await call.store.people.set_password(SYSTEM, user.id, await passwords.hash(said.password))
        return await begin(call, user)

    @api.route("GET", "/session", needs="viewer", wide=False, tells=Me)
    async def me(call: Call) -> Response:
        """Who asks, and what their page must send along with changes."""
        who = call.who
        return answer(Me(login=who.user.login, name=who.user.name, role=who.role, csrf=who.csrf))

    @api.route("DELETE", "/session", needs="viewer", wide=False, status=204)
    async def sign_out(call: Call) -> Response:
        """Signs out."""
        if call.who.session:
            await call.store.people.end_sessions(call.by, digest=call.who.session)
        response = nothing()
        for name in (COOKIE, PLAIN_COOKIE):
            response.delete_cookie(name, path="/", secure=name == COOKIE, httponly=True, samesite="strict")
        return response


def _check_pace(throttle: Throttle, account: str, request: Request) -> None:
    wait_s = throttle.wait_s(account, address_of(request), time.monotonic())
    if wait_s > 0:
        words = f"Too many wrong passwords. Try again in {wait_s:.0f} s."
        raise Refusal(429, "slow_down", words, headers={"retry-after": str(max(1, round(wait_s)))})


async def begin(call: Call, user: User, status: int = 200) -> Response:
    """Signs a user in: a new session, whatever cookie came."""
    cookie = new_cookie()
    by = replace(call.by, kind="user", id=user.id, name=user.login)
    agent = call.request.headers.get("user-agent", "")[:200]
    await call.store.people.begin_session(by, user.id, cookie.digest, call.desk.now_ms() + IDLE_MS, agent)
    csrf = csrf_of(cookie.text)
    response = answer(Me(login=user.login, name=user.name, role=user.role, csrf=csrf), status, {CSRF_HEADER: csrf})
    secure = call.request.url.scheme == "https"
    name = COOKIE if secure else PLAIN_COOKIE
    response.set_cookie(name, cookie.text, path="/", secure=secure, httponly=True, samesite="strict")
    return response
