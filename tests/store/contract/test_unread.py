"""A row that this version cannot read is closed, alone: what else is configured goes on, and it can be mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import KeyTable, ProjectTable, RoleTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import SsoTable
from dragoman.store import tables
from dragoman.store.opening import SqlStore
from dragoman.store.ports import SYSTEM, Setting, Shelf, StoreTrouble
from dragoman.store.upkeep import Where, check
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

NEWER = '{"name":"a","provider":"openai","from_a_newer_version":true}'
UNREADABLE = {
    "newer": (NEWER, "unknown field"),
    "a bound tightened": ('{"name":"a","provider":"openai","priority":99999999999999999999}', "cannot be read"),
    "another type": ('{"name":["a"]}', "cannot be read"),
    "no object": ("[]", "cannot be read"),
    "no JSON": ("{", "cannot be read"),
    "empty": ("", "cannot be read"),
    "deep": ("[" * 100_000, "cannot be read"),
    "a name of another's": ('{"name":"b","from_a_newer_version":1}', "cannot be read"),
}
KINDS: dict[str, tuple[Any, Callable[[SqlStore], Shelf[Any]]]] = {
    "channel": (
        ChannelTable(name="a", provider="openai", api_key="sk-1234567890"),
        lambda it: it.configuration.channels,
    ),
    "override": (OverrideTable(name="a"), lambda it: it.configuration.overrides),
    "profile": (ProfileTable(name="a"), lambda it: it.configuration.profiles),
    "project": (ProjectTable(name="a"), lambda it: it.configuration.projects),
    "model": (ModelTable(name="a"), lambda it: it.configuration.models),
    "price": (Setting("a", Raw(b"1")), lambda it: it.configuration.prices),
    "setting": (Setting("a", Raw(b"1")), lambda it: it.configuration.settings),
    "role": (RoleTable(name="a"), lambda it: it.configuration.roles),
    "sso": (SsoTable(name="a", issuer="https://a.example", client_id="a"), lambda it: it.configuration.sso),
}


async def write(store: SqlStore, row_id: str, text: str) -> None:
    """Puts into the database what another version may have put there."""

    async def work(connection: AsyncConnection) -> None:
        for table in (tables.configured, tables.api_keys):
            await connection.execute(update(table).where(table.c.id == row_id).values(spec=text))

    await store.database.write(work)


@pytest.mark.parametrize("how", UNREADABLE)
async def test_one_row_that_cannot_be_read_leaves_the_others(store: SqlStore, how: str) -> None:
    text, words = UNREADABLE[how]
    channels = store.configuration.channels
    lost = await channels.add(SYSTEM, ChannelTable(name="a", provider="openai", api_key="sk-1234567890"))
    await channels.add(SYSTEM, ChannelTable(name="b", provider="openai", api_key="sk-1234567890"))
    await write(store, lost.id, text)
    found = await store.configuration.load()
    assert [row.spec.name for row in found.channels] == ["b"]
    assert found.channels[0].spec.api_key == "sk-1234567890"
    (row,) = found.unread["channel"]
    assert words in row.fault
    assert "channel 'a'" in row.fault
    assert msgspec.json.decode(row.spec)["name"] == "a"
    assert await channels.unread() == (row,)
    assert [row.spec.name for row in await channels.all()] == ["b"]
    with pytest.raises(StoreTrouble, match="cannot be read"):
        await channels.get(lost.id)
    for secrets in (False, True):
        with pytest.raises(StoreTrouble, match="cannot be read"):
            await channels.copy(SYSTEM, lost.id, "c", secrets=secrets)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_cannot_be_read_can_be_switched_off_written_anew_and_removed(store: SqlStore, kind: str) -> None:
    spec, of = KINDS[kind]
    shelf = of(store)
    made = await shelf.add(SYSTEM, spec)
    await write(store, made.id, '{"name":"a","from_a_newer_version":1}')
    assert [row.id for row in (await store.configuration.load()).unread[kind]] == [made.id]
    with pytest.raises(StoreTrouble) as taken:
        await shelf.add(SYSTEM, spec)
    assert taken.value.kind == "taken"
    off = await shelf.change(SYSTEM, made.id, 1, state="disabled")
    assert (off.state, bool(off.fault)) == ("disabled", True)
    assert [row.state for row in await shelf.unread()] == ["disabled"]
    anew = await shelf.change(SYSTEM, made.id, 2, spec=spec, state="enabled")
    assert (anew.fault, anew.state) == ("", "enabled")
    assert await shelf.all() == (anew,)
    assert not (await store.configuration.load()).unread[kind]
    await write(store, made.id, "{")
    await shelf.remove(SYSTEM, made.id, 3)
    assert await shelf.unread() == ()
    assert await store.audit.verify() is None


async def test_a_key_that_cannot_be_read_can_be_archived_or_written_anew(store: SqlStore) -> None:
    keys = store.configuration.keys
    first = (await keys.add(SYSTEM, KeyTable(name="a"))).key
    await keys.add(SYSTEM, KeyTable(name="b"))
    await write(store, first.id, '{"name":"a","from_a_newer_version":1}')
    found = await store.configuration.load()
    assert [key.spec.name for key in found.keys] == ["b"]
    assert [row.id for row in found.unread["key"]] == [first.id]
    with pytest.raises(StoreTrouble, match="cannot be read"):
        await keys.get(first.id)
    await keys.change(SYSTEM, first.id, 1, state="archived")
    assert [row.state for row in await keys.unread()] == ["archived"]
    anew = await keys.change(SYSTEM, first.id, 2, spec=KeyTable(name="a"), state="enabled")
    assert await keys.get(first.id) == anew


async def test_the_secrets_of_what_cannot_be_read_are_not_kept_for_what_takes_its_place(store: SqlStore) -> None:
    channels = store.configuration.channels
    made = await channels.add(SYSTEM, ChannelTable(name="a", provider="openai", api_key="sk-1234567890"))
    await write(store, made.id, NEWER)
    with pytest.raises(StoreTrouble, match="Give them anew") as refused:
        await channels.change(SYSTEM, made.id, 1, spec=replace(made.spec, base_url="https://thief.example"))
    assert refused.value.kind == "unfit"


async def test_switching_off_what_cannot_be_read_keeps_its_secrets_for_the_version_that_can(store: SqlStore) -> None:
    channels = store.configuration.channels
    made = await channels.add(SYSTEM, ChannelTable(name="a", provider="openai", api_key="sk-1234567890"))
    await write(store, made.id, NEWER)
    await channels.change(SYSTEM, made.id, 1, state="disabled")
    await write(store, made.id, msgspec.json.encode(made.spec).decode())
    assert (await store.configuration.load()).channels[0].spec.api_key == "sk-1234567890"


async def test_a_row_whose_secret_is_lost_is_closed_alone(store: SqlStore) -> None:
    channels = store.configuration.channels
    made = await channels.add(SYSTEM, ChannelTable(name="a", provider="openai", api_key="sk-1234567890"))
    await channels.add(SYSTEM, ChannelTable(name="b", provider="openai", api_key="sk-1234567890"))

    async def lose(connection: AsyncConnection) -> None:
        await connection.execute(delete(tables.secrets).where(tables.secrets.c.owner == made.id))

    await store.database.write(lose)
    found = await store.configuration.load()
    assert [row.spec.name for row in found.channels] == ["b"]
    assert [row.id for row in found.unread["channel"]] == [made.id]
    again = await channels.change(SYSTEM, made.id, 1, spec=replace(made.spec, api_key="sk-0987654321"))
    assert again.fault == ""
    assert len((await store.configuration.load()).channels) == 2


async def test_a_role_that_cannot_be_read_gives_nothing(store: SqlStore) -> None:
    made = await store.configuration.roles.add(SYSTEM, RoleTable(name="a", scopes=("channels:read",)))
    await write(store, made.id, '{"name":"a","scopes":["channels:read"],"from_a_newer_version":1}')
    assert await store.configuration.roles.all() == ()


async def test_a_check_of_the_database_tells_what_cannot_be_read(home: Home) -> None:
    async with home.open() as store:
        made = await store.configuration.projects.add(SYSTEM, ProjectTable(name="shop"))
        await write(store, made.id, '{"name":"shop","limit":1}')
    (found,) = await check(Where(home.url, home.folder))
    assert "project 'shop' cannot be read" in found
