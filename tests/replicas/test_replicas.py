"""Two gateways draw on one budget, lose nothing when one is killed, and miss no answer when Redis freezes."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from redis import Redis

from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.shapes.budget import BudgetTable
from dragoman.store.board.redis import NEWS
from tests.faults.client import PATHS, ask, body_for, head_for
from tests.kill.rounds import Gateway, Heard, running
from tests.outage import failover
from tests.replicas.fleet import CLIENTS, LIMITED, Crowd, eventually, fleet, live_frozen
from tests.standin import Reply, StandIn, Text, Usage

SEED = 20261120
AT_ONCE = 50
LIMIT_NANO = 200_000_000
FROZEN_S = 8.0
LEAST = 0.999

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def statuses(urls: list[str], key: str, count: int) -> list[int]:
    """What so many requests at once are told, at all gateways in turn."""
    head = {**head_for("anthropic"), "authorization": f"Bearer {key}"}
    body = body_for("anthropic", stream=True, model="anthropic-budget")

    async def one(session: aiohttp.ClientSession, url: str) -> int:
        async with session.post(url + PATHS["anthropic"][True], json=body, headers=head) as answer:
            await answer.read()
            return answer.status

    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(one(session, urls[number % len(urls)]) for number in range(count)))


@pytest.mark.parametrize(("scope", "window"), [("key", "total"), ("project", "past 5h"), ("channel", "day")])
def test_fifty_at_once_overdraw_a_budget_by_one_at_most(tmp_path: Path, scope: str, window: str) -> None:
    with fleet(tmp_path, SEED) as shared:
        money = BudgetTable(window=window, money=f"0.{LIMIT_NANO:09}")
        spec = KeyTable(name="poor", budgets=(money,) if scope == "key" else (), project="shop")
        if scope == "channel":
            shared.budget("anthropic", f'{{ window = "{window}", money = "0.{LIMIT_NANO:09}" }}')
        with shared.replica() as one, shared.replica() as other:
            shared.vendor.responder = lambda _: Reply((Text("Well."),), usage=Usage(input=1000, output=1000))
            urls = [one.url, other.url]
            eventually((tmp_path / "data" / "master.key").exists)
            shared.project(ProjectTable(name="shop", budgets=(money,) if scope == "project" else ()))
            key, key_id = shared.known_key(urls, spec)
            eventually(lambda: set(asyncio.run(statuses(urls, key, AT_ONCE))) == {429})
            calls = len(shared.vendor.requests)
            assert calls > 2
            eventually(lambda: shared.spent(key_id).tokens == calls * 2000)
            spent = shared.spent(key_id).cost_nano["USD"]
            assert spent <= LIMIT_NANO + spent // calls


def test_a_key_that_is_disabled_opens_no_replica(tmp_path: Path) -> None:
    with fleet(tmp_path, SEED) as shared, shared.replica() as one, shared.replica() as other:
        urls = [one.url, other.url]
        key, key_id = shared.known_key(urls, LIMITED)
        assert set(asyncio.run(statuses(urls, key, 2))) == {200}
        shared.disable(key_id)
        eventually(lambda: set(asyncio.run(statuses(urls, key, 2))) == {401})


def test_a_replica_that_is_killed_takes_nothing_along(tmp_path: Path) -> None:
    async def scene(one: Gateway, other: Gateway, key: str) -> list[Heard]:
        crowd = Crowd(key, SEED)
        async with aiohttp.ClientSession() as session:
            asking = [
                asyncio.create_task(crowd.ask(session, url)) for url in (one.url, other.url) for _ in range(CLIENTS)
            ]
            await asyncio.sleep(3 + random.Random(SEED).random())
            one.process.kill()
            count = len(crowd.heard)
            await asyncio.sleep(3)
            assert len(crowd.heard) > count + CLIENTS, "the other was held up"
            crowd.stop.set()
            await asyncio.gather(*asking)
        return crowd.heard

    with fleet(tmp_path, SEED) as shared:
        with shared.replica() as one, shared.replica() as other:
            key, _ = shared.known_key([one.url, other.url], LIMITED)
            heard = asyncio.run(scene(one, other, key))
        assert not shared.wrongs(heard)


def test_f92_a_redis_that_is_frozen_delays_and_refuses_nothing(tmp_path: Path) -> None:
    report = live_frozen(tmp_path, seconds=FROZEN_S, seed=SEED)

    assert not report.wrongs, str(report)
    assert report.asked > 50
    assert report.whole >= LEAST * report.asked, str(report)


def test_a_limit_that_one_replica_was_told_is_kept_by_the_other(tmp_path: Path) -> None:
    with StandIn() as limited, StandIn() as well, fleet(tmp_path, SEED) as shared:
        shared.configure(failover.configuration(tmp_path, limited.url, well.url))
        limited.fault("F20", times=None, value="600")
        with shared.replica() as one, shared.replica() as other, closing(Redis.from_url(shared.redis.url)) as client:
            ear = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # it has no types
            ear.subscribe(NEWS)
            eventually(lambda: client.pubsub_numsub(NEWS)[0][1] == 3)
            assert channel_of(one.url, 1) == "second"
            eventually(lambda: (ear.get_message() or {"data": b""})["data"].startswith(b"health"))
            time.sleep(0.5)  # the other hears it, too
            assert channel_of(other.url, 2) == "second"
            assert len(limited.requests) == 1
            ear.close()


def channel_of(url: str, session: int) -> str:
    """Who answers a request of this session."""
    head = {"x-claude-code-session-id": failover.SESSION.format(session)}
    body = json.dumps(body_for("anthropic", stream=True, model=failover.MODEL)).encode()
    told = ask(int(url.rpartition(":")[2]), "anthropic", stream=True, body=body, headers=head)
    assert told.status == 200
    return told.headers["x-dragoman-channel"]


def test_a_second_gateway_on_one_file_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.toml"
    file.write_text(f'[server]\ndata_dir = "{tmp_path}/data"\nlog_format = "json"\n')
    with running(tmp_path, file) as first:
        eventually((tmp_path / "data" / "dragoman.db.lock").exists)
        with running(tmp_path, file) as second:
            assert second.process.wait(60) == 1
            assert "Several need PostgreSQL and Redis" in (tmp_path / "log").read_text()
        assert first.process.poll() is None
