"""A fleet: two gateways, what they share, and the vendor behind them; load on both, and the accounts afterwards."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp

from dragoman.shapes.access import KeyLimitsTable, KeyTable, ProjectTable
from dragoman.store.opening import open_store
from dragoman.store.ports import SYSTEM, Payer, Spent, StoredKey
from tests.faults.client import look
from tests.kill.outage import Report
from tests.kill.rounds import Gateway, Heard, Speaker, ask_once, compare, configuration, remembered, running, settled
from tests.standin import StandIn
from tests.store.postgresql_server import postgresql
from tests.store.redis_server import Server, redis_server

PAUSE_S = 0.1
"""Between two requests of one client."""
CLIENTS = 4
"""Of each gateway."""
CALM_S = 1.0
"""Before and after Redis is frozen."""
LIMITED = KeyTable(name="limited", limits=KeyLimitsTable(rpm=100_000, simultaneous=1000))
"""A key whose every request asks the board."""
DIALECTS = ("anthropic", "openai_chat")


class Fleet:
    """What replicas share. Mutable: the vendor hears, and gateways come and go."""

    def __init__(self, folder: Path, database: str, redis: Server, vendor: StandIn, speaker: Speaker) -> None:
        self.folder = folder
        self.database = database
        self.redis = redis
        self.vendor = vendor
        self._speaker = speaker
        self._file = folder / "dragoman.toml"
        self.configure(configuration(folder, vendor.url, ""))

    def configure(self, text: str) -> None:
        """What gateways that start from now on are configured with, beside what they share."""
        line = 'log_format = "json"'
        shared = {"database": self.database, "redis": self.redis.url}
        lines = [line, *(f"{name} = {json.dumps(url)}" for name, url in shared.items())]
        self._file.write_text(text.replace(line, "\n".join(lines)))

    def budget(self, channel: str, budget: str) -> None:
        """Gateways that start from now on hold a channel to this budget, written as TOML."""
        text = self._file.read_text()
        self._file.write_text(text.replace(f'name = "{channel}"', f'name = "{channel}"\nbudgets = [{budget}]', 1))

    def project(self, spec: ProjectTable) -> None:
        """A new project."""

        async def made() -> None:
            async with open_store(self.database, folder=self.folder / "data") as store:
                await store.configuration.projects.add(SYSTEM, spec)

        asyncio.run(made())

    @contextmanager
    def replica(self) -> Iterator[Gateway]:
        """One more gateway."""
        with running(self.folder, self._file) as gateway:
            yield gateway

    def key(self, spec: KeyTable) -> tuple[str, str]:
        """A new API key: its text and its id."""

        async def made() -> tuple[str, str]:
            async with open_store(self.database, folder=self.folder / "data") as store:
                minted = await store.configuration.keys.add(SYSTEM, spec)
                return minted.text, minted.key.id

        return asyncio.run(made())

    def known_key(self, urls: Sequence[str], spec: KeyTable) -> tuple[str, str]:
        """The same, once the gateways at these addresses know it."""
        eventually((self.folder / "data" / "master.key").exists)
        made = self.key(spec)
        ports = [int(url.rpartition(":")[2]) for url in urls]
        eventually(lambda: all(look(port, "/v1/models").status == 401 for port in ports))
        return made

    def disable(self, key_id: str) -> StoredKey:
        """The key opens nothing any more."""

        async def done() -> StoredKey:
            async with open_store(self.database, folder=self.folder / "data") as store:
                keys = store.configuration.keys
                revision = (await keys.get(key_id)).revision
                return await keys.change(SYSTEM, key_id, revision, state="disabled")

        return asyncio.run(done())

    def spent(self, key_id: str) -> Spent:
        """What the ledger says that a key has used."""

        async def told() -> Spent:
            async with open_store(self.database, folder=self.folder / "data") as store:
                (found,) = await store.ledger.spent(Payer("key", key_id), 0)
                return found

        return asyncio.run(told())

    def wrongs(self, heard: list[Heard]) -> list[str]:
        """What is wrong with the accounts, once a last gateway has taken over what others left."""
        with self.replica():
            asyncio.run(settled(self.folder / "data" / "journal"))
        sent = Counter(seen.body["model"] for seen in self.vendor.requests)
        known, total = asyncio.run(remembered(self.folder / "data", self.database))
        return list(compare(sent, self._speaker.bills, heard, known, total))


@contextmanager
def fleet(folder: Path, seed: int) -> Iterator[Fleet]:
    """What two gateways need, for as long as the context lasts."""
    with ExitStack() as stack:
        database = stack.enter_context(postgresql()).database()
        redis = stack.enter_context(redis_server(folder))
        speaker = Speaker(random.Random(seed))
        vendor = stack.enter_context(StandIn(speaker, dialects=DIALECTS))
        yield Fleet(folder, database, redis, vendor, speaker)


class Crowd:
    """Clients that ask, each one gateway, until it is gone or they are told to stop. Mutable: it hears."""

    def __init__(self, key: str, seed: int) -> None:
        self.heard: list[Heard] = []
        self.stop = asyncio.Event()
        self._key = key
        self._chance = random.Random(seed)
        self._names = 0

    async def ask(self, session: aiohttp.ClientSession, url: str) -> None:
        """One client."""
        self._names += 1
        name, chance, number = f"{self._names}", random.Random(self._chance.random()), 0
        while not self.stop.is_set():
            told, alive = await ask_once(session, url, f"{name}-{number}", chance, self._key)
            self.heard.append(told)
            if not alive:
                return
            number += 1
            await asyncio.sleep(chance.random() * 2 * PAUSE_S)


def eventually(holds: Callable[[], bool]) -> None:
    """Waits until it holds; the test's own time limit ends it otherwise."""
    while not holds():
        time.sleep(0.1)


def live_frozen(folder: Path, *, seconds: float, seed: int) -> Report:
    """Load on two gateways whose Redis freezes for so long, and what is wrong when it is over (F92)."""
    with fleet(folder, seed) as shared:
        with shared.replica() as one, shared.replica() as other:
            urls = [one.url, other.url]
            crowd = Crowd(shared.known_key(urls, LIMITED)[0], seed)
            asyncio.run(_through_frost(crowd, urls, shared.redis, seconds))
        wrongs = shared.wrongs(crowd.heard)
    return Report(asked=len(crowd.heard), whole=sum(each.whole for each in crowd.heard), wrongs=wrongs)


async def _through_frost(crowd: Crowd, urls: Sequence[str], redis: Server, seconds: float) -> None:
    async with aiohttp.ClientSession() as session:
        asking = [asyncio.create_task(crowd.ask(session, url)) for url in urls for _ in range(CLIENTS)]
        await asyncio.sleep(CALM_S)
        redis.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            redis.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(CALM_S)
        crowd.stop.set()
        await asyncio.gather(*asking)
