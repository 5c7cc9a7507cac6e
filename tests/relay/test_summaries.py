"""Thinking in summary, which OpenAI refuses to organizations that it has not verified."""

from __future__ import annotations

import json

from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, inquiry, play, snapshot

BODY = json.dumps(
    {
        "model": "asked",
        "max_tokens": 100,
        "thinking": {"type": "adaptive"},
        "messages": [{"role": "user", "content": "Why?"}],
    }
).encode()
REFUSED = json.dumps(
    {
        "error": {
            "message": "Your organization must be verified to generate reasoning summaries.",
            "type": "invalid_request_error",
            "param": "reasoning.summary",
            "code": "unsupported_value",
        }
    }
).encode()
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]}
ANSWER = json.dumps({"id": "resp_1", "model": "m", "status": "completed", "output": [SAID]}).encode()


def test_thinking_that_may_not_be_shown_is_not_asked_for_again() -> None:
    answers = [ScriptedAnswer([REFUSED], 400, content_type="application/json")]
    answers += [ScriptedAnswer([ANSWER], content_type="application/json") for _ in range(2)]
    stage = Stage({"one": answers})
    stage.relay.snapshot = snapshot(channel("one", "openai-responses"), model="gpt-5.6")

    clients = [Listener(), Listener()]
    for client in clients:
        play(stage.relay.answer(inquiry(BODY), client))

    assert [client.status for client in clients] == [200, 200]
    asked = [json.loads(call.body).get("reasoning", {}) for call in stage.transport.calls]
    assert [wish.get("summary") for wish in asked] == ["auto", None, None]
    assert "reasoning.summary" in {loss.what for loss in stage.exchanges[-1].losses}
