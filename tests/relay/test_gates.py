"""A channel's queue is as long as was said, and what finds no place in it goes elsewhere at once."""

from __future__ import annotations

import asyncio

from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, play
from tests.relay.test_relay import DONE, HELLO, OPENED, ask, error_of


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
