"""Invitations in the database: known by a digest, and used up in the same transaction in which a user is made."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store import keys
from dragoman.store.books import Books, fitting, missing, new_id, note
from dragoman.store.ports import Actor, Invitation, NewInvitation, Note, User
from dragoman.store.tables import invitations, plain
from dragoman.store.users import insert_user, new_user


class SqlInvitations:
    """Promises to whoever shows their text."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def all(self) -> tuple[Invitation, ...]:
        """Those that can still be accepted, oldest first."""
        wanted = select(invitations).where(self._lasting).order_by(invitations.c.created_ms, invitations.c.id)

        async def work(connection: AsyncConnection) -> tuple[Invitation, ...]:
            return tuple(map(_invitation, await connection.execute(wanted)))

        return await self._books.read(work)

    async def find(self, public_id: str) -> Invitation | None:
        """One of them."""
        wanted = select(invitations).where(invitations.c.public_id == plain(public_id), self._lasting)

        async def work(connection: AsyncConnection) -> Invitation | None:
            found = (await connection.execute(wanted)).one_or_none()
            return None if found is None else _invitation(found)

        return await self._books.read(work)

    async def add(self, by: Actor, said: NewInvitation) -> tuple[str, Invitation]:
        """A new one, and the only sight of its text; those long over are forgotten meanwhile."""
        minted, now_ms = keys.mint(keys.INVITATION), self._books.now_ms()
        made = Invitation(
            id=new_id(),
            public_id=minted.public_id,
            digest=keys.digest(self._books.pepper, minted.text),
            created_ms=now_ms,
            **{**asdict(said), "login": fitting(said.login.lower(), "login"), "role": fitting(said.role, "role")},
        )

        async def work(connection: AsyncConnection) -> tuple[tuple[str, Invitation], Note]:
            await connection.execute(delete(invitations).where(~self._lasting))
            await connection.execute(invitations.insert(), asdict(made))
            return (minted.text, made), note(by, "invitation.add", made.id, made.login)

        return await self._books.noted(work)

    async def accept(self, by: Actor, invitation_id: str, user: User, password_hash: str) -> User:
        """The user whom it promised; it is used once more, or nothing has happened."""
        made = new_user(user, self._books.now_ms())

        async def work(connection: AsyncConnection) -> tuple[User, Note]:
            used = update(invitations).where(invitations.c.id == plain(invitation_id), self._lasting)
            if (await connection.execute(used.values(uses=invitations.c.uses - 1))).rowcount != 1:
                raise missing("invitation")
            await insert_user(connection, made, password_hash)
            return made, note(by, "invitation.accept", made.id, made.login, None, made)

        return await self._books.changed(work)

    async def revoke(self, by: Actor, invitation_id: str) -> None:
        """It promises nothing any more."""

        async def work(connection: AsyncConnection) -> tuple[None, Note]:
            gone = delete(invitations).where(invitations.c.id == plain(invitation_id)).returning(invitations.c.login)
            login = (await connection.execute(gone)).scalar_one_or_none()
            if login is None:
                raise missing("invitation")
            return None, note(by, "invitation.revoke", invitation_id, login)

        await self._books.noted(work)

    @property
    def _lasting(self) -> ColumnElement[bool]:
        return (invitations.c.uses > 0) & (invitations.c.expires_ms > self._books.now_ms())


def _invitation(found: Row[Any]) -> Invitation:
    members = {name: getattr(found, name) for name in Invitation.__struct_fields__}
    return Invitation(**{**members, "digest": bytes(found.digest)})
