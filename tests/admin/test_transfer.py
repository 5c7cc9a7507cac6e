"""The configuration leaves as YAML and comes back; no secret leaves with it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.admin.society import scene
from tests.admin.stage import House, Told, Visitor, house

CHANNEL = {"name": "a", "provider": "openai", "api_key": "sk-secret-1234", "tags": ["eu"], "weight": 2.0}
PROFILE = {"name": "p", "rules": [{"model": "x", "targets": [{"channel": "a", "model": "m"}]}]}
PRICE = {"name": "mine", "value": {"model": "m", "input": "1", "output": "2"}}


async def settled(place: House) -> None:
    version = await place.store.configuration.version()
    while place.gateway.live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


async def put(visitor: Visitor, text: bytes, query: str = "") -> Told:
    headers = {"content-type": "application/yaml"}
    return await visitor.ask("PUT", "/api/v1/configuration.yaml", text, headers, query)


def test_what_leaves_comes_back_the_same(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path / "one") as place:
            admin = await place.admin()
            for path, spec in (("channels", CHANNEL), ("profiles", PROFILE), ("prices", PRICE)):
                assert (await admin.ask("POST", f"/api/v1/{path}", {"spec": spec})).status == 201
                await settled(place)
            text = (await admin.ask("GET", "/api/v1/configuration.yaml")).body
            assert b"sk-secret" not in text
            assert b"weight: 2.0" in text
            assert b"timeouts" not in text, "what says nothing is left out"
            assert (await put(admin, text)).json == {
                "added": [], "changed": [], "unchanged": 3, "left": [], "refused": []
            }  # fmt: skip
            changed = text.replace(b"weight: 2.0", b"weight: 3.0")
            assert (await put(admin, changed, "dry_run=true")).json["changed"] == ["channels/a"]
            assert (await put(admin, changed)).json["changed"] == ["channels/a"]
            await settled(place)
            channel = place.gateway.live.snapshot.channels[0]
            assert (channel.weight, channel.api_key.reveal()) == (3.0, "sk-secret-1234"), "its secret is kept"
        async with house(tmp_path / "two") as place:
            admin = await place.admin()
            told = (await put(admin, text)).json
            assert "channels/a" in told["refused"][0], "another gateway does not have the secret"
            told = (await put(admin, text.replace(text[text.index(b"sealed:") :].split(b"\n")[0], b"sk-new"))).json
            assert told["added"] == ["channels/a"]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"a: [", 400),
        (b"a: &x [1]\nb: *x", 400),
        (b"channels: 1", 422),
        (b"colour: red", 422),
        (b"!!python/object/apply:os.system ['true']", 400),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: bytes, status: int) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            assert (await put(await place.admin(), text)).status == status

    asyncio.run(scene())


SSO = {"name": "corp", "issuer": "https://id.example", "client_id": "c"}


def test_a_text_with_one_part_that_is_not_the_writers_changes_nothing(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.role("carrier", "transfer:write", "projects:write", "sso:write", "sso:read")
            carrier = await on.script(await on.user("carrier", role="carrier"))
            whole = {"projects": [{"spec": {"name": "green"}}], "sso": [{"spec": SSO}]}
            told = await put(carrier, json.dumps(whole).encode())
            assert told.status == 403
            assert "identity providers" in told.json["detail"].lower()
            names = {row.spec.name for row in await on.place.store.configuration.projects.all()}
            assert "green" not in names

    asyncio.run(act())
