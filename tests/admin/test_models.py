"""What is known of models is configured as everything else; what can be asked for, and what not, is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.admin.stage import House, Visitor, house
from tests.admin.test_transfer import settled

CHANNELS = (
    {"name": "a", "provider": "openai", "api_key": "k", "models": ["gpt-5.5", "nobodys"]},
    {"name": "b", "provider": "anthropic", "api_key": "k", "models": ["claude-opus-5"]},
)
PROFILE = {
    "name": "p",
    "rules": [
        {
            "model": "big",
            "targets": [{"channel": "a", "model": "gpt-5.5"}, {"channel": "b", "model": "claude-opus-5"}],
        },
        {"model": "lost", "targets": [{"channel": "a", "model": "gone"}]},
    ],
}
KEYS = ({"name": "all", "profiles": ["p"], "profile": "p"}, {"name": "one", "models": ["gpt-5.5"]})


@asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[tuple[House, Visitor]]:
    """A gateway with channels, a profile and keys, and its admin."""
    async with house(folder) as place:
        admin = await place.admin()
        for path, specs in (("channels", CHANNELS), ("profiles", (PROFILE,)), ("keys", KEYS)):
            for spec in specs:
                told = await admin.ask("POST", f"/api/v1/{path}", {"spec": spec})
                assert told.status == 201, told.body
                await settled(place)
        yield place, admin


def test_what_is_said_of_a_model_is_in_force_at_once_and_comes_back_from_an_export(tmp_path: Path) -> None:
    async def scene() -> None:
        async with furnished(tmp_path) as (place, admin):
            spec = {"name": "GPT-5.5", "title": "Big", "context": 5000, "takes": ["text"], "tools": False}
            made = await admin.ask("POST", "/api/v1/models", {"spec": spec})
            assert made.status == 201, made.body
            await settled(place)
            card = place.gateway.live.snapshot.channels[0].known.of("gpt-5.5")
            assert (card.title, card.context, card.max_output, card.tools) == ("Big", 5000, 128000, False)
            plan = await admin.ask("POST", "/api/v1/plan", {"model": "gpt-5.5", "prompt_tokens": 9000})
            assert "5000 maximum" in plan.json["refused"]

            text = (await admin.ask("GET", "/api/v1/configuration.yaml")).body
            assert b"takes:" in text
            headers = {"content-type": "application/yaml"}
            changed = text.replace(b"title: Big", b"title: Bigger")
            told = await admin.ask("PUT", "/api/v1/configuration.yaml", changed, headers)
            assert told.json["changed"] == ["models/GPT-5.5"]
            await settled(place)
            assert place.gateway.live.snapshot.models[0].title == "Bigger"

            row = (await admin.ask("GET", "/api/v1/models")).json[0]
            path = f"/api/v1/models/{row['id']}"
            assert (await admin.ask("PATCH", path, {"revision": row["revision"], "state": "disabled"})).status == 200
            await settled(place)
            assert place.gateway.live.snapshot.models == ()

    asyncio.run(scene())


@pytest.mark.parametrize(
    "spec",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "x", "type": "smell"},
        {"name": "x", "context": -1},
        {"name": "x", "released": "yesterday"},
        {"name": "x", "knowledge": "2026-99"},
        {"name": "x", "takes": ["text", "smell"]},
        {"name": "x", "tools": "yes"},
        {"name": "x", "admin": True},
        {"name": "KNOWN"},
    ],
)
def test_what_is_no_model_is_refused(spec: dict[str, object], tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            assert (await admin.ask("POST", "/api/v1/models", {"spec": {"name": "known"}})).status == 201
            await settled(place)
            assert (await admin.ask("POST", "/api/v1/models", {"spec": spec})).status == 422

    asyncio.run(scene())


def test_it_is_told_what_can_be_asked_for_by_whom_where_it_goes_and_what_it_costs(tmp_path: Path) -> None:
    async def scene() -> None:
        async with furnished(tmp_path) as (_, admin):
            found = {one["name"]: one for one in (await admin.ask("GET", "/api/v1/models/offered")).json}
            assert sorted(found) == ["big", "claude-opus-5", "gpt-5.5", "lost", "nobodys"]
            big = found["big"]
            assert [(one["channel"], one["model"]) for one in big["places"]] == [
                ("a", "gpt-5.5"), ("b", "claude-opus-5")
            ]  # fmt: skip
            assert big["places"][0]["price"]["currency"] == "USD"
            assert (big["card"]["developer"], big["profiles"], big["keys"]) == ("openai", ["p"], ["all"])
            assert found["gpt-5.5"]["keys"] == ["all", "one"]
            assert found["nobodys"]["places"][0]["price"] is None

            for query, names in (
                ("key=one", ["gpt-5.5"]),
                ("profile=p", ["big", "claude-opus-5", "gpt-5.5", "lost", "nobodys"]),
                ("profile=default", ["claude-opus-5", "gpt-5.5", "nobodys"]),
            ):
                told = await admin.ask("GET", "/api/v1/models/offered", query=query)
                assert [one["name"] for one in told.json] == names, query
            for query, status in (("key=gone", 404), ("profile=gone", 404), ("door=gone", 422)):
                assert (await admin.ask("GET", "/api/v1/models/offered", query=query)).status == status

    asyncio.run(scene())


def test_it_is_told_what_nobody_can_reach(tmp_path: Path) -> None:
    async def scene() -> None:
        async with furnished(tmp_path) as (_, admin):
            found = (await admin.ask("GET", "/api/v1/models/unreached")).json
            assert found["idle"] == [{"channel": "a", "model": "nobodys", "by_name": True}]
            assert [(one["profile"], one["rule"], one["target"], one["asked"]) for one in found["astray"]] == [
                ("p", 2, "a/gone", True)
            ]

    asyncio.run(scene())
