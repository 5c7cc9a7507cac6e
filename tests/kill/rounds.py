"""Rounds of load that end with kill -9, and the comparison of two ledgers: the gateway's and the vendor's.

Rules. Every request asks for a model of its own, by whose name both ledgers are compared. A request that the vendor has
seen stands in the gateway's ledger exactly once. Where the client had its whole answer, or the exchange ended by
itself, the counts are the vendor's to the token. All others are flagged: their input is the vendor's or our estimate,
their output lies no further behind what the client had heard than a checkpoint does, and never above what the vendor
meant to say.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
from msgspec import Struct

from dragoman.canon import usage as canon
from dragoman.ledger.exchange import Exchange
from dragoman.ledger.tokens import estimate_text
from dragoman.store.opening import open_store
from dragoman.store.ports import Search, Total
from tests.clients.gateway import address
from tests.faults.client import PATHS, body_for, head_for
from tests.standin import Ask, Reply, Shape, StandIn, Text, Usage

DOORS = ("anthropic", "openai_chat")
CHANNELS = {"anthropic": ("anthropic", ""), "openai_chat": ("openai-compatible", "/v1")}
CLIENTS = 12
DELAYS_S = (0.0, 0.0, 0.002, 0.01, 0.03)
"""Between two events of an answer."""
LATEST_S = 0.9
"""When a gateway is killed at the latest, after its first answer."""
EARLY = 0.2
"""Share of the rounds in which it is killed as long after its greeting, whether or not it has answered."""
START_S = 60.0
BEHIND = 600
"""Tokens that a checkpoint may lie behind: 256, or what an answer at its fastest here says in a second."""
SETTLED_S = 60.0
ENDINGS = (b"event: message_stop", b"data: [DONE]")


class Heard(Struct, frozen=True):
    """What one client got."""

    asked: str
    whole: bool
    tokens: int
    """Estimate of what it has heard."""


class Report(Struct, frozen=True, kw_only=True):
    """What the rounds found."""

    rounds: int
    seed: int
    sent: int
    """Requests that the vendor has seen."""
    whole: int
    """Answers that clients had whole."""
    interrupted: int
    wrongs: list[str]

    def __str__(self) -> str:
        verdict = "Nothing was wrong." if not self.wrongs else f"{len(self.wrongs)} things were wrong:"
        return "\n".join(
            [
                f"{self.rounds} gateways were killed, seed {self.seed}",
                f"{self.sent} requests were sent to the vendor; {self.whole} answers came whole, "
                f"{self.interrupted} exchanges were settled as interrupted",
                verdict,
                *(f"- {wrong}" for wrong in self.wrongs[:20]),
            ]
        )


def play(folder: Path, *, rounds: int, seed: int, database: str = "") -> Report:
    """The rounds, one gateway after another on the same data, and what is wrong at the end."""
    chance = random.Random(seed)
    heard: list[Heard] = []
    speaker = Speaker(random.Random(seed))
    with StandIn(speaker, dialects=DOORS) as vendor:
        file = folder / "dragoman.toml"
        file.write_text(configuration(folder, vendor.url, database))
        for number in range(rounds):
            with running(folder, file) as gateway:
                heard += asyncio.run(one_round(gateway, number, chance))
        with running(folder, file):
            asyncio.run(settled(folder / "data" / "journal"))
        sent = Counter(seen.body["model"] for seen in vendor.requests)
    known, totals = asyncio.run(remembered(folder / "data", database))
    return Report(
        rounds=rounds,
        seed=seed,
        sent=sent.total(),
        whole=sum(each.whole for each in heard),
        interrupted=sum(exchange.interrupted for exchange in known),
        wrongs=list(compare(sent, speaker.bills, heard, known, totals)),
    )


class Speaker:
    """A vendor's answers, of any length and pace and with any usage; it keeps its own ledger. Mutable."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.bills: dict[str, Usage] = {}
        """What each request costs whose answer is sent to its end, by the model asked for."""

    def __call__(self, ask: Ask) -> Reply:
        chance = self._chance
        usage = Usage(input=chance.randint(1, 5000), cache_read=chance.choice((0, 700)), output=chance.randint(1, 2000))
        self.bills[ask.model] = usage
        shape = Shape(event_delay_s=chance.choice(DELAYS_S))
        return Reply((Text("some words " * chance.randint(1, 60)),), usage=usage, shape=shape)


def configuration(folder: Path, url: str, database: str) -> str:
    """A `dragoman.toml` that sends each door to the vendor's own dialect or to the other, by the model's name."""
    lines = ["[server]", f"data_dir = {json.dumps(str(folder / 'data'))}", 'log_format = "json"']
    lines += [f"database = {json.dumps(database)}"] if database else []
    rules = []
    for dialect, (provider, path) in CHANNELS.items():
        lines += ["[[channels]]", f'name = "{dialect}"', f'provider = "{provider}"', f'base_url = "{url}{path}"']
        lines += ['api_key = "key"']
        rules.append(f"{{ pattern = '({dialect}-.*)', targets = [{{ channel = \"{dialect}\", model = '\\1' }}] }}")
    return "\n".join([*lines, "[[profiles]]", 'name = "default"', f"rules = [{', '.join(rules)}]", ""])


class Gateway(NamedTuple):
    """A running gateway."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def running(folder: Path, file: Path) -> Iterator[Gateway]:
    """A gateway, which is told to stop at the end unless it was killed."""
    log = folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "dragoman", "--config", str(file), "--port", "0"],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Gateway(address(process, log), process)
    finally:
        process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


async def one_round(gateway: Gateway, number: int, chance: random.Random) -> list[Heard]:
    """Load until kill -9 at a random moment, and what the clients have heard by then."""
    heard: list[Heard] = []
    async with aiohttp.ClientSession() as session:
        crowd = [
            asyncio.create_task(client(session, gateway.url, f"{number}-{one}", random.Random(chance.random()), heard))
            for one in range(CLIENTS)
        ]
        if chance.random() > EARLY:
            async with asyncio.timeout(START_S):
                while not heard:  # noqa: ASYNC110 - clients tell nobody
                    await asyncio.sleep(0.01)
        await asyncio.sleep(chance.random() * LATEST_S)
        gateway.process.kill()
        await asyncio.gather(*crowd)
    return heard


async def client(
    session: aiohttp.ClientSession, url: str, name: str, chance: random.Random, heard: list[Heard]
) -> None:
    """Asks again and again, each time for another model, until nobody answers."""
    for number in itertools.count():
        told, alive = await ask_once(session, url, f"{name}-{number}", chance)
        heard.append(told)
        if not alive:
            return


async def ask_once(
    session: aiohttp.ClientSession, url: str, name: str, chance: random.Random, key: str = "key-of-the-client"
) -> tuple[Heard, bool]:
    """What is heard of one request at any door, and whether the line held."""
    door, dialect, stream = chance.choice(DOORS), chance.choice(DOORS), chance.random() < 0.8
    asked = f"{dialect}-{name}"
    pieces: list[bytes] = []
    try:
        body = body_for(door, stream=stream, model=asked)
        head = {**head_for(door), "authorization": f"Bearer {key}"}
        async with session.post(url + PATHS[door][stream], json=body, headers=head) as answer:
            async for piece in answer.content.iter_any():
                pieces.append(piece)  # noqa: PERF401 - what came before the line broke is kept
    except aiohttp.ClientError:
        return Heard(asked, any(ending in b"".join(pieces) for ending in ENDINGS), tokens_in(pieces)), False
    return Heard(asked, answer.status == 200, tokens_in(pieces)), True


def tokens_in(pieces: list[bytes]) -> int:
    """An estimate of the words among the frames."""
    return estimate_text(len("some words ") * b"".join(pieces).count(b"some"))


async def settled(journal: Path) -> None:
    """Waits until the gateway has taken over all that its predecessors left."""
    async with asyncio.timeout(SETTLED_S):
        while list(journal.glob("*.journal")):  # noqa: ASYNC110, ASYNC240 - another process does it
            await asyncio.sleep(0.05)


async def remembered(folder: Path, database: str) -> tuple[list[Exchange], Total]:
    """All exchanges of the database, and its sums."""
    async with open_store(database, folder=folder) as store:
        (total,) = await store.ledger.totals(Search(), by=())
        found: list[Exchange] = []
        after: str | None = None
        while True:
            page = await store.ledger.find(Search(), limit=500, after=after)
            found += page.exchanges
            after = page.next
            if after is None:
                return found, total


def compare(
    sent: Counter[str], bills: Mapping[str, Usage], heard: list[Heard], known: list[Exchange], total: Total
) -> Iterator[str]:
    """What is wrong with the gateway's ledger."""
    times = Counter(exchange.asked for exchange in known)
    yield from (f"{asked} stands there {count} times" for asked, count in times.items() if count > 1)
    exchanges = {exchange.asked: exchange for exchange in known}
    yield from (f"{asked} was sent {count} times" for asked, count in sent.items() if count > 1)
    yield from (f"{asked} was sent but is not there" for asked in sent.keys() - exchanges.keys())
    got = {each.asked: each for each in heard}
    yield from (f"{asked} is there but nobody asked" for asked in exchanges.keys() - got.keys())
    for asked, exchange in exchanges.items():
        if fault := misjudged(exchange, bills.get(asked), got.get(asked, Heard(asked, whole=False, tokens=0))):
            yield f"{asked} {fault}: the vendor's {bills.get(asked)}; {got.get(asked)}; {exchange}"
    yield from wrong_sums(known, total)


def misjudged(exchange: Exchange, bill: Usage | None, heard: Heard) -> str:
    """What is wrong with one exchange; empty if nothing is."""
    usage = exchange.usage
    if len(exchange.attempts) != 1 or exchange.attempts[0].usage != usage:
        return "has not the one attempt that was made"
    if heard.whole or usage.exact or not (exchange.interrupted or exchange.problem):
        return "" if bill is not None and agree(usage, bill) else "differs from the vendor's bill"
    output = usage.output or 0
    if heard.tokens - output > BEHIND:
        return f"is {heard.tokens - output} tokens behind what the client had"
    return "" if usage.prompt else "has no input"


def agree(ours: canon.Usage, theirs: Usage) -> bool:
    """Whether both counted the same; what the gateway was not told is nothing."""
    counts = ("input", "cache_read", "output")
    return ours.exact and all((getattr(ours, name) or 0) == getattr(theirs, name) for name in counts)


def wrong_sums(known: list[Exchange], total: Total) -> Iterator[str]:
    """Where the sums are not those of the exchanges."""
    if total.exchanges != len(known):
        yield f"{total.exchanges} exchanges were counted, but there are {len(known)}"
    attempts = [attempt for exchange in known for attempt in exchange.attempts]
    for name in ("input", "cache_read", "output"):
        summed = sum(getattr(attempt.usage, name) or 0 for attempt in attempts)
        if getattr(total, name) != summed:
            yield f"{getattr(total, name)} tokens of {name} were counted, but the exchanges have {summed}"
    if total.estimates != sum(not attempt.usage.exact for attempt in attempts):
        yield f"{total.estimates} estimates were counted"
    if total.cost_nano != sum(attempt.cost.nano for attempt in attempts if attempt.cost):
        yield f"{total.cost_nano} were charged"
