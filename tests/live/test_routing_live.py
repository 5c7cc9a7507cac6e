"""What holds keys, rules and retries is in force through the doors, and on every replica that follows the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.assembly import Assembly, assemble
from dragoman.routing.profile import Project
from dragoman.settings.load import load
from dragoman.settings.record import Flags
from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.shapes.policy import BreakerPolicy, RetryPolicy
from dragoman.shapes.profile import BoundsTable
from dragoman.store.opening import open_store
from dragoman.store.ports import SYSTEM, Setting, Store
from tests.admin.stage import House, Told, call, house
from tests.live.test_live import soon
from tests.standin import StandIn


@pytest.fixture(name="upstream")
def _upstream() -> Iterator[StandIn]:
    with StandIn(api_key="sk-right") as running:
        yield running


@asynccontextmanager
async def replica(folder: Path) -> AsyncIterator[tuple[Assembly, Store]]:
    """A gateway that follows the database in a folder, as another process would."""
    settings = load(Flags(), {"DRAGOMAN_DATA": str(folder)}, folder, folder)
    async with open_store(folder=folder) as store, assemble(settings) as gateway:

        async def opened() -> Store:
            return store

        following = asyncio.create_task(gateway.live.follow(opened))
        await soon(lambda: gateway.live.configured is not None)
        try:
            yield gateway, store
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def setting(name: str, value: object) -> Setting:
    return Setting(name, msgspec.Raw(msgspec.json.encode(value)))


def test_every_replica_heeds_what_one_is_told(tmp_path: Path) -> None:
    async def scene() -> None:
        async with AsyncExitStack() as stack:
            (one, store), (other, _) = [await stack.enter_async_context(replica(tmp_path)) for _ in range(2)]
            said = {
                "retry": {"attempts": 5, "same_channel": 2},
                "breaker": {"failures": 9},
                "direct": False,
                "refuse_models": [{"pattern": "gpt-4.*"}],
            }
            rows = [await store.configuration.settings.add(SYSTEM, setting(*pair)) for pair in said.items()]
            await store.configuration.projects.add(SYSTEM, ProjectTable(name="p", models=("m*",)))
            version = await store.configuration.version()
            await soon(lambda: all(each.live.snapshot.version == version for each in (one, other)))
            for each in (one, other):
                found = each.live.snapshot
                assert (found.retry, found.breaker) == (
                    RetryPolicy(attempts=5, same_channel=2),
                    BreakerPolicy(failures=9),
                )
                assert (found.direct, len(found.refusals)) == (False, 1)
                assert found.projects == {"p": Project(models=("m*",))}
            for row in rows:
                await store.configuration.settings.remove(SYSTEM, row.id, row.revision)
            await soon(lambda: all(each.live.snapshot.retry == RetryPolicy() for each in (one, other)))
            await soon(lambda: all(each.live.snapshot.direct for each in (one, other)))

    asyncio.run(scene())


def test_a_setting_that_came_to_be_unusable_is_left_out_and_allows_nothing_more(tmp_path: Path) -> None:
    async def scene() -> None:
        async with replica(tmp_path) as (gateway, store):
            for name, value in (
                ("refuse_models", [{"pattern": "(a+)+"}]),
                ("retry", {"attempts": 99}),
                ("breaker", {"rest_s": 50, "longest_s": 2}),
                ("direct", False),
            ):
                await store.configuration.settings.add(SYSTEM, setting(name, value))
            await soon(lambda: not gateway.live.snapshot.direct)
            found = gateway.live.snapshot
            assert (found.retry, found.breaker) == (RetryPolicy(), BreakerPolicy())
            assert [refusal.pattern.pattern for refusal in found.refusals] == [".*"]

    asyncio.run(scene())


CHANNELS = """
[[channels]]
name = "near"
provider = "openai-compatible"
base_url = "{url}/v1"
api_key = "sk-right"
models = ["m", "n"]
tags = ["eu"]
[[channels]]
name = "far"
provider = "openai-compatible"
base_url = "{url}/v1"
api_key = "sk-right"
models = ["m", "n"]
priority = -1
"""


async def asked(place: House, key: str, model: str, path: str = "/v1/messages") -> Told:
    body: dict[str, Any] = {"model": model, "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"host": "127.0.0.1:8090", "x-api-key": key, "content-type": "application/json"}
    return await call(place, "POST", path, msgspec.json.encode(body), headers, "", "127.0.0.1")


def test_a_key_is_held_to_the_channels_and_models_of_its_project(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        (tmp_path / "dragoman.toml").write_text(CHANNELS.format(url=upstream.url))
        async with house(tmp_path) as place:
            shelf = place.store.configuration
            held = ProjectTable(name="p", channels=BoundsTable(all=("eu",)), models=("m",))
            row = await shelf.projects.add(SYSTEM, held)
            key = (await shelf.keys.add(SYSTEM, KeyTable(name="k", project="p"))).text
            free = (await shelf.keys.add(SYSTEM, KeyTable(name="free"))).text
            version = await shelf.version()
            await soon(lambda: place.gateway.live.snapshot.version == version)
            assert (await asked(place, free, "m")).headers["x-dragoman-channel"] == "far"
            assert (await asked(place, key, "m")).headers["x-dragoman-channel"] == "near"
            refused = await asked(place, key, "n")
            assert (refused.status, refused.json["error"]["type"]) == (403, "permission_error")
            assert "They may ask for: 'm'" in refused.json["error"]["message"]
            assert (await asked(place, key, "far/m")).status in (403, 404)
            assert (await asked(place, key, "n", "/v1/messages/count_tokens")).status == 403
            await shelf.projects.change(SYSTEM, row.id, row.revision, state="disabled")
            version = await shelf.version()
            await soon(lambda: place.gateway.live.snapshot.version == version)
            assert (await asked(place, key, "m")).status == 401
            assert (await asked(place, free, "m")).status == 200

    asyncio.run(scene())
