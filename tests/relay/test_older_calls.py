"""A client that knows calls only as `function_call`, before an upstream that knows them as blocks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.relay.stage import ScriptedAnswer, Stage, channel, play

CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}
WHOLE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [CALL],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 4},
}


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_reaches_a_client_of_functions_in_its_own_form(*, stream: bool) -> None:
    answer = ScriptedAnswer([msgspec.json.encode(WHOLE)], content_type="application/json")
    stage = Stage({"one": [answer]}, channel("one", "anthropic-compatible"))
    body = {
        "model": "asked",
        "messages": [{"role": "user", "content": "Weather?"}],
        "functions": [{"name": "weather", "parameters": {"type": "object", "properties": {}}}],
        "stream": stream,
    }

    heard = play(stage.ask(msgspec.json.encode(body), "openai_chat"))

    assert msgspec.json.decode(stage.transport.calls[0].body)["tool_choice"]["disable_parallel_tool_use"] is True
    choices = _choices(heard.text, stream=stream)
    said = [choice.get("delta") or choice.get("message") or {} for choice in choices]
    calls = [each["function_call"] for each in said if "function_call" in each]
    assert calls[0]["name"] == "weather"
    assert msgspec.json.decode("".join(call["arguments"] for call in calls)) == {"city": "Oslo"}
    assert choices[-1]["finish_reason"] == "function_call"
    assert "tool_calls" not in heard.text


def _choices(text: str, *, stream: bool) -> list[dict[str, Any]]:
    frames = [line[6:] for line in text.splitlines() if line.startswith("data: {")] if stream else [text]
    return [choice for frame in frames for choice in msgspec.json.decode(frame)["choices"]]
