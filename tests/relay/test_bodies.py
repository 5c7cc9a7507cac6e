"""What is kept of an exchange is what was asked, and the answer as one whole in the client's own dialect."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.relay.stage import HANG, ScriptedAnswer, Stage, play, refused
from tests.relay.test_relay import DONE, HELLO, OPENED, ask, hear


def streamed(*script: bytes | float) -> ScriptedAnswer:
    return ScriptedAnswer(script, content_type="text/event-stream")


@pytest.mark.parametrize("door", ["anthropic", "openai_chat", "openai_responses"])
def test_a_streamed_answer_is_kept_as_one_whole(door: str) -> None:
    body = ask() if door != "openai_responses" else b'{"model":"asked","input":"Hello","stream":true}'
    stage = Stage({"one": [streamed(OPENED, HELLO, DONE)]})

    hear(stage, body, door)

    ((asked, answered),) = stage.bodies.kept
    assert asked == body
    assert b"Hello there" in msgspec.json.format(answered)


def test_an_answer_that_broke_off_is_kept_as_far_as_it_came() -> None:
    stage = Stage({"one": [streamed(OPENED, HELLO, HANG)]})

    async def scene() -> None:
        asking = asyncio.ensure_future(stage.ask(ask()))
        await asyncio.sleep(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    play(scene())

    ((_, answered),) = stage.bodies.kept
    assert b"Hello there" in answered


def test_of_a_request_without_an_answer_only_the_request_is_kept() -> None:
    stage = Stage({"one": [refused(), refused(), refused()]})

    hear(stage, ask())

    assert stage.bodies.kept == [(ask(), b"")]
