"""Two replicas on one board know of each other's trouble, and a newcomer of everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import msgspec
from msgspec.structs import replace

from dragoman.providers.balance import Balance
from dragoman.relay.balances import TOPIC
from dragoman.relay.relay import Relay
from dragoman.relay.sharing import Sharing
from dragoman.relay.standing import Standing
from dragoman.routing.health import healed
from dragoman.store.board.local import LocalBoard
from tests.relay.stage import Stage, broken, play
from tests.relay.test_relay import ask, good


class Air(LocalBoard):
    """A board on which all are heard, by the teller too. Mutable: it knows who listens."""

    def __init__(self) -> None:
        super().__init__()
        self._ears: list[asyncio.Queue[tuple[str, bytes]]] = []
        self.told: list[str] = []

    async def tell(self, topic: str, news: bytes) -> None:
        """`Board.tell`."""
        self.told.append(topic)
        for ear in self._ears:
            ear.put_nowait((topic, news))

    async def heard(self) -> AsyncGenerator[tuple[str, bytes], None]:
        """`Board.heard`."""
        self._ears.append(ear := asyncio.Queue[tuple[str, bytes]]())
        while True:
            yield await ear.get()


def join(air: Air, relay: Relay, looks: list[str]) -> asyncio.Task[None]:
    """A replica begins to tell and hear."""
    return asyncio.create_task(Sharing(air, relay, lambda: looks.append(str(relay.snapshot.version))).run())


def channel_of(stage: Stage) -> Sequence[str]:
    """Who was asked in the last exchange."""
    return [attempt.channel for attempt in stage.exchanges[-1].attempts]


def test_what_one_replica_has_suffered_spares_the_others() -> None:
    async def scene() -> None:
        air, looks = Air(), list[str]()
        one = Stage({"first": [broken()] * 5, "second": [good() for _ in range(5)]})
        other, newcomer = (Stage({"first": [], "second": [good()]}) for _ in range(2))
        tasks = [join(air, stage.relay, looks) for stage in (one, other)]
        await asyncio.sleep(2)
        for _ in range(5):
            await one.ask(ask())
        await asyncio.sleep(1)
        tasks.append(join(air, newcomer.relay, looks))
        await asyncio.sleep(2)
        for stage in (other, newcomer):
            await stage.ask(ask(), x_claude_code_session_id="of another")
            assert channel_of(stage) == ["second"]
        for task in tasks:
            task.cancel()

    play(scene())


def test_what_one_replica_was_told_of_balances_all_know() -> None:
    async def scene() -> None:
        air, looks = Air(), list[str]()
        stage = Stage({"first": [], "second": []})
        tasks = [join(air, stage.relay, looks)]
        await asyncio.sleep(2)
        spent = Balance(state="exhausted")
        far_ms = 10**14
        standings = {"first": Standing(balance=spent, asked_ms=far_ms, due_ms=far_ms + 1000)}
        await air.tell(TOPIC, msgspec.msgpack.encode(standings))
        await air.tell(TOPIC, b"\xc1 of another version")
        await asyncio.sleep(1)
        assert stage.relay.learned.told.spared("last").is_last("first")
        for task in tasks:
            task.cancel()

    play(scene())


def test_what_was_heard_is_not_told_again() -> None:
    async def scene() -> None:
        air, looks = Air(), list[str]()
        one = Stage({"first": [broken()] * 5, "second": [good() for _ in range(5)]})
        tasks = [join(air, stage.relay, looks) for stage in (one, Stage({"first": [], "second": []}))]
        for _ in range(5):
            await one.ask(ask())
        await asyncio.sleep(0.5)
        told = len(air.told)
        await asyncio.sleep(0.4)
        assert len(air.told) == told
        for task in tasks:
            task.cancel()

    play(scene())


def test_a_later_configuration_is_looked_for_at_once() -> None:
    async def scene() -> None:
        air, looks = Air(), list[str]()
        one, other = Stage({"only": []}), Stage({"only": []})
        tasks = [join(air, stage.relay, looks) for stage in (one, other)]
        await asyncio.sleep(2)
        one.relay.snapshot = replace(one.relay.snapshot, version=7)
        await asyncio.sleep(0.3)
        assert looks == ["0"]
        other.relay.snapshot = replace(other.relay.snapshot, version=7)
        await asyncio.sleep(0.3)
        assert looks == ["0"]
        for task in tasks:
            task.cancel()

    play(scene())


def test_a_channel_that_was_mended_is_asked_by_all_and_a_newcomer_undoes_nothing() -> None:
    async def scene() -> None:
        air, looks = Air(), list[str]()
        one = Stage({"first": [broken()] * 5, "second": [good() for _ in range(5)]})
        other = Stage({"first": [good(), *[broken()] * 5], "second": [good() for _ in range(7)]})
        tasks = [join(air, stage.relay, looks) for stage in (one, other)]
        await asyncio.sleep(2)
        for turn in range(5):
            await one.ask(ask(), x_claude_code_session_id=f"one-{turn}")
        await asyncio.sleep(1)
        await other.ask(ask(), x_claude_code_session_id="other")
        assert channel_of(other) == ["second"]
        (first, _) = one.relay.snapshot.channels
        one.relay.learned.health = healed(one.relay.learned.health, first)
        await asyncio.sleep(1)
        for turn in range(6):
            await other.ask(ask(), x_claude_code_session_id=f"other-{turn}")
            assert channel_of(other)[0] == "first"
        tasks.append(join(air, Stage({"first": [], "second": []}).relay, looks))
        await asyncio.sleep(2)
        await other.ask(ask(), x_claude_code_session_id="other-still")
        assert channel_of(other) == ["second"]
        for task in tasks:
            task.cancel()

    play(scene())
