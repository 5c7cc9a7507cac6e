"""What is changed in the database is in force without a restart, and stays so while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from dragoman.assembly import Assembly, assemble
from dragoman.canon.problem import Trouble
from dragoman.settings.load import load
from dragoman.settings.record import Flags
from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import ProfileTable, RuleTable, TargetTable
from dragoman.store.opening import SqlStore, open_store
from dragoman.store.ports import SYSTEM, Setting, Store


class House(NamedTuple):
    """A gateway, and the store that it follows."""

    gateway: Assembly
    store: SqlStore


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    settings = load(Flags(), {"DRAGOMAN_DATA": str(folder)}, folder, folder)
    async with open_store(folder=folder) as store, assemble(settings) as gateway:

        async def opened() -> Store:
            return store

        following = asyncio.create_task(gateway.live.follow(opened))
        try:
            yield House(gateway, store)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def soon(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def opens(gateway: Assembly, text: str) -> bool:
    try:
        return gateway.guard.admit({"x-api-key": text}).key is not None
    except Trouble:
        return False


def test_channels_profiles_and_prices_come_into_force(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as (gateway, store):
            shelf = store.configuration
            channel = await shelf.channels.add(SYSTEM, ChannelTable(name="a", provider="openai", api_key="sk-secret"))
            rule = RuleTable(model="x", targets=(TargetTable(channel="a", model="m"),))
            await shelf.profiles.add(SYSTEM, ProfileTable(name="default", rules=(rule,)))
            price = {"model": "m", "input": "7", "output": "9", "currency": "EUR"}
            await shelf.prices.add(SYSTEM, Setting("mine", msgspec.Raw(msgspec.json.encode(price))))
            version = await shelf.version()
            await soon(lambda: gateway.gateway.snapshot.version == version)
            snapshot = gateway.gateway.snapshot
            assert snapshot.channels[0].api_key.reveal() == "sk-secret"
            assert snapshot.profiles[0].rules[0].targets[0].channel == "a"
            found, doubt = gateway.live.prices.find("a", "openai", "m", 0)
            assert (found.currency, found.rates.input, doubt) == ("EUR", 7 * 10**9, "")
            await shelf.channels.change(SYSTEM, channel.id, channel.revision, state="disabled")
            await soon(lambda: not gateway.gateway.snapshot.channels[0].enabled)

    asyncio.run(scene())


def test_budgets_and_their_zone_come_into_force(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as (gateway, store):
            shelf, cap = store.configuration, BudgetTable(window="past 5h", tokens=5)
            await shelf.projects.add(SYSTEM, ProjectTable(name="shop", budgets=(cap,)))
            await shelf.channels.add(SYSTEM, ChannelTable(name="a", provider="openai", api_key="k", budgets=(cap,)))
            said = {"zone": "Asia/Tokyo", "user_budgets": [{"window": "day", "money": "1"}]}
            for name, value in said.items():
                await shelf.settings.add(SYSTEM, Setting(name, msgspec.Raw(msgspec.json.encode(value))))
            version = await shelf.version()
            await soon(lambda: gateway.gateway.snapshot.version == version)
            snapshot = gateway.gateway.snapshot
            assert snapshot.projects["shop"].budgets == snapshot.channels[0].budgets == (cap,)
            assert gateway.live.tuning.zone == "Asia/Tokyo"
            assert gateway.live.tuning.user_budgets == (BudgetTable(window="day", money="1"),)

    asyncio.run(scene())


def test_keys_open_and_are_taken_away(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as (gateway, store):
            assert gateway.guard.admit({}).name == ""
            minted = await store.configuration.keys.add(SYSTEM, KeyTable(name="laptop"))
            await soon(lambda: opens(gateway, minted.text))
            with pytest.raises(Trouble):
                gateway.guard.admit({})
            await store.configuration.keys.change(SYSTEM, minted.key.id, minted.key.revision, state="disabled")
            await soon(lambda: not opens(gateway, minted.text))
            assert not gateway.guard.open, "a key that is switched off leaves no open door"

    asyncio.run(scene())


def test_nobody_comes_in_before_the_keys_are_known(tmp_path: Path) -> None:
    async def scene() -> None:
        settings = load(Flags(), {"DRAGOMAN_DATA": str(tmp_path)}, tmp_path, tmp_path)
        async with assemble(settings) as gateway:
            gateway.guard.settled.clear()
            coming = asyncio.create_task(gateway.guard.enter({}, "", {}))
            await asyncio.sleep(0)
            assert not coming.done()
            gateway.guard.settled.set()
            assert (await coming).name == ""

    asyncio.run(scene())
