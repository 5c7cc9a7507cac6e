"""Tells the other replicas what this one learns of health and of the configuration, and hears what they tell.

Theory: what was told last is compared with what is known now, a few times a second; so nothing that learns has to know
that anybody listens. What is heard is put into both, and therefore never told again.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from dragoman.relay.balances import heard
from dragoman.relay.relay import Relay
from dragoman.routing.health import Health
from dragoman.routing.news import decode, encode, merge, news_of
from dragoman.store.ports.board import Board

TICK_S = 0.1
HELLO_S = 1.0
"""When a new replica asks for what the others know: by then it hears them."""


class Sharing:
    """One replica among several. Mutable: it knows what it has told."""

    def __init__(self, board: Board, relay: Relay, look: Callable[[], None]) -> None:
        """`look` is called when another replica works with a later version of the configuration."""
        self._board = board
        self._relay = relay
        self._look = look
        self._name = secrets.token_hex(8)
        self._told = Health()
        self._version = relay.snapshot.version

    async def run(self) -> None:
        """Tells and hears for as long as it runs."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            group.create_task(self._greet())
            group.create_task(self._tell())

    async def _greet(self) -> None:
        await asyncio.sleep(HELLO_S)
        await self._board.tell("hello", self._name.encode())

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            known = self._relay.learned.health
            news, self._told = news_of(self._told, known, _now_ms()), known
            if news is not None:
                await self._board.tell("health", encode(news, self._name))
            if (version := self._relay.snapshot.version) != self._version:
                self._version = version
                await self._board.tell("configuration", str(version).encode())

    async def _hear(self) -> None:
        async for topic, said in self._board.heard():
            match topic:
                case "health" if news := decode(said, self._name):
                    learned, now_ms = self._relay.learned, _now_ms()
                    learned.health = merge(learned.health, news, now_ms)
                    self._told = merge(self._told, news, now_ms)
                case "balances" if (standings := heard(said)) is not None:
                    self._relay.learned.told.stand(standings, time.time_ns() // 1_000_000)
                case "hello" if said != self._name.encode():
                    self._told = Health(heals=self._told.heals)  # what was mended then may be ill again by now
                case "configuration" if said.isdigit() and int(said) > self._relay.snapshot.version:
                    self._look()
                case _:
                    pass


def _now_ms() -> int:
    """The clock of health."""
    return int(time.monotonic() * 1000)
