"""The ledger: each exchange is counted once, totals outlive everything, and what is forgotten is gone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.canon.problem import Kind
from dragoman.canon.usage import Usage
from dragoman.ledger.exchange import AttemptRecord, Exchange
from dragoman.ledger.price import Cost
from dragoman.store import ledger, spending, tables
from dragoman.store.opening import SqlStore
from dragoman.store.ports import Body, Payer, Search, Spent, StoreTrouble, Total
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

DAY_MS = ledger.DAY_MS
NOW_MS = 1_795_168_800_000
"""2026-11-20 10:00 UTC."""
KEY = Payer("key", "k1")


def attempt(n: int = 1, **members: object) -> AttemptRecord:
    """An attempt that went well and was paid for."""
    usual: dict[str, object] = {
        "n": n,
        "channel": "deepseek",
        "model": "deepseek-chat",
        "mode": "translated",
        "started_ms": NOW_MS,
        "status": 200,
        "usage": Usage(input=100, cache_read=20, output=10, thinking=4),
        "cost": Cost(currency="USD", nano=7_000, lines=(), price="p1"),
    }
    return AttemptRecord(**{**usual, **members})  # type: ignore[arg-type]


def exchange(name: str, **members: object) -> Exchange:
    """An exchange of one attempt that has ended."""
    usual: dict[str, object] = {
        "id": name,
        "started_ms": NOW_MS,
        "ended_ms": NOW_MS + 1000,
        "door": "anthropic",
        "asked": "claude-sonnet-4-5",
        "stream": True,
        "session": "s1",
        "key_id": "k1",
        "project": "shop",
        "attempts": (attempt(),),
    }
    return Exchange(**{**usual, **members})  # type: ignore[arg-type]


def running(found: Exchange) -> Exchange:
    """The same before it has ended."""
    return replace(found, ended_ms=None, attempts=tuple(replace(each, usage=Usage()) for each in found.attempts))


async def sums(store: SqlStore, search: Search | None = None) -> Total:
    """The totals of everything."""
    (found,) = await store.ledger.totals(search or Search(), [])
    return found


async def test_an_exchange_comes_back_as_it_was_put(store: SqlStore) -> None:
    found = exchange("e1", plan=("a: b",), problem=Kind.OVERLOADED, attempts=(attempt(1, edits=("model",)), attempt(2)))
    assert await store.ledger.put([found]) == 1
    assert await store.ledger.get("e1") == found
    with pytest.raises(StoreTrouble) as refused:
        await store.ledger.get("e2")
    assert refused.value.kind == "missing"


async def test_what_is_put_again_counts_once(store: SqlStore) -> None:
    batch = [exchange("e1"), exchange("e2")]
    assert [await store.ledger.put(batch) for _ in range(3)] == [2, 0, 0]
    assert await sums(store) == Total(
        exchanges=2, attempts=2, input=200, cache_read=40, output=20, thinking=8, cost_nano=14_000
    )


async def test_a_running_exchange_is_seen_and_counts_when_it_ends(store: SqlStore) -> None:
    found = exchange("e1")
    assert await store.ledger.put([running(found)]) == 0
    assert (await store.ledger.find(Search(running=True))).exchanges == (running(found),)
    assert (await sums(store)).exchanges == 0
    assert await store.ledger.put([found]) == 1
    assert await store.ledger.put([running(found)]) == 0
    assert (await store.ledger.find(Search(running=False))).exchanges == (found,)
    assert (await sums(store)).exchanges == 1


async def test_an_ending_is_not_taken_back(store: SqlStore) -> None:
    await store.ledger.put([exchange("e1")])
    assert await store.ledger.put([exchange("e1", attempts=(attempt(usage=Usage(output=9)),))]) == 0
    assert await store.ledger.get("e1") == exchange("e1")


async def test_of_two_words_in_one_batch_the_one_that_ends_counts(store: SqlStore) -> None:
    found = exchange("e1")
    for batch in ([found, running(found)], [running(found), found]):
        await store.ledger.put(batch)
        assert await store.ledger.get("e1") == found
    assert (await sums(store)).exchanges == 1


async def test_nothing_may_be_put(store: SqlStore) -> None:
    assert await store.ledger.put([]) == 0
    await store.ledger.put_bodies([])


async def test_an_exchange_is_counted_at_its_last_attempt_and_paid_at_each(store: SqlStore) -> None:
    first = attempt(1, channel="openai", model="gpt", problem=Kind.OVERLOADED, usage=Usage(input=5, exact=False))
    second = attempt(2, cost=Cost(currency="CNY", nano=9, lines=(), price="p2"))
    await store.ledger.put([exchange("e1", attempts=(first, second), problem=Kind.CUT_SHORT)])
    rows = await store.ledger.totals(Search(), ["channel", "currency"])
    assert [(row.channel, row.currency, row.exchanges, row.attempts, row.cost_nano) for row in rows] == [
        ("deepseek", "CNY", 1, 1, 9),
        ("openai", "USD", 0, 1, 7_000),
    ]
    assert [(row.failures, row.estimates) for row in rows] == [(1, 0), (0, 1)]


async def test_an_exchange_without_an_attempt_is_counted_too(store: SqlStore) -> None:
    await store.ledger.put([exchange("e1", attempts=(), problem=Kind.MODEL_NOT_FOUND)])
    assert await sums(store) == Total(exchanges=1, failures=1)


async def test_an_exchange_belongs_to_the_day_it_started_on(store: SqlStore) -> None:
    midnight_ms = NOW_MS // DAY_MS * DAY_MS + DAY_MS
    await store.ledger.put([exchange("e1", started_ms=midnight_ms - 1, ended_ms=midnight_ms + 5)])
    await store.ledger.put([exchange("e2", started_ms=midnight_ms)])
    rows = await store.ledger.totals(Search(), ["day"])
    assert [(row.day, row.exchanges) for row in rows] == [("2026-11-20", 1), ("2026-11-21", 1)]
    assert (await sums(store, Search(since_ms=midnight_ms))).exchanges == 1
    assert (await sums(store, Search(until_ms=midnight_ms))).exchanges == 1


async def test_totals_are_given_by_whatever_is_asked(store: SqlStore) -> None:
    await store.ledger.put([exchange("e1"), exchange("e2", key_id="k2"), exchange("e3", project="lab")])
    by_key = await store.ledger.totals(Search(), ["key_id"])
    assert {row.key_id: row.exchanges for row in by_key} == {"k1": 2, "k2": 1}
    assert (await sums(store, Search(project="lab"))).tokens == 130
    assert (await sums(store, Search(model="none"))).tokens == 0


@st.composite
def _histories(draw: st.DrawFn) -> list[list[Exchange]]:
    """Batches in which every exchange ends at least once, in any order, any word repeated."""
    count = draw(st.integers(1, 4))
    found = [
        exchange(
            str(n),
            key_id=draw(st.sampled_from(["k1", "k2"])),
            attempts=tuple(
                attempt(m, channel=draw(st.sampled_from(["a", "b"])), usage=Usage(output=draw(st.integers(0, 9))))
                for m in range(1, draw(st.integers(0, 2)) + 1)
            ),
        )
        for n in range(count)
    ]
    words = [word for each in found for word in (each, running(each))]
    extra = draw(st.lists(st.sampled_from(words), max_size=6))
    order = draw(st.permutations([*found, *extra]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=3)))
    return [list(order[a:b]) for a, b in itertools.pairwise([0, *cuts, len(order)])]


async def test_totals_are_the_same_in_any_order_and_however_often_told(store: SqlStore) -> None:
    numbers = itertools.count()
    examples: list[Sequence[Sequence[Exchange]]] = []

    @settings(max_examples=20)
    @given(_histories())
    def collect(history: list[list[Exchange]]) -> None:
        examples.append(history)

    collect()
    for history in examples:
        # Examples share a database, so that each is a project of its own.
        project = f"p{next(numbers)}"
        mine = [[replace(e, id=f"{project}-{e.id}", project=project) for e in batch] for batch in history]
        await asyncio.gather(*(store.ledger.put(batch) for batch in mine[:2]))
        for batch in mine[2:]:
            await store.ledger.put(batch)
        ended = {e.id: e for batch in mine for e in batch if e.ended_ms is not None}
        total = await sums(store, Search(project=project))
        assert total.exchanges == len(ended)
        assert total.attempts == sum(len(e.attempts) for e in ended.values())
        assert total.output == sum(a.usage.output or 0 for e in ended.values() for a in e.attempts)


async def test_two_replicas_that_put_the_same_count_it_once(home: Home) -> None:
    async with home.open() as one, home.open() as other:
        batches = [
            [exchange(f"e{n}", key_id=f"k{n % 3}") for n in range(start, start + 30)] for start in range(0, 90, 15)
        ]
        counts = await asyncio.gather(
            *(one.ledger.put(batch) for batch in batches), *(other.ledger.put(batch[::-1]) for batch in batches)
        )
        assert sum(counts) == (await sums(one)).exchanges == 105


async def test_pages_hold_everything_once_newest_first(store: SqlStore) -> None:
    # Several of one moment, for a page must not end among equals and lose the others.
    found = [exchange(f"e{n:02}", started_ms=NOW_MS + n // 4) for n in range(23)]
    await store.ledger.put(found)
    seen: list[str] = []
    after = None
    while True:
        page = await store.ledger.find(Search(), limit=5, after=after)
        seen += [each.id for each in page.exchanges]
        after = page.next
        if after is None:
            break
    assert seen == [each.id for each in sorted(found, key=lambda e: (e.started_ms, e.id), reverse=True)]


async def test_exchanges_are_found_by_what_is_asked(store: SqlStore) -> None:
    await store.ledger.put(
        [
            exchange("e1", session="s2"),
            exchange("e2", trace_hint="t2", started_ms=NOW_MS + 5),
            exchange("e3", problem=Kind.REFUSED, attempts=(attempt(channel="openai", model="gpt"),)),
        ]
    )
    wanted = {
        "e1": Search(session="s2"),
        "e2": Search(trace="t2"),
        "e3": Search(problem="refused", channel="openai", model="gpt", key_id="k1", project="shop"),
    }
    for name, search in wanted.items():
        assert [each.id for each in (await store.ledger.find(search)).exchanges] == [name]
    assert [each.id for each in (await store.ledger.find(Search(problem="any"))).exchanges] == ["e3"]
    assert [each.id for each in (await store.ledger.find(Search(since_ms=NOW_MS + 5))).exchanges] == ["e2"]
    assert len((await store.ledger.find(Search(until_ms=NOW_MS + 5))).exchanges) == 2
    assert (await store.ledger.find(Search(session="%"))).exchanges == ()


async def spent(store: SqlStore, since_ms: int = 0, payer: Payer = KEY, models: Sequence[str] = ()) -> Spent:
    """What was spent since then, in one sum."""
    (found,) = await store.ledger.spent(payer, since_ms, models=models)
    return found


async def test_what_a_key_has_spent_is_known_for_any_window(store: SqlStore) -> None:
    midnight_ms = NOW_MS // DAY_MS * DAY_MS
    moments = {"now": NOW_MS + 30_000, "hour": NOW_MS - 1_800_000, "day": midnight_ms, "before": midnight_ms - 1}
    await store.ledger.put([exchange(name, started_ms=ms) for name, ms in moments.items()])
    await store.ledger.put([exchange("other", key_id="k2"), running(exchange("still"))])
    since = {NOW_MS: 1, NOW_MS - 3_600_000: 2, midnight_ms: 3, midnight_ms - DAY_MS: 4, 0: 4, NOW_MS + 300_000: 0}
    for since_ms, requests in since.items():
        found = await spent(store, since_ms)
        assert (found.requests, found.tokens) == (requests, requests * 130)
        assert dict(found.cost_nano) == ({"USD": requests * 7_000} if requests else {})
    assert await store.ledger.spent(KEY, midnight_ms, step_ms=3_600_000) == (
        Spent(start_ms=midnight_ms, requests=1, tokens=130, cost_nano={"USD": 7_000}),
        Spent(start_ms=NOW_MS - 3_600_000, requests=1, tokens=130, cost_nano={"USD": 7_000}),
        Spent(start_ms=NOW_MS, requests=1, tokens=130, cost_nano={"USD": 7_000}),
    )


async def test_spending_is_known_of_projects_channels_and_models(store: SqlStore) -> None:
    await store.ledger.put(
        [
            exchange("e1", asked="claude-opus-4"),
            exchange("e2", key_id="k2", attempts=(attempt(channel="openai", model="gpt-5"),)),
            exchange("e3", project="lab"),
        ]
    )
    assert (await spent(store, payer=Payer("project", "shop"))).requests == 2
    assert (await spent(store, payer=Payer("channel", "deepseek"))).requests == 2
    assert (await spent(store, models=("claude-opus-*", "x"))).requests == 1
    assert (await spent(store, models=("gpt-*",))).requests == 0, "clients' budgets go by what was asked for"
    assert (await spent(store, payer=Payer("channel", "openai"), models=("gpt-*",))).tokens == 130


async def test_a_client_pays_for_the_attempt_that_answered_and_a_channel_for_all(store: SqlStore) -> None:
    lost = attempt(1, problem=Kind.CUT_SHORT, usage=Usage(input=50, output=0))
    unsent = attempt(2, problem=Kind.RATE_LIMITED, status=None, usage=Usage(), cost=None)
    await store.ledger.put([exchange("e1", attempts=(lost, unsent, attempt(3)))])
    assert (await spent(store)) == Spent(requests=1, tokens=130, cost_nano={"USD": 7_000})
    channel = await spent(store, payer=Payer("channel", "deepseek"))
    assert channel == Spent(requests=2, tokens=180, cost_nano={"USD": 14_000})
    total = await sums(store)
    assert (total.tokens, total.overhead_tokens, total.cost_nano, total.overhead_nano) == (180, 50, 14_000, 7_000)


@pytest.mark.parametrize(
    ("last", "tokens"),
    [
        (attempt(problem=Kind.OVERLOADED), 0),
        (attempt(problem=Kind.CUT_SHORT, first_content_ms=NOW_MS + 5), 130),
        (attempt(status=None, maybe_billed=True), 130),
    ],
)
async def test_what_failed_before_its_first_word_costs_the_client_nothing(
    store: SqlStore, last: AttemptRecord, tokens: int
) -> None:
    await store.ledger.put([exchange("e1", attempts=(last,), problem=last.problem, client_left=last.problem is None)])
    found = await spent(store)
    assert (found.requests, found.tokens) == (1, tokens)


async def test_what_no_client_asked_is_no_clients_cost(store: SqlStore) -> None:
    await store.ledger.put([exchange("e1", source="test", key_id="")])
    assert await spent(store, payer=Payer("key", "")) == Spent(cost_nano={})
    assert (await spent(store, payer=Payer("channel", "deepseek"))).tokens == 130
    assert (await sums(store)).overhead_tokens == 130


async def test_a_request_that_was_refused_has_spent_nothing(store: SqlStore) -> None:
    await store.ledger.put([exchange("e1"), exchange("e2", attempts=(), problem=Kind.BILLING)])
    for since_ms in (0, NOW_MS - 1):
        assert (await spent(store, since_ms)).requests == 1


async def test_a_budget_does_not_grow_because_something_was_forgotten(store: SqlStore) -> None:
    old = [exchange(f"e{n}", started_ms=NOW_MS - 41 * DAY_MS - n * 300_000) for n in range(5)]
    await store.ledger.put([*old, exchange("new", started_ms=NOW_MS - 39 * DAY_MS)])
    for _ in range(2):
        await store.ledger.purge(NOW_MS, exchanges_before_ms=NOW_MS - 30 * DAY_MS)
        assert (await store.ledger.find(Search())).exchanges == ()
        steps = await store.ledger.spent(KEY, 0, step_ms=DAY_MS)
        assert [(step.start_ms == 0, step.requests) for step in steps] == [(True, 5), (False, 1)]
        assert (await spent(store)).tokens == (await sums(store)).tokens == 6 * 130


async def test_what_others_wrote_never_stops_the_ledger(store: SqlStore) -> None:
    hostile = "a\0b" + "é" * 5_000 + "\U0001f600"
    found = exchange(
        "e1",
        session=hostile,
        trace_hint=hostile,
        key_id=hostile,
        project=hostile,
        asked=hostile,
        attempts=(attempt(model=hostile, channel=hostile, upstream_id=hostile),),
    )
    assert await store.ledger.put([found]) == 1
    assert await store.ledger.get("e1") == found
    assert (await store.ledger.find(Search(session=hostile, model=hostile))).exchanges == (found,)


async def test_no_count_is_so_large_that_sums_break(store: SqlStore) -> None:
    most = 2**53 - 1
    wild = Usage(input=most, cache_read=most, output=most)
    paid = Cost(currency="USD", nano=most * 25_000, lines=(), price="p")
    await store.ledger.put([exchange(f"e{n}", attempts=(attempt(usage=wild, cost=paid),)) for n in range(20)])
    total = await sums(store)
    assert total.input == 20 * spending.MOST_TOKENS
    assert total.cost_nano == 20 * spending.MOST_NANO


async def test_contents_come_back_until_they_expire(store: SqlStore) -> None:
    request = Body(exchange_id="e1", n=0, kind="request", content=b"{}" * 10_000, expires_ms=NOW_MS)
    reply = Body(exchange_id="e1", n=1, kind="reply", content=b"\xff\0", expires_ms=NOW_MS + 1)
    await store.ledger.put_bodies([request, reply])
    await store.ledger.put_bodies([replace(request, content=b"later")])
    assert await store.ledger.bodies("e1") == (request, reply)
    assert (await store.ledger.purge(NOW_MS)).bodies == 1
    assert await store.ledger.bodies("e1") == (reply,)


async def test_contents_rest_sealed_and_compressed(store: SqlStore) -> None:
    needle = b"the prompt that nobody else may read"
    body = Body(exchange_id="e1", n=0, kind="request", content=needle * 500, expires_ms=NOW_MS)
    await store.ledger.put_bodies([body])

    async def work(connection: AsyncConnection) -> bytes:
        return bytes((await connection.execute(select(tables.bodies.c.sealed))).scalar_one())

    sealed = await store.database.read(work)
    assert needle not in sealed
    assert len(sealed) < 500


async def test_old_exchanges_go_with_their_contents_and_running_ones_stay(store: SqlStore) -> None:
    old, new = exchange("old", started_ms=1), exchange("new")
    await store.ledger.put([old, new, running(exchange("still", started_ms=1))])
    await store.ledger.put_bodies(
        [Body(exchange_id=name, n=0, kind="request", content=b"x", expires_ms=2**50) for name in ("old", "new")]
    )
    purged = await store.ledger.purge(NOW_MS, exchanges_before_ms=NOW_MS)
    assert (purged.exchanges, purged.bodies) == (1, 1)
    assert {each.id for each in (await store.ledger.find(Search())).exchanges} == {"new", "still"}
    assert await store.ledger.bodies("old") == ()
    assert len(await store.ledger.bodies("new")) == 1


async def test_much_is_forgotten_in_many_steps(store: SqlStore) -> None:
    await store.ledger.put_bodies(
        [Body(exchange_id=f"e{n}", n=0, kind="request", content=b"x" * 100, expires_ms=1) for n in range(700)]
    )
    writer = asyncio.ensure_future(store.ledger.purge(NOW_MS))
    await store.ledger.put([exchange("meanwhile")])
    assert (await writer).bodies == 700
    assert (await sums(store)).exchanges == 1
