"""A channel that is always, or never, asked to stream: what the client hears is what it asked for, all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.shapes.fields import Wire
from tests.relay.stage import HANG, Listener, ScriptedAnswer, Stage, channel, inquiry, play

ROWS = {
    "anthropic": "anthropic-compatible",
    "openai_chat": "openai-compatible",
    "openai_responses": "responses-compatible",
    "gemini": "gemini-compatible",
    "gigachat": "gigachat",
}
"""A provider of each dialect of upstreams."""
WHOLE = b'{"id":"c","model":"m","choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}'


def piece(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def streamed(*script: bytes | float) -> ScriptedAnswer:
    return ScriptedAnswer([*script, b"data: [DONE]\n\n"], content_type="text/event-stream")


def body(*, stream: bool, door: str = "anthropic") -> bytes:
    said: dict[str, Any] = {"model": "asked", "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    return json.dumps(said | ({"max_tokens": 9} if door == "anthropic" else {})).encode()


def told_to_stream(stage: Stage) -> bool:
    call = stage.transport.calls[-1]
    return bool(json.loads(call.body).get("stream")) or ":streamGenerateContent" in call.url


@pytest.mark.parametrize("wish", [True, False], ids=["a stream", "whole"])
@pytest.mark.parametrize(("wire", "asked"), [("always", True), ("never", False)])
@pytest.mark.parametrize("upstream", ROWS)
def test_an_upstream_is_asked_as_its_channel_says(upstream: str, wire: Wire, asked: bool, wish: bool) -> None:
    stage = Stage({"one": [ScriptedAnswer([b"{}"], status=400)]}, channel("one", ROWS[upstream], stream=wire))

    play(stage.ask(body(stream=wish)))

    assert told_to_stream(stage) is asked
    assert (stage.transport.calls[0].headers["accept"] == "text/event-stream") is asked


@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
def test_a_stream_is_told_from_a_whole_answer_with_signs_of_life(door: str) -> None:
    answer = ScriptedAnswer([40.0, WHOLE], content_type="application/json")
    stage = Stage({"one": [answer]}, channel("one", stream="never"))

    heard = play(stage.ask(body(stream=True, door=door), door))

    assert heard.status == 200
    assert "Hello" in heard.text
    assert [at_s for at_s, _ in heard.heard if at_s < 40] == pytest.approx([15.0, 30.0], abs=0.1)
    assert heard.headers["x-dragoman-mode"] == "translated", "its own bytes would ask for a stream"
    assert heard.ended


@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
def test_a_stream_is_gathered_for_who_wants_it_whole(door: str) -> None:
    stage = Stage({"one": [streamed(piece("Hel"), piece("lo", "stop"))]}, channel("one", stream="always"))

    heard = play(stage.ask(body(stream=False, door=door), door))

    assert heard.status == 200
    assert heard.headers["content-type"] == "application/json"
    assert "Hello" in heard.text


@pytest.mark.parametrize("door", ["gemini", "openai_responses"])
def test_other_doors_tell_a_stream_from_a_whole_answer_too(door: str) -> None:
    bodies = {
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        "openai_responses": {"model": "asked", "input": "Hi", "stream": True},
    }
    answer = ScriptedAnswer([40.0, WHOLE], content_type="application/json")
    stage = Stage({"one": [answer]}, channel("one", stream="never"))
    asked = inquiry(json.dumps(bodies[door]).encode(), door)
    asked = replace(asked, request=replace(asked.request, model="asked", stream=True))
    heard = Listener()

    play(stage.relay.answer(asked, heard))

    assert (heard.status, heard.ended) == (200, True)
    assert "Hello" in heard.text
    assert heard.headers["content-type"].startswith("text/event-stream")
    assert not told_to_stream(stage)


def test_what_agrees_with_the_client_passes_verbatim() -> None:
    stage = Stage({"one": [streamed(piece("Hello", "stop"))]}, channel("one", stream="always"))

    heard = play(stage.ask(body(stream=True, door="openai_chat"), "openai_chat"))

    assert heard.headers["x-dragoman-mode"] == "verbatim"


def test_a_gathered_stream_may_last_as_long_as_it_goes_on() -> None:
    pieces: list[bytes | float] = [part for _ in range(6) for part in (piece("x"), 40.0)]
    stage = Stage({"one": [streamed(*pieces, piece("y", "stop"))]}, channel("one", stream="always"))

    heard = play(stage.ask(body(stream=False)))

    assert heard.status == 200, "the limit is on silence, once content has come"
    assert "xxxxxxy" in heard.text


def test_a_gathered_stream_that_falls_silent_gives_way_to_the_next_channel() -> None:
    stage = Stage(
        {"one": [streamed(piece("Hel"), HANG)], "two": [ScriptedAnswer([WHOLE], content_type="application/json")]},
        channel("one", stream="always"),
        channel("two"),
    )

    heard = play(stage.ask(body(stream=False)))

    assert (heard.status, "Hello" in heard.text) == (200, True)
    assert stage.exchanges[0].attempts[0].problem is Kind.TIMEOUT
    assert heard.heard[-1][0] == pytest.approx(50.0, abs=1.0), "after its idle time, not the longer one"


def test_a_count_of_tokens_is_none_of_its_business() -> None:
    answer = ScriptedAnswer([b'{"input_tokens":7}'], content_type="application/json")
    stage = Stage({"one": [answer]}, channel("one", "anthropic", stream="always"))

    counted = play(stage.relay.count(inquiry(body(stream=False))))

    assert counted == (7, "upstream")
    assert not told_to_stream(stage)


def test_signs_of_life_alone_are_no_content_of_a_gathered_stream() -> None:
    beats: list[bytes | float] = [part for _ in range(9) for part in (b": beat\n\n", 30.0)]
    stage = Stage({"one": [streamed(*beats, piece("late", "stop"))]}, channel("one", stream="always"))

    heard = play(stage.ask(body(stream=False)))

    assert heard.status == 504
