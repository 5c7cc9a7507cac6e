"""Budgets and bills by the API: what is used is told with its budget, what would be charged line by line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dragoman.canon.usage import Usage
from dragoman.ledger.exchange import AttemptRecord, Exchange
from dragoman.ledger.price import Cost
from dragoman.store.ports import Search
from tests.admin.stage import house
from tests.admin.test_channels import in_force

API = "/api/v1"
CAP: dict[str, object] = {"window": "past 5h", "tokens": 1000}


def spent(now_ms: int, key_id: str, **members: Any) -> Exchange:
    """An exchange of 130 tokens, of which a lost attempt had 30."""
    usage, paid = Usage(input=90, output=10), Cost(currency="USD", nano=5, lines=(), price="p")
    won = AttemptRecord(
        n=2, channel="a", model="m", mode="verbatim", status=200, started_ms=now_ms, usage=usage, cost=paid
    )
    lost = AttemptRecord(
        n=1, channel="a", model="m", mode="verbatim", status=500, started_ms=now_ms, usage=Usage(input=30)
    )
    usual = {"started_ms": now_ms - 1000, "ended_ms": now_ms, "door": "anthropic", "asked": "m", "stream": True}
    who = {"key_id": key_id, "owner": "admin", "project": "shop", "session": ""}
    return Exchange(id=f"e-{key_id}", attempts=(lost, won), **(usual | who | members))  # type: ignore[arg-type]


def test_what_was_used_of_budgets_is_told_of_every_scope(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            project = (await admin.ask("POST", f"{API}/projects", {"spec": {"name": "shop", "budgets": [CAP]}})).json
            channel = {"name": "a", "provider": "openai", "api_key": "k", "models": ["m"], "budgets": [CAP]}
            made = (await admin.ask("POST", f"{API}/channels", {"spec": channel})).json
            await in_force(place)
            key = {
                "name": "mine",
                "project": "shop",
                "budgets": [CAP, {"window": "day", "money": "1", "models": ["x"]}],
            }
            minted = (await admin.ask("POST", f"{API}/keys", {"spec": key})).json["key"]
            await admin.ask("PUT", f"{API}/settings/user_budgets", {"value": [CAP]})
            await in_force(place)
            now_ms = place.gateway.live.now_ms()
            await place.store.ledger.put([spent(now_ms, minted["id"])])
            (anna, *_) = (await admin.ask("GET", f"{API}/users")).json
            await place.store.ledger.put([spent(now_ms, "other", owner=anna["login"], source="test")])

            async def used(path: str) -> list[tuple[int, int, dict[str, int]]]:
                told = (await admin.ask("GET", f"{API}/{path}/usage")).json
                return [(one["spent"]["requests"], one["spent"]["tokens"], one["spent"]["cost_nano"]) for one in told]

            assert await used(f"keys/{minted['id']}") == [(1, 100, {"USD": 5}), (0, 0, {})]
            assert await used(f"projects/{project['id']}") == [(1, 100, {"USD": 5})]
            assert await used(f"channels/{made['id']}") == [(4, 260, {"USD": 10})]
            assert (await admin.ask("GET", f"{API}/projects/gone/usage")).status == 404
            tests = await place.store.ledger.find(Search(source="test"))
            shown = (await admin.ask("GET", f"{API}/exchanges", query="source=test")).json["exchanges"]
            assert [one["id"] for one in shown] == [one.id for one in tests.exchanges] == ["e-other"]

    asyncio.run(scene())


@pytest.mark.parametrize(
    "budget",
    [
        {"window": "day"},
        {"window": "past 1m", "tokens": 1},
        {"window": "day", "tokens": 1, "zone": "Mars/Olympus"},
        {"window": "day", "tokens": 1, "zone": "../../../etc/passwd"},
        {"window": "day", "tokens": 0},
        {"window": "day", "money": 5},
        {"window": "day", "tokens": 1, "hours": 5},
    ],
)
def test_a_budget_that_cannot_be_counted_is_refused_everywhere(tmp_path: Path, budget: dict[str, Any]) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            channel = {"name": "a", "provider": "openai", "api_key": "k", "budgets": [budget]}
            for kind, spec in (
                ("keys", {"name": "k", "budgets": [budget]}),
                ("projects", {"name": "p", "budgets": [budget]}),
                ("channels", channel),
            ):
                assert (await admin.ask("POST", f"{API}/{kind}", {"spec": spec})).status == 422
            assert (await admin.ask("PUT", f"{API}/settings/user_budgets", {"value": [budget]})).status == 422

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"model": "m"}, 200),
        ({"model": "m", "usage": {}}, 200),
        ({"model": "m", "usage": {"input": 10**12}}, 200),
        ({"model": "m", "usage": {"input": -1}}, 422),
        ({"model": "m", "usage": {"inptu": 1}}, 422),
        ({"model": ""}, 422),
        ({"model": "m", "channel": "gone"}, 422),
        ({"model": "m", "at_ms": -1}, 422),
        ({"model": "m", "at_ms": 10**18}, 422),
        ({"model": "m" * 501}, 422),
    ],
)
def test_a_bill_is_made_of_what_can_be_charged(tmp_path: Path, asked: dict[str, Any], status: int) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            told = await (await place.admin()).ask("POST", f"{API}/prices/bill", asked)
            assert told.status == status
            if status == 200:
                assert told.json["doubt"].startswith("Nobody's price is known")
                assert told.json["why"] == "the price 'unknown-model'."

    asyncio.run(scene())
