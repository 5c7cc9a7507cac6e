"""Answers whose content type tells otherwise than their bytes, as some self-made servers label them."""

from __future__ import annotations

import json

import pytest

from tests.relay.stage import ScriptedAnswer, Stage, channel, play

PROVIDERS = {"anthropic": "anthropic-compatible", "openai_chat": "openai-compatible"}
STREAMS = {
    "anthropic": (
        'event: message_start\ndata: {"type":"message_start","message":{"id":"1","model":"m","usage":{}}}\n\n'
        'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hello"}}\n\n'
        'data: {"type":"content_block_stop","index":0}\n\n'
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}\n\n'
        'data: {"type":"message_stop"}\n\n'
    ),
    "openai_chat": (
        ': begun\n\ndata: {"id":"1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n'
        "data: [DONE]\n\n"
    ),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat"])
@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
def test_a_stream_that_is_called_json_is_read_as_what_it_is(door: str, upstream: str, stream: bool) -> None:
    answer = ScriptedAnswer([STREAMS[upstream].encode()], content_type="application/json")
    stage = Stage({"one": [answer]}, channel("one", PROVIDERS[upstream]))
    messages = [{"role": "user", "content": "Hi"}]
    body = json.dumps({"model": "asked", "max_tokens": 100, "messages": messages, "stream": stream}).encode()

    heard = play(stage.ask(body, door))

    assert heard.status == 200
    assert "Hello" in heard.text
    assert heard.text.startswith("{") is not stream
