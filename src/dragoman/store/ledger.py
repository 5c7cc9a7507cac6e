"""The ledger in the database.

Rules: an exchange is counted when it is first known to have ended, in the transaction that writes this down; so it is
counted once, in whatever order and however often it is put. Totals are never forgotten, single exchanges may be.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Table, and_, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.ledger.exchange import AttemptRecord, Exchange
from dragoman.store.books import missing
from dragoman.store.database import Database
from dragoman.store.ports import Body, Grouping, Page, Payer, Purged, Search, Spent, StoreTrouble, Total
from dragoman.store.reading import read_spec
from dragoman.store.spending import add_spending, counts_of, fold_spending, overhead_of, read_spending
from dragoman.store.tables import COUNTED, OVERHEAD, TALLIES, TOTAL_KEY, attempts, bodies, exchanges, plain, totals
from dragoman.store.vault import Place, Vault

DAY_MS = 86_400_000
QUICKLY = 1
"""Level of compression: a long prompt takes 1.5 ms, and becomes a fifth longer than at the usual one, which takes three
times that."""
STEP_S = 0.03
"""What a step of a purge is to take; with a slow disk it may be more, but not 50 ms as a rule (F96)."""
LARGEST_STEP = 2048


class SqlLedger:
    """What happened, and what it cost."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        insert = database.insert(exchanges)
        columns = {column.name: insert.excluded[column.name] for column in exchanges.c if column.name != "id"}
        self._put_statement = insert.on_conflict_do_update(
            index_elements=["id"], set_=columns, where=exchanges.c.ended_ms.is_(None)
        ).returning(exchanges.c.id)
        self._put_attempts = database.insert(attempts).on_conflict_do_nothing()

    async def put(self, found: Sequence[Exchange]) -> int:
        """Remembers exchanges; how many are now known to have ended that were not before."""
        # One statement may not touch a row twice; of two words on an exchange the one that ends it counts.
        unique = {exchange.id: exchange for exchange in sorted(found, key=lambda each: each.ended_ms is not None)}
        if not unique:
            return 0

        async def work(connection: AsyncConnection) -> int:
            changed = await self._put_exchanges(connection, unique.values())
            ended = [unique[one] for one in changed if unique[one].ended_ms is not None]
            rows = [_attempt_row(exchange, attempt) for exchange in ended for attempt in exchange.attempts]
            if rows:
                await connection.execute(self._put_attempts, rows)
            await self._add_up(connection, ended)
            await add_spending(connection, self._database, ended)
            return len(ended)

        return await self._database.write(work)

    async def get(self, exchange_id: str) -> Exchange:
        """One exchange."""
        wanted = select(exchanges.c.record).where(exchanges.c.id == plain(exchange_id))

        async def work(connection: AsyncConnection) -> Exchange:
            record = (await connection.execute(wanted)).scalar_one_or_none()
            if record is None:
                raise missing("exchange")
            return read_spec(record, Exchange, f"exchange {exchange_id}")

        return await self._database.read(work)

    async def find(self, search: Search, *, limit: int = 50, after: str | None = None) -> Page:
        """Exchanges, newest first."""
        place = (exchanges.c.started_ms, exchanges.c.id)
        wanted = select(exchanges.c.record, *place).where(*_wanted(search))
        wanted = wanted.order_by(*(column.desc() for column in place)).limit(limit + 1)
        if after is not None:
            wanted = wanted.where(tuple_(*place) < tuple_(*_place_of(after)))

        async def work(connection: AsyncConnection) -> Page:
            rows = (await connection.execute(wanted)).all()
            records = tuple(read_spec(row.record, Exchange, f"exchange {row.id}") for row in rows[:limit])
            return Page(records, f"{rows[limit - 1].started_ms}.{rows[limit - 1].id}" if len(rows) > limit else None)

        return await self._database.read(work)

    async def totals(self, search: Search, by: Sequence[Grouping]) -> tuple[Total, ...]:
        """Sums by whole days."""
        groups = [totals.c[name] for name in by]
        sums = [func.coalesce(func.sum(totals.c[name]), 0).label(name) for name in _SUMS]
        wanted = select(*groups, *sums).where(*_days(search)).order_by(*groups)
        if groups:
            wanted = wanted.group_by(*groups)

        async def work(connection: AsyncConnection) -> tuple[Total, ...]:
            return tuple(_total(row) for row in (await connection.execute(wanted)).mappings())

        return await self._database.read(work)

    async def spent(
        self, payer: Payer, since_ms: int, *, step_ms: int = 0, models: Sequence[str] = ()
    ) -> tuple[Spent, ...]:
        """What was used since then, by steps or in one sum."""
        return await self._database.read(lambda connection: read_spending(connection, payer, since_ms, step_ms, models))

    async def put_bodies(self, found: Sequence[Body]) -> None:
        """Remembers contents, compressed and sealed beside the event loop."""
        if not found:
            return
        rows = await asyncio.to_thread(lambda: [self._sealed(body) for body in found])

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(self._database.insert(bodies).on_conflict_do_nothing(), rows)

        await self._database.write(work)

    async def bodies(self, exchange_id: str) -> tuple[Body, ...]:
        """The contents of an exchange that are still kept."""
        wanted = (
            select(bodies).where(bodies.c.exchange_id == plain(exchange_id)).order_by(bodies.c.n, bodies.c.kind.desc())
        )

        async def work(connection: AsyncConnection) -> list[Any]:
            return list(await connection.execute(wanted))

        rows = await self._database.read(work)
        return await asyncio.to_thread(lambda: tuple(self._opened(row) for row in rows))

    async def purge(self, now_ms: int, *, exchanges_before_ms: int | None = None) -> Purged:
        """Forgets expired contents, and exchanges older than that where given."""
        gone = await self._purge_all(bodies, bodies.c.expires_ms <= now_ms)
        forgotten = 0
        while await self._database.write(partial(fold_spending, database=self._database, now_ms=now_ms)):
            pass
        if exchanges_before_ms is not None:
            old = and_(exchanges.c.started_ms < exchanges_before_ms, exchanges.c.ended_ms.is_not(None))
            of_old = select(exchanges.c.id).where(old)
            gone += await self._purge_all(bodies, bodies.c.exchange_id.in_(of_old))
            await self._purge_all(attempts, attempts.c.exchange_id.in_(of_old))
            forgotten = await self._purge_all(exchanges, old)
        if gone:
            await self._database.tidy(bodies)
        if forgotten:
            await self._database.tidy(exchanges)
        return Purged(gone, forgotten)

    async def _put_exchanges(self, connection: AsyncConnection, found: Iterable[Exchange]) -> list[str]:
        """The ids of those that were not known to have ended."""
        rows = [_exchange_row(each) for each in found]
        return list((await connection.execute(self._put_statement, rows)).scalars())

    async def _add_up(self, connection: AsyncConnection, ended: Iterable[Exchange]) -> None:
        """Adds to the totals, in an order that keeps two replicas from waiting for each other."""
        sums = _sums(ended)
        rows = [{**dict(zip(TOTAL_KEY, key, strict=True)), **_NOTHING, **sums[key]} for key in sorted(sums)]
        if rows:
            await connection.execute(self._database.adding(totals, TOTAL_KEY, _SUMS), rows)

    async def _purge_all(self, table: Table, which: ColumnElement[bool]) -> int:
        """Deletes rows in steps so small that nobody waits for one; how many."""
        gone, step = 0, 16
        while True:
            key = tuple_(*table.primary_key.columns)
            some = select(*table.primary_key.columns).where(which).limit(step)
            statement = delete(table).where(key.in_(some))

            async def work(connection: AsyncConnection, statement: Any = statement) -> int:
                return (await connection.execute(statement)).rowcount

            began_s = time.perf_counter()
            count = await self._database.write(work)
            took_s = time.perf_counter() - began_s
            gone += count
            if count == 0:
                return gone
            step = min(step * 2, LARGEST_STEP) if took_s < STEP_S / 3 else max(step // 2, 1)
            await asyncio.sleep(0)

    def _sealed(self, body: Body) -> dict[str, Any]:
        row = {"exchange_id": body.exchange_id, "n": body.n, "kind": body.kind, "expires_ms": body.expires_ms}
        sealed = self._vault.seal(_place(body.exchange_id, body.n, body.kind), zlib.compress(body.content, QUICKLY))
        return {**row, "size": len(body.content), "sealed": sealed}

    def _opened(self, row: Any) -> Body:
        content = zlib.decompress(self._vault.open(_place(row.exchange_id, row.n, row.kind), row.sealed))
        return Body(exchange_id=row.exchange_id, n=row.n, kind=row.kind, content=content, expires_ms=row.expires_ms)


def _place_of(cursor: str) -> tuple[int, str]:
    """The last exchange of a page. Trouble: missing, where there is no such page."""
    started_ms, _, last = cursor.partition(".")
    if not (started_ms.isascii() and started_ms.isdigit() and len(started_ms) < 16):
        raise StoreTrouble("missing", "There is no such page. Begin with the first.")
    return int(started_ms), plain(last)


_SUMS = (*TALLIES, *COUNTED, *OVERHEAD)
_NOTHING = dict.fromkeys(_SUMS, 0)


def _place(exchange_id: str, n: int, kind: str) -> Place:
    return Place(bodies.name, f"{exchange_id}/{n}", kind)


def _exchange_row(exchange: Exchange) -> dict[str, Any]:
    last = exchange.attempts[-1] if exchange.attempts else None
    return {
        "id": exchange.id,
        "started_ms": exchange.started_ms,
        "ended_ms": exchange.ended_ms,
        "key_id": plain(exchange.key_id),
        "project": plain(exchange.project),
        "session": plain(exchange.session),
        "trace": plain(exchange.trace_hint),
        "channel": plain(last.channel) if last else "",
        "model": plain(last.model) if last else "",
        "problem": exchange.problem or "",
        "source": exchange.source,
        "record": msgspec.json.encode(exchange).decode(),
    }


def _attempt_row(exchange: Exchange, attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "exchange_id": exchange.id,
        "n": attempt.n,
        "started_ms": attempt.started_ms,
        "first_content_ms": attempt.first_content_ms,
        "ended_ms": attempt.ended_ms,
        "channel": plain(attempt.channel),
        "model": plain(attempt.model),
        "status": attempt.status,
        "problem": attempt.problem or "",
        "exact": attempt.usage.exact,
        "currency": attempt.cost.currency if attempt.cost else "",
        **counts_of(attempt),
    }


def _sums(ended: Iterable[Exchange]) -> dict[tuple[str, ...], Counter[str]]:
    """What exchanges add to the totals, by the key of each."""
    sums: dict[tuple[str, ...], Counter[str]] = {}
    for exchange in ended:
        who = (day_of(exchange.started_ms), plain(exchange.key_id), plain(exchange.project))
        key: tuple[str, ...] = (*who, "", "", "")
        for attempt in exchange.attempts:
            currency = attempt.cost.currency if attempt.cost else ""
            key = (*who, plain(attempt.channel), plain(attempt.model), currency)
            sums.setdefault(key, Counter()).update(
                {
                    "attempts": 1,
                    "estimates": int(not attempt.usage.exact),
                    **counts_of(attempt),
                    **({} if attempt is exchange.charged else overhead_of(attempt)),
                }
            )
        # The exchange itself is counted where its last attempt was.
        sums.setdefault(key, Counter()).update({"exchanges": 1, "failures": int(exchange.problem is not None)})
    return sums


def day_of(moment_ms: int) -> str:
    """The day in UTC, as `2026-11-20`."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).date().isoformat()


def _wanted(search: Search) -> list[ColumnElement[bool]]:
    """What a row of `exchanges` has to meet."""
    exact = {name: getattr(search, name) for name in ("key_id", "project", "session", "trace", "channel", "model")}
    found = [exchanges.c[name] == plain(value) for name, value in exact.items() if value is not None]
    if search.since_ms is not None:
        found.append(exchanges.c.started_ms >= search.since_ms)
    if search.until_ms is not None:
        found.append(exchanges.c.started_ms < search.until_ms)
    if search.problem == "any":
        found.append(exchanges.c.problem != "")
    elif search.problem is not None:
        found.append(exchanges.c.problem == plain(search.problem))
    if search.source is not None:
        found.append(exchanges.c.source == search.source)
    if search.running is not None:
        found.append(exchanges.c.ended_ms.is_(None) == search.running)
    return found


def _days(search: Search) -> list[ColumnElement[bool]]:
    """What a row of `totals` has to meet."""
    exact = {name: getattr(search, name) for name in ("key_id", "project", "channel", "model")}
    found = [totals.c[name] == plain(value) for name, value in exact.items() if value is not None]
    if search.since_ms is not None:
        found.append(totals.c.day >= day_of(search.since_ms))
    if search.until_ms is not None:
        found.append(totals.c.day <= day_of(search.until_ms - 1))
    return found


def _total(row: RowMapping) -> Total:
    """Sums as whole numbers: PostgreSQL gives decimals for sums of its largest integers."""
    members: dict[str, Any] = {name: value if isinstance(value, str) else int(value) for name, value in row.items()}
    return Total(**members)
