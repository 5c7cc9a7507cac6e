"""A call whose answer's headers do not come."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.canon.problem import Kind
from tests.relay.stage import HANG, ScriptedAnswer, Stage, play

ASK = b'{"model":"asked","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}'
REPLY = b'{"id":"c","model":"m","choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}'


def test_an_upstream_that_takes_a_call_and_is_silent_is_given_up_for_the_next() -> None:
    stage = Stage({"one": [HANG], "two": [ScriptedAnswer([REPLY], content_type="application/json")]})

    async def ask() -> tuple[int | None, float, int]:
        heard = await stage.ask(ASK)
        task = asyncio.current_task()
        assert task is not None
        return heard.status, asyncio.get_running_loop().time(), task.cancelling()

    assert play(ask()) == (200, 100.0, 0)  # what gave the call up is no cancellation of the exchange
    silent, answered = stage.exchanges[0].attempts
    assert (silent.problem, silent.status, answered.problem) == (Kind.TIMEOUT, None, None)


@pytest.mark.parametrize("leaves_s", [1.0, 100.0], ids=["before the limit", "at the limit"])
def test_a_client_that_leaves_while_a_call_is_sent_is_gone(leaves_s: float) -> None:
    stage = Stage({"one": [HANG], "two": []})

    async def leave() -> None:
        asking = asyncio.ensure_future(stage.ask(ASK))
        asyncio.get_running_loop().call_at(leaves_s, asking.cancel)
        with pytest.raises(asyncio.CancelledError):
            await asking

    play(leave())

    assert stage.exchanges[0].client_left
    assert [call.upstream for call in stage.transport.calls] == ["one"]
