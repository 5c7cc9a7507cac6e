"""Users of the admin API, and how they are known again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

from dragoman.shapes.access import RoleTable
from dragoman.store.ports.audit import Actor
from dragoman.store.ports.configuration import State

UserKind = Literal["person", "service"]
"""A service account belongs to nobody: it cannot sign in, and has only tokens."""


class User(Struct, frozen=True, kw_only=True):
    """Who may use the admin API."""

    id: str
    login: str
    """Unique, compared in lower case."""
    name: str = ""
    email: str = ""
    role: str = ""
    """Name of the role that they have everywhere; empty: none."""
    memberships: Mapping[str, str] = {}
    """By project, the role that they have in it beside."""
    kind: UserKind = "person"
    project: str = ""
    """Of a service account: the project that keeps it; empty: none."""
    subject: str = ""
    """Who it is to an OIDC provider, as `issuer|sub`; empty: signs in with a password."""
    state: State
    revision: int
    created_ms: int
    updated_ms: int


class LoginSession(Struct, frozen=True, kw_only=True):
    """One signed-in browser."""

    user: User
    roles: tuple[RoleTable, ...] = ()
    """The roles of one's own that are in force now."""
    digest: bytes
    """SHA-256 of what the cookie holds."""
    created_ms: int
    seen_ms: int
    expires_ms: int
    address: str = ""
    agent: str = ""
    means: str = "password"
    """How it began: `password`, `second_factor`, or `sso:` and the name of an identity provider."""


class Token(Struct, frozen=True, kw_only=True):
    """A personal access token."""

    id: str
    user: User
    name: str
    public_id: str
    digest: bytes
    scopes: tuple[str, ...] = ()
    """The most it may do, which its user's roles limit further; none: all that its user may."""
    addresses: tuple[str, ...] = ()
    """Networks in CIDR form that it may be used from; none: all."""
    roles: tuple[RoleTable, ...] = ()
    """The roles of one's own that are in force now."""
    created_ms: int
    expires_ms: int | None


class Invitation(Struct, frozen=True, kw_only=True):
    """A promise to whoever shows its text: to become a user, with these roles."""

    id: str
    public_id: str
    digest: bytes
    login: str = ""
    """The only login that it may be used for; empty: whichever is free."""
    role: str = ""
    memberships: Mapping[str, str] = {}
    by: str
    """Id of the user who has invited; empty: the owner of the machine."""
    uses: int
    """How often it may still be used."""
    created_ms: int
    expires_ms: int


class NewToken(Struct, frozen=True, kw_only=True):
    """What a token is to be."""

    name: str
    scopes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    expires_ms: int | None = None


class NewInvitation(Struct, frozen=True, kw_only=True):
    """What an invitation is to be."""

    login: str = ""
    role: str = ""
    memberships: Mapping[str, str] = {}
    by: str = ""
    uses: int = 1
    expires_ms: int


class People(Protocol):
    """Users, and how they are known again."""

    async def users(self) -> tuple[User, ...]:
        """All, archived ones too, by login."""

    async def user(self, user_id: str) -> User:
        """One user. Trouble: missing."""

    async def find(self, *, login: str = "", subject: str = "") -> tuple[User, str] | None:
        """The user with this login or subject, and the hash of the password (empty: none is set)."""

    async def add(self, by: Actor, user: User, password_hash: str = "") -> User:
        """A new user; its id, revision and times are made here. Trouble: taken."""

    async def change(self, by: Actor, user: User) -> User:
        """The user as given, whose `revision` is the one that was seen. Whoever gets or loses a role or is disabled
        loses all sessions. Trouble: missing, stale, taken, last_admin."""

    async def set_password(self, by: Actor, user_id: str, password_hash: str) -> None:
        """Sets the hash, and ends all sessions of the user. Trouble: missing, unfit for a service account."""

    async def remove(self, by: Actor, user_id: str) -> None:
        """The user is gone, with sessions and tokens. Trouble: missing, last_admin."""

    async def begin_session(
        self, by: Actor, user_id: str, digest: bytes, expires_ms: int, agent: str = "", *, means: str = "password"
    ) -> None:
        """Remembers that a browser has signed in. Trouble: missing, unfit for a service account."""

    async def session(self, digest: bytes) -> LoginSession | None:
        """The session, if it has not expired and its user is enabled."""

    async def seen(self, digest: bytes, expires_ms: int) -> None:
        """The session was used just now, and lasts until then."""

    async def end_sessions(self, by: Actor, *, digest: bytes = b"", user_id: str = "") -> int:
        """Ends one session, or all of a user; how many."""

    async def add_token(self, by: Actor, user_id: str, said: NewToken) -> tuple[str, Token]:
        """A new token and its text, which is seen only now. Trouble: missing."""

    async def tokens(self, user_id: str = "") -> tuple[Token, ...]:
        """The tokens of a user, or of all."""

    async def token(self, public_id: str) -> Token | None:
        """The token, if it has not expired and its user is enabled."""

    async def remove_token(self, by: Actor, token_id: str) -> None:
        """The token opens nothing any more. Trouble: missing."""

    @property
    def invitations(self) -> Invitations:
        """Who may become a user."""


class Invitations(Protocol):
    """Promises to whoever shows their text. One that has expired or is used up is not there."""

    async def all(self) -> tuple[Invitation, ...]:
        """Those that can still be accepted, oldest first."""

    async def find(self, public_id: str) -> Invitation | None:
        """One of them."""

    async def add(self, by: Actor, said: NewInvitation) -> tuple[str, Invitation]:
        """A new one and its text, which is seen only now."""

    async def accept(self, by: Actor, invitation_id: str, user: User, password_hash: str) -> User:
        """The user whom it promised; it is used once more. Trouble: missing, taken."""

    async def revoke(self, by: Actor, invitation_id: str) -> None:
        """It promises nothing any more. Trouble: missing."""
