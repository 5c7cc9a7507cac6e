"""What channel tests have found: the last of each channel, the latest first; and secrets among the settings."""

from __future__ import annotations

import pytest
from msgspec import Raw
from msgspec.structs import replace

from dragoman.shapes.channel import ChannelTable
from dragoman.store.opening import SqlStore
from dragoman.store.ports import SYSTEM, Setting
from dragoman.store.ports.trials import KEPT, Tried
from dragoman.store.trials import LONGEST_MS
from tests.store.conftest import Home

pytestmark = pytest.mark.anyio

FOUND = Tried(at_ms=1, by="root", test="text", account="a", model="m", ok=True, problem="", status=200, took_ms=7)


async def test_the_last_of_each_channel_are_kept(home: Home, store: SqlStore) -> None:
    now_ms = home.clock.ms
    await store.trials.add("b", [replace(FOUND, at_ms=now_ms, model="kept")])
    for number in range(KEPT // 4 + 5):
        await store.trials.add("a", [replace(FOUND, at_ms=now_ms + number, took_ms=place) for place in range(4)])
    found = await store.trials.of("a")
    assert len(found) == KEPT
    assert [(one.at_ms - now_ms, one.took_ms) for one in found[:5]] == [(29, 0), (29, 1), (29, 2), (29, 3), (28, 0)]
    assert [one.model for one in await store.trials.of("b")] == ["kept"]
    await store.trials.add("a", [])
    home.clock.ms += LONGEST_MS + 1000
    await store.trials.add("c\0", [replace(FOUND, at_ms=home.clock.ms)])
    assert (await store.trials.of("b"), len(await store.trials.of("c"))) == ((), 1)


async def test_secrets_of_settings_and_options_are_sealed(store: SqlStore) -> None:
    shelf = store.configuration.settings
    made = await shelf.add(SYSTEM, Setting("proxies", Raw(b'{"office":"http://u:hidden-word@h:1"}')))
    options: dict[str, str | bool | int | float] = {"client_id": "c", "client_secret": "hidden-secret"}
    table = ChannelTable(name="a", provider="openai-compatible", options=options, proxy="office")
    channel = await store.configuration.channels.add(SYSTEM, table)
    shown = f"{bytes(made.spec.value)!r} {channel.spec}"
    assert "hidden" not in shown
    assert channel.spec.proxy == "office", "a name is no secret"
    whole = await store.configuration.load()
    assert b"hidden-word" in bytes(whole.settings["proxies"])
    assert whole.channels[0].spec.options == options
    kept = await shelf.change(SYSTEM, made.id, made.revision, spec=made.spec)
    assert b"hidden-word" in bytes((await store.configuration.load()).settings["proxies"])
    await shelf.remove(SYSTEM, kept.id, kept.revision)
    assert "proxies" not in (await store.configuration.load()).settings
