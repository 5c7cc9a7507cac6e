"""The configuration: what is put there comes back under one version, and its secrets only where they must."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.changes import HeaderOperationTable, OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import ProfileTable, RuleTable, TargetTable
from dragoman.store import keys, tables
from dragoman.store.opening import SqlStore
from dragoman.store.ports import Actor, RowChange, Setting, Store, StoreTrouble
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

ANNA = Actor(kind="user", id="u1", name="anna", address="10.0.0.1")
SECRET = "sk-0123456789abcdef"
CHANNEL = ChannelTable(name="deepseek", provider="deepseek", api_key=SECRET, models=("deepseek-chat",))


async def secrets_kept(store: SqlStore) -> int:
    """How many secrets of channels the database holds."""
    counted = select(func.count()).select_from(tables.secrets).where(tables.secrets.c.owner != "system")

    async def work(connection: AsyncConnection) -> int:
        return int((await connection.execute(counted)).scalar_one())

    return await store.database.read(work)


async def test_a_store_is_what_the_ports_ask_for(store: SqlStore) -> None:
    port: Store = store
    assert await port.ready()


async def test_what_was_described_comes_back(store: SqlStore) -> None:
    rule = RuleTable(pattern="claude-.*", targets=(TargetTable(channel="deepseek", model="deepseek-chat"),))
    described: tuple[tuple[Any, Any], ...] = (
        (store.configuration.channels, replace(CHANNEL, api_key="", tags=("cheap",), aliases={"small": "x"})),
        (store.configuration.profiles, ProfileTable(name="default", rules=(rule,), strategy="weighted")),
        (store.configuration.projects, ProjectTable(name="shop", note="the web shop")),
        (store.configuration.settings, Setting("retention", Raw(b'{"days":7}'))),
        (store.configuration.prices, Setting("own", Raw(b"[1,2]"))),
    )
    for shelf, spec in described:
        row = await shelf.add(ANNA, spec)
        assert row.spec == spec
        assert await shelf.get(row.id) == row
        assert await shelf.all() == (row,)
    found = await store.configuration.load()
    assert [row.spec for row in found.profiles] == [described[1][1]]
    assert found.settings == {"retention": Raw(b'{"days":7}')}
    assert found.version == len(described) == await store.configuration.version()


async def test_a_secret_is_shown_to_none_but_the_gateway(store: SqlStore) -> None:
    spec = replace(
        CHANNEL,
        headers={"x-title": "a-secret-of-a-header"},
        header=(HeaderOperationTable(op="set", name="x-more", value="a-secret-of-an-operation"),),
        proxy="http://user:word@proxy:3128",
    )
    row = await store.configuration.channels.add(ANNA, spec)
    seen = repr((row, await store.configuration.channels.all(), await store.audit.entries()))
    assert not [word for word in (SECRET, "a-secret", "user:word") if word in seen]
    assert row.spec.api_key.startswith("sealed:")
    assert row.spec.api_key.endswith(SECRET[-4:])
    assert (await store.configuration.load()).channels[0].spec == spec


async def test_a_short_secret_shows_nothing_of_itself(store: SqlStore) -> None:
    row = await store.configuration.channels.add(ANNA, replace(CHANNEL, api_key="short-key"))
    assert "key" not in row.spec.api_key


async def test_a_secret_given_back_as_it_was_shown_is_kept(store: SqlStore) -> None:
    row = await store.configuration.channels.add(ANNA, CHANNEL)
    changed = await store.configuration.channels.change(ANNA, row.id, 1, spec=replace(row.spec, weight=3.0))
    assert changed.spec.api_key == row.spec.api_key
    assert (await store.configuration.load()).channels[0].spec == replace(CHANNEL, weight=3.0)


async def test_of_several_keys_some_may_go_and_others_change_places(store: SqlStore) -> None:
    several = replace(CHANNEL, api_key="", api_keys=("first-secret-key", "second-secret-key", "third-secret-key"))
    row = await store.configuration.channels.add(ANNA, several)
    first, _, third = row.spec.api_keys
    await store.configuration.channels.change(
        ANNA, row.id, 1, spec=replace(row.spec, api_keys=(third, "fourth-secret-key", first))
    )
    loaded = (await store.configuration.load()).channels[0].spec
    assert loaded.api_keys == ("third-secret-key", "fourth-secret-key", "first-secret-key")
    assert await secrets_kept(store) == 3


async def test_a_secret_cannot_be_moved_to_another_member_or_channel(store: SqlStore) -> None:
    row = await store.configuration.channels.add(ANNA, CHANNEL)
    moved = replace(row.spec, api_key="", headers={"x-copy": row.spec.api_key})
    with pytest.raises(StoreTrouble, match="no secret yet to keep") as refused:
        await store.configuration.channels.change(ANNA, row.id, 1, spec=moved)
    assert refused.value.kind == "missing"
    with pytest.raises(StoreTrouble, match="no secret yet to keep"):
        await store.configuration.channels.add(ANNA, replace(row.spec, name="thief"))
    assert (await store.configuration.load()).channels[0].spec == CHANNEL


async def test_whoever_changes_what_he_has_not_seen_is_told(store: SqlStore) -> None:
    channels = store.configuration.channels
    row = await channels.add(ANNA, CHANNEL)
    await channels.change(ANNA, row.id, 1, state="disabled")
    for late in (channels.change(ANNA, row.id, 1, state="archived"), channels.remove(ANNA, row.id, 1)):
        with pytest.raises(StoreTrouble) as refused:
            await late
        assert refused.value.kind == "stale"
    assert (await channels.get(row.id)).state == "disabled"
    assert await store.configuration.version() == 2


async def test_what_is_refused_leaves_no_trace(store: SqlStore) -> None:
    await store.configuration.channels.add(ANNA, CHANNEL)
    before = (await store.configuration.version(), len(await store.audit.entries()), await secrets_kept(store))
    with pytest.raises(StoreTrouble) as refused:
        await store.configuration.channels.add(ANNA, CHANNEL)
    assert refused.value.kind == "taken"
    after = (await store.configuration.version(), len(await store.audit.entries()), await secrets_kept(store))
    assert after == before == (1, 1, 1)


async def test_an_archived_name_is_free_again(store: SqlStore) -> None:
    channels = store.configuration.channels
    old = await channels.add(ANNA, CHANNEL)
    await channels.change(ANNA, old.id, 1, state="archived")
    new = await channels.add(ANNA, CHANNEL)
    assert [row.id for row in await channels.all()] == [new.id]
    assert {row.id for row in await channels.all(archived=True)} == {old.id, new.id}
    assert [row.id for row in (await store.configuration.load()).channels] == [new.id]


async def test_what_is_removed_takes_its_secrets_along(store: SqlStore) -> None:
    row = await store.configuration.channels.add(ANNA, CHANNEL)
    await store.configuration.channels.remove(ANNA, row.id, 1)
    assert await secrets_kept(store) == 0
    with pytest.raises(StoreTrouble) as refused:
        await store.configuration.channels.get(row.id)
    assert refused.value.kind == "missing"


async def test_a_row_is_found_on_its_own_shelf_only(store: SqlStore) -> None:
    row = await store.configuration.projects.add(ANNA, ProjectTable(name="shop"))
    with pytest.raises(StoreTrouble, match="no such channel"):
        await store.configuration.channels.get(row.id)


async def test_every_change_is_counted_and_noted_once(store: SqlStore) -> None:
    row = await store.configuration.channels.add(ANNA, CHANNEL)
    row = await store.configuration.channels.change(ANNA, row.id, 1, spec=replace(row.spec, weight=2.0))
    row = await store.configuration.channels.change(ANNA, row.id, 2, state="disabled")
    row = await store.configuration.channels.change(ANNA, row.id, 3, spec=replace(row.spec, api_key="another-secret"))
    await store.configuration.channels.remove(ANNA, row.id, 4)
    notes = [entry.note for entry in reversed(await store.audit.entries())]
    assert [note.action for note in notes] == [
        "channel.add",
        "channel.change",
        "channel.disabled",
        "channel.change",
        "channel.remove",
    ]
    assert notes[1].changed == ("weight",)
    assert notes[1].before == notes[0].after
    assert "api_key" in notes[3].changed
    assert {(note.by, note.subject, note.name) for note in notes} == {(ANNA, row.id, "deepseek")}
    assert await store.configuration.version() == len(notes)


async def test_changes_made_at_once_are_all_made(store: SqlStore) -> None:
    specs = [replace(CHANNEL, name=f"channel-{n}") for n in range(20)]
    await asyncio.gather(*(store.configuration.channels.add(ANNA, spec) for spec in specs))
    assert len(await store.configuration.channels.all()) == 20
    assert await store.configuration.version() == 20
    assert await store.audit.verify() is None


async def test_of_two_changes_of_one_row_at_once_one_is_made(store: SqlStore) -> None:
    row = await store.configuration.channels.add(ANNA, CHANNEL)
    weights = (2.0, 3.0, 4.0)
    outcomes = await asyncio.gather(
        *(store.configuration.channels.change(ANNA, row.id, 1, spec=replace(row.spec, weight=w)) for w in weights),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, StoreTrouble) for outcome in outcomes) == 2
    assert (await store.configuration.channels.get(row.id)).revision == 2


async def test_who_watches_is_told_of_a_change_made_here(store: SqlStore) -> None:
    watch = store.configuration.watch(every_s=60)
    assert await anext(watch) == 0
    waiting = asyncio.ensure_future(anext(watch))
    await store.configuration.projects.add(ANNA, ProjectTable(name="shop"))
    assert await waiting == 1


async def test_who_watches_is_told_of_a_change_made_elsewhere(home: Home) -> None:
    async with home.open() as here, home.open() as elsewhere:
        watch = here.configuration.watch(every_s=0.01)
        assert await anext(watch) == 0
        await elsewhere.configuration.projects.add(ANNA, ProjectTable(name="shop"))
        assert await anext(watch) == 1


async def test_everything_is_there_again_after_a_restart(home: Home) -> None:
    async with home.open() as store:
        await store.configuration.channels.add(ANNA, CHANNEL)
        minted = await store.configuration.keys.add(ANNA, KeyTable(name="laptop"))
        before = await store.configuration.load()
    async with home.open() as store:
        assert await store.configuration.load() == before
        assert keys.digest(store.configuration.pepper(), minted.text) == minted.key.digest


async def test_a_key_is_known_by_its_digest_alone(store: SqlStore) -> None:
    budget = BudgetTable(window="day", money="2.50", tokens=1_000_000)
    spec = KeyTable(name="laptop", project="shop", models=("claude-*",), budgets=(budget,), keep_bodies=False)
    minted = await store.configuration.keys.add(ANNA, spec, expires_ms=5)
    assert keys.is_well_formed(minted.text, keys.KEY)
    assert keys.public_id(minted.text) == minted.key.public_id
    assert keys.digest(store.configuration.pepper(), minted.text) == minted.key.digest
    assert minted.key.spec == spec
    assert minted.text not in repr((minted.key, await store.audit.entries()))
    assert (await store.configuration.load()).keys == (minted.key,) == await store.configuration.keys.all()


async def test_a_rotated_key_keeps_everything_but_its_text(store: SqlStore) -> None:
    old = await store.configuration.keys.add(ANNA, KeyTable(name="laptop"))
    new = await store.configuration.keys.rotate(ANNA, old.key.id, 1)
    assert (new.key.id, new.key.spec, new.key.revision) == (old.key.id, old.key.spec, 2)
    digests = [key.digest for key in await store.configuration.keys.all()]
    assert digests == [keys.digest(store.configuration.pepper(), new.text)]


async def test_a_key_is_changed_in_what_is_named(store: SqlStore) -> None:
    api_keys = store.configuration.keys
    key = (await api_keys.add(ANNA, KeyTable(name="laptop"), expires_ms=5)).key
    key = await api_keys.change(ANNA, key.id, 1, state="disabled")
    assert (key.state, key.expires_ms) == ("disabled", 5)
    key = await api_keys.change(ANNA, key.id, 2, expires_ms=0)
    assert (key.state, key.expires_ms) == ("disabled", None)
    key = await api_keys.change(ANNA, key.id, 3, spec=replace(key.spec, profile="night"))
    assert await api_keys.get(key.id) == key
    for late in (api_keys.change(ANNA, key.id, 3), api_keys.rotate(ANNA, key.id, 3)):
        with pytest.raises(StoreTrouble) as refused:
            await late
        assert refused.value.kind == "stale"
    with pytest.raises(StoreTrouble, match="no such API key"):
        await api_keys.get("none")


async def test_two_keys_cannot_have_one_name(store: SqlStore) -> None:
    first = await store.configuration.keys.add(ANNA, KeyTable(name="laptop"))
    with pytest.raises(StoreTrouble) as refused:
        await store.configuration.keys.add(ANNA, KeyTable(name="laptop"))
    assert refused.value.kind == "taken"
    await store.configuration.keys.change(ANNA, first.key.id, 1, state="archived")
    await store.configuration.keys.add(ANNA, KeyTable(name="laptop"))
    assert len(await store.configuration.keys.all()) == 1


async def test_several_changes_are_made_and_noted_together(store: SqlStore) -> None:
    channels = store.configuration.channels
    one = await channels.add(ANNA, CHANNEL)
    two = await channels.add(ANNA, replace(CHANNEL, name="other"))
    lighter = replace(one.spec, weight=0.5)
    left = await channels.change_all(
        ANNA,
        [
            RowChange(id=one.id, revision=1, spec=lighter, state="disabled"),
            RowChange(id=two.id, revision=1, remove=True),
        ],
    )
    assert [(row.spec, row.state, row.revision) for row in left] == [(lighter, "disabled", 2)]
    assert [entry.note.action for entry in await store.audit.entries(limit=2)] == ["channel.remove", "channel.disabled"]
    assert [row.spec for row in (await store.configuration.load()).channels] == [replace(CHANNEL, weight=0.5)]
    assert await secrets_kept(store) == 1
    assert await store.configuration.version() == 3


async def test_of_several_changes_all_are_made_or_none(store: SqlStore) -> None:
    channels = store.configuration.channels
    one = await channels.add(ANNA, CHANNEL)
    first = RowChange(id=one.id, revision=1, spec=replace(one.spec, api_key="another-secret-key"))
    wrong: list[RowChange[ChannelTable]] = [RowChange(id="gone", revision=1), RowChange(id=one.id, revision=1)]
    for second, kind in zip(wrong, ("missing", "stale"), strict=True):
        with pytest.raises(StoreTrouble) as refused:
            await channels.change_all(ANNA, [first, second])
        assert refused.value.kind == kind
    assert (await store.configuration.load()).channels[0].spec == CHANNEL
    assert len(await store.audit.entries()) == await store.configuration.version() == 1


async def test_what_is_needed_by_its_name_stays(store: SqlStore) -> None:
    sets, channels = store.configuration.overrides, store.configuration.channels
    row = await sets.add(ANNA, OverrideTable(name="cool"))
    user = await channels.add(ANNA, replace(CHANNEL, overrides=("cool",)))
    for change in (
        RowChange(id=row.id, revision=1, remove=True),
        RowChange(id=row.id, revision=1, state="archived"),
        RowChange(id=row.id, revision=1, spec=OverrideTable(name="cold")),
    ):
        with pytest.raises(StoreTrouble, match="used by channel 'deepseek'") as refused:
            await sets.change_all(ANNA, [change])
        assert refused.value.kind == "in_use"
    assert (await sets.change(ANNA, row.id, 1, state="disabled")).state == "disabled"
    assert (await store.configuration.load()).overrides[0].spec == OverrideTable(name="cool")
    await channels.change(ANNA, user.id, 1, state="archived")
    await sets.remove(ANNA, row.id, 2)


@pytest.mark.parametrize("secrets", [False, True])
async def test_a_copy_has_its_own_secrets_or_none(store: SqlStore, secrets: bool) -> None:
    channels = store.configuration.channels
    spec = replace(CHANNEL, headers={"x-title": "a-secret-of-a-header"}, proxy="http://user:word@proxy:3128")
    row = await channels.add(ANNA, spec)
    made = await channels.copy(ANNA, row.id, "copy", secrets=secrets)
    await channels.remove(ANNA, row.id, 1)
    bare = replace(spec, name="copy", api_key="", headers={}, proxy=None)
    assert (made.state, made.spec.api_key == row.spec.api_key) == ("disabled", False)
    assert (await store.configuration.load()).channels[0].spec == (replace(spec, name="copy") if secrets else bare)
    assert await secrets_kept(store) == (3 if secrets else 0)
    with pytest.raises(StoreTrouble) as refused:
        await channels.copy(ANNA, made.id, "copy", secrets=secrets)
    assert refused.value.kind == "taken"
