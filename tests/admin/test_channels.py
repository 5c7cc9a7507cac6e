"""What can be done with a channel beside changing it: it is tried, asked for its models, looked at and healed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dragoman.canon.problem import Kind, problem
from dragoman.relay.probe import red_picture
from dragoman.routing.plan import Step
from tests.admin.stage import House, Visitor, house
from tests.standin import StandIn

MODELS = ("vendor-large", "vendor-small", "embedder")


@pytest.fixture(name="upstream")
def _upstream() -> Iterator[StandIn]:
    with StandIn(api_key="sk-right", models=MODELS) as running:
        yield running


@asynccontextmanager
async def with_channel(folder: Path, upstream: StandIn, **members: object) -> AsyncIterator[tuple[House, Visitor, str]]:
    """A gateway with one channel to the stand-in, its admin, and the channel's path."""
    async with house(folder) as place:
        admin = await place.admin()
        spec = {
            "name": "a",
            "provider": "openai-compatible",
            "base_url": f"{upstream.url}/v1",
            "private": True,
            "api_key": "sk-right",
            "models": ["vendor-small"],
            **members,
        }
        made = await admin.ask("POST", "/api/v1/channels", {"spec": spec})
        assert made.status == 201, made.body
        await in_force(place)
        yield place, admin, f"/api/v1/channels/{made.json['id']}"


async def in_force(place: House) -> None:
    version = await place.store.configuration.version()
    async with asyncio.timeout(10):
        while place.gateway.live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def test_a_channel_is_tried_with_text_stream_tool_and_picture(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        async with with_channel(tmp_path, upstream) as (_, admin, path):
            told = (await admin.ask("POST", f"{path}/test", {})).json
            assert [one["test"] for one in told] == ["text", "stream", "tool", "image"]
            found = {one["test"]: one for one in told}
            assert all(found[test]["ok"] for test in ("text", "stream", "image")), told
            # The stand-in echoes and calls nothing.
            assert (found["tool"]["problem"], found["tool"]["status"]) == ("no_call", 200)
            assert "calls tools" in found["tool"]["suggestion"]

    asyncio.run(scene())


def test_each_of_several_keys_is_tried(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        keys = {"api_key": "", "api_keys": ["sk-right", "sk-wrong"]}
        async with with_channel(tmp_path, upstream, **keys) as (_, admin, path):
            asked = {"tests": ["text"], "each_key": True}
            told = (await admin.ask("POST", f"{path}/test", asked)).json
            assert [(one["account"], one["ok"], one["problem"]) for one in told] == [
                ("a#1", True, ""),
                ("a#2", False, "upstream_credential"),
            ]

    asyncio.run(scene())


def test_a_test_tells_the_class_of_an_error_and_not_its_body(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        async with with_channel(tmp_path, upstream, api_key="sk-wrong") as (_, admin, path):
            told = await admin.ask("POST", f"{path}/test", {"tests": ["text"]})
            listed = await admin.ask("GET", f"{path}/models")
            said = upstream.requests[0].raw if upstream.requests else b""
            assert (told.json[0]["problem"], told.json[0]["status"]) == ("upstream_credential", 401)
            assert (listed.status, listed.json["code"]) == (502, "upstream_credential")
            for body in (told.body, listed.body):
                assert b"Incorrect" not in body
                assert b"sk-wrong" not in body
            assert b"sk-wrong" not in said

    asyncio.run(scene())


def test_a_provider_is_asked_for_its_models_and_the_pattern_chooses(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        sync = {"pattern": "vendor-.*", "hours": 1000}
        async with with_channel(tmp_path, upstream, sync=sync, models=["by-hand"]) as (place, admin, path):
            told = (await admin.ask("GET", f"{path}/models")).json
            assert told["listed"] == sorted(MODELS)
            assert told["taken"] == ["vendor-large", "vendor-small"]
            assert (await admin.ask("POST", f"{path}/models")).status == 200
            await in_force(place)
            assert place.gateway.live.snapshot.channels[0].models == ("by-hand", "vendor-large", "vendor-small")
            before = await place.store.configuration.version()
            assert (await admin.ask("POST", f"{path}/models")).status == 200
            assert await place.store.configuration.version() == before, "what is as it was is not written again"

    asyncio.run(scene())


def test_models_are_not_taken_where_they_are_written_by_hand(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        async with with_channel(tmp_path, upstream) as (_, admin, path):
            assert (await admin.ask("POST", f"{path}/models")).json["code"] == "no_sync"
            wrong = {"name": "b", "provider": "openai", "sync": {"pattern": "("}}
            assert (await admin.ask("POST", "/api/v1/channels", {"spec": wrong})).status == 422

    asyncio.run(scene())


def test_health_names_what_rests_until_when_and_why_and_can_be_healed(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        async with with_channel(tmp_path, upstream) as (place, admin, path):
            fit = (await admin.ask("GET", "/api/v1/channels/health")).json
            assert [(one["account"], one["state"], one["reasons"]) for one in fit] == [("a", "fit", [])]
            channel, relay = place.gateway.live.snapshot.channels[0], place.gateway.gateway.relay
            limited = problem(Kind.RATE_LIMITED, "Too many.", retry_after_s=60.0)
            relay.learned.learn(Step(channel=channel, model="vendor-small", why=""), limited, 10**9, 0.5)
            (ill,) = (await admin.ask("GET", "/api/v1/channels/health")).json
            (reason,) = ill["reasons"]
            assert ill["state"] == "resting"
            assert (reason["scope"], reason["kind"], reason["told"]) == (
                "model vendor-small on a",
                "rate_limited",
                True,
            )
            assert (await admin.ask("POST", f"{path}/heal")).status == 204
            assert (await admin.ask("GET", "/api/v1/channels/health")).json[0]["state"] == "fit"
            assert (await admin.ask("POST", "/api/v1/channels/nobody/heal")).status == 404

    asyncio.run(scene())


def test_the_picture_is_a_picture() -> None:
    assert red_picture().startswith(b"\x89PNG\r\n\x1a\n")


def test_a_channel_of_the_file_takes_its_providers_models_by_itself(tmp_path: Path, upstream: StandIn) -> None:
    lines = ['[[channels]]\nname = "f"\nprovider = "openai-compatible"\napi_key = "sk-right"']
    lines += [f'base_url = "{upstream.url}/v1"\nmodels = ["by-hand"]\nsync = {{ pattern = "vendor-.*" }}\n']
    (tmp_path / "dragoman.toml").write_text("\n".join(lines))

    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            expected = ("by-hand", "vendor-large", "vendor-small")
            async with asyncio.timeout(10):
                while place.gateway.live.snapshot.channels[0].models != expected:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.01)
            assert (await admin.ask("GET", "/api/v1/channels/f/models")).json["configured"] == list(expected)
            exported = await admin.ask("GET", "/api/v1/configuration.yaml")
            assert b"vendor-large" not in exported.body, "what was asked for is no configuration"

    asyncio.run(scene())


@pytest.mark.parametrize("address", ["http://[x", "http://a:99999", "https://[::1", "http://:80"])
def test_an_address_that_is_none_is_refused_and_harms_nothing(tmp_path: Path, address: str) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for member in ("base_url", "proxy"):
                spec = {"name": "a", "provider": "openai", "api_key": "x", "private": True, member: address}
                told = await admin.ask("POST", "/api/v1/channels", {"spec": spec})
                assert told.status == 422, (member, told.body)

    asyncio.run(scene())
