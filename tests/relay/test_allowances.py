"""A request holds what it needs of its key's and channel's allowances, and settles what it used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.ledger.book import PriceBook
from dragoman.ledger.own import OwnPrice, OwnRow
from dragoman.relay.allowances import Allowances
from dragoman.relay.claims import nano_of
from dragoman.routing.key import Key
from dragoman.routing.profile import Project
from dragoman.shapes.access import KeyLimitsTable, KeyTable
from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.tuning import TuningTable
from dragoman.store.board.local import LocalBoard
from dragoman.store.ports.board import Full, Hold
from dragoman.store.ports.ledger import Payer, Spent
from tests.relay.stage import Listener, ScriptedAnswer, Stage, broken, channel, inquiry, play
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


def scoped(scope: str, budget: BudgetTable, count: int) -> Stage:
    """A stage on which this scope has the budget."""
    spec = KeyTable(name="mine", project="shop", owner="anna", budgets=(budget,) if scope == "key" else ())
    allowances = Allowances(LocalBoard(), none_spent)
    allowances.configure(
        PriceBook([OwnRow("1", OwnPrice(model="*", input=Decimal(1), output=Decimal(1)))], lists={}),
        TuningTable(user_budgets=(budget,) if scope == "user" else ()),
    )
    one = channel("one", budgets=(budget,) if scope == "channel" else ())
    stage = Stage(answers(count), one, allowances=allowances, key=Key(id="k1", public_id="p1", digest=b"", spec=spec))
    projects = {"shop": Project(budgets=(budget,) if scope == "project" else ()), "lab": Project()}
    stage.relay.snapshot = replace(stage.relay.snapshot, projects=projects)
    return stage


async def asks(stage: Stage, times: int) -> list[int | None]:
    """What so many hear who ask at once."""
    listeners = [Listener() for _ in range(times)]
    asking = (replace(inquiry(ask()), key=stage.key, id=uuid4().hex) for _ in listeners)
    await asyncio.gather(*map(stage.relay.answer, asking, listeners))
    return [listener.status for listener in listeners]


@pytest.mark.parametrize("scope", ["key", "user", "project", "channel"])
@pytest.mark.parametrize(
    "budget",
    [
        BudgetTable(window="past 5h", tokens=300),
        BudgetTable(window="day", zone="Asia/Tokyo", money="0.0003"),
        BudgetTable(window="month", requests=3, models=("a*", "m")),
    ],
    ids=["sliding tokens", "money of a zone's day", "requests for some models"],
)
def test_fifty_at_once_overdraw_no_budget_by_more_than_one(scope: str, budget: BudgetTable) -> None:
    stage = scoped(scope, budget, 50)

    async def scene() -> None:
        for _ in range(6):
            await asks(stage, 50)
            await asyncio.sleep(2)

    play(scene())
    assert 3 <= len(stage.transport.calls) <= 4, "each answer has a hundred tokens"


def test_another_project_has_budgets_of_its_own() -> None:
    stage = scoped("project", BudgetTable(window="day", requests=1), 2)
    first, second = heard(stage, 2)
    assert (first.status, second.status) == (200, 429)
    assert "The project 'shop' has a budget of 1 requests per day" in error_of(second)["message"]
    assert stage.key
    stage.key = replace(stage.key, spec=replace(stage.key.spec, project="lab"))
    assert heard(stage, 1)[0].status == 200


def test_a_budget_for_some_models_counts_only_those() -> None:
    others, these = (BudgetTable(window="day", requests=n, models=(name,)) for n, name in ((1, "other-*"), (2, "as*")))
    stage = Stage(answers(3), allowances=Allowances(LocalBoard(), none_spent), key=key(others, these))
    *_, third = told = heard(stage, 3)
    assert [listener.status for listener in told] == [200, 200, 429]
    assert "a budget of 2 requests per day for as*, of which 2 requests are used" in error_of(third)["message"]


@pytest.mark.parametrize(("models", "words"), [((), ""), (("m*", "x"), " for m*, x")])
def test_a_channel_that_has_nothing_left_is_passed_over_in_the_plan(models: tuple[str, ...], words: str) -> None:
    other = BudgetTable(window="day", requests=1, models=("other",))
    poor = channel("one", budgets=(BudgetTable(window="day", requests=1, models=models), other))
    script = answers(1) | {"two": answers(3)["one"]}
    stage = Stage(script, poor, channel("two"), allowances=Allowances(LocalBoard(), none_spent))

    async def scene() -> list[Listener]:
        found = []
        for _ in range(3):
            found.append(await stage.ask(ask()))
            await asyncio.sleep(1.5)
        return found

    told = play(scene())
    assert [listener.headers["x-dragoman-channel"] for listener in told] == ["one", "two", "two"]
    assert [len(exchange.attempts) for exchange in stage.exchanges] == [1, 1, 1], "nothing is tried in vain"
    passed = [line for line in stage.exchanges[2].plan if line.startswith("not ")]
    why = f"it has a budget of 1 requests per day{words}, of which 1 requests are used or held"
    assert passed == [f"not m on one: {why}"]


def test_a_lost_attempt_is_the_channels_cost_and_not_the_keys() -> None:
    usage = {"input_tokens": 60, "output_tokens": 1}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    began = msgspec.json.encode({"type": "message_start", "message": message})
    event = b"event: message_start\ndata: " + began + b"\n\n"
    lost = ScriptedAnswer([event, broken()], content_type="text/event-stream")
    board, cap = LocalBoard(), BudgetTable(window="day", tokens=1000)
    allowances = Allowances(board, none_spent)
    both = [channel(name, row, budgets=(cap,)) for name, row in (("one", "anthropic"), ("two", "openai-compatible"))]
    stage = Stage({"one": [lost], "two": answers(1)["one"]}, *both, allowances=allowances, key=key(cap))

    async def scene() -> dict[str, int]:
        assert (await stage.ask(ask())).headers["x-dragoman-channel"] == "two"
        await asyncio.sleep(0)
        full = {name: Hold(name=f"{name}:tokens", span="day", limit=0, amount=1) for name in ("key:k1", "channel:one")}
        found = {name: await board.hold(name, [hold], int(time.time() * 1000)) for name, hold in full.items()}
        return {name: one.used for name, one in found.items() if isinstance(one, Full)}

    assert play(scene()) == {"key:k1": 100, "channel:one": 61}
    exchange = stage.exchanges[0]
    assert exchange.charged is exchange.attempts[1]
    assert exchange.attempts[0].usage.prompt == 60
