"""Many channels at once, sets of changes that they share, and copies: all or nothing, and no secret goes astray."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.canon.templates import Template
from dragoman.store.ports import SYSTEM, NewToken, User
from tests.admin.stage import House, Visitor, house
from tests.standin import StandIn

CHANNELS = "/api/v1/channels"
SETS = "/api/v1/overrides"
COOL = {"name": "cool", "body": [{"op": "set", "path": "temperature", "value": 0.0}], "note": "Not too lively."}


async def settled(place: House) -> None:
    version = await place.store.configuration.version()
    async with asyncio.timeout(10):
        while place.gateway.live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def add(place: House, visitor: Visitor, name: str, **members: Any) -> dict[str, Any]:
    spec = {"name": name, "provider": "openai", "api_key": f"sk-secret-of-{name}", "tags": ["eu"], **members}
    made = await visitor.ask("POST", CHANNELS, {"spec": spec})
    assert made.status == 201, made.body
    await settled(place)
    row: dict[str, Any] = made.json
    return row


async def operator(place: House) -> Visitor:
    blank = User(id="", login="op", role="operator", state="enabled", revision=0, created_ms=0, updated_ms=0)
    user = await place.store.people.add(SYSTEM, blank)
    text, _ = await place.store.people.add_token(SYSTEM, user.id, NewToken(name="script"))
    return place.visitor(text)


async def actions(visitor: Visitor) -> list[tuple[str, str]]:
    """What the audit log says, oldest first."""
    entries = (await visitor.ask("GET", "/api/v1/audit")).json
    entries = entries if isinstance(entries, list) else entries["entries"]
    return [(one["note"]["action"], one["note"]["name"]) for one in reversed(entries)]


def test_channels_of_a_tag_are_changed_together(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for name in ("a", "b"):
                await add(place, admin, name)
            await add(place, admin, "c", tags=["us"])
            said = {"tag": "eu", "weight": 3.0, "priority": 2, "add_tags": ["slow"], "drop_tags": ["eu"]}
            told = await admin.ask("POST", f"{CHANNELS}/bulk", said)
            assert [row["spec"]["name"] for row in told.json] == ["a", "b"]
            assert b"sk-secret" not in told.body
            await settled(place)
            found = {each.name: each for each in place.gateway.live.snapshot.channels}
            assert [(found[name].weight, found[name].priority) for name in "abc"] == [(3.0, 2), (3.0, 2), (1.0, 0)]
            assert found["a"].tags == {"slow"}
            assert found["a"].api_key.reveal() == "sk-secret-of-a", "what is not spoken of stays"
            assert (await actions(admin))[-2:] == [("channel.change", "a"), ("channel.change", "b")]
            ids = [row["id"] for row in told.json]
            assert (await admin.ask("POST", f"{CHANNELS}/bulk", {"ids": ids, "state": "archived"})).status == 200
            await settled(place)
            assert [each.name for each in place.gateway.live.snapshot.channels] == ["c"]
            assert (await admin.ask("POST", f"{CHANNELS}/bulk", {"ids": ids, "remove": True})).json == []
            assert (await actions(admin))[-2:] == [("channel.remove", "a"), ("channel.remove", "b")]

    asyncio.run(scene())


def test_nothing_happens_if_one_cannot_be_changed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            one = await add(place, admin, "a")
            await add(place, admin, "b")
            before = await actions(admin)
            bulk = f"{CHANNELS}/bulk"
            for said, status, code in (
                ({"ids": [one["id"], "gone"], "state": "disabled"}, 404, "missing"),
                ({"tag": "gone", "state": "disabled"}, 404, "missing"),
                ({"tag": "eu", "add_overrides": ["gone"]}, 422, "invalid"),
                ({"tag": "eu"}, 422, "invalid"),
                ({"state": "disabled"}, 422, "invalid"),
                ({"tag": "eu", "ids": [one["id"]], "state": "disabled"}, 422, "invalid"),
                ({"tag": "eu", "remove": True, "weight": 1.0}, 422, "invalid"),
                ({"tag": "eu", "weight": -1.0}, 422, "invalid"),
                ({"tag": "eu", "private": True}, 422, "invalid"),
                ({"ids": ["x"] * 1001, "state": "disabled"}, 422, "invalid"),
            ):
                told = await admin.ask("POST", bulk, said)
                assert (told.status, told.json["code"]) == (status, code), said
            assert await actions(admin) == before
            assert all(row["revision"] == 1 for row in (await admin.ask("GET", CHANNELS)).json)

    asyncio.run(scene())


def test_a_name_that_is_taken_undoes_all(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            old, other = await add(place, admin, "a"), await add(place, admin, "b")
            await admin.ask("PATCH", f"{CHANNELS}/{old['id']}", {"revision": 1, "state": "archived"})
            await add(place, admin, "a")
            told = await admin.ask("POST", f"{CHANNELS}/bulk", {"ids": [other["id"], old["id"]], "state": "enabled"})
            assert (told.status, told.json["code"]) == (409, "taken")
            assert (await admin.ask("GET", f"{CHANNELS}/{other['id']}")).json["revision"] == 1

    asyncio.run(scene())


def test_a_set_of_changes_is_in_force_on_all_its_channels(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            made = await admin.ask("POST", SETS, {"spec": COOL})
            assert made.status == 201, made.body
            await settled(place)
            for name in ("a", "b"):
                await add(place, admin, name, overrides=["cool"])
            assert values(place) == [0.0, 0.0]
            path = f"{SETS}/{made.json['id']}"
            warmer = {**COOL, "body": [{"op": "set", "path": "temperature", "value": 0.7}]}
            changed = await admin.ask("PATCH", path, {"revision": 1, "spec": warmer})
            assert changed.status == 200
            await settled(place)
            assert values(place) == [0.7, 0.7]
            await admin.ask("PATCH", path, {"revision": 2, "state": "disabled"})
            await settled(place)
            assert values(place) == [], "its channels stay, without it"
            assert len(place.gateway.live.snapshot.channels) == 2

    asyncio.run(scene())


def values(place: House) -> list[object]:
    return [change.value for each in place.gateway.live.snapshot.channels for change in each.body]


def test_a_set_in_use_stays_and_says_who_uses_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            row = (await admin.ask("POST", SETS, {"spec": COOL})).json
            await settled(place)
            channel = await add(place, admin, "a", overrides=["cool"])
            path = f"{SETS}/{row['id']}"
            for told in (
                await admin.ask("DELETE", path, query="revision=1"),
                await admin.ask("PATCH", path, {"revision": 1, "state": "archived"}),
                await admin.ask("PATCH", path, {"revision": 1, "spec": {**COOL, "name": "cold"}}),
            ):
                assert (told.status, told.json["code"]) == (409, "in_use")
                assert "used by channel 'a'" in told.json["detail"]
            said = {"ids": [channel["id"]], "drop_overrides": ["cool"]}
            assert (await admin.ask("POST", f"{CHANNELS}/bulk", said)).status == 200
            assert (await admin.ask("DELETE", path, query="revision=1")).status == 204

    asyncio.run(scene())


def test_a_set_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            header = {"op": "set", "name": "Authorization", "value": "Bearer stolen"}
            for spec, words in (
                ({**COOL, "header": [header]}, "holds no secrets"),
                ({**COOL, "body": [{"op": "set", "path": "a", "value": "{header.cookie}"}]}, "never passed on"),
                ({**COOL, "name": "a b"}, "name"),
                ({**COOL, "colour": "red"}, "colour"),
            ):
                told = await admin.ask("POST", SETS, {"spec": spec})
                assert told.status == 422
                assert words in told.json["detail"]

    asyncio.run(scene())


def test_sets_leave_and_come_back_with_their_channels(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path / "one") as place:
            admin = await place.admin()
            await admin.ask("POST", SETS, {"spec": COOL})
            await settled(place)
            await add(place, admin, "a", overrides=["cool"], api_key="", note="Ours.", client_headers=["x-trace"])
            text = (await admin.ask("GET", "/api/v1/configuration.yaml")).body
        async with house(tmp_path / "two") as place:
            admin = await place.admin()
            headers = {"content-type": "application/yaml"}
            told = await admin.ask("PUT", "/api/v1/configuration.yaml", text, headers)
            assert told.json["added"] == ["overrides/cool", "channels/a"], told.body
            await settled(place)
            assert values(place) == [0.0]
            told = await admin.ask("PUT", "/api/v1/configuration.yaml", text, headers)
            assert (told.json["unchanged"], told.json["changed"]) == (2, [])

    asyncio.run(scene())


def test_a_copy_has_no_secrets_unless_an_admin_says_so(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin, other = await place.admin(), await operator(place)
            row = await add(
                place,
                admin,
                "a",
                headers={"x-pass": "secret-of-a-header"},
                header=[{"op": "set", "name": "x-more", "value": "another-secret"}, {"op": "delete", "name": "x-b"}],
                weight=5.0,
            )
            path = f"{CHANNELS}/{row['id']}/copy"
            told = await other.ask("POST", path, {"name": "b"})
            assert told.status == 201, told.body
            spec = told.json["spec"]
            assert (spec["name"], spec["weight"], told.json["state"]) == ("b", 5.0, "disabled")
            assert (spec["api_key"], spec["headers"], len(spec["header"])) == ("", {}, 1)
            assert (await other.ask("POST", path, {"name": "c", "secrets": True})).status == 403
            made = await admin.ask("POST", path, {"name": "c", "secrets": True})
            assert b"secret-of" not in made.body
            await admin.ask("PATCH", f"{CHANNELS}/{made.json['id']}", {"revision": 1, "state": "enabled"})
            await settled(place)
            found = {each.name: each for each in place.gateway.live.snapshot.channels}["c"]
            assert found.api_key.reveal() == "sk-secret-of-a"
            assert found.headers == {"x-pass": "secret-of-a-header"}
            assert (await admin.ask("POST", path, {"name": "a"})).json["code"] == "taken"
            assert ("channel.copy_secrets", "") in await actions(admin)

    asyncio.run(scene())


def test_a_placeholder_stays_when_its_channel_is_changed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            filled = {"x-who": "asked by {header.x-user}"}
            header = [{"op": "set", "name": "x-more", "value": "asked as {body.user}"}]
            row = await add(place, admin, "a", headers=filled, header=header)
            assert row["spec"]["headers"]["x-who"].endswith("ser}")
            spec = {**row["spec"], "weight": 2.0}
            told = await admin.ask("PATCH", f"{CHANNELS}/{row['id']}", {"revision": 1, "spec": spec})
            assert told.status == 200, told.body
            assert (await admin.ask("POST", f"{CHANNELS}/bulk", {"tag": "eu", "weight": 3.0})).status == 200
            await settled(place)
            (channel,) = place.gateway.live.snapshot.channels
            assert [(each.name, isinstance(each.value, Template)) for each in channel.header] == [
                ("x-who", True), ("x-more", True)
            ]  # fmt: skip

    asyncio.run(scene())


@pytest.fixture(name="upstream")
def _upstream() -> Iterator[StandIn]:
    with StandIn(api_key="sk-right", models=("large", "small")) as running:
        yield running


def test_many_channels_are_tried_each_with_its_own_model(tmp_path: Path, upstream: StandIn) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            way = {"provider": "openai-compatible", "base_url": f"{upstream.url}/v1", "private": True}
            await add(place, admin, "a", **way, api_key="sk-right", models=["large"], test_model="small")
            await add(place, admin, "b", **way, api_key="sk-wrong", models=["large"])
            await add(place, admin, "c", **way, api_key="sk-right")
            told = (await admin.ask("POST", f"{CHANNELS}/test", {"tag": "eu"})).json
            assert [(one["account"], one["model"], one["ok"]) for one in told] == [
                ("a", "small", True), ("b", "large", False), ("c", "", False)
            ]  # fmt: skip
            assert told[2]["problem"] == "no_model"
            assert (await admin.ask("POST", f"{CHANNELS}/test", {"tag": "gone"})).status == 404

    asyncio.run(scene())
