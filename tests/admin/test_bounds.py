"""Bounds, conditions and settings of routing by the admin API: refused when saved, in force at once, told as YAML."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dragoman.canon.problem import Trouble
from dragoman.shapes.policy import BreakerPolicy, RetryPolicy
from tests.admin.stage import House, Visitor, house
from tests.admin.test_channels import in_force
from tests.admin.test_transfer import put

API = "/api/v1"
CHANNEL = {"name": "a", "provider": "openai", "api_key": "sk-1", "models": ["m"], "tags": ["eu"]}
OTHER = {"name": "b", "provider": "openai", "api_key": "sk-2", "models": ["m"]}
TREE = {
    "zone": "Europe/Moscow",
    "any": [{"outside": "09:00-18:00"}, {"not": {"images": True}}],
    "since": "2026-11-20",
    "days": ["mon"],
}
HOUSE = {
    "name": "z-house",
    "channels": {"all": ["eu"], "none": ["b*"]},
    "rules": [
        {"model": "x", "when": TREE, "targets": [{"channel": "*", "models": "m.*", "enabled": False}]},
        {"pattern": "(.+)-(low|high)", "targets": [{"channel": "*", "model": "\\1", "effort": "\\2"}]},
    ],
}
TEAM = {"name": "default", "extends": "z-house"}
PROJECT = {"name": "p", "channels": ["eu"], "models": ["m*"]}


async def added(place: House, admin: Visitor, path: str, spec: dict[str, Any]) -> dict[str, Any]:
    made = await admin.ask("POST", f"{API}/{path}", {"spec": spec})
    assert made.status == 201, made.body
    await in_force(place)
    return made.json  # type: ignore[no-any-return]


async def planned(admin: Visitor, model: str, **said: object) -> list[str]:
    return (await admin.ask("POST", f"{API}/plan", {"model": model, **said})).json["lines"]  # type: ignore[no-any-return]


def test_everything_leaves_as_yaml_and_comes_back_elsewhere(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path / "one") as place:
            admin = await place.admin()
            for path, spec in (
                ("channels", CHANNEL),
                ("channels", OTHER),
                ("profiles", HOUSE),
                ("profiles", TEAM),
                ("projects", PROJECT),
            ):
                await added(place, admin, path, spec)
            for name, value in (("retry", {"attempts": 2}), ("refuse_models", [{"pattern": "gpt-4.*"}])):
                assert (await admin.ask("PUT", f"{API}/settings/{name}", {"value": value})).status == 200
            await in_force(place)
            lines = await planned(admin, "m-high")
            assert lines[0] == "m-high: rule 2 of profile 'z-house' (pattern '(.+)-(low|high)')"
            assert lines[-1] == "not b: profile 'default' leaves it out: it lacks the tag 'eu'"
            text = (await admin.ask("GET", f"{API}/configuration.yaml")).body
            told = (await put(admin, text)).json
            assert (told["added"], told["changed"], told["refused"]) == ([], [], [])
        text = text.replace(b"sealed:", b"sk-new")
        async with house(tmp_path / "two") as place:
            admin = await place.admin()
            told = (await put(admin, text)).json
            assert (told["refused"], len(told["added"])) == ([], 7)
            await in_force(place)
            assert await planned(admin, "m-high") == lines
            snapshot = place.gateway.live.snapshot
            assert (snapshot.retry, len(snapshot.refusals)) == (RetryPolicy(attempts=2), 1)

    asyncio.run(scene())


def test_settings_of_routing_are_in_force_at_once_and_left_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            await added(place, admin, "channels", CHANNEL)
            for name, value in (
                ("direct", False),
                ("breaker", {"failures": 9}),
                ("refuse_models", [{"pattern": "M", "message": "No."}]),
            ):
                told = await admin.ask("PUT", f"{API}/settings/{name}", {"value": value})
                assert told.status == 200, told.body
            await in_force(place)
            assert place.gateway.live.snapshot.breaker == BreakerPolicy(failures=9)
            assert await planned(admin, "m") == ["No."]
            for name in ("direct", "refuse_models"):
                await admin.ask("PUT", f"{API}/settings/{name}", {"value": None, "revision": 1})
            await in_force(place)
            assert "1. m on a" in (await planned(admin, "m"))[1]

    asyncio.run(scene())


HOSTILE: dict[str, tuple[str, dict[str, Any], str]] = {
    "a tree too deep": ("profiles", {"name": "x", "rules": [{"model": "m", "when": "DEEP"}]}, ""),
    "an empty choice": ("profiles", {"name": "x", "rules": [{"model": "m", "when": {"any": []}}]}, "length >= 1"),
    "a hundred branches": (
        "profiles",
        {"name": "x", "rules": [{"model": "m", "when": {"any": [{"images": True}] * 51}}]},
        "length <= 50",
    ),
    "a day that is none": (
        "profiles",
        {"name": "x", "rules": [{"model": "m", "when": {"since": "2026-02-30"}}]},
        "date",
    ),
    "a pattern without end": (
        "profiles",
        {"name": "x", "rules": [{"pattern": "(a+)+", "targets": []}]},
        "busy for years",
    ),
    "itself": ("profiles", {"name": "x", "extends": "x"}, "comes back to it"),
    "nothing": ("profiles", {"name": "x", "extends": "y"}, "not there"),
    "unknown words of bounds": ("projects", {"name": "x", "channels": {"any_of": ["a"]}}, "any_of"),
    "an unknown channel": ("projects", {"name": "x", "channels": ["gone"]}, "There is no channel or tag 'gone'"),
    "a number for bounds": ("projects", {"name": "x", "channels": 5}, "channels"),
    "a failure of any kind": ("channels", {**OTHER, "retry": [{}]}, "every failure"),
    "a status of success": ("channels", {**OTHER, "retry": [{"status": 200}]}, "400"),
    "words without end": ("channels", {**OTHER, "retry": [{"text": "x" * 201}]}, "200"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_used_is_refused_when_it_is_saved(tmp_path: Path, name: str) -> None:
    path, spec, words = HOSTILE[name]

    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            body: object = {"spec": spec}
            if "DEEP" in str(spec):
                deep = '{"not":' * 3000 + "{}" + "}" * 3000
                body = b'{"spec":{"name":"x","rules":[{"model":"m","when":' + deep.encode() + b"}]}}"
            told = await admin.ask("POST", f"{API}/{path}", body)
            assert 400 <= told.status < 423, told.body
            assert words in told.body.decode()

    asyncio.run(scene())


def test_the_keys_of_a_project_that_is_off_or_gone_open_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            project = await added(place, admin, "projects", {"name": "p"})
            made = (await admin.ask("POST", f"{API}/keys", {"spec": {"name": "k", "project": "p"}})).json
            await in_force(place)
            admit = place.gateway.guard.admit
            assert admit({"x-api-key": made["text"]}).name == "k"
            path = f"{API}/projects/{project['id']}"
            await admin.ask("PATCH", path, {"revision": 1, "state": "disabled"})
            await in_force(place)
            with pytest.raises(Trouble, match="switched off"):
                admit({"x-api-key": made["text"]})
            await admin.ask("PATCH", path, {"revision": 2, "state": "enabled"})
            await in_force(place)
            assert admit({"x-api-key": made["text"]}).name == "k"

    asyncio.run(scene())


def test_a_profile_that_others_extend_stays_and_closes_them_where_it_is_off(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            await added(place, admin, "channels", CHANNEL)
            base = await added(place, admin, "profiles", {"name": "base", "rules": [{"model": "m", "message": "No."}]})
            await added(place, admin, "profiles", {"name": "default", "extends": "base"})
            assert await planned(admin, "m") == ["No."]
            path = f"{API}/profiles/{base['id']}"
            kept = await admin.ask("DELETE", path, query="revision=1")
            assert (kept.status, kept.json["detail"]) == (
                409,
                "'base' is used by profile 'default'. Take it from there first, or say `force`.",
            )
            assert (await admin.ask("PATCH", path, {"revision": 1, "state": "disabled"})).status == 200
            await in_force(place)
            assert "extends 'base', which is not there" in (await planned(admin, "m"))[0]

    asyncio.run(scene())
