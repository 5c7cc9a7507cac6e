"""What one process remembers: the journal at once, the database as soon as it is open.

Rules. Requests are answered before the database is opened, and whether or not it can be: the journal is enough until
then. Only a database that must not be used (damaged, of a later version, sealed with another master key) ends the
process, for going on would hide that from whoever has to mend it.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from dragoman.ledger.exchange import Exchange
from dragoman.store.bodies import Bodies
from dragoman.store.journal import Journal
from dragoman.store.ports import Claim, Ledger, Payer, Spent, Store, StoreTrouble
from dragoman.store.recorder import Recorder

JOURNAL_FOLDER = "journal"
LATER_S = 1.0
"""Seconds in which the first requests need not share the processor with the database's libraries."""


class Memory:
    """Journal, recorder and store of this process. Mutable: the store is opened while requests are answered already."""

    def __init__(
        self,
        folder: Path,
        complete: Callable[[Exchange], Exchange],
        *,
        url: str = "",
        bodies_days: int = 0,
        master_key: str | None = None,
        claim: Claim | None = None,
    ) -> None:
        self._folder, self._url, self._master_key, self._claim = folder, url, master_key, claim
        self._stack = AsyncExitStack()
        self._refuse: Callable[[str], None] = lambda _: None
        self.store: Store | None = None
        """None while it is not open."""
        self._is_open = asyncio.Event()
        self.journal = Journal(folder / JOURNAL_FOLDER)
        self.bodies = Bodies(bodies_days)
        self.recorder = Recorder(self.journal, folder / JOURNAL_FOLDER, self._ledger, complete, bodies=self.bodies)

    def start(self, refuse: Callable[[str], None], *, awaited: bool = True) -> None:
        """Begins to open the database and to record: at once where it is awaited, else when the first requests have
        been answered. `refuse` is told, in words, of one that must not be used."""
        self._refuse = refuse
        self.recorder.start(0.0 if awaited else LATER_S)

    async def stop(self) -> None:
        """Records what is left and closes everything."""
        await self.recorder.stop()
        await self._stack.aclose()

    async def _ledger(self) -> Ledger:
        """The ledger of the open store. Trouble: whatever kept it from being opened."""
        if self.store is None:
            self.store = await self._opened()
            self._is_open.set()
        return self.store.ledger

    async def spent(self, payer: Payer, since_ms: int, step_ms: int, models: Sequence[str]) -> tuple[Spent, ...]:
        """`Ledger.spent`."""
        return await (await self.opened()).ledger.spent(payer, since_ms, step_ms=step_ms, models=models)

    async def opened(self) -> Store:
        """The store, once it is open."""
        await self._is_open.wait()
        assert self.store is not None  # noqa: S101 - it was opened before the event was set
        return self.store

    def look(self) -> None:
        """The configuration may have changed: whoever watches it looks at once."""
        if self.store is not None:
            self.store.configuration.look()

    async def _opened(self) -> Store:
        # In a thread: the database's libraries take longer to import than any request may wait.
        opening = await asyncio.to_thread(importlib.import_module, "dragoman.store.opening")
        try:
            store: Store = await self._stack.enter_async_context(
                opening.open_store(self._url, folder=self._folder, master_key=self._master_key, claim=self._claim)
            )
        except StoreTrouble as trouble:
            if trouble.is_final:
                self._refuse(str(trouble))
            raise
        except OSError as fault:
            words = f"The data folder {self._folder} cannot be used ({fault.strerror}). Make it writable."
            raise StoreTrouble("away", words) from fault
        return store
