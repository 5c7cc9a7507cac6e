"""What a channel's options let be mended of an answer: each mending is told on the exchange."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.relay.stage import ScriptedAnswer, Stage, channel, play

TOOL = {"name": "Write", "input_schema": {"type": "object", "properties": {"content": {"type": "string"}}}}
BODY = {
    "model": "asked",
    "max_tokens": 9,
    "stream": True,
    "tools": [TOOL],
    "messages": [{"role": "user", "content": "go"}],
}
LEAK = '<invoke name="Write"><content>a\\nb</content></invoke>'


def answer(*texts: str) -> ScriptedAnswer:
    """A stream of these texts."""
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    frames = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return ScriptedAnswer([*frames, b"data: [DONE]\n\n"], content_type="text/event-stream")


def heard(*texts: str, **options: str) -> tuple[str, list[str]]:
    """What the client hears, and the losses of the exchange."""
    stage = Stage({"one": [answer(*texts)]}, channel("one", "gigachat", options=options))
    listener = play(stage.ask(json.dumps(BODY).encode()))
    return listener.text, [loss.what for loss in stage.exchanges[0].losses]


def test_a_call_in_the_text_is_made_and_told_where_the_channel_asks() -> None:
    text, lost = heard("Сейчас. ", LEAK[:20], LEAK[20:], leaked_calls="true", overescaped="true")
    assert '"tool_use"' in text
    assert "<invoke" not in text
    assert {"answer.leaked_call", "answer.overescaped"} <= set(lost)


def test_nothing_is_mended_unasked() -> None:
    text, lost = heard(LEAK)
    assert "<invoke" in text
    assert not [what for what in lost if what.startswith("answer.")]


@pytest.mark.parametrize(("option", "kind"), [("true", "thinking_delta"), ("false", "text_delta")])
def test_thinking_in_tags_is_told_apart_where_the_channel_says_so(option: str, kind: str) -> None:
    text, _ = heard("<think>hm</think>", "yes", think_tags=option)
    assert kind in text
