"""Users of the admin API, and how they are known again."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from dragoman.store.ports.audit import Actor
from dragoman.store.ports.configuration import State

Role = Literal["viewer", "operator", "admin"]


class User(Struct, frozen=True, kw_only=True):
    """Who may use the admin API."""

    id: str
    login: str
    """Unique, compared in lower case."""
    name: str = ""
    email: str = ""
    role: Role
    projects: tuple[str, ...] = ()
    """Names of the projects that they are held to; none: to none, and they may see everything their role may."""
    subject: str = ""
    """Who it is to an OIDC provider, as `issuer|sub`; empty: signs in with a password."""
    state: State
    revision: int
    created_ms: int
    updated_ms: int


class LoginSession(Struct, frozen=True, kw_only=True):
    """One signed-in browser."""

    user: User
    digest: bytes
    """SHA-256 of what the cookie holds."""
    created_ms: int
    seen_ms: int
    expires_ms: int
    address: str = ""
    agent: str = ""


class Token(Struct, frozen=True, kw_only=True):
    """A personal access token."""

    id: str
    user: User
    name: str
    public_id: str
    digest: bytes
    role: Role
    """The most it may do; its user's own role limits it further."""
    created_ms: int
    expires_ms: int | None


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
        """The user as given, whose `revision` is the one that was seen. Whoever loses a role or is disabled loses all
        sessions. Trouble: missing, stale, taken."""

    async def set_password(self, by: Actor, user_id: str, password_hash: str) -> None:
        """Sets the hash, and ends all sessions of the user. Trouble: missing."""

    async def remove(self, by: Actor, user_id: str) -> None:
        """The user is gone, with sessions and tokens. Trouble: missing."""

    async def begin_session(self, by: Actor, user_id: str, digest: bytes, expires_ms: int, agent: str = "") -> None:
        """Remembers that a browser has signed in."""

    async def session(self, digest: bytes) -> LoginSession | None:
        """The session, if it has not expired and its user is enabled."""

    async def seen(self, digest: bytes, expires_ms: int) -> None:
        """The session was used just now, and lasts until then."""

    async def end_sessions(self, by: Actor, *, digest: bytes = b"", user_id: str = "") -> int:
        """Ends one session, or all of a user; how many."""

    async def add_token(
        self, by: Actor, user_id: str, name: str, role: Role, *, expires_ms: int | None = None
    ) -> tuple[str, Token]:
        """A new token and its text, which is seen only now. Trouble: missing."""

    async def tokens(self, user_id: str = "") -> tuple[Token, ...]:
        """The tokens of a user, or of all."""

    async def token(self, public_id: str) -> Token | None:
        """The token, if it has not expired and its user is enabled."""

    async def remove_token(self, by: Actor, token_id: str) -> None:
        """The token opens nothing any more. Trouble: missing."""
