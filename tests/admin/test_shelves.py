"""Channels, profiles and projects are added, changed and removed by the API, and come into force at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dragoman.store.ports import SYSTEM, NewToken, User
from tests.admin.stage import House, house

CHANNEL = {"name": "a", "provider": "openai", "api_key": "sk-secret-1234", "models": ["m"]}


async def in_force(place: House, version: int) -> None:
    async with asyncio.timeout(10):
        while place.gateway.live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def test_a_channel_lives_and_shows_no_secret(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            made = await admin.ask("POST", "/api/v1/channels", {"spec": CHANNEL})
            assert made.status == 201
            assert made.headers["location"] == f"/api/v1/channels/{made.json['id']}"
            assert b"sk-secret" not in made.body
            assert made.json["spec"]["api_key"].startswith("sealed:")
            await in_force(place, await place.store.configuration.version())
            assert place.gateway.live.snapshot.channels[0].api_key.reveal() == "sk-secret-1234"

            path = f"/api/v1/channels/{made.json['id']}"
            spec = {**made.json["spec"], "weight": 2.0}
            changed = await admin.ask("PATCH", path, {"revision": 1, "spec": spec})
            assert (changed.status, changed.json["revision"]) == (200, 2)
            await in_force(place, await place.store.configuration.version())
            channel = place.gateway.live.snapshot.channels[0]
            assert (channel.weight, channel.api_key.reveal()) == (2.0, "sk-secret-1234")

            stale = await admin.ask("PATCH", path, {"revision": 1, "state": "disabled"})
            assert (stale.status, stale.json["code"]) == (412, "stale")
            assert (await admin.ask("POST", "/api/v1/channels", {"spec": CHANNEL})).json["code"] == "taken"
            unseen = await admin.ask("DELETE", path)
            assert (unseen.status, "Say which `revision`" in unseen.json["detail"]) == (422, True)
            assert (await admin.ask("DELETE", path, query="revision=2")).status == 204
            assert (await admin.ask("GET", path)).json["code"] == "missing"

    asyncio.run(scene())


def test_what_cannot_be_used_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for path, spec, words in (
                ("/channels", {**CHANNEL, "provider": "gone"}, "no provider 'gone'"),
                ("/channels", {**CHANNEL, "base_url": "ftp://x"}, "not an HTTP address"),
                ("/channels", {**CHANNEL, "colour": "red"}, "unknown field `colour`"),
                ("/channels", {**CHANNEL, "modles": ["m"]}, "Did you mean 'models'?"),
                ("/profiles", {"name": "p", "rules": [{"model": "x", "strategy": "quick"}]}, "may be: adaptive,"),
                ("/channels", {"name": "a/b", "provider": "openai"}, "name"),
                ("/profiles", {"name": "p", "rules": [{"pattern": "("}]}, "no regular expression"),
                (
                    "/profiles",
                    {"name": "p", "rules": [{"model": "x", "targets": [{"model": "m"}]}]},
                    "a channel or a tag",
                ),
            ):
                told = await admin.ask("POST", f"/api/v1{path}", {"spec": spec})
                assert told.status == 422
                assert told.headers["content-type"] == "application/problem+json"
                assert words in told.json["detail"]
            assert (await admin.ask("POST", "/api/v1/channels", b"{")).status == 400
            assert (await admin.ask("GET", "/api/v1/nowhere")).status == 404

    asyncio.run(scene())


def test_a_channel_without_the_key_that_its_provider_needs_is_saved_and_told_of(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            bare = {"name": "bare", "provider": "openai"}
            made = (await admin.ask("POST", "/api/v1/channels", {"spec": bare})).json
            path = f"/api/v1/channels/{made['id']}"
            assert made["warnings"] == ["OpenAI is called without a key, which it will refuse."]
            told = await admin.ask("PATCH", path, {"revision": 1, "state": "disabled"})
            assert "warnings" not in told.json
            told = await admin.ask("PATCH", path, {"revision": 2, "state": "enabled"})
            assert told.json["warnings"] == made["warnings"]
            told = await admin.ask("PATCH", path, {"revision": 3, "spec": {**bare, "api_key": "sk-12345678"}})
            assert "warnings" not in told.json
            told = await admin.ask("PATCH", path, {"revision": 4, "spec": {**told.json["spec"], "note": "n"}})
            assert (told.status, "warnings" in told.json) == (200, False)

    asyncio.run(scene())


def test_a_change_of_nothing_and_a_question_that_is_not_known_are_refused(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            made = (await admin.ask("POST", "/api/v1/channels", {"spec": CHANNEL})).json
            path = f"/api/v1/channels/{made['id']}"
            told = await admin.ask("PATCH", path, {"revision": 1, "keep_secrets": True})
            assert (told.status, "changes nothing" in told.json["detail"]) == (422, True)
            assert (await admin.ask("GET", path)).json["revision"] == 1
            told = await admin.ask("GET", "/api/v1/channels", query="archive=true")
            assert (told.status, "Did you mean 'archived'?" in told.json["detail"]) == (422, True)
            assert (await admin.ask("GET", path, query="x=1")).status == 422

    asyncio.run(scene())


@pytest.mark.parametrize(
    "members",
    [
        {"base_url": "http://example.com/v1"},
        {"base_url": "https://127.0.0.1/v1"},
        {"base_url": "https://[::ffff:10.0.0.1]/v1"},
        {"base_url": "https://169.254.169.254/v1"},
        {"base_url": "https://localhost:8443/v1"},
        {"base_url": "https://example.com:22/v1"},
        {"proxy": "http://10.0.0.1:3128"},
        {"proxy": "http://localhost:3128"},
        {"provider": "ollama", "api_key": ""},
    ],
)
def test_an_address_within_private_networks_needs_an_admins_word(tmp_path: Path, members: dict[str, object]) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            blank = User(id="", login="op", role="operator", state="enabled", revision=0, created_ms=0, updated_ms=0)
            user = await place.store.people.add(SYSTEM, blank)
            text, _ = await place.store.people.add_token(SYSTEM, user.id, NewToken(name="script"))
            told = await admin.ask("POST", "/api/v1/channels", {"spec": {**CHANNEL, **members}})
            assert (told.status, "private = true" in told.json["detail"]) == (422, True)
            private = {**CHANNEL, **members, "private": True}
            told = await place.visitor(text).ask("POST", "/api/v1/channels", {"spec": private})
            assert (told.status, told.json["code"]) == (403, "forbidden")
            told = await admin.ask("POST", "/api/v1/channels", {"spec": private})
            assert told.status == (422 if "169.254" in str(members) else 201)

    asyncio.run(scene())


def test_an_operator_leaves_a_private_channel_where_it_leads(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            private = {**CHANNEL, "base_url": "http://10.0.0.1/v1", "private": True}
            made = (await admin.ask("POST", "/api/v1/channels", {"spec": private})).json
            blank = User(id="", login="op", role="operator", state="enabled", revision=0, created_ms=0, updated_ms=0)
            user = await place.store.people.add(SYSTEM, blank)
            text, _ = await place.store.people.add_token(SYSTEM, user.id, NewToken(name="script"))
            operator, path = place.visitor(text), f"/api/v1/channels/{made['id']}"
            moved = {**made["spec"], "base_url": "http://10.0.0.2/v1"}
            assert (await operator.ask("PATCH", path, {"revision": 1, "spec": moved})).status == 403
            weighed = {**made["spec"], "weight": 2}
            assert (await operator.ask("PATCH", path, {"revision": 1, "spec": weighed})).status == 200
            assert (await operator.ask("PATCH", path, {"revision": 2, "state": "disabled"})).status == 200

    asyncio.run(scene())
