"""What `dragoman serve` answered with its default settings is found in the database of its data folder."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from dragoman.store.opening import open_store
from dragoman.store.ports import Search
from tests.clients.gateway import serving
from tests.faults.client import ask, body_for

PROMPT = b"Say three numbers"
MODEL = "claude-sonnet-4-5"


@pytest.mark.anyio
async def test_an_exchange_of_the_demo_is_found_in_the_database(tmp_path: Path) -> None:
    folder = tmp_path / ".local" / "share" / "dragoman"
    told = _ask_the_demo(tmp_path)

    async with open_store("", folder=folder) as store:
        exchange = await store.ledger.get(told["request-id"])
        (total,) = await store.ledger.totals(Search(), by=())
        bodies = await store.ledger.bodies(exchange.id)

    assert (exchange.asked, exchange.status, exchange.finish) == (MODEL, 200, "end")
    assert exchange.client == "127.0.0.1"
    assert exchange.usage.exact
    assert exchange.cost is not None
    assert (exchange.cost.nano, exchange.cost.price, exchange.cost.doubt) == (0, "demo", "")
    assert (total.exchanges, total.output) == (1, exchange.usage.output)
    asked, answered = [msgspec.json.decode(body.content) for body in bodies]
    assert asked["model"] == MODEL
    assert answered["content"][0]["type"] == "text"


def _ask_the_demo(home: Path) -> dict[str, str]:
    with serving(home, "--demo") as gateway:
        body = msgspec.json.encode(body_for("anthropic", stream=True, model=MODEL))
        told = ask(int(gateway.url.rpartition(":")[2]), "anthropic", stream=True, body=body)
    assert told.status == 200
    folder = home / ".local" / "share" / "dragoman"
    assert not list((folder / "journal").glob("*.journal")), "it stopped in order"
    for file in ("dragoman.db", "master.key"):
        assert stat.S_IMODE((folder / file).stat().st_mode) == 0o600
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert MODEL.encode() in kept
    assert not [canary for canary in (PROMPT, b"key-of-the-client") if canary in kept], "contents are sealed"
    return dict(told.headers)
