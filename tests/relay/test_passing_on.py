"""What of a client's request is passed on, and what never is."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, inquiry, play

FOREIGN = "dgm1.b3RoZXI.c2VhbGVk"
"""A seal that an account named `other` issued."""


def body(signature: str = "") -> bytes:
    """A body of a token count; with a signature, there is thinking in it."""
    thought = {"type": "thinking", "thinking": "So.", "signature": signature}
    said = [*([thought] if signature else []), {"type": "text", "text": "Hello"}]
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": said},
        {"role": "user", "content": "On"},
    ]
    return json.dumps({"model": "asked", "messages": messages}).encode()


@pytest.mark.parametrize("signature", ["", FOREIGN])
def test_a_count_is_asked_with_nothing_that_is_not_counted(signature: str) -> None:
    stage = Stage({"one": [ScriptedAnswer([b'{"input_tokens":77}'])]}, channel("one", "anthropic"))

    counted = play(stage.relay.count(inquiry(body(signature))))

    assert counted == (77, "upstream")
    sent = json.loads(stage.transport.calls[0].body)
    assert sent.keys() == {"model", "messages"}  # the vendor refuses others: "Extra inputs are not permitted"
    assert FOREIGN not in str(sent)


ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("beta=true", "?beta=true"),
        ("beta=true&key=mine", "?beta=true"),
        ("API_KEY=mine&access%5Ftoken=mine&beta", "?beta"),
        ("x-api-key=mine", ""),
        ("", ""),
    ],
)
def test_a_key_in_the_query_is_never_passed_on(query: str, passed: str) -> None:
    stage = Stage({"one": [ScriptedAnswer([json.dumps(ANSWER).encode()])]}, channel("one", "anthropic"))

    play(stage.relay.answer(replace(inquiry(body()), query=query), Listener()))

    assert stage.transport.calls[0].url.partition("/v1/messages")[2] == passed


FRAMES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"1","model":"m","usage":{}}}\n\n'
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}\n\n'
    b'data: {"type":"content_block_stop","index":0}\n\n'
    b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n'
)


def test_a_complete_answer_without_its_last_frame_is_given_it() -> None:
    stage = Stage({"one": [ScriptedAnswer([FRAMES], content_type="text/event-stream")]}, channel("one", "anthropic"))
    asked = {"model": "asked", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}

    heard = play(stage.ask(json.dumps(asked).encode()))

    assert heard.text.endswith('"output_tokens":1}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert heard.text.count("message_stop") == 2
    assert stage.exchanges[0].attempts[0].mode == "verbatim"
    assert stage.exchanges[0].problem is None
