"""What is set for the whole gateway is changed while it runs, and what file and environment say is shown beside it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from dragoman.assembly import tuner
from dragoman.shapes.tuning import TuningTable
from dragoman.store.memory import Memory
from dragoman.web.admin.settings import FIELDS, MEANINGS
from tests.admin.stage import house
from tests.admin.test_channels import in_force

SETTINGS = "/api/v1/settings"


def test_a_setting_is_in_force_without_a_restart_and_audited(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            told = {one["name"]: one for one in (await admin.ask("GET", SETTINGS)).json}
            assert (told["strategy"]["value"], told["strategy"]["source"]) == ("weighted", "default")
            made = await admin.ask("PUT", f"{SETTINGS}/strategy", {"value": "fastest"})
            assert (made.status, made.json["value"], made.json["source"]) == (200, "fastest", "database")
            await in_force(place)
            live = place.gateway.live
            assert live.tuning == msgspec.structs.replace(live.usual, strategy="fastest")
            assert (live.usual.bodies_days, live.usual.upstream_errors) == (7, "told")
            stale = await admin.ask("PUT", f"{SETTINGS}/strategy", {"value": "weighted"})
            assert stale.json["code"] == "stale"
            back = await admin.ask("PUT", f"{SETTINGS}/strategy", {"value": None, "revision": made.json["revision"]})
            assert (back.json["value"], back.json["source"]) == ("weighted", "default")
            await in_force(place)
            assert place.gateway.live.snapshot.strategy == "weighted"
            entries = (await admin.ask("GET", "/api/v1/audit")).json["entries"]
            actions = [one["note"]["action"] for one in entries]
            assert [one for one in actions if one.startswith("setting")] == ["setting.remove", "setting.add"]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("strategy", "guess", 422),
        ("bodies_days", -1, 422),
        ("bodies_days", "7", 422),
        ("bodies_days", 1.5, 422),
        ("exchanges_days", 0, 422),
        ("retry", {"attempts": 99}, 422),
        ("retry", {"attempts": 2, "for_ever": True}, 422),
        ("breaker", {"rest_s": 50, "longest_s": 20}, 422),
        ("refuse_models", [{"pattern": "(a+)+"}], 422),
        ("refuse_models", "gpt-4", 422),
        ("direct", "no", 422),
        ("upstream_errors", "none", 422),
        ("upstream_errors", True, 422),
        ("upstream_error_text", "", 422),
        ("upstream_error_text", "x" * 501, 422),
        ("upstream_error_text", "two\nlines", 422),
        ("upstream_error_text", ["x"], 422),
        ("zone", "Mars/Olympus", 422),
        ("zone", "../etc/passwd", 422),
        ("zone", 5, 422),
        ("user_budgets", [{"window": "day"}], 422),
        ("user_budgets", {"window": "day", "tokens": 1}, 422),
        ("user_budgets", [{"window": "day", "tokens": 1}] * 21, 422),
        ("port", 1, 404),
        ("models:a", ["x"], 404),
        ("", 1, 404),
    ],
)
def test_what_cannot_be_a_setting_is_refused(tmp_path: Path, name: str, value: object, status: int) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            assert (await admin.ask("PUT", f"{SETTINGS}/{name}", {"value": value})).status == status
            assert await place.store.configuration.settings.all() == ()

    asyncio.run(scene())


def test_what_the_environment_says_goes_first_and_stays(tmp_path: Path) -> None:
    async def scene() -> None:
        environ = {"DRAGOMAN_BODIES_DAYS": "3", "DRAGOMAN_API_KEYS": "sk-canary"}
        async with house(tmp_path, environ) as place:
            admin = await place.admin()
            answer = await admin.ask("GET", SETTINGS)
            told = {one["name"]: one for one in answer.json}
            assert told["bodies_days"]["value"] == 3
            assert not told["bodies_days"]["changeable"]
            assert "DRAGOMAN_BODIES_DAYS" in told["bodies_days"]["source"]
            assert told["port"]["source"] == "default"
            assert told["api_keys"]["value"] == ["***"]
            assert b"sk-canary" not in answer.body
            refused = await admin.ask("PUT", f"{SETTINGS}/bodies_days", {"value": 9})
            assert (refused.status, refused.json["code"]) == (409, "fixed")

    asyncio.run(scene())


def test_what_clients_are_told_of_errors_is_changed_while_it_runs(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path, {"DRAGOMAN_UPSTREAM_ERROR_TEXT": "Ask the team."}) as place:
            admin = await place.admin()
            assert place.gateway.live.snapshot.upstream_errors == "told"
            made = await admin.ask("PUT", f"{SETTINGS}/upstream_errors", {"value": "text"})
            assert made.status == 200
            await in_force(place)
            now = place.gateway.live.snapshot
            assert (now.upstream_errors, now.upstream_error_text) == ("text", "Ask the team.")
            fixed = await admin.ask("PUT", f"{SETTINGS}/upstream_error_text", {"value": "No."})
            assert (fixed.status, fixed.json["code"]) == (409, "fixed")

    asyncio.run(scene())


def test_days_of_contents_and_exchanges_reach_the_memory(tmp_path: Path) -> None:
    memory = Memory(tmp_path, lambda exchange: exchange, bodies_days=7)
    tune = tuner(memory)
    tune(TuningTable(bodies_days=2, exchanges_days=30))
    memory.bodies.keep("a", b"x", None, None)
    (kept,) = memory.bodies.batch()
    assert kept.expires_ms <= time.time_ns() // 1_000_000 + 2 * 86_400_000
    assert memory.recorder.exchanges_days == 30
    memory.journal.close(None)


def test_every_setting_says_what_it_means() -> None:
    assert list(FIELDS) == list(MEANINGS)
    assert {field.default for field in msgspec.structs.fields(TuningTable)} == {None}
