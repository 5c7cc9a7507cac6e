"""Load while the database can not be written for a while, and the comparison of the two ledgers afterwards."""

from __future__ import annotations

import asyncio
import random
import resource
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import aiohttp
from msgspec import Struct

from tests.kill.rounds import Gateway, Heard, Speaker, ask_once, compare, configuration, remembered, running, settled
from tests.standin import StandIn
from tests.store.postgresql_server import PostgreSQL

CLIENTS = 4
PAUSE_S = 0.1
"""Between two requests of one client."""
CALM_S = 1.5
"""Before and after the outage."""
START_S = 60.0
CAUGHT_UP_S = 60.0


class Outage(Protocol):
    """Makes the database of a gateway unusable for as long as the context lasts."""

    def __call__(self, folder: Path, gateway: Gateway) -> AbstractContextManager[object]:
        """`folder` is where its data is."""


class Report(Struct, frozen=True, kw_only=True):
    """What was found."""

    asked: int
    whole: int
    wrongs: list[str]

    def __str__(self) -> str:
        return "\n".join([f"{self.whole} of {self.asked} requests were answered whole", *self.wrongs[:20]])


def live_through(folder: Path, outage: Outage, *, seconds: float, seed: int, database: str = "") -> Report:
    """Load before, during and after an outage of so many seconds, and what is wrong when it is over."""
    heard: list[Heard] = []
    speaker = Speaker(random.Random(seed))
    with StandIn(speaker, dialects=("anthropic", "openai_chat")) as vendor:
        file = folder / "dragoman.toml"
        file.write_text(configuration(folder, vendor.url, database))
        with running(folder, file) as gateway:
            state = asyncio.run(_scene(folder / "data", database, gateway, outage, seconds, random.Random(seed), heard))
            asyncio.run(_caught_up(gateway.url))
        with running(folder, file):
            asyncio.run(settled(folder / "data" / "journal"))  # what it could not record before it stopped
        sent = Counter(seen.body["model"] for seen in vendor.requests)
    known, total = asyncio.run(remembered(folder / "data", database))
    return Report(
        asked=len(heard),
        whole=sum(each.whole for each in heard),
        wrongs=[
            *compare(sent, speaker.bills, heard, known, total),
            *([] if state == "late" else [f"at the end of the outage recording was said to be {state}"]),
        ],
    )


async def _scene(
    data: Path,
    database: str,
    gateway: Gateway,
    outage: Outage,
    seconds: float,
    chance: random.Random,
    heard: list[Heard],
) -> str:
    """What the gateway says of its recording at the end of the outage."""
    over = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        crowd = [
            asyncio.create_task(_client(session, gateway.url, str(one), random.Random(chance.random()), heard, over))
            for one in range(CLIENTS)
        ]
        async with asyncio.timeout(START_S):
            while not (any(each.whole for each in heard) and _is_open(data, database)):  # noqa: ASYNC110 - they tell nobody
                await asyncio.sleep(0.1)
        await asyncio.sleep(CALM_S)
        with outage(data, gateway):
            await asyncio.sleep(seconds)
            state = await _recording(session, gateway.url)
        await asyncio.sleep(CALM_S)
        over.set()
        await asyncio.gather(*crowd)
    return state


def _is_open(data: Path, database: str) -> bool:
    """Whether the gateway has its database open. One elsewhere it has as soon as it answers: its keys are there."""
    if database or not (data / "dragoman.db").exists():
        return bool(database)
    with closing(sqlite3.connect(data / "dragoman.db", timeout=5)) as connection:
        try:
            return bool(connection.execute("SELECT count(*) FROM exchanges").fetchone()[0])
        except sqlite3.OperationalError:
            return False


async def _client(
    session: aiohttp.ClientSession,
    url: str,
    name: str,
    chance: random.Random,
    heard: list[Heard],
    over: asyncio.Event,
) -> None:
    number = 0
    while not over.is_set():
        heard.append((await ask_once(session, url, f"{name}-{number}", chance))[0])
        number += 1
        await asyncio.sleep(chance.random() * 2 * PAUSE_S)


async def _caught_up(url: str) -> None:
    """Waits until the gateway says that it records again."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(CAUGHT_UP_S):
        while await _recording(session, url) != "ok":  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.2)


async def _recording(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url + "/health") as answer:
        state: str = (await answer.json())["recording"]
        return state


@contextmanager
def locked(folder: Path, gateway: Gateway) -> Iterator[None]:
    """Another process writes to the SQLite file, on and on (F83)."""
    with closing(sqlite3.connect(folder / "dragoman.db", timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def full(folder: Path, gateway: Gateway) -> Iterator[None]:
    """No file of the gateway can grow, neither the database nor the journal (F84)."""
    _, most = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (1, most))
    yield
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (most, most))


def away(server: PostgreSQL) -> Outage:
    """The PostgreSQL server is gone (F88)."""

    @contextmanager
    def gone(folder: Path, gateway: Gateway) -> Iterator[None]:
        server.stop()
        yield
        server.start()

    return gone
