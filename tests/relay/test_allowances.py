"""A request holds what it needs of its key's and channel's allowances, and settles what it used."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dragoman.canon.problem import Kind
from dragoman.ledger.book import OwnPrice, OwnRow, PriceBook
from dragoman.relay.allowances import Allowances
from dragoman.relay.claims import nano_of
from dragoman.routing.budget import BudgetTable
from dragoman.routing.key import Key
from dragoman.routing.shape import KeyLimitsTable, KeyTable
from dragoman.store.board.local import LocalBoard
from dragoman.store.ports.ledger import Payer, Spent
from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, play
from tests.relay.test_relay import HELLO, OPENED, ask, chunk, error_of

USED = {"prompt_tokens": 60, "completion_tokens": 40}
"""A hundred tokens."""
END = (
    chunk("stop")
    + b"data: "
    + msgspec.json.encode({"id": "c1", "choices": [], "usage": USED})
    + b"\n\ndata: [DONE]\n\n"
)


def answers(count: int) -> dict[str, list[Any]]:
    return {"one": [ScriptedAnswer([OPENED, HELLO, END], content_type="text/event-stream") for _ in range(count)]}


def key(*budgets: BudgetTable, **limits: int) -> Key:
    spec = KeyTable(name="mine", budgets=budgets, limits=KeyLimitsTable(**limits))
    return Key(id="k1", public_id="p1", digest=b"", spec=spec)


async def none_spent(payer: Payer, since_ms: int, step_ms: int, models: Sequence[str]) -> tuple[Spent, ...]:
    return ()


def heard(stage: Stage, times: int) -> list[Listener]:
    """What a client hears who asks so often, one after the other."""

    async def scene() -> list[Listener]:
        found = []
        for _ in range(times):
            found.append(await stage.ask(ask()))
            await asyncio.sleep(0)
        return found

    return play(scene())


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        (key(BudgetTable(window="day", requests=2)), "a budget of 2 requests per day, of which 2 requests"),
        (key(BudgetTable(window="total", tokens=200)), "a budget of 200 tokens per total, of which 200 tokens"),
        (key(BudgetTable(window="month", money="0.0002")), "a budget of 0.00 USD per month"),
        (key(BudgetTable(window="total", requests=9), BudgetTable(window="hour", requests=2)), "2 requests per hour"),
    ],
)
def test_a_budget_that_is_used_up_refuses_for_good(mine: Key, words: str) -> None:
    allowances = Allowances(LocalBoard(), none_spent)
    own = OwnPrice(model="*", input=Decimal(1), output=Decimal(1))
    allowances.prices = PriceBook([OwnRow("1", own)], lists={})
    stage = Stage(answers(3), allowances=allowances, key=mine)
    first, second, third = heard(stage, 3)
    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert words in error_of(third)["message"]
    assert third.headers["x-should-retry"] == "false"
    assert len(stage.transport.calls) == 2
    assert stage.exchanges[2].problem is Kind.BILLING


def test_requests_a_minute_are_refused_for_a_while() -> None:
    stage = Stage(answers(3), allowances=Allowances(LocalBoard()), key=key(rpm=2))
    *_, third = heard(stage, 3)
    assert third.status == 429
    assert "held to 2 requests a minute" in error_of(third)["message"]
    assert 0 < float(third.headers["retry-after"]) <= 60
    assert "x-should-retry" not in third.headers


def test_one_at_a_time() -> None:
    stage = Stage(answers(2), allowances=Allowances(LocalBoard()), key=key(simultaneous=1))

    async def scene() -> list[int]:
        both = await asyncio.gather(stage.ask(ask()), stage.ask(ask()))
        return sorted(listener.status or 0 for listener in both)

    assert play(scene()) == [200, 429]


def test_fifty_at_the_last_cent_overdraw_a_budget_by_one() -> None:
    async def nearly_spent(payer: Payer, since_ms: int, step_ms: int, models: Sequence[str]) -> tuple[Spent, ...]:
        return (Spent(tokens=9_999, cost_nano={}),)

    mine = key(BudgetTable(window="month", tokens=10_000))
    stage = Stage(answers(50), allowances=Allowances(LocalBoard(), nearly_spent), key=mine)

    async def scene() -> list[int | None]:
        return [listener.status for listener in await asyncio.gather(*(stage.ask(ask()) for _ in range(50)))]

    statuses = play(scene())
    assert statuses.count(200) == 1
    assert statuses.count(429) == 49


def test_a_ledger_that_is_away_refuses_nobody() -> None:
    async def away(payer: Payer, since_ms: int, step_ms: int, models: Sequence[str]) -> tuple[Spent, ...]:
        raise ConnectionError("away")

    stage = Stage(answers(1), allowances=Allowances(LocalBoard(), away), key=key(BudgetTable(window="day", requests=1)))
    assert [listener.status for listener in heard(stage, 1)] == [200]


def test_a_full_channel_leaves_the_request_to_the_next() -> None:
    script = answers(1) | {"two": answers(2)["one"]}
    tight = channel("one", limits={"rpm": 1})
    stage = Stage(script, tight, channel("two"), allowances=Allowances(LocalBoard()))
    first, second = heard(stage, 2)
    assert (first.headers["x-dragoman-channel"], second.headers["x-dragoman-channel"]) == ("one", "two")
    assert stage.exchanges[1].attempts[0].problem is Kind.RATE_LIMITED


def test_the_only_channel_that_is_full_refuses_for_a_while() -> None:
    stage = Stage(answers(2), channel("one", limits={"tpm": 1}), allowances=Allowances(LocalBoard()))
    first, second = heard(stage, 2)
    assert first.status == 200
    assert second.status == 429
    assert "held to 1 tokens a minute" in error_of(second)["message"]


@pytest.mark.parametrize(("money", "nano"), [("1", 10**9), ("0.5", 5 * 10**8), ("12.000000001", 12 * 10**9 + 1)])
def test_money_is_whole_billionths(money: str, nano: int) -> None:
    assert nano_of(money) == nano
