"""What budgets are counted from: what was spent, by whom, where and when, in steps of five minutes.

Rules. It is written in the transaction in which an exchange is first known to have ended, so it is counted once; and it
does not depend on how long exchanges are kept. What is older than any budget looks back is folded into one row that
knows no time, which `total` budgets still count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.canon.wildcards import fits_any
from dragoman.ledger.exchange import AttemptRecord, Exchange
from dragoman.ledger.period import DAY_MS, STEP_MS
from dragoman.store.database import Database
from dragoman.store.ports.ledger import SPENDING_DAYS, Payer, Spent
from dragoman.store.tables import COUNTED, SPENDING_KEY, SPENT, plain, spending

MOST_TOKENS, MOST_NANO = 10**12, 10**15
"""The most that one attempt adds to a sum, for a sum must never outgrow 64 bits, whatever an upstream claims."""
NAMED = 100
"""Characters by which models are told from each other here; all columns of the key must fit into an index."""
FOLDED = 500
"""Rows that are folded in one transaction at most."""
PROMPT = ("input", "cache_read", "cache_write_5m", "cache_write_1h")

_OWNERS = {
    "key": spending.c.key_id,
    "project": spending.c.project,
    "user": spending.c.owner,
    "channel": spending.c.channel,
}
_Key = tuple[int | str, ...]


def counts_of(attempt: AttemptRecord) -> dict[str, int]:
    """What one attempt adds to the sums."""
    tokens = {name: min(getattr(attempt.usage, name) or 0, MOST_TOKENS) for name in COUNTED if name != "cost_nano"}
    return {**tokens, "cost_nano": min(attempt.cost.nano, MOST_NANO) if attempt.cost else 0}


def overhead_of(attempt: AttemptRecord) -> dict[str, int]:
    """What an attempt that no client pays for adds to the overhead."""
    counts = counts_of(attempt)
    return {
        "overhead_tokens": counts["output"] + sum(counts[name] for name in PROMPT),
        "overhead_nano": counts["cost_nano"],
    }


def named(model: str) -> str:
    """A model as it is known here."""
    return plain(model)[:NAMED]


def _sums(ended: Iterable[Exchange]) -> dict[_Key, Counter[str]]:
    """What exchanges add, by the key of each row. What was refused here has spent nothing."""
    sums: dict[_Key, Counter[str]] = {}
    for exchange in ended:
        start_ms = exchange.started_ms // STEP_MS * STEP_MS
        who = (start_ms, plain(exchange.key_id), plain(exchange.owner), plain(exchange.project))
        row: Counter[str] = Counter()
        for attempt in exchange.attempts:
            currency = attempt.cost.currency if attempt.cost else ""
            key = (*who, plain(attempt.channel), named(exchange.asked), named(attempt.model), currency)
            row = sums.setdefault(key, Counter())
            spent = overhead_of(attempt)
            if attempt is exchange.charged:
                spent = {"tokens": spent["overhead_tokens"], "nano": spent["overhead_nano"]}
            row.update({"attempts": int(attempt.status is not None), **spent})
        row["requests"] += exchange.source == "agent"
    return sums


async def add_spending(connection: AsyncConnection, database: Database, ended: Iterable[Exchange]) -> None:
    """Adds what exchanges have spent."""
    await _add(connection, database, _sums(ended))


async def _add(connection: AsyncConnection, database: Database, sums: dict[_Key, Counter[str]]) -> None:
    """Adds sums to their rows, in an order that keeps two replicas from waiting for each other."""
    rows = [
        {**dict(zip(SPENDING_KEY, key, strict=True)), **{name: sums[key][name] for name in SPENT}}
        for key in sorted(sums)
    ]
    if rows:
        await connection.execute(database.adding(spending, SPENDING_KEY, SPENT), rows)


async def fold_spending(connection: AsyncConnection, database: Database, now_ms: int) -> int:
    """Folds some of what is older than `SPENDING_DAYS` into rows without time; how many rows."""
    old = (spending.c.start_ms > 0) & (spending.c.start_ms < now_ms - SPENDING_DAYS * DAY_MS)
    keys = [spending.c[name] for name in SPENDING_KEY]
    some = select(*keys).where(old).order_by(*keys).limit(FOLDED)
    # Whoever deletes a row adds it up, so that of two replicas only one does.
    folding = delete(spending).where(tuple_(*keys).in_(some)).returning(*spending.c)
    rows = (await connection.execute(folding)).mappings().all()
    sums: dict[_Key, Counter[str]] = {}
    for row in rows:
        key = (0, *(row[name] for name in SPENDING_KEY[1:]))
        sums.setdefault(key, Counter()).update({name: int(row[name]) for name in SPENT})
    await _add(connection, database, sums)
    return len(rows)


async def read_spending(
    connection: AsyncConnection, payer: Payer, since_ms: int, step_ms: int, models: Sequence[str]
) -> tuple[Spent, ...]:
    """`Ledger.spent`."""
    owner, whole = _OWNERS[payer.kind], payer.kind == "channel"
    model: Column[Any] = spending.c.model if whole else spending.c.asked
    columns = [spending.c.start_ms, model.label("name"), spending.c.currency]
    wanted = (
        select(*columns, *(func.sum(spending.c[name]).label(name) for name in SPENT))
        .where(owner == plain(payer.name), spending.c.start_ms >= since_ms // STEP_MS * STEP_MS)
        .group_by(*columns)
    )
    found: dict[int, Counter[str]] = {} if step_ms else {since_ms: Counter()}
    for row in (await connection.execute(wanted)).mappings():
        if models and not fits_any(row["name"], models):
            continue
        start_ms = row["start_ms"] // step_ms * step_ms if step_ms else since_ms
        counts = found.setdefault(start_ms, Counter())
        counts["requests"] += int(row["attempts" if whole else "requests"])
        counts["tokens"] += int(row["tokens"]) + (int(row["overhead_tokens"]) if whole else 0)
        nano = int(row["nano"]) + (int(row["overhead_nano"]) if whole else 0)
        if row["currency"] and nano:
            counts[row["currency"]] += nano
    return tuple(_spent(start_ms, counts) for start_ms, counts in sorted(found.items()))


def _spent(start_ms: int, counts: Counter[str]) -> Spent:
    money = {name: count for name, count in counts.items() if name not in ("requests", "tokens")}
    return Spent(start_ms=start_ms, requests=counts["requests"], tokens=counts["tokens"], cost_nano=money)
