"""What a version cannot read stays closed, with all that depends on it; everything else goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.assembly import Assembly, assemble
from dragoman.canon.problem import Trouble
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.settings.load import load
from dragoman.settings.record import Flags
from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import ProfileTable, RuleTable, TargetTable
from dragoman.store import tables
from dragoman.store.opening import SqlStore, open_store
from dragoman.store.ports import SYSTEM, Setting

CHANNEL = ChannelTable(name="a", provider="openai", api_key="sk-secret", models=("m",))
TO_A = (RuleTable(model="x", targets=(TargetTable(channel="a", model="m"),)),)


class Place:
    """A gateway beside a store. Mutable: what the store says is put in force when that is asked for."""

    def __init__(self, gateway: Assembly, store: SqlStore) -> None:
        self.gateway = gateway
        self.store = store

    async def spoil(self, row_id: str) -> None:
        """Leaves a row as a newer version might have written it."""

        async def work(connection: AsyncConnection) -> None:
            for table in (tables.configured, tables.api_keys):
                found = (await connection.execute(table.select().where(table.c.id == row_id))).one_or_none()
                if found:
                    text = json.dumps({**json.loads(found.spec), "from_a_newer_version": True})
                    await connection.execute(update(table).where(table.c.id == row_id).values(spec=text))

        await self.store.database.write(work)

    async def apply(self) -> None:
        """Puts in force what the store says."""
        self.gateway.live.apply(await self.store.configuration.load(), self.store.configuration.pepper())

    def plan(self, asked: str = "x", profile: str | None = None) -> Plan | Refused:
        return self.gateway.live.plan(Ask(asked=asked, door="anthropic", profile=profile))

    def opens(self, text: str) -> bool:
        try:
            return self.gateway.guard.admit({"x-api-key": text} if text else {}).key is not None or not text
        except Trouble:
            return False


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    settings = load(Flags(), {"DRAGOMAN_DATA": str(folder)}, folder, folder)
    async with open_store(folder=folder) as store, assemble(settings) as gateway:
        yield Place(gateway, store)


def played(folder: Path, scene: Callable[[Place], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with place(folder) as opened:
            await scene(opened)

    asyncio.run(whole())


def test_a_channel_that_cannot_be_read_is_closed_and_the_other_serves(tmp_path: Path) -> None:
    async def scene(on: Place) -> None:
        shelf = on.store.configuration.channels
        lost = await shelf.add(SYSTEM, CHANNEL)
        await shelf.add(SYSTEM, msgspec.structs.replace(CHANNEL, name="b"))
        await on.spoil(lost.id)
        await on.apply()
        assert [channel.name for channel in on.gateway.live.snapshot.channels] == ["b"]
        assert isinstance(on.plan("m"), Plan)

    played(tmp_path, scene)


def test_a_channel_with_a_set_of_changes_that_cannot_be_read_is_closed(tmp_path: Path) -> None:
    async def scene(on: Place) -> None:
        lost = await on.store.configuration.overrides.add(SYSTEM, OverrideTable(name="cool"))
        await on.store.configuration.channels.add(SYSTEM, msgspec.structs.replace(CHANNEL, overrides=("cool",)))
        await on.apply()
        assert isinstance(on.plan("m"), Plan)
        await on.spoil(lost.id)
        await on.apply()
        assert on.gateway.live.snapshot.channels == ()
        await on.store.configuration.overrides.change(SYSTEM, lost.id, 1, state="disabled")
        await on.apply()
        assert isinstance(on.plan("m"), Plan), "whoever switches a set off wants its channels without it"

    played(tmp_path, scene)


@pytest.mark.parametrize("name", ["default", "strict"])
def test_a_profile_that_cannot_be_read_is_refused_and_never_taken_for_absent(tmp_path: Path, name: str) -> None:
    async def scene(on: Place) -> None:
        await on.store.configuration.channels.add(SYSTEM, CHANNEL)
        lost = await on.store.configuration.profiles.add(SYSTEM, ProfileTable(name=name, rules=TO_A))
        heir = ProfileTable(name="heir", extends=name, rules=TO_A)
        await on.store.configuration.profiles.add(SYSTEM, heir)
        await on.spoil(lost.id)
        await on.apply()
        asking = None if name == "default" else name
        for asked in ("x", "m", "a/m", "claude-sonnet-5", "anything"):
            found = on.plan(asked, asking)
            assert isinstance(found, Refused), asked
            assert "cannot be read" in found.problem.message
        assert isinstance(on.plan("x", "heir"), Plan)
        assert isinstance(on.plan("m", "heir"), Refused)

    played(tmp_path, scene)


def test_a_profile_that_cannot_be_read_and_is_switched_off_is_as_one_that_is_off(tmp_path: Path) -> None:
    async def scene(on: Place) -> None:
        await on.store.configuration.channels.add(SYSTEM, CHANNEL)
        lost = await on.store.configuration.profiles.add(SYSTEM, ProfileTable(name="default"), state="disabled")
        await on.spoil(lost.id)
        await on.apply()
        assert isinstance(on.plan("m"), Plan)

    played(tmp_path, scene)


def test_a_key_that_cannot_be_read_opens_nothing_and_leaves_no_door_open(tmp_path: Path) -> None:
    async def scene(on: Place) -> None:
        await on.apply()
        assert on.opens("")
        minted = await on.store.configuration.keys.add(SYSTEM, KeyTable(name="laptop"))
        await on.apply()
        assert on.opens(minted.text)
        await on.spoil(minted.key.id)
        await on.apply()
        assert not on.opens(minted.text)
        assert not on.opens("")
        assert not on.gateway.guard.open

    played(tmp_path, scene)


def test_keys_of_a_project_that_cannot_be_read_open_nothing(tmp_path: Path) -> None:
    async def scene(on: Place) -> None:
        lost = await on.store.configuration.projects.add(SYSTEM, ProjectTable(name="shop"))
        minted = await on.store.configuration.keys.add(SYSTEM, KeyTable(name="a", project="shop"))
        other = await on.store.configuration.keys.add(SYSTEM, KeyTable(name="b"))
        await on.spoil(lost.id)
        await on.apply()
        assert not on.opens(minted.text)
        assert on.opens(other.text)

    played(tmp_path, scene)


@pytest.mark.parametrize(
    ("name", "stored", "in_force"),
    [
        ("second_factor", "a-newer-word", "required"),
        ("passwords_for", {"of": "a newer kind"}, ()),
        ("upstream_errors", "a-newer-word", "hidden"),
        ("direct", "perhaps", False),
        ("bodies_days", 10**6, 0),
        ("strategy", "a-newer-word", None),
    ],
)
def test_a_setting_that_cannot_be_read_allows_no_more_than_it_may_have(
    tmp_path: Path, name: str, stored: object, in_force: object
) -> None:
    async def scene(on: Place) -> None:
        await on.store.configuration.settings.add(SYSTEM, Setting(name, Raw(msgspec.json.encode(stored))))
        await on.apply()
        usual = getattr(on.gateway.live.usual, name)
        assert getattr(on.gateway.live.tuning, name) == (usual if in_force is None else in_force)

    played(tmp_path, scene)


def test_refusals_that_cannot_be_read_refuse_every_model(tmp_path: Path) -> None:
    async def scene(on: Place) -> None:
        await on.store.configuration.channels.add(SYSTEM, CHANNEL)
        made = await on.store.configuration.settings.add(SYSTEM, Setting("refuse_models", Raw(b"[]")))
        await on.apply()
        assert isinstance(on.plan("m"), Plan)
        await on.spoil(made.id)
        await on.apply()
        assert isinstance(on.plan("m"), Refused)

    played(tmp_path, scene)


def test_budgets_of_users_that_cannot_be_read_let_nothing_be_spent(tmp_path: Path) -> None:
    async def scene(on: Place) -> None:
        stored = Setting("user_budgets", Raw(b'[{"window":"of a newer kind"}]'))
        await on.store.configuration.settings.add(SYSTEM, stored)
        await on.apply()
        (budget,) = on.gateway.live.tuning.user_budgets or ()
        assert (budget.window, budget.requests) == ("total", 0)

    played(tmp_path, scene)


def test_what_cannot_be_read_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(on: Place) -> None:
        lost = await on.store.configuration.projects.add(SYSTEM, ProjectTable(name="shop"))
        await on.spoil(lost.id)
        await on.apply()
        await on.apply()
        assert len(on.gateway.live.told) == 1

    played(tmp_path, scene)
    assert "".join(capsys.readouterr()).count("project 'shop'") == 1
