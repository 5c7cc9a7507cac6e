"""What is remembered while somebody signs in, in the database."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.store.books import Books, note
from dragoman.store.ports import Actor, Factor, Note, Pace, StoreTrouble, Visit
from dragoman.store.tables import paces as rows
from dragoman.store.tables import plain, recovery_codes, second_factors, sessions, visits
from dragoman.store.vault import Place


class SqlSignIn:
    """What is remembered while somebody signs in."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def admit(self, paces: Sequence[Pace]) -> int:
        """Counts a try against all of them, or tells how long to wait."""
        by_digest = {self._digest(pace.name): pace for pace in paces}
        now_ms = self._books.now_ms()

        async def look(connection: AsyncConnection, *, locked: bool = False) -> tuple[dict[bytes, int], int]:
            wanted = select(rows).where(rows.c.digest.in_(by_digest)).order_by(rows.c.digest)
            found = await connection.execute(wanted.with_for_update() if locked else wanted)
            until = {bytes(row.digest): row.until_ms for row in found}
            return until, max(pace.wait_ms(until.get(key, 0), now_ms) for key, pace in by_digest.items())

        async def count(connection: AsyncConnection) -> int:
            await connection.execute(delete(rows).where(rows.c.until_ms < now_ms, rows.c.digest.not_in(by_digest)))
            # In one order everywhere, for each waits here until whoever was first has counted.
            there = [{"digest": key, "until_ms": 0} for key in sorted(by_digest)]
            await connection.execute(self._books.database.insert(rows).on_conflict_do_nothing(), there)
            until, wait_ms = await look(connection, locked=True)
            if wait_ms == 0:
                for key, pace in by_digest.items():
                    value = pace.charged(until[key], now_ms)
                    await connection.execute(update(rows).where(rows.c.digest == key), {"until_ms": value})
            return wait_ms

        # Most who have to wait are known by a look, which keeps no writer busy.
        _, wait_ms = await self._books.read(look)
        return wait_ms or await self._books.database.write(count)

    async def forgive(self, paces: Sequence[Pace], forget: str = "") -> None:
        """Takes a right try back."""

        async def work(connection: AsyncConnection) -> None:
            for pace in sorted(paces, key=lambda one: self._digest(one.name)):
                value = 0 if pace.name == forget else rows.c.until_ms - pace.every_ms
                which = rows.c.digest == self._digest(pace.name)
                await connection.execute(update(rows).where(which).values(until_ms=value))

        await self._books.database.write(work)

    async def factor(self, user_id: str) -> Factor | None:
        """The user's second factor."""
        left = select(func.count()).where(recovery_codes.c.user_id == plain(user_id)).scalar_subquery()
        wanted = select(second_factors, left.label("codes")).where(second_factors.c.user_id == plain(user_id))

        async def work(connection: AsyncConnection) -> Factor | None:
            found = (await connection.execute(wanted)).one_or_none()
            if found is None:
                return None
            return Factor(
                secret=self._books.vault.open(_place(user_id), found.sealed),
                confirmed=found.confirmed,
                last_step=found.last_step,
                created_ms=found.created_ms,
                codes=found.codes,
            )

        return await self._books.read(work)

    async def factors(self) -> frozenset[str]:
        """Ids of the users who have a confirmed one."""
        wanted = select(second_factors.c.user_id).where(second_factors.c.confirmed.is_(True))

        async def work(connection: AsyncConnection) -> frozenset[str]:
            return frozenset((await connection.execute(wanted)).scalars())

        return await self._books.read(work)

    async def propose_factor(self, by: Actor, user_id: str, secret: bytes) -> None:
        """A new one, not confirmed yet."""
        row = {
            "user_id": user_id,
            "sealed": self._books.vault.seal(_place(user_id), secret),
            "confirmed": False,
            "last_step": 0,
            "created_ms": self._books.now_ms(),
        }
        mine = second_factors.c.user_id == user_id

        async def work(connection: AsyncConnection) -> tuple[None, Note]:
            await connection.execute(delete(second_factors).where(mine, second_factors.c.confirmed.is_(False)))
            if (await connection.execute(select(second_factors.c.user_id).where(mine))).one_or_none():
                raise StoreTrouble("taken", "There is a second factor already. Remove it first.")
            await connection.execute(second_factors.insert(), row)
            return None, note(by, "factor.propose", user_id, by.name)

        await self._books.noted(work)

    async def confirm_factor(self, by: Actor, user_id: str, step: int, codes: Collection[str]) -> bool:
        """It has shown a right code."""
        mine = (second_factors.c.user_id == user_id, second_factors.c.confirmed.is_(False))

        async def work(connection: AsyncConnection) -> tuple[bool, Note]:
            done = update(second_factors).where(*mine).values(confirmed=True, last_step=step)
            if (await connection.execute(done)).rowcount != 1:
                return False, note(by, "factor.refused", user_id, by.name)
            await self._put_codes(connection, user_id, codes)
            await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            return True, note(by, "factor.confirm", user_id, by.name)

        return await self._books.noted(work)

    async def use_step(self, user_id: str, step: int) -> bool:
        """Whether no code of this step or a later one was taken before."""
        mine = (second_factors.c.user_id == user_id, second_factors.c.last_step < step)

        async def work(connection: AsyncConnection) -> bool:
            taken = await connection.execute(update(second_factors).where(*mine).values(last_step=step))
            return bool(taken.rowcount == 1)

        return await self._books.database.write(work)

    async def use_code(self, by: Actor, user_id: str, code: str) -> bool:
        """Whether it is a recovery code of the user."""
        which = (recovery_codes.c.user_id == user_id, recovery_codes.c.digest == self._digest(f"code/{code}"))

        async def work(connection: AsyncConnection) -> tuple[bool, Note]:
            used = (await connection.execute(delete(recovery_codes).where(*which))).rowcount == 1
            return used, note(by, "factor.recover" if used else "factor.refused", user_id, by.name)

        return await self._books.noted(work)

    async def renew_codes(self, by: Actor, user_id: str, codes: Collection[str]) -> None:
        """Recovery codes instead of those before."""

        async def work(connection: AsyncConnection) -> tuple[None, Note]:
            await self._put_codes(connection, user_id, codes)
            return None, note(by, "factor.codes", user_id, by.name)

        await self._books.noted(work)

    async def drop_factor(self, by: Actor, user_id: str) -> bool:
        """The user has no second factor any more."""

        async def work(connection: AsyncConnection) -> tuple[bool, Note]:
            gone = await connection.execute(delete(second_factors).where(second_factors.c.user_id == user_id))
            for table in (recovery_codes, sessions):
                await connection.execute(delete(table).where(table.c.user_id == user_id))
            return gone.rowcount == 1, note(by, "factor.remove", user_id, by.name)

        return await self._books.noted(work)

    async def send_off(self, state: bytes, visit: Visit, expires_ms: int) -> None:
        """Remembers a visit."""
        row = {"digest": state, "provider": visit.provider, "back": visit.back, "expires_ms": expires_ms}
        now_ms = self._books.now_ms()

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(visits).where(visits.c.expires_ms <= now_ms))
            await connection.execute(visits.insert(), row)

        await self._books.database.write(work)

    async def returned(self, state: bytes) -> Visit | None:
        """The visit, which is over with that."""
        now_ms = self._books.now_ms()
        gone = delete(visits).where(visits.c.digest == state, visits.c.expires_ms > now_ms)

        async def work(connection: AsyncConnection) -> Visit | None:
            told = gone.returning(visits.c.provider, visits.c.back)
            found = (await connection.execute(told)).one_or_none()
            return None if found is None else Visit(found.provider, found.back)

        return await self._books.database.write(work)

    async def _put_codes(self, connection: AsyncConnection, user_id: str, codes: Collection[str]) -> None:
        await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        made = [{"user_id": user_id, "digest": self._digest(f"code/{code}")} for code in codes]
        await connection.execute(recovery_codes.insert(), made)

    def _digest(self, name: str) -> bytes:
        """What is remembered of a name or a code, which nobody can tell from it."""
        return hmac.digest(self._books.pepper, name.encode(errors="replace"), "sha256")


def _place(user_id: str) -> Place:
    return Place(second_factors.name, user_id, "sealed")
