"""A channel's queue is as long as was said, and what finds no place in it goes elsewhere at once."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from dragoman.relay.allowances import Allowances
from dragoman.store.board.local import LocalBoard
from dragoman.store.ports.board import Held, Hold
from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, play
from tests.relay.test_relay import DONE, HELLO, OPENED, ask, error_of

PLACES = Hold(name="channel:one:at-once", span="now", limit=2, amount=2)


def slow(count: int, pause_s: float = 10.0) -> list[ScriptedAnswer]:
    """Answers that take their time."""
    return [ScriptedAnswer([pause_s, OPENED, HELLO, DONE], content_type="text/event-stream") for _ in range(count)]


def crowd(stage: Stage, count: int) -> list[Listener]:
    """What so many hear who ask at once."""

    async def scene() -> list[Listener]:
        return list(await asyncio.gather(*(stage.ask(ask()) for _ in range(count))))

    return play(scene())


def test_who_finds_the_queue_full_goes_to_the_next_channel() -> None:
    tight = channel("one", limits={"simultaneous": 1, "queue": 1})
    stage = Stage({"one": slow(2), "two": slow(1)}, tight, channel("two"))
    heard = crowd(stage, 3)
    assert [listener.headers["x-dragoman-channel"] for listener in heard] == ["one", "one", "two"]


def test_a_queue_of_nobody_lets_nobody_wait() -> None:
    stage = Stage({"one": slow(1)}, channel("one", limits={"simultaneous": 1, "queue": 0}))
    first, second = crowd(stage, 2)
    assert (first.status, second.status) == (200, 429)
    assert "takes 1 requests at once and 0 wait already" in error_of(second)["message"]


def test_one_waits_no_longer_than_was_said() -> None:
    tight = channel("one", limits={"simultaneous": 1, "queue_ms": 2500})
    stage = Stage({"one": slow(1, 30.0), "two": slow(1)}, tight, channel("two"))
    heard = crowd(stage, 2)
    assert [listener.headers["x-dragoman-channel"] for listener in heard] == ["one", "two"]


def test_a_full_queue_is_no_illness_of_the_provider() -> None:
    stage = Stage({"one": slow(2)}, channel("one", limits={"simultaneous": 1, "queue": 0}))
    crowd(stage, 2)
    assert stage.relay.learned.health.breakers == {}
    assert crowd(stage, 1)[0].status == 200


class Board(LocalBoard):
    """A board that pretends to be shared: two stages may use one."""

    shared = True


def test_replicas_have_the_places_together() -> None:
    board, tight = Board(), channel("one", limits={"simultaneous": 2})
    stages = [Stage({"one": slow(3)}, tight, allowances=Allowances(board)) for _ in range(2)]

    async def scene() -> None:
        asking = [asyncio.create_task(stage.ask(ask())) for _ in range(3) for stage in stages]
        await asyncio.sleep(5)
        assert sum(len(stage.transport.calls) for stage in stages) == 2
        heard = await asyncio.gather(*asking)
        assert {listener.status for listener in heard} == {200}
        assert await board.hold("after", [PLACES], 0) == Held(), "all places were given back"

    play(scene())


def test_who_finds_all_places_with_another_replica_goes_to_the_next_channel() -> None:
    board, tight = Board(), channel("one", limits={"simultaneous": 1, "queue": 0})

    async def scene() -> None:
        assert isinstance(await board.hold("elsewhere", [replace(PLACES, limit=1, amount=1)], 0), Held)
        stage = Stage({"one": slow(1), "two": slow(1)}, tight, channel("two"), allowances=Allowances(board))
        assert (await stage.ask(ask())).headers["x-dragoman-channel"] == "two"

    play(scene())


def test_who_waits_for_another_replica_waits_no_longer_than_was_said() -> None:
    board, tight = Board(), channel("one", limits={"simultaneous": 1, "queue_ms": 2500})

    async def scene() -> None:
        await board.hold("elsewhere", [replace(PLACES, limit=1, amount=1)], 0)
        stage = Stage({"one": slow(1)}, tight, allowances=Allowances(board))
        heard = await stage.ask(ask())
        assert heard.status == 429
        assert "was busy for 2 s" in error_of(heard)["message"]
        left = asyncio.create_task(stage.ask(ask()))
        await asyncio.sleep(1)
        left.cancel()
        await asyncio.wait([left])
        await board.settle("elsewhere", {})
        assert (await stage.ask(ask())).status == 200

    play(scene())
