"""The recorder: feeds the database from the journal, behind the back of the requests.

Rules. It reads exchanges from the journal in batches, those that run and those that have ended, and puts each batch in
one transaction; what is put twice counts once, so that after any failure it simply reads on where the last success
was. A database that is away, locked or slow leaves the rest in the journal and costs no memory. It takes over what dead
processes left behind, and never stops for good: what goes wrong is logged, and tried again a little later.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import structlog
from msgspec import Struct

from dragoman.ledger.exchange import Exchange
from dragoman.store.bodies import DAY_MS, Bodies
from dragoman.store.journal import Journal, Legacy, Mark, inherited
from dragoman.store.ports import Body, Purged, StoreTrouble

BATCH = 100
"""Exchanges in one transaction at most: the event loop is kept 2 ms by as many, and running answers wait so long."""
TICK_S = 0.5
"""Seconds an exchange waits at most for others to be put with it."""
LONGEST_PAUSE_S = 5.0
"""Seconds between two attempts at a database that is away, at most; the first is tried again after `TICK_S`."""
LOOK_S = 60.0
"""Seconds between two looks for what dead processes left."""
PURGE_S = 600.0
SLOW_S = 15.0
"""Seconds that a round may take before it is said to be late."""
FAREWELL_S = 5.0
"""Seconds at the end in which the rest is put; what is left then is put at the next start."""

log = structlog.get_logger()


class Shelf(Protocol):
    """What the recorder needs of the ledger's port."""

    async def put(self, exchanges: Sequence[Exchange]) -> int:
        """Remembers exchanges, each once."""

    async def put_bodies(self, bodies: Sequence[Body]) -> None:
        """Remembers contents, each once."""

    async def purge(self, now_ms: int, *, exchanges_before_ms: int | None = None) -> Purged:
        """Forgets contents that have expired, and exchanges that are too old."""


class State(Struct, frozen=True, kw_only=True):
    """How the recorder is doing."""

    recorded: int
    """Exchanges put since the start."""
    trouble: str
    """Why nothing can be put at the moment; empty while all is well."""
    since_ms: int | None
    """Since when; Unix time."""
    refused: int
    """Exchanges that the database would not take and that were passed over."""
    damaged: int
    """Records of the journal that could not be read."""
    lost: int
    """Exchanges that neither disk nor memory could keep."""
    dropped_bodies: int
    """Exchanges whose content is not kept because too much waited."""


class Recorder:
    """Moves exchanges from the journal to the ledger. Mutable: it knows how far it has come.

    `ledger` gives the database once it is open, and is asked again while it is not; `complete` adds what is worked out
    only now, as the cost, and runs in a thread.
    """

    def __init__(
        self,
        journal: Journal,
        folder: Path,
        ledger: Callable[[], Awaitable[Shelf]],
        complete: Callable[[Exchange], Exchange],
        *,
        bodies: Bodies | None = None,
        tick_s: float = TICK_S,
    ) -> None:
        self._bodies = bodies or Bodies(0)
        self._journal, self._folder, self._open, self._complete = journal, folder, ledger, complete
        self._ledger: Shelf | None = None
        self._tick_s = self._pause_s = tick_s
        self.exchanges_days = 0
        """Days that exchanges are kept; 0: for ever."""
        self.mark: Mark | None = None
        """Everything before this place in the journal is in the database."""
        self._recorded = self._refused = self._damaged = 0
        self._trouble, self._since_ms = "", 0
        self._look_s = self._purge_s = 0.0
        self._began_s = 0.0
        """When the round began that runs; 0 between two."""
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """How it is doing."""
        return State(
            recorded=self._recorded,
            trouble=self._trouble or self._journal.trouble or self._slowness(),
            since_ms=self._since_ms if self._trouble else None,
            refused=self._refused,
            damaged=self._damaged,
            lost=self._journal.lost,
            dropped_bodies=self._bodies.dropped,
        )

    def _slowness(self) -> str:
        """What to say of a round that takes too long; empty while it does not."""
        took_s = time.monotonic() - self._began_s if self._began_s else 0.0
        return f"The database has not answered for {took_s:.0f} s." if took_s > SLOW_S else ""

    def start(self, after_s: float = 0.0) -> None:
        """Begins to work after so many seconds, beside everything else."""
        self._task = asyncio.create_task(self._work_for_ever(after_s))

    async def stop(self) -> None:
        """Puts what is left, for a few seconds at most, and closes the journal."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            with contextlib.suppress(Exception):  # what fails now is put at the next start
                async with asyncio.timeout(FAREWELL_S):
                    while await self._feed() or await self._put_bodies():
                        pass
        self._journal.close(self.mark)

    async def _work_for_ever(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        while True:
            self._began_s = time.monotonic()
            try:
                more = await self._round()
            except StoreTrouble as trouble:
                self._stumbled(str(trouble), final=trouble.is_final)
            except Exception as fault:  # the recorder's edge: whatever it was, accounting goes on (F82)
                if self._trouble != type(fault).__name__:
                    log.exception("recorder failed", fault=type(fault).__name__)
                self._stumbled(type(fault).__name__)
            else:
                self._recovered()
                if more:
                    continue
            self._began_s = 0.0
            await asyncio.sleep(self._pause_s)

    async def _round(self) -> bool:
        """One round of everything that is due; whether there is more to put at once."""
        self._journal.flush()
        now_s = time.monotonic()
        ledger = await self._opened()  # also where nothing is to be recorded: requests may wait for their keys
        more = await self._feed() or await self._put_bodies()
        if now_s >= self._look_s:
            self._look_s = now_s + LOOK_S
            await self._take_over()
        if now_s >= self._purge_s:
            self._purge_s = now_s + PURGE_S
            now_ms, days = int(time.time() * 1000), self.exchanges_days
            before_ms = now_ms - days * DAY_MS if days else None
            await ledger.purge(now_ms, exchanges_before_ms=before_ms)
        return more

    async def _feed(self) -> bool:
        """Puts the next batch; whether there may be more."""
        if not self._journal.holds_more(self.mark):
            return False
        batch, mark, damaged = await asyncio.to_thread(self._read)
        if batch:
            await self._put(batch)
        if damaged:
            self._damaged += damaged
            log.error("journal is damaged", unreadable_records=damaged)
        self.mark = mark
        self._journal.forget(mark)
        return len(batch) == BATCH

    async def _put_bodies(self) -> bool:
        """Puts the next contents; whether there may be more. They come after the accounts."""
        batch = self._bodies.batch()
        if not batch:
            return False
        ledger = await self._opened()
        try:
            await ledger.put_bodies(await asyncio.to_thread(lambda: [body for each in batch for body in each.bodies()]))
        except StoreTrouble:
            raise
        except Exception as fault:
            self._bodies.dropped += len(batch)
            log.exception("contents cannot be kept", exchanges=len(batch), fault=type(fault).__name__)
        self._bodies.done(batch)
        return True

    def _read(self) -> tuple[list[Exchange], Mark | None, int]:
        batch, mark, damaged = self._journal.read(self.mark, BATCH)
        return [self._complete(exchange) for exchange in batch], mark, damaged

    async def _take_over(self) -> None:
        """Puts what dead processes left behind."""
        legacies = await asyncio.to_thread(inherited, self._folder)
        try:
            for legacy in legacies:
                settled = await self._take(legacy)
                legacy.remove()
                if settled:
                    log.warning("exchanges of a gateway that died were settled", exchanges=settled)
        except StoreTrouble:
            self._look_s = 0.0
            raise
        finally:
            for legacy in legacies:
                legacy.release()  # what was not taken now is found again

    async def _take(self, legacy: Legacy) -> int:
        """Puts one legacy; how many of its exchanges had no ending."""
        exchanges, settled = legacy.exchanges(), 0
        while batch := await asyncio.to_thread(self._next_of, exchanges):
            await self._put(batch)
            settled += sum(exchange.interrupted for exchange in batch)
        return settled

    def _next_of(self, exchanges: Iterator[Exchange]) -> list[Exchange]:
        return [self._complete(exchange) for exchange in islice(exchanges, BATCH)]

    async def _put(self, batch: Sequence[Exchange]) -> None:
        """Puts a batch. One that the database refuses although it is there is put exchange by exchange, so that a
        single one cannot stop the others for ever."""
        ledger = await self._opened()
        try:
            self._recorded += await ledger.put(batch)
        except StoreTrouble:
            raise
        except Exception as fault:
            if len(batch) == 1:
                self._refused += 1
                log.exception("exchange cannot be recorded", exchange=batch[0].id, fault=type(fault).__name__)
                return
            for exchange in batch:
                await self._put([exchange])

    async def _opened(self) -> Shelf:
        if self._ledger is None:
            self._ledger = await self._open()
        return self._ledger

    def _stumbled(self, why: str, *, final: bool = False) -> None:
        """Tells once, and waits longer. Of what ends the gateway nothing is said here: it ends, and says why."""
        if not self._trouble:
            self._since_ms = int(time.time() * 1000)
            if not final:
                log.error("nothing can be recorded now", reason=why, remedy="Requests are answered all the same.")
        self._trouble = why
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def _recovered(self) -> None:
        if self._trouble:
            log.warning("recording goes on", after_ms=int(time.time() * 1000) - self._since_ms)
        self._trouble, self._pause_s = "", self._tick_s
