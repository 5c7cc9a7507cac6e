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
