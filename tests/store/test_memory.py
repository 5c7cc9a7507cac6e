"""What a process remembers never keeps it from answering, but for a database that must not be used."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dragoman.ledger.exchange import Exchange
from dragoman.store.memory import Memory
from tests.store.test_journal import ended


def as_it_is(exchange: Exchange) -> Exchange:
    return exchange


async def in_trouble(memory: Memory) -> str:
    """What the recorder says is wrong, once it does."""
    async with asyncio.timeout(20):
        while not memory.recorder.state.trouble:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    return memory.recorder.state.trouble


@pytest.mark.anyio
async def test_f85_a_data_folder_that_cannot_be_used_is_told_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refusals: list[str] = []
    memory = Memory(tmp_path / "file" / "data", as_it_is)
    memory.start(refusals.append)
    memory.journal.write(ended(1))

    assert "Not a directory" in await in_trouble(memory)
    assert refusals == []
    await memory.stop()


@pytest.mark.anyio
async def test_f86_a_damaged_database_is_refused_and_never_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.db"
    file.write_bytes(b"no database, but somebody's accounts " * 1000)
    before = file.read_bytes()
    refusals: list[str] = []
    memory = Memory(tmp_path, as_it_is)
    memory.start(refusals.append)
    memory.journal.write(ended(1))

    assert "damaged" in await in_trouble(memory)
    assert len(refusals) >= 1
    await memory.stop()
    assert file.read_bytes() == before
    assert list((tmp_path / "journal").glob("*.journal")), "what was to be recorded is kept"


@pytest.mark.anyio
async def test_what_was_written_before_the_database_was_open_is_in_it(tmp_path: Path) -> None:
    memory = Memory(tmp_path, as_it_is)
    memory.journal.write(ended(1))
    memory.start(lambda _: None, awaited=False)

    await memory.stop()

    again = Memory(tmp_path, as_it_is)
    again.start(lambda _: None)
    store = await again.opened()
    assert (await store.ledger.get("dgm_1")).usage == ended(1).usage
    await again.stop()
