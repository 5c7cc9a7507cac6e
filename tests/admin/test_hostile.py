"""What is written to do harm is refused in words: numbers beyond all bounds, names of two lines, endless texts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.admin.stage import house
from tests.admin.test_transfer import settled

API = "/api/v1"
ENDLESS = 10**30


def channel(name: str = "a", **members: Any) -> tuple[str, Any]:
    return f"{API}/channels", {"spec": {"name": name, "provider": "openai", "api_key": "sk-12345678", **members}}


def project(**members: Any) -> tuple[str, Any]:
    return f"{API}/projects", {"spec": {"name": "red", **members}}


REFUSED = (
    channel(priority=ENDLESS),
    channel(priority=-ENDLESS),
    channel(weight=1e300),
    channel(limits={"rpm": ENDLESS}),
    channel(limits={"simultaneous": 1, "queue": 1, "queue_s": 1e306}),
    channel(timeouts={"connect": 1e308}),
    channel(rests=[{"status": 500, "minutes": 1e308}]),
    channel(sync={"hours": 1e308}),
    channel(sync={"pattern": "(a+)+$"}),
    channel(sync={"pattern": "(" * 3000}),
    channel(body=[{"op": "set", "path": "a." * 5000 + "b", "value": 1}]),
    channel(body=[{"op": "delete", "path": "a"}] * 201),
    channel(header=[{"op": "delete", "name": "a"}] * 201),
    channel("a\n"),
    channel(prefix="a\n"),
    channel(trim=["a\n"]),
    channel(overrides=["a\n"]),
    project(budgets=[{"window": "past 5h\n", "requests": 1}]),
    project(budgets=[{"window": "day\n", "requests": 1}]),
    project(budgets=[{"window": "day", "money": "5\n"}]),
    project(budgets=[{"window": "day", "requests": ENDLESS}]),
    project(budgets=[{"window": "day", "money": "5", "currency": "USD\n"}]),
)
QUERIES = (
    ("/audit", "limit=" + "9" * 5000),
    ("/audit", "before=" + "9" * 5000),
    ("/exchanges", "since_ms=" + "9" * 5000),
    ("/totals", "since_ms=999999999999999"),
    ("/totals", "until_ms=999999999999999"),
    ("/totals", "until_ms=%C2%B2"),
)
TEXTS = (
    b"a: !!timestamp x",
    b"a: !!binary x",
    b"a: 1" + b":59" * 20_000,
    b"dragoman: " + b"9" * 5000,
    b"channels: " + b"[" * 2000,
    b"dragoman: !!python/object:os.system x",
)


def test_what_is_written_to_do_harm_is_refused(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for path, body in REFUSED:
                told = await admin.ask("POST", path, body)
                assert told.status == 422, (str(body)[:200], told.body[:300])
            for path, query in QUERIES:
                told = await admin.ask("GET", API + path, query=query)
                assert told.status == 422, (path, query[:40], told.body[:300])
            for text in TEXTS:
                headers = {"content-type": "application/yaml"}
                told = await admin.ask("PUT", f"{API}/configuration.yaml", text, headers)
                assert told.status == 400, (text[:60], told.body[:300])

    asyncio.run(scene())


@pytest.mark.parametrize("since", [0, 253_370_764_800_000])
def test_every_moment_that_calendars_know_can_be_asked_for(tmp_path: Path, since: int) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for path in ("/totals", "/exchanges"):
                assert (await admin.ask("GET", API + path, query=f"since_ms={since}&until_ms={since}")).status == 200

    asyncio.run(scene())


def test_a_key_of_the_database_cannot_have_all_channels_tried(tmp_path: Path) -> None:
    """It would cost without counting, and tell of channels outside its bounds."""

    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            assert (await admin.ask("POST", *channel("secret-channel", models=["m"]))).status == 201
            made = (await admin.ask("POST", f"{API}/keys", {"spec": {"name": "bounded"}})).json["text"]
            await settled(place)
            headers = {"authorization": f"Bearer {made}"}
            told = await place.visitor().ask("GET", "/test-connection", headers=headers)
            assert told.status == 403
            assert b"secret-channel" not in told.body

    asyncio.run(scene())
