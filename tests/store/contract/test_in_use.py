"""What others name is kept, unless it is said that it may go."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.shapes.access import KeyTable, ProjectTable, RoleTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import BoundsTable, ProfileTable, RuleTable, TargetTable
from dragoman.store.opening import SqlStore
from dragoman.store.ports import SYSTEM, RowChange, StoreTrouble, User

pytestmark = pytest.mark.anyio

CHANNEL = ChannelTable(name="a", provider="openai")


async def refused(shelf: Any, row: Any, words: str) -> None:
    """Removing, archiving and renaming are refused with these words, and done by force."""
    renamed = replace(row.spec, name="other")
    for change in ({"remove": True}, {"state": "archived"}, {"spec": renamed}):
        with pytest.raises(StoreTrouble) as told:
            await shelf.change_all(SYSTEM, [RowChange(id=row.id, revision=1, **change)])
        assert told.value.kind == "in_use"
        assert f"'{row.spec.name}' is used by {words}. " in str(told.value)
    assert (await shelf.change(SYSTEM, row.id, 1, state="disabled")).state == "disabled"
    await shelf.change(SYSTEM, row.id, 2, spec=renamed, force=True)
    await shelf.remove(SYSTEM, row.id, 3, force=True)


@pytest.mark.parametrize(
    "profile",
    [
        ProfileTable(name="p", rules=(RuleTable(model="x", targets=(TargetTable(channel="a", model="m"),)),)),
        ProfileTable(name="p", rules=(RuleTable(model="x", channels=("a",)),)),
        ProfileTable(name="p", channels=BoundsTable(none=("a",))),
    ],
)
async def test_a_channel_that_profiles_and_projects_name_stays(store: SqlStore, profile: ProfileTable) -> None:
    row = await store.configuration.channels.add(SYSTEM, CHANNEL)
    await store.configuration.profiles.add(SYSTEM, profile)
    await store.configuration.projects.add(SYSTEM, ProjectTable(name="shop", channels=("a",)))
    await refused(store.configuration.channels, row, "profile 'p', project 'shop'")


async def test_a_profile_that_keys_and_profiles_name_stays(store: SqlStore) -> None:
    row = await store.configuration.profiles.add(SYSTEM, ProfileTable(name="base"))
    await store.configuration.profiles.add(SYSTEM, ProfileTable(name="heir", extends="base"))
    await store.configuration.keys.add(SYSTEM, KeyTable(name="k", profile="base"))
    await store.configuration.keys.add(SYSTEM, KeyTable(name="l", profiles=("base", "heir")))
    await refused(store.configuration.profiles, row, "profile 'heir', API key 'k', API key 'l'")


async def test_a_project_that_keys_roles_and_users_name_stays(store: SqlStore) -> None:
    row = await store.configuration.projects.add(SYSTEM, ProjectTable(name="shop"))
    await store.configuration.keys.add(SYSTEM, KeyTable(name="k", project="shop"))
    await store.configuration.roles.add(SYSTEM, RoleTable(name="r", project="shop"))
    user = User(
        id="", login="anna", memberships={"shop": "viewer"}, state="enabled", revision=1, created_ms=0, updated_ms=0
    )
    await store.people.add(SYSTEM, user, "hash")
    await refused(store.configuration.projects, row, "API key 'k', role 'r', user 'anna'")


async def test_what_only_an_archived_thing_names_may_go(store: SqlStore) -> None:
    row = await store.configuration.projects.add(SYSTEM, ProjectTable(name="shop"))
    key = (await store.configuration.keys.add(SYSTEM, KeyTable(name="k", project="shop"))).key
    await store.configuration.keys.change(SYSTEM, key.id, 1, state="archived")
    await store.configuration.projects.remove(SYSTEM, row.id, 1)
