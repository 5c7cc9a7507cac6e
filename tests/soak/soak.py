"""The soak: many clients, misbehaving vendors, one real gateway; what it told, and what it holds when all is over.

Rules. Everything is drawn from the seed. A first stretch warms the gateway up; what it holds after it, at rest, is what
it may hold at the end. Every request is judged against what the vendors meant, and found in the log exactly once.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from msgspec import Struct

from tests.clients.gateway import BASE_PATHS, PROVIDERS
from tests.soak.crowd import GIVE_UP_S, Tally, ask, draw, judge
from tests.soak.spied import Spied, State, spied
from tests.soak.vendors import ILL, SLEEPY, WELL, Book, Habit, Vendor

MODELS = 8
"""Models at each vendor: health is kept by model, so that a resting one leaves others to be asked."""
VENDORS: dict[str, tuple[str, Habit]] = {
    "ill-a": ("anthropic", ILL),
    "ill-b": ("anthropic", ILL),
    "ill-c": ("openai_chat", ILL),
    "ill-d": ("openai_chat", ILL),
    "well-a": ("anthropic", WELL),
    "well-c": ("openai_chat", WELL),
    "sleepy-a": ("anthropic", SLEEPY),
    "sleepy-c": ("openai_chat", SLEEPY),
}
TIMEOUTS = {"ill": (2.0, 3.0), "well": (80.0, 80.0), "sleepy": (17.0, 80.0)}
"""First content and idle, in seconds. Sleepy ones are pinged for before they answer, or are given up."""
GROUPS: dict[str, tuple[float, tuple[str, ...]]] = {
    "pair-aa": (1.0, ("ill-a", "well-a")),
    "pair-ac": (1.0, ("ill-b", "well-c")),
    "pair-ca": (1.0, ("ill-c", "well-a")),
    "pair-cc": (1.0, ("ill-d", "well-c")),
    "trio-aca": (1.0, ("ill-a", "ill-d", "well-a")),
    "trio-cac": (1.0, ("ill-c", "ill-b", "well-c")),
    "calm-a": (0.5, ("well-a",)),
    "calm-c": (0.5, ("well-c",)),
    "lone-a": (0.5, ("ill-b",)),
    "lone-c": (0.5, ("ill-d",)),
    "mob": (0.5, ("ill-a", "ill-c", "ill-b")),
}
"""What clients may ask for: its weight, and the vendors behind it, in order."""
SLEEPERS: dict[str, tuple[float, tuple[str, ...]]] = {
    "sleepy-ac": (0.05, ("sleepy-a", "well-c")),
    "sleepy-ca": (0.05, ("sleepy-c", "well-a")),
}
"""The same, for runs that have the time."""
LEAST_FOR_SLEEPERS_S = 60.0
MENDED_LEAST = 0.9995
WATCHES = 8
MEMORY_MIB = 24.0
"""By how much memory may have grown: allocators keep what a busy time took."""
BLOCKS = 120_000
"""By how many blocks of memory: what is learned of sessions is kept, up to a few thousand of them."""


class Report(Struct, frozen=True, kw_only=True):
    """What a run found."""

    seconds: float
    streams: int
    seed: int
    tally: Tally
    warm: State
    end: State
    memory_mib: list[float]
    """At even distances between those two."""
    lines: int
    wrongs: list[str]

    def __str__(self) -> str:
        tally, warm, end = self.tally, self.warm, self.end
        asked = sum(tally.outcomes.values())
        healthy = tally.mended / tally.needed if tally.needed else 1.0
        share = Counter({key: count for key, count in tally.attempts.items() if key not in ("reply", "F59")})
        faults = ", ".join(f"{key} {count}" for key, count in sorted(share.items()))
        attempts = f"{sum(tally.attempts.values())} read by vendors, {sum(share.values())} with a fault"
        verdict = "Nothing was wrong." if not self.wrongs else f"{len(self.wrongs)} things were wrong:"
        return "\n".join(
            [
                f"{asked} requests in {self.seconds:.0f} s by {self.streams} clients at once, seed {self.seed}",
                "told       " + ", ".join(f"{count} {outcome}" for outcome, count in tally.outcomes.most_common()),
                f"attempts   {attempts}: {faults}",
                f"failover   {tally.needed} needed it with a healthy channel behind, {tally.mended} had it "
                f"({healthy:.3%})",
                f"silence    {tally.kept_awake} clients were kept awake through one of 15 s and more; "
                f"{tally.stalls} answers stalled because this machine was busy",
                f"log        {self.lines} exchange lines",
                f"gateway    files {warm.files} -> {end.files}, tasks {warm.tasks} -> {end.tasks}, threads "
                f"{warm.threads} -> {end.threads}, blocks {warm.blocks} -> {end.blocks}",
                "memory     " + " ".join(f"{size:.0f}" for size in self.memory_mib) + " MiB",
                verdict,
                *(f"- {wrong[:1500]}" for wrong in self.wrongs[:20]),
            ]
        )


def configuration(vendors: dict[str, Vendor]) -> str:
    """A `dragoman.toml` with a channel for each vendor, and rules for everything that may be asked for."""
    lines = ["[server]", 'log_format = "json"']
    for name, vendor in vendors.items():
        first_content_s, idle_s = TIMEOUTS[name.partition("-")[0]]
        row = PROVIDERS[vendor.dialect]  # type: ignore[index]  # a dialect of the stand-in's is one of those
        lines += [
            "[[channels]]",
            f'name = "{name}"',
            f'provider = "{row}"',
            f'base_url = "{vendor.url}{BASE_PATHS.get(row, "")}"',
            'api_key = "key"',
            f"timeouts = {{ connect = 20, first_content = {first_content_s}, idle = {idle_s} }}",
        ]
    lines += ["[[profiles]]", 'name = "default"', "rules = ["]
    for group, (_, targets) in (GROUPS | SLEEPERS).items():
        for number in range(MODELS):
            said = ", ".join(f'{{ channel = "{target}", model = "m{number}" }}' for target in targets)
            lines.append(f'  {{ model = "{group}-{number}", targets = [{said}] }},')
    return "\n".join([*lines, "]", ""])


class Soak:
    """One run. Mutable: it counts requests."""

    def __init__(self, gateway: Spied, vendors: dict[str, Vendor], book: Book, seed: int) -> None:
        self._gateway = gateway
        self._vendors = vendors
        self._book = book
        self._seed = seed
        self._asked = 0
        self.tally = Tally()
        self.memory_mib: list[float] = []

    async def crowd(self, streams: int, seconds: float, *, sleepers: bool) -> None:
        """Clients that ask one thing after another until the time is over, and hear their last answer to its end."""
        groups = GROUPS | SLEEPERS if sleepers else GROUPS
        models = {f"{group}-{number}": weight for group, (weight, _) in groups.items() for number in range(MODELS)}
        end_s = time.monotonic() + seconds
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=5)
        patience = aiohttp.ClientTimeout(total=GIVE_UP_S)
        async with aiohttp.ClientSession(connector=connector, timeout=patience, read_bufsize=2**12) as session:

            async def client(number: int) -> None:
                chance = random.Random(f"{self._seed} client {number}")
                while time.monotonic() < end_s:
                    self._asked += 1
                    await self._once(session, chance, models)

            async with asyncio.TaskGroup() as group:
                for number in range(streams):
                    group.create_task(client(number))

    async def watch(self, every_s: float) -> None:
        """Notes the gateway's memory now and then."""
        while True:
            await asyncio.sleep(every_s)
            self.memory_mib.append(self._gateway.memory_mib())

    async def _once(self, session: aiohttp.ClientSession, chance: random.Random, models: dict[str, float]) -> None:
        wish = draw(chance, self._asked, models)
        try:
            told = await ask(session, self._gateway.url, wish)
        except (aiohttp.ClientError, TimeoutError) as found:
            self.tally.wrongs.append(f"{wish}: no answer: {type(found).__name__} {found}")
            return
        judge(wish, told, self._book, self.tally)

    async def at_rest(self) -> State:
        """What the gateway holds once every connection to it and of it is closed."""
        last: State | None = None
        for _ in range(20):
            for vendor in self._vendors.values():
                vendor.hang_up()
            await asyncio.sleep(0.5)
            state = await asyncio.to_thread(self._gateway.state)
            if last is not None and (state.files, state.tasks) == (last.files, last.tasks):
                return state
            last = state
        raise RuntimeError("the gateway does not come to rest")

    def judge_log(self) -> tuple[int, list[str]]:
        """How many exchange lines there are, and what is wrong with them."""
        lines = [json.loads(line) for line in self._gateway.log.read_text().splitlines()]
        found = Counter(line["exchange"] for line in lines if line["event"] == "exchange")
        wrongs = [f"log: {line}" for line in lines if line["event"] != "exchange"]
        wrongs += [f"log: {count} lines for {id_}" for id_, count in found.items() if count != 1]
        told = Counter(self.tally.ids)
        wrongs += [f"log: no line for {id_}" for id_ in told if id_ not in found]
        wrongs += [f"log: a line for {id_}, of which no client knows" for id_ in found if id_ not in told]
        wrongs += [f"{count} answers had the id {id_!r}" for id_, count in told.items() if count != 1]
        return sum(found.values()), wrongs


async def soak(folder: Path, *, seconds: float, streams: int, seed: int) -> Report:
    """Runs for about so long."""
    book = Book()
    vendors = {
        name: Vendor(name, letter, dialect, habit, book, seed)
        for letter, (name, (dialect, habit)) in zip("abcdefgh", VENDORS.items(), strict=True)
    }
    async with AsyncExitStack() as stack:
        for vendor in vendors.values():
            await stack.enter_async_context(vendor)
        gateway = await asyncio.to_thread(stack.enter_context, spied(folder, configuration(vendors)))
        run = Soak(gateway, vendors, book, seed)
        started_s = time.monotonic()
        await run.crowd(streams, min(max(seconds * 0.2, 4.0), 60.0), sleepers=False)
        warm = await run.at_rest()
        left_s = seconds - (time.monotonic() - started_s)
        watching = asyncio.create_task(run.watch(left_s / WATCHES))
        await run.crowd(streams, left_s, sleepers=seconds >= LEAST_FOR_SLEEPERS_S)
        watching.cancel()
        end = await run.at_rest()
        took_s = time.monotonic() - started_s
        code = await asyncio.to_thread(gateway.stop)
        lines, wrongs = run.judge_log()
        wrongs = [*run.tally.wrongs, *wrongs, *grown(warm, end)]
        wrongs += [f"{name} refused: {why}" for name, vendor in vendors.items() for why in vendor.refusals]
        if run.tally.mended < MENDED_LEAST * run.tally.needed:
            wrongs.append(f"only {run.tally.mended} of {run.tally.needed} were answered by the healthy channel behind")
        if code:
            wrongs.append(f"the gateway ended with {code}")
        return Report(
            seconds=took_s,
            streams=streams,
            seed=seed,
            tally=run.tally,
            warm=warm,
            end=end,
            memory_mib=[warm.memory_mib, *run.memory_mib, end.memory_mib],
            lines=lines,
            wrongs=wrongs,
        )


def grown(warm: State, end: State) -> list[str]:
    """What the gateway holds more of than it may."""
    found = []
    if end.files > warm.files:
        found.append(f"files: {end.files} are open, {warm.files} were")
    if end.tasks > warm.tasks:
        found.append(f"tasks: {end.tasks} run, {warm.tasks} did")
    if end.threads > warm.threads + 1:
        found.append(f"threads: {end.threads} run, {warm.threads} did")
    if end.memory_mib > warm.memory_mib + MEMORY_MIB:
        found.append(f"memory: {end.memory_mib:.0f} MiB, {warm.memory_mib:.0f} were")
    if end.blocks > warm.blocks + BLOCKS:
        more = Counter(end.objects) - Counter(warm.objects)
        kinds = ", ".join(f"{count} {name}" for name, count in more.most_common(8))
        found.append(f"blocks of memory: {end.blocks}, {warm.blocks} were; among the objects {kinds} more")
    return found
