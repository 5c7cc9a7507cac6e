"""Replicas share one board; when it is frozen, gone or flushed, limits are weakened and no request is."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from dragoman.store.board import redis
from dragoman.store.board.redis import open_redis
from dragoman.store.board.safe import OPEN_AFTER, REST_S, SafeBoard
from dragoman.store.ports.board import Full, Held, Hold, Unknown
from tests.store.redis_server import Server, redis_server

NOW_MS = 1_800_000_030_000
PLACES = Hold(name="places", span="now", limit=10, amount=1)
BUDGET = Hold(name="budget", span="total", limit=100, amount=10)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with redis_server(tmp_path) as running:
        yield running


def test_replicas_draw_on_one_allowance(server: Server) -> None:
    async def scene() -> None:
        async with open_redis(server.url) as one, open_redis(server.url) as other:
            found = [
                await board.hold(f"{name}{n}", [PLACES], NOW_MS)
                for n in range(8)
                for name, board in (("a", one), ("b", other))
            ]
            assert sum(isinstance(each, Held) for each in found) == 10
            await one.settle("a0", {})
            assert await other.hold("b9", [PLACES], NOW_MS) == Held()

    asyncio.run(scene())


def test_what_a_replica_that_is_gone_held_lapses(server: Server) -> None:
    async def scene() -> None:
        async with open_redis(server.url) as gone, open_redis(server.url) as other:
            for n in range(10):
                assert await gone.hold(str(n), [PLACES], NOW_MS) == Held()
            assert isinstance(await other.hold("x", [PLACES], NOW_MS + redis.PLACE_LAPSE_MS - 1), Full)
            assert await other.hold("x", [PLACES], NOW_MS + redis.PLACE_LAPSE_MS) == Held()

    asyncio.run(scene())


def test_what_a_replica_holds_is_its_own_as_long_as_it_lives(server: Server) -> None:
    async def scene() -> None:
        async with open_redis(server.url) as one, open_redis(server.url) as other:
            await one.begin(BUDGET, {}, NOW_MS)
            for n in range(10):
                assert await one.hold(str(n), [PLACES, BUDGET], NOW_MS) == Held()
            await one.renew_all(NOW_MS + redis.PLACE_LAPSE_MS - 1)
            later_ms = NOW_MS + 2 * redis.PLACE_LAPSE_MS - 2
            assert isinstance(await other.hold("x", [PLACES], later_ms), Full)
            assert await other.hold("x", [PLACES], later_ms + 2) == Held()

    asyncio.run(scene())


def test_news_reach_the_other_replicas(server: Server) -> None:
    async def scene() -> None:
        async with open_redis(server.url) as one, open_redis(server.url) as other, aclosing(other.heard()) as heard:
            waiting = asyncio.ensure_future(anext(heard))
            while await one.replicas() < 1 or not waiting.done():
                await one.tell("health", b"\x00ill\n\xff")
                await asyncio.sleep(0.01)
            assert waiting.result() == ("health", b"\x00ill\n\xff")
            assert await one.replicas() == 1

    asyncio.run(scene())


def test_a_frozen_server_delays_a_few_requests_and_refuses_none(server: Server) -> None:
    async def scene() -> None:
        clock = Clock()
        async with open_redis(server.url) as shared:
            board = SafeBoard(shared, clock)
            assert await board.hold("before", [PLACES], NOW_MS) == Held()
            server.process.send_signal(signal.SIGSTOP)
            try:
                for n in range(OPEN_AFTER):
                    assert await board.hold(str(n), [PLACES], NOW_MS) == Held()
                assert not board.trusted
                assert await board.hold("during", [PLACES], NOW_MS) == Held()
            finally:
                server.process.send_signal(signal.SIGCONT)
            clock.now_s += REST_S
            assert await board.hold("after", [PLACES], NOW_MS) == Held()
            assert board.trusted

    asyncio.run(scene())


def test_while_the_server_is_away_each_replica_has_its_share(server: Server) -> None:
    async def scene() -> None:
        clock = Clock()
        async with open_redis(server.url) as shared, open_redis(server.url) as other, aclosing(other.heard()) as heard:
            listening = asyncio.ensure_future(anext(heard))
            second = asyncio.ensure_future(_listen(shared))
            while await shared.replicas() < 2:  # noqa: ASYNC110 - nothing tells that the other listens
                await asyncio.sleep(0.01)
            board = SafeBoard(shared, clock, patience_s=5.0)
            assert await board.hold("before", [PLACES], NOW_MS) == Held()
            server.process.kill()
            server.process.wait()
            found = [await board.hold(str(n), [PLACES], NOW_MS) for n in range(10)]
            assert sum(isinstance(each, Held) for each in found) == 4, "beside the one that is held already"
            for task in (listening, second):
                task.cancel()
            await asyncio.gather(listening, second, return_exceptions=True)

    asyncio.run(scene())


async def _listen(board: redis.RedisBoard) -> None:
    async for _ in board.heard():
        pass


def test_what_a_replica_has_used_already_counts_while_the_server_is_away(server: Server) -> None:
    async def scene() -> None:
        async with open_redis(server.url) as shared:
            board = SafeBoard(shared, Clock(), patience_s=5.0)
            await board.begin(BUDGET, {NOW_MS: 50}, NOW_MS)
            for n in range(4):
                assert await board.hold(f"{n}", [BUDGET], NOW_MS) == Held()
                await board.settle(f"{n}", {"budget": 10})
            server.process.kill()
            server.process.wait()
            assert await board.hold("last", [BUDGET], NOW_MS) == Held()
            assert isinstance(await board.hold("too much", [BUDGET], NOW_MS), Full)

    asyncio.run(scene())


def test_what_was_counted_apart_is_counted_anew_from_the_ledger(server: Server) -> None:
    async def scene() -> None:
        clock = Clock()
        async with open_redis(server.url) as shared:
            board = SafeBoard(shared, clock)
            assert await board.hold("1", [BUDGET], NOW_MS) == Unknown((BUDGET,))
            await board.begin(BUDGET, {NOW_MS: 50}, NOW_MS)
            server.process.send_signal(signal.SIGSTOP)
            try:
                assert await board.hold("1", [BUDGET], NOW_MS) == Held()
                await board.settle("1", {"budget": 10})
            finally:
                server.process.send_signal(signal.SIGCONT)
            clock.now_s += REST_S
            assert await board.hold("2", [BUDGET], NOW_MS) == Unknown((BUDGET,))
            await board.begin(BUDGET, {NOW_MS: 60}, NOW_MS)
            assert await board.hold("2", [BUDGET], NOW_MS) == Held()

    asyncio.run(scene())


def test_a_flushed_server_forgets_no_budget(server: Server) -> None:
    async def scene() -> None:
        async with open_redis(server.url) as shared:
            await shared.begin(BUDGET, {NOW_MS: 95}, NOW_MS)
            assert await shared.hold("1", [BUDGET], NOW_MS) == Held()
            await shared.wipe()
            await shared.settle("1", {"budget": 10})
            assert await shared.hold("2", [BUDGET], NOW_MS) == Unknown((BUDGET,)), "the ledger is asked again"

    asyncio.run(scene())
