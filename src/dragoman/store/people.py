"""Users, sessions and tokens in the database."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import RoleTable
from dragoman.store import keys
from dragoman.store.api_keys import switch_off
from dragoman.store.books import Books, missing, new_id, note, stale
from dragoman.store.invitations import SqlInvitations
from dragoman.store.ports import Actor, LoginSession, NewToken, Note, Token, User
from dragoman.store.tables import fits, plain, recovery_codes, second_factors, sessions, tokens, users
from dragoman.store.users import check_admins, columns, insert_user, new_user, one, person, roles_in_force, user_of


class SqlPeople:
    """Who may use the admin API."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.invitations = SqlInvitations(books)

    async def users(self) -> tuple[User, ...]:
        """All of them, by login."""

        async def work(connection: AsyncConnection) -> tuple[User, ...]:
            return tuple(map(user_of, await connection.execute(select(users).order_by(users.c.login))))

        return await self._books.read(work)

    async def user(self, user_id: str) -> User:
        """One user."""
        return await self._books.read(lambda connection: one(connection, user_id))

    async def find(self, *, login: str = "", subject: str = "") -> tuple[User, str] | None:
        """The user with this login or subject, and the hash of the password."""
        if not (login or subject) or not fits(login) or not fits(subject):
            return None
        whom = users.c.login == login.lower() if login else users.c.subject == subject

        async def work(connection: AsyncConnection) -> tuple[User, str] | None:
            found = (await connection.execute(select(users).where(whom).limit(1))).one_or_none()
            return None if found is None else (user_of(found), found.password_hash)

        return await self._books.read(work)

    async def add(self, by: Actor, user: User, password_hash: str = "") -> User:
        """A new user."""
        made = new_user(user, self._books.now_ms())

        async def work(connection: AsyncConnection) -> tuple[User, Note]:
            await insert_user(connection, made, password_hash)
            return made, note(by, "user.add", made.id, made.login, None, made)

        return await self._books.changed(work)

    async def change(self, by: Actor, user: User) -> User:
        """The user as given."""

        async def work(connection: AsyncConnection) -> tuple[User, Note]:
            before = await one(connection, user.id)
            after = replace(
                user,
                login=user.login.lower(),
                revision=user.revision + 1,
                created_ms=before.created_ms,
                updated_ms=self._books.now_ms(),
            )
            whom = (users.c.id == user.id, users.c.revision == user.revision)
            changed = await connection.execute(update(users).where(*whom), columns(after))
            if changed.rowcount != 1:
                raise stale("user")
            await check_admins(connection, before)
            if (after.role, after.memberships) != (before.role, before.memberships) or after.state != "enabled":
                await connection.execute(delete(sessions).where(sessions.c.user_id == user.id))
            return after, note(by, "user.change", user.id, after.login, before, after)

        return await self._books.changed(work)

    async def set_password(self, by: Actor, user_id: str, password_hash: str) -> None:
        """Sets the hash, and ends all sessions of the user."""

        async def work(connection: AsyncConnection) -> tuple[None, Note]:
            user = await person(connection, user_id)
            await connection.execute(update(users).where(users.c.id == user_id), {"password_hash": password_hash})
            await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            return None, note(by, "user.password", user_id, user.login)

        await self._books.noted(work)

    async def remove(self, by: Actor, user_id: str) -> None:
        """The user is gone, with sessions and tokens; API keys that were theirs are switched off."""

        async def work(connection: AsyncConnection) -> tuple[None, Note]:
            user = await one(connection, user_id)
            for table in (sessions, tokens, second_factors, recovery_codes):
                await connection.execute(delete(table).where(table.c.user_id == user_id))
            await connection.execute(delete(users).where(users.c.id == user_id))
            await switch_off(connection, user.login, self._books.now_ms())
            await check_admins(connection, user)
            return None, note(by, "user.remove", user_id, user.login, user, None)

        await self._books.changed(work)

    async def begin_session(
        self, by: Actor, user_id: str, digest: bytes, expires_ms: int, agent: str = "", *, means: str = "password"
    ) -> None:
        """Remembers that a browser has signed in; sessions long over are forgotten meanwhile."""
        now_ms = self._books.now_ms()
        row = {"digest": digest, "user_id": user_id, "created_ms": now_ms, "seen_ms": now_ms, "expires_ms": expires_ms}

        async def work(connection: AsyncConnection) -> tuple[None, Note]:
            user = await person(connection, user_id)
            await connection.execute(delete(sessions).where(sessions.c.expires_ms <= now_ms))
            told = {"address": plain(by.address), "agent": plain(agent), "means": plain(means)}
            await connection.execute(sessions.insert(), {**row, **told})
            return None, note(by, "session.begin", user_id, user.login)

        await self._books.noted(work)

    async def session(self, digest: bytes) -> LoginSession | None:
        """The session, if it has not expired and its user is enabled."""
        whom = (sessions.c.digest == digest, sessions.c.expires_ms > self._books.now_ms(), users.c.state == "enabled")
        wanted = select(sessions).join(users, users.c.id == sessions.c.user_id).where(*whom)

        async def work(connection: AsyncConnection) -> LoginSession | None:
            found = (await connection.execute(wanted)).one_or_none()
            if found is None:
                return None
            return _session(found, await one(connection, found.user_id), await roles_in_force(connection))

        return await self._books.read(work)

    async def seen(self, digest: bytes, expires_ms: int) -> None:
        """The session was used just now, and lasts until then."""
        moments = {"seen_ms": self._books.now_ms(), "expires_ms": expires_ms}

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(sessions).where(sessions.c.digest == digest), moments)

        await self._books.database.write(work)

    async def end_sessions(self, by: Actor, *, digest: bytes = b"", user_id: str = "") -> int:
        """Ends one session, or all of a user; how many."""
        which = sessions.c.digest == digest if digest else sessions.c.user_id == user_id

        async def work(connection: AsyncConnection) -> tuple[int, Note]:
            ended = (await connection.execute(delete(sessions).where(which).returning(sessions.c.user_id))).scalars()
            owners = list(ended)
            return len(owners), note(by, "session.end", next(iter(owners), user_id), by.name)

        return await self._books.noted(work)

    async def add_token(self, by: Actor, user_id: str, said: NewToken) -> tuple[str, Token]:
        """A new token, and the only sight of its text."""
        minted = keys.mint(keys.TOKEN)
        row: dict[str, Any] = {
            "id": new_id(),
            "public_id": minted.public_id,
            "name": plain(said.name),
            "digest": keys.digest(self._books.pepper, minted.text),
            "scopes": said.scopes,
            "addresses": said.addresses,
            "created_ms": self._books.now_ms(),
            "expires_ms": said.expires_ms,
        }

        async def work(connection: AsyncConnection) -> tuple[tuple[str, Token], Note]:
            user = await one(connection, user_id)
            await connection.execute(tokens.insert(), {**row, "user_id": user_id})
            token = Token(user=user, roles=await roles_in_force(connection), **row)
            return (minted.text, token), note(by, "token.add", token.id, said.name)

        return await self._books.noted(work)

    async def tokens(self, user_id: str = "") -> tuple[Token, ...]:
        """The tokens of a user, or of all."""
        return await self._tokens(tokens.c.user_id == plain(user_id) if user_id else tokens.c.id != "")

    async def token(self, public_id: str) -> Token | None:
        """The token, if it has not expired and its user is enabled."""
        lasting = or_(tokens.c.expires_ms.is_(None), tokens.c.expires_ms > self._books.now_ms())
        found = await self._tokens((tokens.c.public_id == plain(public_id)) & lasting & (users.c.state == "enabled"))
        return next(iter(found), None)

    async def remove_token(self, by: Actor, token_id: str) -> None:
        """The token opens nothing any more."""

        async def work(connection: AsyncConnection) -> tuple[None, Note]:
            gone = delete(tokens).where(tokens.c.id == plain(token_id)).returning(tokens.c.name)
            name = (await connection.execute(gone)).scalar_one_or_none()
            if name is None:
                raise missing("token")
            return None, note(by, "token.remove", token_id, name)

        await self._books.noted(work)

    async def _tokens(self, which: ColumnElement[bool]) -> tuple[Token, ...]:
        wanted = select(tokens).join(users, users.c.id == tokens.c.user_id).where(which).order_by(tokens.c.created_ms)

        async def work(connection: AsyncConnection) -> tuple[Token, ...]:
            rows = (await connection.execute(wanted)).all()
            owners = {row.user_id: await one(connection, row.user_id) for row in rows}
            roles = await roles_in_force(connection)
            return tuple(_token(row, owners[row.user_id], roles) for row in rows)

        return await self._books.read(work)


def _session(found: Row[Any], user: User, roles: tuple[RoleTable, ...]) -> LoginSession:
    members = {name: getattr(found, name) for name in LoginSession.__struct_fields__ if name not in ("user", "roles")}
    return LoginSession(user=user, roles=roles, **{**members, "digest": bytes(found.digest)})


def _token(found: Row[Any], user: User, roles: tuple[RoleTable, ...]) -> Token:
    return Token(
        id=found.id,
        user=user,
        name=found.name,
        public_id=found.public_id,
        digest=bytes(found.digest),
        scopes=tuple(found.scopes),
        addresses=tuple(found.addresses),
        roles=roles,
        created_ms=found.created_ms,
        expires_ms=found.expires_ms,
    )
