"""What is sent upstream stands in the journal before it leaves, and how far it came while it runs."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.canon.problem import Kind
from dragoman.canon.usage import Usage
from dragoman.ledger.exchange import Exchange
from dragoman.net.transport import Answer, Call
from tests.relay.stage import HANG, ScriptedAnswer, Stage, play, refused
from tests.relay.test_relay import DONE, HELLO, OPENED, ask, hear

USED = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7}}\n\n'
LONG = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"word" * 300)


def stream(*script: bytes | float) -> ScriptedAnswer:
    return ScriptedAnswer(script, content_type="text/event-stream")


class Looking:
    """A network that looks into the journal as each call arrives. Mutable."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.seen: list[Exchange] = []

    async def send(self, call: Call) -> Answer:
        self.seen.append(self._stage.journal.written[-1])
        return await self._stage.transport.send(call)


def test_each_attempt_is_written_before_it_is_sent() -> None:
    stage = Stage({"one": [refused()], "two": [stream(OPENED, HELLO, DONE)]})
    looking = Looking(stage)
    stage.relay._transport = looking

    hear(stage, ask())

    assert [[attempt.channel for attempt in seen.attempts] for seen in looking.seen] == [["one"], ["one", "two"]]
    assert all(seen.ended_ms is None and seen.attempts[-1].ended_ms is None for seen in looking.seen)


def test_an_attempt_that_failed_is_no_longer_running_while_the_next_is_waited_for() -> None:
    stage = Stage({"one": [refused(), stream(OPENED, HELLO, DONE)]})

    hear(stage, ask())

    first, waiting, second, _ = stage.journal.written
    assert first.attempts[0].ended_ms is None
    assert [attempt.problem for attempt in waiting.attempts] == [Kind.UNREACHABLE]
    assert waiting.ended_ms is None
    assert [attempt.n for attempt in second.attempts] == [1, 2]


def test_the_last_word_of_the_journal_is_what_was_recorded() -> None:
    stage = Stage({"one": [stream(OPENED, HELLO, USED, DONE)]})

    hear(stage, ask())

    assert stage.journal.written[-1] == stage.exchanges[0]
    assert stage.exchanges[0].attempts[0].provider == "openai-compatible"


def test_a_stream_is_noted_each_second() -> None:
    stage = Stage({"one": [stream(OPENED, HELLO, 0.4, HELLO, 0.7, HELLO, 5.0, HELLO, USED, DONE)]})

    hear(stage, ask())

    outputs = [noted.usage.output for noted in stage.journal.checkpoints]
    assert outputs == [9, 11, 7], "after 1.1 s, after 6.1 s, and the provider's own count at the end"


def test_a_fast_stream_is_noted_every_256_tokens() -> None:
    stage = Stage({"one": [stream(OPENED, *[LONG] * 6, USED, DONE)]})

    hear(stage, ask())

    assert len(stage.journal.checkpoints) == 7


def test_the_exact_usage_is_noted_before_the_client_has_the_ending() -> None:
    stage = Stage({"one": [stream(OPENED, HELLO, USED, DONE)]})

    hear(stage, ask())

    last = stage.journal.checkpoints[-1]
    assert (last.usage, last.finish) == (Usage(input=9, output=7), "end")


@pytest.mark.parametrize("streamed", [True, False])
def test_a_whole_answer_is_noted_before_the_client_has_it(streamed: bool) -> None:
    body = (
        b'{"id":"c","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":'
        b'{"role":"assistant","content":"hello"}}],"usage":{"prompt_tokens":9,"completion_tokens":7}}'
    )
    stage = Stage({"one": [ScriptedAnswer([body], content_type="application/json")]})

    hear(stage, ask(stream=streamed))

    (noted,) = stage.journal.checkpoints
    assert (noted.usage, noted.finish) == (Usage(input=9, output=7), "end")


def test_what_was_noted_of_an_answer_without_an_ending_is_no_exact_count() -> None:
    stage = Stage({"one": [stream(OPENED, HELLO, 1.5, HELLO, HANG)]})

    async def scene() -> None:
        asking = asyncio.ensure_future(stage.ask(ask()))
        await asyncio.sleep(3)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    play(scene())

    (noted,) = stage.journal.checkpoints
    assert (noted.usage.exact, noted.finish) == (False, None)
    assert stage.journal.written[-1].client_left
