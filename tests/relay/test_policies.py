"""What is set of retries and breakers is heeded at once, within its bounds and the budgets; channels add failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.routing.retries import MINUTE_LEAST
from dragoman.routing.snapshot import Channel, RetryRule
from dragoman.shapes.policy import BreakerPolicy, RetryPolicy
from tests.relay.stage import HANG, Listener, ScriptedAnswer, Stage, broken, channel, play
from tests.relay.test_relay import ask, chunk, error_of, good, hear


def told(status: int, words: str, **headers: str) -> ScriptedAnswer:
    """An upstream's refusal."""
    body = msgspec.json.encode({"error": {"message": words}})
    return ScriptedAnswer([body], status, content_type="application/json", **headers)


def channels_of(stage: Stage) -> list[str]:
    return [attempt.channel for attempt in stage.exchanges[-1].attempts]


def test_where_retries_are_off_the_first_failure_is_the_answer() -> None:
    stage = Stage({"one": [broken()], "two": [good()]})
    stage.relay.snapshot = replace(stage.relay.snapshot, retry=RetryPolicy(enabled=False))
    heard = hear(stage)
    assert channels_of(stage) == ["one"]
    assert heard.status == 502
    assert "not m on two: only one attempt is made" in stage.exchanges[0].plan


@pytest.mark.parametrize("most", [2, 6])
def test_so_many_channels_are_asked_as_the_policy_says(most: int) -> None:
    stage = Stage({f"c{n}": [broken()] for n in range(8)})
    stage.relay.snapshot = replace(stage.relay.snapshot, retry=RetryPolicy(attempts=most))
    hear(stage)
    assert len(channels_of(stage)) == most


@pytest.mark.parametrize(("times", "pauses"), [(0, ()), (1, (1.0,)), (2, (1.0, 2.0))])
def test_the_same_channel_is_asked_again_as_often_as_the_policy_says(times: int, pauses: Sequence[float]) -> None:
    stage = Stage({"one": [broken() for _ in range(times + 1)]})
    stage.relay.snapshot = replace(stage.relay.snapshot, retry=RetryPolicy(same_channel=times, pause_ms=1000))

    async def scene() -> float:
        await stage.ask(ask())
        return asyncio.get_running_loop().time()

    took_s = play(scene())
    assert len(channels_of(stage)) == times + 1
    assert 0.75 * sum(pauses) <= took_s <= sum(pauses) + 0.3


def test_the_highest_numbers_are_still_held_by_the_budgets() -> None:
    policy = RetryPolicy(attempts=6, same_channel=2, pause_ms=50)
    stage = Stage({"only": [broken() for _ in range(100)]})
    stage.relay.snapshot = replace(stage.relay.snapshot, retry=policy, breaker=BreakerPolicy(failures=50))

    async def scene() -> None:
        for _ in range(30):
            await stage.ask(ask())

    play(scene())
    attempts = sum(len(exchange.attempts) for exchange in stage.exchanges)
    assert attempts <= 30 + MINUTE_LEAST
    assert "not tried again: too many retries of this key were in vain in the last minute" in stage.exchanges[-1].plan


@pytest.mark.parametrize("failures", [2, 7])
def test_a_model_rests_after_as_many_faults_as_the_policy_says(failures: int) -> None:
    stage = Stage({"one": [broken() for _ in range(9)], "two": [good() for _ in range(9)]})
    stage.relay.snapshot = replace(
        stage.relay.snapshot, breaker=BreakerPolicy(failures=failures, connecting=failures, least=1000)
    )

    async def scene() -> None:
        for n in range(9):
            await stage.ask(ask(messages=[{"role": "user", "content": f"Talk {n}"}]))

    play(scene())
    assert len(stage.transport.calls) == 9 + failures


RULES = (RetryRule(status=418), RetryRule(status=400, words=("try", "later")), RetryRule(words=("busy",)))


@pytest.mark.parametrize(
    ("first", "goes_on"),
    [
        (told(418, "I am a teapot"), True),
        (told(400, "Please TRY it again LATER."), True),
        (told(400, "Later, or try never."), False),
        (told(400, "All lines are Busy"), True),
        (told(422, "try later"), False),
        (told(400, "x" * 5000 + "busy"), False),
        (
            ScriptedAnswer(
                [chunk(role="assistant"), b'data: {"error":{"message":"busy","type":"invalid_request_error"}}\n\n'],
                content_type="text/event-stream",
            ),
            True,
        ),
    ],
    ids=["status", "words", "words turned round", "words alone", "another status", "too far behind", "in a stream"],
)
def test_a_channel_says_which_failures_are_worth_another_attempt(first: ScriptedAnswer, goes_on: bool) -> None:
    stage = Stage({"one": [first], "two": [good()]}, channel("one", retry=RULES), channel("two"))
    heard = hear(stage)
    assert channels_of(stage) == (["one", "two"] if goes_on else ["one"])
    assert (heard.status == 200 and "Hello there" in heard.text) is goes_on


def test_such_a_failure_is_tried_once_more_where_no_other_channel_is() -> None:
    stage = Stage({"one": [told(400, "busy"), good()]}, channel("one", retry=RULES))
    assert "Hello there" in hear(stage).text
    assert channels_of(stage) == ["one", "one"]


def test_where_all_attempts_failed_so_the_refusal_is_told_as_it_is() -> None:
    stage = Stage({"one": [told(400, "We are busy")], "two": [told(400, "So are we: busy")]}, *_both())
    heard = hear(stage)
    assert channels_of(stage) == ["one", "two"]
    assert heard.status == 400
    assert "busy" in error_of(heard)["message"]


def test_what_another_channel_says_plainly_goes_before_such_a_failure() -> None:
    stage = Stage({"one": [told(400, "busy")], "two": [told(429, "slow down", retry_after="7")]}, *_both())
    heard = hear(stage)
    assert (heard.status, heard.headers["retry-after"]) == (429, "7")


def test_after_the_first_content_no_rule_tries_anything_again() -> None:
    begun = ScriptedAnswer(
        [chunk(role="assistant", content="Hel"), b'data: {"error":{"message":"busy"}}\n\n'],
        content_type="text/event-stream",
    )
    stage = Stage({"one": [begun], "two": [good()]}, *_both())
    hear(stage)
    assert channels_of(stage) == ["one"]


def test_a_policy_changed_meanwhile_holds_for_the_next_failure() -> None:
    slow = ScriptedAnswer([5.0, broken()], content_type="text/event-stream")
    stage = Stage({"one": [slow], "two": [HANG]})

    async def scene() -> Listener:
        asked = asyncio.create_task(stage.ask(ask()))
        await asyncio.sleep(1)
        stage.relay.snapshot = replace(stage.relay.snapshot, retry=RetryPolicy(enabled=False))
        return await asked

    assert play(scene()).ended
    assert channels_of(stage) == ["one"]


def _both() -> tuple[Channel, Channel]:
    return channel("one", retry=RULES), channel("two", retry=RULES)
