"""What a server of the client's own dialect refuses by name it is spared, but for the vendor, whose clients know it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.relay.concessions import concession
from tests.relay.stage import DIALECTS, Listener, ScriptedAnswer, Stage, channel, play

BODY: dict[str, Any] = {
    "model": "asked",
    "input": "Hi",
    "stream": True,
    "store": False,
    "reasoning": {"effort": "high", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
}
CHAT: dict[str, Any] = {
    "model": "asked",
    "messages": [{"role": "user", "content": "Hi"}],
    "stream": True,
    "reasoning_effort": "high",
}
DONE = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": []}
ITEM = {"id": "i", "type": "message", "role": "assistant", "status": "completed", "content": []}


def refusal(param: str) -> ScriptedAnswer:
    """A server's answer to a member that it does not take."""
    error = {"message": "Not with this model.", "type": "invalid_request_error", "param": param, "code": None}
    return ScriptedAnswer([json.dumps({"error": error}).encode()], 400, content_type="application/json")


def good() -> ScriptedAnswer:
    """A whole stream that says a word."""
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**DONE, "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**ITEM, "status": "in_progress"}},
        {"type": "response.content_part.added", "item_id": "i", "output_index": 0, "content_index": 0, "part": part},
        {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "word"},
        {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
        {"type": "response.completed", "response": DONE},
    ]
    frames = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]
    return ScriptedAnswer(frames, content_type="text/event-stream")


def asked(*answers: ScriptedAnswer, native: bool = False, times: int = 1) -> tuple[list[Listener], Stage]:
    """What clients of Responses hear of a channel that speaks it."""
    one = replace(channel("one"), dialect="openai_responses", native=native)
    stage = Stage({"one": answers}, one)

    async def scene() -> list[Listener]:
        return [await stage.ask(json.dumps(BODY).encode(), "openai_responses") for _ in range(times)]

    return play(scene()), stage


def test_a_member_that_was_refused_by_name_is_left_out_at_once_and_from_then_on() -> None:
    heard, stage = asked(refusal("reasoning.effort"), good(), good(), times=2)
    assert [listener.status for listener in heard] == [200, 200]
    assert all("word" in listener.text for listener in heard)
    first, *others = [call.body.decode() for call in stage.transport.calls]
    wanted = json.dumps({name: value for name, value in BODY.items() if name != "reasoning"})
    assert json.loads(first)["reasoning"] == BODY["reasoning"]
    assert [json.loads(body) for body in others] == [{**json.loads(wanted), "model": "m"}] * 2
    assert stage.exchanges[0].attempts[1].mode == "verbatim"
    assert "reasoning" in stage.exchanges[0].attempts[1].edits


def test_a_server_that_refuses_it_all_the_same_is_believed() -> None:
    (heard,), stage = asked(refusal("reasoning.effort"), refusal("reasoning.effort"))
    assert heard.status == 400
    assert "Not with this model." in heard.text
    assert len(stage.transport.calls) == 2


def test_what_is_no_whole_member_is_for_the_client_to_mend() -> None:
    (heard,), stage = asked(refusal("reasoning.summary"))
    assert json.loads(heard.text)["error"]["param"] == "reasoning.summary"
    assert len(stage.transport.calls) == 1


def test_the_vendor_s_refusal_is_told_to_its_own_clients_as_it_came() -> None:
    (heard,), stage = asked(refusal("reasoning.effort"), native=True)
    assert heard.status == 400
    assert json.loads(heard.text)["error"]["param"] == "reasoning.effort"
    assert len(stage.transport.calls) == 1


@pytest.mark.parametrize("native", [False, True])
def test_what_was_refused_of_our_own_words_is_left_in_those_of_a_client(native: bool) -> None:
    one = replace(channel("one", "openrouter"), dialect="openai_responses", native=native)
    stage = Stage({"one": [refusal("reasoning.effort"), good(), good(), good()]}, one)

    async def scene() -> None:
        for body, door in ((CHAT, "openai_chat"), (BODY, "openai_responses"), (CHAT, "openai_chat")):
            assert (await stage.ask(json.dumps(body).encode(), door)).status == 200

    play(scene())
    refused, mended, own, later = [json.loads(call.body) for call in stage.transport.calls]
    assert refused["reasoning"]["effort"] == "high"
    assert "reasoning" not in mended
    assert "reasoning" not in later
    assert own == {**BODY, "model": "m"}
    assert stage.exchanges[1].attempts[0].edits == ("model",)


def test_nothing_is_conceded_twice() -> None:
    for dialect in DIALECTS.values():
        for param, habits in dialect.concessions.items():
            assert habits, param
            assert concession(dialect, replace(Habits(), **habits), param) == {}
