"""Who asks, and what they may do: each route says what it needs, and nothing is open by accident.

Rules. A browser is known by a cookie that only this host gets back, and must show besides that its page is ours: by
where the request comes from, and by a header that another site's page cannot send. A script is known by a token. Keys
of the data plane open nothing here, and what opens this opens no door for agents.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from fastapi import Request
from msgspec import Struct

from dragoman.routing.key import is_within, networks_of
from dragoman.store.keys import TOKEN, digest, is_well_formed, public_id
from dragoman.store.ports import Actor, Store, StoreTrouble, Token, User
from dragoman.web.admin.scopes import ADMIN, EVERY, Rights, Scope, grant_of, rights_of
from dragoman.web.admin.wire import Refusal
from dragoman.web.within import OWNER

Need: TypeAlias = Scope | Literal["anyone", "signed_in"]
"""What a route needs: nobody in particular, somebody, or a scope."""

COOKIE = "__Host-dragoman"
"""Over TLS; browsers take a cookie of this name for this very host only."""
PLAIN_COOKIE = "dragoman"
"""Over plain HTTP, which only loopback should be."""
CSRF_HEADER = "x-dragoman-csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = ("same-origin", "none")
"""Where a browser says that a request of our own page comes from, or one that its user has typed."""
IDLE_MS = 30 * 60 * 1000
LONGEST_MS = 12 * 3600 * 1000
"""A session ends when it is not used for so long, and at the latest after so long."""


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks."""

    user: User
    rights: Rights
    """What they may do now: a token may be held to less than its user."""
    actor: Actor
    session: bytes = b""
    """Digest of the browser's session; empty for a token."""
    csrf: str = ""
    """What the browser's page must send along."""
    means: str = ""
    """How the session began; empty for a token."""
    token: Token | None = None
    """What a script has shown."""

    @property
    def may_everything(self) -> bool:
        """Whether there is nothing that they may not do."""
        return self.rights.everywhere >= EVERY

    def may(self, scope: Scope, project: str | None = None) -> bool:
        """Whether they have this scope everywhere, or in this project."""
        return self.rights.may(scope, project)

    def may_own(self, scope: Scope) -> bool:
        """Whether they may do this with what is their own: all but a token that is held to other scopes."""
        return self.token is None or not self.token.scopes or scope in self.token.scopes

    def only_project(self, scope: Scope, asked: str | None) -> str | None:
        """The project that a search is held to; None: to none. Raises `Refusal`."""
        mine = self.rights.projects(scope)
        if mine is None:
            return asked
        if asked is None and len(mine) == 1:
            return mine[0]
        if asked not in mine:
            raise Refusal(403, "forbidden", f"Name one of your projects in the query: {', '.join(mine)}.")
        return asked


class Cookie(NamedTuple):
    """A session's cookie."""

    text: str
    digest: bytes


OWNER_OF_THE_MACHINE = Principal(
    user=User(id="", login="owner", role=ADMIN, state="enabled", revision=0, created_ms=0, updated_ms=0),
    rights=Rights(EVERY),
    actor=Actor(kind="cli", name="command line"),
)
"""Whoever may open the database by hand, on the command line."""


def new_cookie() -> Cookie:
    """A cookie that nobody has: 256 bits."""
    text = secrets.token_urlsafe(32)
    return Cookie(text, digest_of(text))


def digest_of(text: str) -> bytes:
    """What is remembered of a cookie."""
    return hashlib.sha256(text.encode()).digest()


def csrf_of(text: str) -> str:
    """What a page of ours sends along with this cookie; who knows only this does not know the cookie."""
    return hmac.digest(text.encode(), b"csrf", "sha256").hex()


async def principal_of(request: Request, store: Store, now_ms: int) -> Principal | None:
    """Who asks; None where nobody says who they are. Raises `Refusal` for a token or a session that opens nothing."""
    if request.scope.get(OWNER):
        return OWNER_OF_THE_MACHINE
    if authorization := request.headers.get("authorization", ""):
        return await _by_token(authorization, request, store, now_ms)
    cookie = request.cookies.get(COOKIE) or request.cookies.get(PLAIN_COOKIE)
    return await _by_session(cookie, request, store, now_ms) if cookie else None


async def principal_of_user(store: Store, user_id: str) -> Principal:
    """Somebody who is not here, with what they may do now; without an id it is the owner of the machine. Trouble:
    missing, also of one who is switched off."""
    if not user_id:
        return OWNER_OF_THE_MACHINE
    user = await store.people.user(user_id)
    if user.state != "enabled":
        raise StoreTrouble("missing", "This user is switched off.")
    roles = [row.spec for row in await store.configuration.roles.all() if row.state == "enabled"]
    actor = Actor(kind="user", id=user.id, name=user.login)
    return Principal(user=user, rights=rights_of(grant_of(user), roles), actor=actor)


async def _by_token(authorization: str, request: Request, store: Store, now_ms: int) -> Principal:
    scheme, _, text = authorization.partition(" ")
    text = text.strip()
    found = None
    if scheme.lower() == "bearer" and is_well_formed(text, TOKEN):
        found = await store.people.token(public_id(text))
    known = found.digest if found else bytes(32)
    same = hmac.compare_digest(digest(store.configuration.pepper(), text), known)
    if found is None or not same or (found.expires_ms is not None and now_ms >= found.expires_ms):
        raise Refusal(401, "unknown_token", "A token was sent but it opens nothing here. Make one with a user's login.")
    address = address_of(request)
    if found.addresses and not is_within(networks_of(found.addresses), address):
        raise Refusal(403, "address", f"This token may not be used from {address or 'an unknown address'}.")
    rights = rights_of(grant_of(found.user), found.roles).narrowed(found.scopes)
    actor = Actor(kind="token", id=found.id, name=f"{found.user.login}/{found.name}", address=address)
    return Principal(user=found.user, rights=rights, actor=actor, token=found)


async def _by_session(cookie: str, request: Request, store: Store, now_ms: int) -> Principal | None:
    key = digest_of(cookie)
    found = await store.people.session(key)
    if found is None:
        return None
    csrf = csrf_of(cookie)
    if request.method not in SAFE:
        check_page(request, csrf)
    elif request.headers.get("sec-fetch-site", "none") not in OURS:
        # Another site's picture of what only they may see: a page on another port of this host sends the cookie along.
        return None
    if now_ms - found.seen_ms > IDLE_MS // 30:
        await store.people.seen(key, min(now_ms + IDLE_MS, found.created_ms + LONGEST_MS))
    user = found.user
    actor = Actor(kind="user", id=user.id, name=user.login, address=address_of(request))
    rights = rights_of(grant_of(user), found.roles)
    return Principal(user=user, rights=rights, actor=actor, session=key, csrf=csrf, means=found.means)


def check_page(request: Request, csrf: str) -> None:
    """Raises `Refusal` where a request that changes something may come from another site's page."""
    check_origin(request)
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), csrf.encode()):
        raise Refusal(
            403, "csrf", f"A change was asked for without the header {CSRF_HEADER}. GET /api/v1/session has it."
        )


def check_origin(request: Request) -> None:
    """Raises `Refusal` for a request that a browser says comes from another site."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site not in OURS or (origin and urlsplit(origin).netloc != request.headers.get("host")):
        raise Refusal(403, "cross_site", "The request comes from another site's page, which may change nothing here.")


def address_of(request: Request) -> str:
    """The client's network address, as the guard found it."""
    found: str = request.scope.get("dragoman.address", "") or (request.client.host if request.client else "")
    return found


def check(principal: Principal | None, need: Need, *, wide: bool = False, own: bool = False) -> None:
    """Raises `Refusal` where somebody may not do what a route is for: what is `wide` needs its scope everywhere, what
    belongs to a project needs it anywhere, and the route itself looks at which; so it does at what is their own."""
    if need == "anyone":
        return
    if principal is None:
        raise Refusal(401, "not_signed_in", "Sign in first, or send a token as Authorization: Bearer.")
    if need == "signed_in" or (own and principal.may_own(need)):
        return
    if not (principal.may(need) if wide else principal.rights.somewhere(need)):
        where = "" if not wide or not principal.rights.somewhere(need) else " for the whole gateway"
        raise Refusal(403, "forbidden", f"This needs the scope '{need}'{where}, which you have not.")
