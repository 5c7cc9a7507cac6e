"""Even load on a gateway whose first vendor fails nearly half the time, until it is healed; and what clients had of it.

Rules. Each request is of a session of its own, so that none stays where it went. A stream succeeds if it came whole:
status, every event, the ending. Calls are counted by the vendors.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from msgspec import Struct

from tests.faults.client import PATHS, body_for, head_for
from tests.kill.rounds import running
from tests.standin import Ask, Fault, Reply, StandIn, Text

FLAWS = ((0.15, "F24"), (0.30, "F26.503"), (0.40, "F17"), (0.45, "F12"))
"""30 % of the answers are 5xx, 10 % resets, 5 % stalls; each with the share up to which it is drawn."""
MODEL = "claude-asked"
STALL_S = 1.0
"""What the gateway waits for first content; a real vendor is given minutes."""
HEALED_S = 30.0
"""Within which a vendor that is well again has to be asked."""
LEAST = 0.9995
MOST_CALLS = 1.2
SESSION = "{:08x}-0000-4000-8000-000000000000"


class Vendor(StandIn):
    """A vendor that fails as often as it is told to. Mutable like its base."""

    def __init__(self, seed: int, *, ill: bool) -> None:
        super().__init__(dialects=("anthropic",))
        self.ill = ill
        self.answered = 0
        """Requests that it meant to answer well."""
        self._chance = random.Random(seed)

    def _next(self, ask: Ask) -> Reply | Fault | None:  # noqa: ARG002 - the base's shape
        drawn = self._chance.random()
        key = next((key for until, key in FLAWS if drawn < until), None) if self.ill else None
        if key:
            return Fault(key=key)
        self.answered += 1
        return Reply((Text("It is well with this one."),))


class Report(Struct, frozen=True, kw_only=True):
    """What was found."""

    asked: int
    failed: list[str]
    """How the requests ended that were not answered whole."""
    calls: int
    flawed: int
    """Requests until the first vendor was healed."""
    healed_s: float
    """How long it took from then until that vendor was asked again; infinite if it never was."""

    @property
    def wrongs(self) -> Iterator[str]:
        """What is wrong with it."""
        if len(self.failed) > (1 - LEAST) * self.asked:
            yield f"{len(self.failed)} of {self.asked} streams failed: {self.failed[:5]}"
        if self.calls > MOST_CALLS * self.flawed:
            yield f"{self.flawed} requests cost {self.calls} calls"
        if self.healed_s > HEALED_S:
            yield f"the healed vendor was asked again after {self.healed_s} s"

    def __str__(self) -> str:
        ratio = self.calls / max(1, self.flawed)
        words = (
            f"{self.asked - len(self.failed)} of {self.asked} streams came whole; {ratio:.3f} calls a request; the "
            f"healed vendor was asked again after {self.healed_s:.1f} s"
        )
        return "\n".join([words, *self.wrongs])


def play(folder: Path, *, seconds: float, per_s: float, seed: int) -> Report:
    """So much load on an ill vendor for so long, and then on a healed one until it is asked again."""
    with Vendor(seed, ill=True) as first, Vendor(seed, ill=False) as second:
        file = folder / "dragoman.toml"
        file.write_text(configuration(folder, first.url, second.url))
        with running(folder, file) as gateway:
            return asyncio.run(_scene(gateway.url, first, second, seconds, per_s))


def configuration(folder: Path, first: str, second: str) -> str:
    """Two channels for one model, the first before the second."""
    lines = ["[server]", f"data_dir = {json.dumps(str(folder / 'data'))}", 'log_format = "json"']
    for number, (name, url) in enumerate((("first", first), ("second", second))):
        lines += ["[[channels]]", f'name = "{name}"', 'provider = "anthropic"', f'base_url = "{url}"']
        lines += ['api_key = "key"', f'models = ["{MODEL}"]', f"priority = {number}"]
        lines += ["[channels.timeouts]", f"first_content = {STALL_S}"]
    return "\n".join([*lines, ""])


async def _scene(url: str, first: Vendor, second: Vendor, seconds: float, per_s: float) -> Report:
    failed: list[str] = []
    asked = 0
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as crowd:

        async def load(until_s: float) -> None:
            nonlocal asked
            began_s = asked / per_s - time.monotonic()
            while time.monotonic() < until_s and not (first.answered and not first.ill):
                crowd.create_task(_ask(session, url, asked, failed))
                asked += 1
                await asyncio.sleep(max(0.0, asked / per_s - began_s - time.monotonic()))

        await load(time.monotonic() + seconds)
        await asyncio.sleep(2 * STALL_S)
        flawed, calls = asked, len(first.requests) + len(second.requests)
        first.ill, first.answered = False, 0
        healed_s = time.monotonic()
        await load(healed_s + HEALED_S + 1)
        took_s = time.monotonic() - healed_s if first.answered else float("inf")
    return Report(asked=asked, failed=failed, calls=calls, flawed=flawed, healed_s=took_s)


async def _ask(session: aiohttp.ClientSession, url: str, number: int, failed: list[str]) -> None:
    head = {**head_for("anthropic"), "x-claude-code-session-id": SESSION.format(number)}
    body = body_for("anthropic", stream=True, model=MODEL)
    try:
        async with session.post(url + PATHS["anthropic"][True], json=body, headers=head) as answer:
            told = await answer.read()
    except aiohttp.ClientError as fault:
        failed.append(type(fault).__name__)
        return
    if answer.status != 200 or b"event: message_stop" not in told:
        failed.append(f"{answer.status} {told[-300:]!r}")
