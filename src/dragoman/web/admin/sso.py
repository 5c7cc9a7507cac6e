"""Signing in by an identity provider: there with a request that is bound to this browser, and back with a code.

Theory. A browser that leaves gets a secret in a cookie of its own. The request's `state`, `nonce` and PKCE verifier are
all made of it, so that whoever sees the addresses cannot come back in its place, and a code that was got elsewhere
does not fit. The store remembers that somebody has left, once: coming back a second time leads nowhere. Each provider
has an address of its own to come back to, so that none can answer for another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Response
from msgspec import Struct
from msgspec.structs import replace

from dragoman.shapes.sso import Sso, SsoTable, faults_of_sso, granted, roles_of
from dragoman.store.ports import SYSTEM, Note, StoreTrouble, User, Visit
from dragoman.store.sealing import no_secret
from dragoman.web.admin.api import PREFIX, Api, Call
from dragoman.web.admin.desk import Desk
from dragoman.web.admin.oidc import Asked, Directory, claim_of
from dragoman.web.admin.proof import may_use_password
from dragoman.web.admin.scopes import BUILT_IN
from dragoman.web.admin.session import Cookie, open_session
from dragoman.web.admin.throttle import limit_visits
from dragoman.web.admin.wire import Refusal, answer

VISIT, PLAIN_VISIT = "__Host-dragoman-visit", "dragoman-visit"
"""It comes along when another site leads back to us, as the session's own never does."""
VISIT_S = 600
MARK = "sealed:"
"""How a secret begins that is kept as it is."""
HOME = "/"
BACK = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")
"""A path of ours: nothing that a browser could take for another host."""
PATH = "/session/sso/{id}"


class Looked(Struct, frozen=True, kw_only=True):
    """What a provider tells of itself now."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    keys: int
    redirect: str
    """The address to be entered at the provider."""
    faults: tuple[str, ...] = ()
    """What is wrong on our side."""


def routes(api: Api, desk: Desk) -> None:
    """Declares the routes."""
    directory = Directory(desk)
    _route_out(api, directory)
    _route_back(api, directory)
    _route_of_sign_out(api, directory)
    _route_of_test(api, directory)


def _route_out(api: Api, directory: Directory) -> None:
    @api.route("GET", PATH, needs="anyone", wide=False, status=303, query=("back",))
    async def leave(call: Call) -> Response:
        """Leads a browser to an identity provider; `back` is the path to come back to."""
        await limit_visits(call)
        sso = _provider(call)
        endpoints = await directory.endpoints(sso)
        secret = secrets.token_urlsafe(32)
        back = call.query("back") if BACK.fullmatch(call.query("back")) else HOME
        until_ms = call.desk.now_ms() + VISIT_S * 1000
        await call.store.sign_in.send_off(_digest(_part(secret, "state")), Visit(sso.name, back), until_ms)
        asked = {
            "response_type": "code",
            "client_id": sso.table.client_id,
            "redirect_uri": redirect_of(call, sso.name),
            "scope": " ".join(sso.table.scopes),
            "state": _part(secret, "state"),
            "nonce": _part(secret, "nonce"),
            "code_challenge": _challenge(_part(secret, "verifier")),
            "code_challenge_method": "S256",
        }
        response = _led(endpoints.authorization_endpoint, asked)
        secure = call.request.url.scheme == "https"
        name = VISIT if secure else PLAIN_VISIT
        response.set_cookie(name, secret, VISIT_S, path="/", secure=secure, httponly=True, samesite="lax")
        return response


def _route_back(api: Api, directory: Directory) -> None:
    @api.route("GET", PATH + "/callback", needs="anyone", wide=False, query=("code", "state", "iss", "error"))
    async def come_back(call: Call) -> Response:
        """Where an identity provider leads a browser back to: signs in, and leads on."""
        try:
            sso, visit, asked = await _returned(call, directory)
            cookie = await _signed_in(call, directory, sso, asked)
        except Refusal as refusal:
            return _page(refusal.status, f"<p>{escape(str(refusal))}</p><p><a href=/>Go on</a></p>")
        # A page and no redirect: a browser sends the session's cookie only where our own page leads.
        page = _page(200, f'<p><a href="{escape(visit.back)}">Go on</a></p>', visit.back)
        cookie.give(page)
        for name in (VISIT, PLAIN_VISIT):
            page.delete_cookie(name, path="/", secure=name == VISIT, httponly=True, samesite="lax")
        return page


def _route_of_sign_out(api: Api, directory: Directory) -> None:
    @api.route("GET", PATH + "/sign-out", needs="anyone", wide=False, status=303)
    async def sign_out_there(call: Call) -> Response:
        """Leads a browser, whose session has ended here, to the provider to sign out there too."""
        await limit_visits(call)
        sso = _provider(call)
        there = (await directory.endpoints(sso)).end_session_endpoint
        if not there:
            raise Refusal(404, "missing", f"'{sso.name}' tells no address to sign out at.")
        url = call.request.url
        # OpenID Connect RP-Initiated Logout 1.0 section 2, read 2026-11-20
        asked = {"client_id": sso.table.client_id, "post_logout_redirect_uri": f"{url.scheme}://{url.netloc}{HOME}"}
        return _led(there, asked)


def _route_of_test(api: Api, directory: Directory) -> None:
    @api.route("POST", "/sso/{id}/test", needs="sso:read", tells=Looked)
    async def test(call: Call) -> Response:
        """Asks an identity provider, by its name, what it tells of itself, and says what would not work."""
        sso = _provider(call)
        known = await directory.look(sso)
        own = {row.spec.name for row in await call.store.configuration.roles.all()}
        faults = [f"There is no role '{role}'." for role in sorted(roles_of(sso.table) - own - BUILT_IN.keys())]
        if not known.keys:
            faults.append("The provider shows no key that could be used here.")
        told = Looked(
            issuer=known.endpoints.issuer,
            authorization_endpoint=known.endpoints.authorization_endpoint,
            token_endpoint=known.endpoints.token_endpoint,
            keys=len(known.keys),
            redirect=redirect_of(call, sso.name),
            faults=tuple(faults),
        )
        return answer(told)


def faults(call: Call, table: SsoTable, before: SsoTable | None = None) -> list[str]:
    """What keeps an identity provider from being used. Raises `Refusal` for whoever may not do everything, for what
    stands in it says who else may."""
    check_writer(call)
    found = faults_of_sso(table)
    if table.client_secret and (wrong := no_secret(table.client_secret)):
        found.append(f"`client_secret` {wrong}")
    if before is not None and before.issuer != table.issuer and table.client_secret.startswith(MARK):
        found.append("It leads elsewhere from now on, so write `client_secret` anew.")
    return found


def check_writer(call: Call) -> None:
    """Raises `Refusal` for whoever may not do everything."""
    if not call.who.may_everything:
        raise Refusal(403, "forbidden", "Identity providers are described by whoever may do everything.")


def redirect_of(call: Call, name: str) -> str:
    """Where a provider sends people back to; it must know this very address."""
    url = call.request.url
    return f"{url.scheme}://{url.netloc}{PREFIX}/session/sso/{quote(name)}/callback"


def _provider(call: Call) -> Sso:
    found = next((one for one in call.desk.sso if one.name == call.id), None)
    if found is None:
        raise Refusal(404, "missing", "There is no such identity provider.")
    return found


async def _returned(call: Call, directory: Directory) -> tuple[Sso, Visit, Asked]:
    """Who has come back, from where, with what. Raises `Refusal`."""
    sso = _provider(call)
    secret = call.request.cookies.get(VISIT) or call.request.cookies.get(PLAIN_VISIT) or ""
    state = call.query("state")
    mine = secret and hmac.compare_digest(_part(secret, "state").encode(), state.encode(errors="replace"))
    visit = await call.store.sign_in.returned(_digest(state)) if mine else None
    if visit is None or visit.provider != sso.name:
        raise Refusal(403, "no_visit", "This browser was not on its way back from there, or it took too long.")
    told = call.query("iss")
    expects = (await directory.endpoints(sso)).authorization_response_iss_parameter_supported
    if (told or expects) and told != sso.table.issuer:
        # RFC 9207 section 2.4, read 2026-11-20
        raise Refusal(403, "other_issuer", "The answer came from another identity provider.")
    if call.query("error") or not call.query("code"):
        words = f"'{sso.name}' has not signed you in: {call.query('error')[:60] or 'it gave no code'}."
        raise Refusal(403, "not_signed_in", words)
    made = Asked(call.query("code"), _part(secret, "verifier"), _part(secret, "nonce"), redirect_of(call, sso.name))
    return sso, visit, made


async def _signed_in(call: Call, directory: Directory, sso: Sso, asked: Asked) -> Cookie:
    """The session of whoever has come back. Raises `Refusal`, which is noted: whoever comes so far had left from here,
    so that nobody can fill the audit log at will."""
    try:
        user = await _user_of(call, sso, await directory.claims(sso, asked))
        return await open_session(call, user, f"sso:{sso.name}")
    except Refusal:
        await call.store.audit.append(Note(by=call.by, action="login.refused", name=f"sso:{sso.name}"))
        raise


async def _user_of(call: Call, sso: Sso, claims: Any) -> User:
    """The user whom a provider tells of: known, linked or made, with what their groups are given. Raises `Refusal`."""
    table = sso.table
    verified = claims.get("email_verified")
    # A text is what Amazon's Cognito sends (its user pools' userInfo endpoint, read 2026-11-20).
    email = str(claims.get("email") or "").lower() if verified is True or verified == "true" else ""
    if table.domains and not email.endswith(tuple(f"@{domain.lower().lstrip('@')}" for domain in table.domains)):
        raise Refusal(403, "domain", "Only people with a verified e-mail address of some domains are let in.")
    subject = f"{table.issuer}|{claims['sub']}"
    known = await call.store.people.find(subject=subject)
    user = known[0] if known else await _linked(call, table, email, subject)
    if user is not None and (user.state != "enabled" or user.kind != "person"):
        raise Refusal(403, "switched_off", "This user is switched off.")
    if user is not None and table.sync == "first":
        return user
    given = granted(table, _groups(claims, table.groups_claim))
    if given.nothing:
        raise Refusal(403, "no_role", "None of your groups gives you anything to do here.")
    if user is not None:
        after = replace(user, role=given.role, memberships=dict(given.memberships))
        return user if after == user else await _changed(call, user, after)
    if not table.create:
        raise Refusal(403, "unknown_user", "Nobody here is known by this name. An admin can add you.")
    return await _made(call, sso, claims, email, given.role, dict(given.memberships))


async def _linked(call: Call, table: SsoTable, email: str, subject: str) -> User | None:
    """The one user with a verified e-mail address, if an admin has said so; from then on known by their subject.

    Who waited for them under their address, with a password or a token, loses the way in; and one who may sign in with
    a password by name is nobody's but their own.
    """
    if table.link != "verified_email" or not email:
        return None
    users = [user for user in await call.store.people.users() if user.email.lower() == email]
    if len(users) != 1 or users[0].subject or users[0].state != "enabled" or users[0].kind != "person":
        return None
    user = users[0]
    if call.desk.tuning.passwords_for is not None and may_use_password(call, user):
        return None
    await call.store.people.set_password(SYSTEM, user.id, "")
    await call.store.sign_in.drop_factor(SYSTEM, user.id)
    for token in await call.store.people.tokens(user.id):
        await call.store.people.remove_token(SYSTEM, token.id)
    return await call.store.people.change(SYSTEM, replace(user, subject=subject))


async def _changed(call: Call, before: User, after: User) -> User:
    """The user with what the groups give now; the last admin stays one, for nobody else could mend it."""
    try:
        return await call.store.people.change(SYSTEM, after)
    except StoreTrouble as trouble:
        if trouble.kind != "last_admin":
            raise
        return before


async def _made(call: Call, sso: Sso, claims: Any, email: str, role: str, memberships: dict[str, str]) -> User:
    """A new user. Raises `Refusal` where the name is somebody else's."""
    login = email or f"{sso.name}:{claims.get('preferred_username') or claims['sub']}"
    user = User(
        id="",
        login=login[:200],
        name=str(claims.get("name") or "")[:200],
        email=email,
        role=role,
        memberships=memberships,
        subject=f"{sso.table.issuer}|{claims['sub']}",
        state="enabled",
        revision=0,
        created_ms=0,
        updated_ms=0,
    )
    try:
        return await call.store.people.add(SYSTEM, user)
    except StoreTrouble as trouble:
        if trouble.kind == "unfit":
            raise Refusal(409, "login_unfit", f"'{sso.name}' has signed you in, but: {trouble}") from None
        if trouble.kind != "taken":
            raise
        words = f"There is a user '{login[:100]}' already, who was not known to '{sso.name}'. Ask an admin to link you."
        raise Refusal(409, "login_taken", words) from None


def _groups(claims: Any, path: str) -> list[str]:
    """The groups that a provider tells. Raises `Refusal` where it tells only that there are too many."""
    found = claim_of(claims, path)
    elsewhere = claims.get("_claim_names")
    if found is None and isinstance(elsewhere, dict) and path in elsewhere:
        # Microsoft's Entra ID above 200 groups (its "groups overage claim", read 2026-11-20).
        raise Refusal(
            403, "too_many_groups", "You are in too many groups to be told of. Use application roles instead."
        )
    if isinstance(found, str):
        return [found]
    return [group for group in found if isinstance(group, str)] if isinstance(found, list) else []


def _led(address: str, asked: dict[str, str]) -> Response:
    """The answer that leads a browser to a provider's address, which may hold a query of its own already."""
    response = Response(status_code=303)
    response.headers["location"] = f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"
    return response


def _page(status: int, body: str, leads: str = "") -> Response:
    """A small page; it can do nothing but lead on."""
    refresh = f'<meta http-equiv=refresh content="0;url={escape(leads)}">' if leads else ""
    text = f"<!doctype html><html lang=en><meta charset=utf-8>{refresh}<title>Dragoman</title>{body}"
    return Response(text, status, {}, "text/html; charset=utf-8")


def _part(secret: str, what: str) -> str:
    """One of the values that are made of a browser's secret; none of them tells another."""
    return _base64(hmac.digest(secret.encode(errors="replace"), what.encode(), "sha256"))


def _challenge(verifier: str) -> str:
    return _base64(hashlib.sha256(verifier.encode()).digest())


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode(errors="replace")).digest()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
