"""Invitations: a text that is shown once, with which somebody becomes a user with the roles that it promises.

Rules. Who invites gives no more than he has, then and still when it is accepted. Whoever shows no valid text learns
nothing: not whether it was ever one, nor which logins there are.
"""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.store.keys import INVITATION, PUBLIC, digest, is_well_formed, public_id
from dragoman.store.ports import Invitation, NewInvitation, Note, StoreTrouble
from dragoman.web.admin.access import principal_of_user
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.giving import check_giving
from dragoman.web.admin.passwords import Passwords
from dragoman.web.admin.people import Memberships, RoleName, Told, blank
from dragoman.web.admin.proof import Login, Password
from dragoman.web.admin.scopes import Grant, Scope
from dragoman.web.admin.throttle import begin_guess
from dragoman.web.admin.wire import Refusal, answer, nothing

ACCOUNT = "\x1finvitation"
"""What guesses at an invitation are counted against, with the readable part of its text; no login is called so."""
SHOWN = len(INVITATION) + PUBLIC
HOUR_MS = 3600 * 1000


class Invite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be invited."""

    role: RoleName = ""
    """What they will be allowed everywhere."""
    memberships: Memberships = {}
    login: Annotated[str, Meta(max_length=200)] = ""
    """The only login that it may be used for; empty: they choose a free one."""
    uses: Annotated[int, Meta(ge=1, le=1000)] = 1
    hours: Annotated[int, Meta(ge=1, le=90 * 24)] = 7 * 24
    """How long it may be accepted."""


class Acceptance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who accepts an invitation, as they will sign in."""

    token: Annotated[str, Meta(max_length=200)]
    """Its text."""
    login: Login
    password: Password
    name: Told = ""
    email: Told = ""


class ShownInvitation(Struct, frozen=True, kw_only=True):
    """An invitation, but for its text."""

    id: str
    public_id: str
    login: str
    role: str
    memberships: dict[str, str]
    uses: int
    created_ms: int
    expires_ms: int


class MadeInvitation(Struct, frozen=True, kw_only=True):
    """An invitation just made: the only time that its text is told."""

    text: str
    invitation: ShownInvitation


class Welcomed(Struct, frozen=True):
    """Who may sign in now."""

    login: str


def routes(api: Api, passwords: Passwords) -> None:
    """Declares the routes."""
    _routes_of_hosts(api)
    _routes_of_guests(api, passwords)


def _routes_of_hosts(api: Api) -> None:
    @api.route("GET", "/invitations", needs="members:read", wide=False, tells=list[ShownInvitation])
    async def show_all(call: Call) -> Response:
        """Invitations that can still be accepted, but for their text."""
        found = await call.store.people.invitations.all()
        return answer([_shown(one) for one in found if _may(call, one, writes=False)])

    @api.route(
        "POST", "/invitations", needs="members:write", wide=False, reads=Invite, tells=MadeInvitation, status=201
    )
    async def invite(call: Call) -> Response:
        """Invites somebody to become a user. The text that they need is told only in this answer."""
        said = await call.body(Invite)
        if not said.role and not said.memberships:
            raise Refusal(422, "invalid", "The invitation promises nothing. Name a role, or a membership.")
        wish = NewInvitation(
            login=said.login,
            role=said.role,
            memberships=said.memberships,
            by=call.who.user.id,
            uses=said.uses,
            expires_ms=call.desk.now_ms() + said.hours * HOUR_MS,
        )
        if not _may(call, wish, writes=True):
            raise Refusal(403, "forbidden", "You may invite to your own projects only.")
        await check_giving(call, Grant(said.role, said.memberships))
        text, made = await call.store.people.invitations.add(call.by, wish)
        return answer(MadeInvitation(text=text, invitation=_shown(made)), 201)

    @api.route("DELETE", "/invitations/{id}", needs="members:write", wide=False, status=204)
    async def revoke(call: Call) -> Response:
        """Takes an invitation back."""
        found = next((one for one in await call.store.people.invitations.all() if one.id == call.id), None)
        if found is None or not _may(call, found, writes=True):
            raise Refusal(404, "missing", "There is no such invitation.")
        await call.store.people.invitations.revoke(call.by, call.id)
        return nothing()


def _routes_of_guests(api: Api, passwords: Passwords) -> None:
    @api.route("POST", "/invitations/accept", needs="anyone", wide=False, reads=Acceptance, tells=Welcomed, status=201)
    async def accept(call: Call) -> Response:
        """Becomes a user by an invitation; then sign in."""
        said = await call.body(Acceptance)
        guess = await begin_guess(call, f"{ACCOUNT}/{said.token[:SHOWN]}")
        found = await _valid(call, said)
        if found is None:
            await call.store.audit.append(Note(by=call.by, action="invitation.refused"))
            words = "This invitation cannot be used: it is none, or is over, or is for another login."
            raise Refusal(403, "no_invitation", words)
        user = blank(said.login, name=said.name, email=said.email, role=found.role, memberships=found.memberships)
        by = replace(call.by, kind="user", name=said.login.lower()[:200])
        known = await passwords.hash(said.password)
        made = await call.store.people.invitations.accept(by, found.id, user, known)
        await guess.right()
        return answer(Welcomed(made.login), 201)


async def _valid(call: Call, said: Acceptance) -> Invitation | None:
    """The invitation of this text, if it is still good for this login, and its host may still give what it promises."""
    found = None
    if is_well_formed(said.token, INVITATION):
        found = await call.store.people.invitations.find(public_id(said.token))
    known = found.digest if found else bytes(32)
    same = hmac.compare_digest(digest(call.store.configuration.pepper(), said.token), known)
    if found is None or not same or found.login not in ("", said.login.lower()):
        return None
    try:
        host = await principal_of_user(call.store, found.by)
        await check_giving(call._replace(principal=host), Grant(found.role, found.memberships))
    except (StoreTrouble, Refusal) as refused:
        if isinstance(refused, StoreTrouble) and refused.kind != "missing":
            raise
        return None
    return found


def _may(call: Call, invitation: Invitation | NewInvitation, *, writes: bool) -> bool:
    """Whether an invitation is the caller's to see or to make: all that it promises lies in their projects."""
    scope: Scope = "members:write" if writes else "members:read"
    if invitation.role:
        return call.who.may(scope)
    return all(call.who.may(scope, project) for project in invitation.memberships)


def _shown(found: Invitation) -> ShownInvitation:
    return ShownInvitation(
        id=found.id,
        public_id=found.public_id,
        login=found.login,
        role=found.role,
        memberships=dict(found.memberships),
        uses=found.uses,
        created_ms=found.created_ms,
        expires_ms=found.expires_ms,
    )
