"""What is down is not buried under retries, and what is well may still make up for it."""

from __future__ import annotations

import asyncio

from dragoman.relay.retries import RetryBudgets
from dragoman.routing.retries import AT_ONCE_LEAST, MINUTE_LEAST
from tests.relay.stage import Listener, ScriptedAnswer, Stage, broken, play
from tests.relay.test_relay import ask, error_of, good

CROWD = 9
SLOW_S = 0.5
"""How long the second channel takes for its first content."""


async def one_after_another(stage: Stage, count: int) -> list[Listener]:
    """What so many clients hear in turn."""
    return [await stage.ask(ask()) for _ in range(count)]


def test_what_fails_and_fails_is_not_tried_again() -> None:
    stage = Stage({"only": [broken()] * (2 * MINUTE_LEAST + 3)})

    heard = play(one_after_another(stage, MINUTE_LEAST + 3))

    assert [len(exchange.attempts) for exchange in stage.exchanges] == [2] * MINUTE_LEAST + [1] * 3
    last, exchange = heard[-1], stage.exchanges[-1]
    assert last.status == heard[0].status
    assert 1 <= int(last.headers["retry-after"]) <= 5
    assert "not tried again" in error_of(last)["message"]
    assert exchange.plan[-1] == "not tried again: too many retries of this key were in vain in the last minute"


def test_many_that_fail_at_once_are_mended_a_few_at_a_time() -> None:
    dying = [ScriptedAnswer([1.0, broken()], content_type="text/event-stream") for _ in range(CROWD)]
    stage = Stage({"first": dying, "second": [good(SLOW_S) for _ in range(CROWD)]})

    async def scene() -> list[Listener]:
        return await asyncio.gather(*(stage.ask(ask()) for _ in range(CROWD)))

    heard = play(scene())
    assert [each.headers["x-dragoman-channel"] for each in heard] == ["second"] * CROWD
    begun_s = sorted(each.heard[0][0] for each in heard)
    for earlier_s, later_s in zip(begun_s, begun_s[AT_ONCE_LEAST:], strict=False):
        assert later_s - earlier_s >= SLOW_S


class Listening:
    """A request that has no content yet."""

    content_sent = False


def test_an_upstream_without_a_place_is_not_waited_for_any_longer_than_two_seconds() -> None:
    budgets = RetryBudgets()

    async def scene() -> list[str]:
        loop = asyncio.get_running_loop()
        told = [await budgets.grant(Listening(), "payer", "slow") for _ in range(AT_ONCE_LEAST + 1)]
        assert 1.9 < loop.time() < 2.1
        return told

    *granted, last = play(scene())
    assert granted == [""] * AT_ONCE_LEAST
    assert last == "too many retries wait for the channel 'slow' already"


def test_who_is_turned_away_goes_on_though_the_budget_is_spent() -> None:
    limited = ScriptedAnswer([b"{}"], 429, content_type="application/json")
    stage = Stage({"first": [limited], "second": [good()]})

    async def scene() -> Listener:
        budgets, other = stage.relay.learned.retries, Listening()
        for _ in range(MINUTE_LEAST):
            assert not await budgets.grant(other, "", "elsewhere")
            budgets.failed(other)
        assert await budgets.grant(other, "", "elsewhere")
        return await stage.ask(ask())

    assert play(scene()).headers["x-dragoman-channel"] == "second"
