"""Every board keeps one contract: allowances are held by all or none, settled once, and never overdrawn by many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from dragoman.ledger.period import Window, period
from dragoman.store.board.local import LocalBoard
from dragoman.store.board.redis import open_redis
from dragoman.store.board.safe import SafeBoard
from dragoman.store.ports.board import Board, Full, Held, Hold, Span, Unknown
from tests.store.redis_server import Server, redis_server

NOW_MS = int(datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC).timestamp() * 1000)
Opened = Callable[[], AbstractAsyncContextManager[Board]]


@asynccontextmanager
async def local() -> AsyncIterator[Board]:
    yield LocalBoard()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(params=["local", "redis", "safe"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Opens a board of each kind, on which nothing is known yet."""
    if request.param == "local":
        return local
    running: Server = request.getfixturevalue("server")

    @asynccontextmanager
    async def shared() -> AsyncIterator[Board]:
        async with open_redis(running.url) as board:
            await board.wipe()
            yield SafeBoard(board) if request.param == "safe" else board

    return shared


def of(name: str, amount: int, limit: int, span: Span = "total") -> Hold:
    return Hold(name=name, span=span, limit=limit, amount=amount)


async def begun(board: Board, *holds: Hold, used: int = 0) -> Board:
    for hold in holds:
        await board.begin(hold, {NOW_MS: used}, NOW_MS)
    return board


def test_all_is_held_or_nothing(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            roomy, tight = of("roomy", 5, 100), of("tight", 5, 9)
            await begun(board, roomy, tight)
            assert await board.hold("1", [roomy, tight], NOW_MS) == Held()
            full = await board.hold("2", [roomy, tight], NOW_MS)
            assert isinstance(full, Full)
            assert (full.hold.name, full.used) == ("tight", 5)
            assert await board.hold("3", [of("roomy", 95, 100)], NOW_MS) == Held(), "the refused one holds nothing"

    asyncio.run(scene())


def test_what_was_really_used_is_counted(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            want = of("a", 60, 100)
            await begun(board, want)
            assert await board.hold("1", [want], NOW_MS) == Held()
            await board.settle("1", {"a": 30})
            await board.settle("1", {"a": 30})
            assert await board.hold("2", [of("a", 70, 100)], NOW_MS) == Held()
            await board.settle("2", {})
            assert await board.hold("3", [of("a", 70, 100)], NOW_MS) == Held(), "what is left out was not used"

    asyncio.run(scene())


def test_it_is_not_known_until_the_ledger_has_told(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            want = of("a", 1, 100, "month")
            assert await board.hold("1", [want], NOW_MS) == Unknown((want,))
            await board.begin(want, {NOW_MS: 99}, NOW_MS)
            await board.begin(want, {}, NOW_MS)
            assert await board.hold("1", [want], NOW_MS) == Held()
            assert isinstance(await board.hold("2", [want], NOW_MS), Full)
            await board.settle("1", {})
            await board.forget(["a"])
            assert await board.hold("1", [want], NOW_MS) == Unknown((want,))

    asyncio.run(scene())


def test_fifty_at_the_last_of_a_budget_overdraw_it_by_one_at_most(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            want = of("a", 10, 100)
            await begun(board, want, used=99)
            found = await asyncio.gather(*(board.hold(str(n), [want], NOW_MS) for n in range(50)))
            assert sum(isinstance(one, Held) for one in found) == 1

    asyncio.run(scene())


def test_so_many_at_once(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            want = of("places", 1, 2, "now")
            for n in ("1", "2"):
                assert await board.hold(n, [want], NOW_MS) == Held()
            full = await board.hold("3", [want], NOW_MS)
            assert isinstance(full, Full)
            assert full.wait_ms <= 1000
            await board.settle("1", {"places": 1})
            assert await board.hold("3", [want], NOW_MS) == Held()

    asyncio.run(scene())


def test_so_many_in_any_minute(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            want = of("rpm", 1, 10, "sliding")
            for n in range(10):
                assert await board.hold(str(n), [want], NOW_MS) == Held()
                await board.settle(str(n), {"rpm": 1})
            full = await board.hold("x", [want], NOW_MS)
            assert isinstance(full, Full)
            assert full.wait_ms == 30_000
            half_later = await board.hold("x", [want], NOW_MS + 59_000)
            assert half_later == Held(), "half of them have gone by"
            for n in range(4):
                assert await board.hold(f"y{n}", [want], NOW_MS + 59_000) == Held()
            again = await board.hold("z", [want], NOW_MS + 59_000)
            assert isinstance(again, Full)
            assert 0 < again.wait_ms <= 6_000, "one more goes by every six seconds"

    asyncio.run(scene())


def test_each_period_begins_anew(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            want = of("a", 10, 10, "minute")
            await begun(board, want)
            assert await board.hold("1", [want], NOW_MS) == Held()
            full = await board.hold("2", [want], NOW_MS)
            assert isinstance(full, Full)
            assert full.wait_ms == 30_000
            assert await board.hold("2", [want], NOW_MS + 30_000) == Unknown((want,))
            await board.begin(want, {}, NOW_MS + 30_000)
            assert await board.hold("2", [want], NOW_MS + 30_000) == Held()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("minute", "2026-02-28T23:59", "2026-03-01"),
        ("hour", "2026-02-28T23:00", "2026-03-01"),
        ("day", "2026-02-28", "2026-03-01"),
        ("week", "2026-02-23", "2026-03-02"),
        ("month", "2026-02-01", "2026-03-01"),
    ],
)
def test_periods_are_those_of_the_calendar(window: Window, start: str, end: str) -> None:
    moment = datetime(2026, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC)
    found = period(window, int(moment.timestamp() * 1000))
    edges = [datetime.fromisoformat(edge).replace(tzinfo=UTC) for edge in (start, end)]
    assert found == tuple(int(edge.timestamp() * 1000) for edge in edges)


def test_one_name_counts_in_several_periods(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            day, month = of("a", 5, 10, "day"), of("a", 5, 20, "month")
            first_ms = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)
            for hold in (day, month):
                await board.begin(hold, {}, first_ms)
            assert await board.hold("1", [day, month], first_ms) == Held()
            await board.settle("1", {"a": 10})
            full = await board.hold("2", [month, day], first_ms)
            assert isinstance(full, Full)
            assert (full.hold.span, full.used) == ("day", 10)

    asyncio.run(scene())


def test_what_was_used_in_a_time_just_gone_goes_by_in_steps(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            want = of("a", 10, 100, "past 1h")
            hour_ms = 3_600_000
            await board.begin(want, {NOW_MS - hour_ms // 2: 50, NOW_MS - 2 * hour_ms: 900}, NOW_MS)
            assert await board.hold("1", [want], NOW_MS) == Held()
            await board.settle("1", {"a": 50})
            full = await board.hold("2", [want], NOW_MS)
            assert isinstance(full, Full)
            assert full.used == 100
            assert 30 * 60_000 <= full.wait_ms <= 35 * 60_000, "the older half is gone then, and a step later at most"
            assert isinstance(await board.hold("2", [want], NOW_MS + full.wait_ms - 1), Full)
            assert await board.hold("2", [want], NOW_MS + full.wait_ms) == Held()
            await board.settle("2", {})
            later = await board.hold("3", [of("a", 100, 100, "past 1h")], NOW_MS + hour_ms + 5 * 60_000)
            assert later == Held(), "all has gone by"

    asyncio.run(scene())


def test_a_day_of_another_zone_is_counted_by_itself(opened: Opened) -> None:
    async def scene() -> None:
        async with opened() as board:
            here = Hold(name="a", span="day", limit=10, amount=10)
            there = Hold(name="a", span="day", zone="Asia/Tokyo", limit=10, amount=10)
            await begun(board, here, there)
            assert await board.hold("1", [here], NOW_MS) == Held()
            assert await board.hold("2", [there], NOW_MS) == Held()
            for n in ("1", "2"):
                await board.settle(n, {"a": 10})
            midnight_in_tokyo_ms = NOW_MS // 86_400_000 * 86_400_000 + 15 * 3_600_000
            assert isinstance(await board.hold("3", [here], midnight_in_tokyo_ms), Full)
            assert await board.hold("3", [there], midnight_in_tokyo_ms) == Unknown((there,))

    asyncio.run(scene())
