"""A failure that comes after the first keep-alive: the status has left, so that the stream itself must tell it."""

from __future__ import annotations

import json

import msgspec

from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, inquiry, play

LIMITED = b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'


def told(door: str, body: dict[str, object]) -> Listener:
    """What a client hears of a channel that is silent for 20 s and then out of requests."""
    answer = ScriptedAnswer([20.0, LIMITED], 429, retry_after="30")
    stage = Stage({"one": [answer]}, channel("one", "anthropic"))
    listener = Listener()
    play(stage.relay.answer(inquiry(msgspec.json.encode(body), door), listener))
    return listener


def test_codex_hears_that_the_answer_has_failed_and_why() -> None:
    heard = told("openai_responses", {"model": "asked", "input": "Hi", "stream": True})

    frames = [each for each in heard.text.split("\n\n") if each.startswith("event: ")]
    events = [json.loads(each.partition("data: ")[2]) for each in frames]
    assert heard.status == 200
    assert heard.text.startswith(":")
    assert [event["type"] for event in events] == ["error", "response.failed"]
    assert events[0]["error"]["code"] == "rate_limit_exceeded"
    assert events[1]["response"]["status"] == "failed"
    assert events[1]["response"]["error"]["code"] == "rate_limit_exceeded"


def test_a_client_of_chat_hears_an_error_and_no_ending() -> None:
    heard = told("openai_chat", {"model": "asked", "messages": [{"role": "user", "content": "Hi"}], "stream": True})

    assert heard.text.startswith(": ping")
    assert json.loads(heard.text.rpartition("data: ")[2])["error"]["code"] == "rate_limit_exceeded"
    assert "[DONE]" not in heard.text
