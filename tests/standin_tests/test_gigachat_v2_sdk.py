"""The official GigaChat SDK's client of version 2, pointed at the stand-in: it reads what was meant, and is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gigachat.exceptions import UnprocessableEntityError

from tests.standin import Call, Reply, Shape, StandIn, Text, Thinking, Usage
from tests.standin_tests.test_gigachat_sdk import FUNCTION, KEY, MODEL, client

TOOLS = [{"functions": {"specifications": [FUNCTION]}}]
READ = Reply((Thinking("Hm."), Text("I read it."), Call("Read", '{"path": "ёж.py"}')), usage=Usage(10, 7, 0, 5))
TWO = Reply((Call("Read", '{"path": "a"}'), Call("Read", '{"path": "b"}')))


@pytest.fixture
def upstream() -> Iterator[StandIn]:
    with StandIn(dialects=("gigachat",), api_key=KEY) as standin:
        yield standin


def asked(**members: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Читай"}], "tools": TOOLS, **members}


def test_the_sdk_reads_a_whole_call_with_its_state_and_counts(upstream: StandIn) -> None:
    upstream.script(READ)
    with client(upstream) as giga:
        answer = giga.chat.create(asked(tool_config={"mode": "auto"}))
    told = answer.model_dump(exclude_none=True, by_alias=True)
    thought, called = told["messages"]
    assert thought == {"role": "reasoning", "content": [{"text": "Hm."}]}
    assert called["tools_state_id"]
    assert called["content"] == [
        {"text": "I read it."},
        {"function_call": {"name": "Read", "arguments": {"path": "ёж.py"}}},
    ]
    assert told["finish_reason"] == "function_call"
    assert told["usage"]["input_tokens"] == 17
    assert told["usage"]["input_tokens_details"]["cached_tokens"] == 7
    assert upstream.requests[0].path == "/api/v2/chat/completions"


@pytest.mark.parametrize("shape", [Shape(), Shape(calls="with_finish"), Shape(writes="byte", pings=True)])
def test_the_sdk_reads_a_streamed_call(upstream: StandIn, shape: Shape) -> None:
    upstream.shape = shape
    upstream.script(READ)
    with client(upstream) as giga:
        chunks = list(giga.chat.stream(asked()))
    parts = [(each.role, part) for chunk in chunks for each in chunk.messages or () for part in each.content or ()]
    assert "".join(part.text or "" for role, part in parts if role == "assistant") == "I read it."
    assert [part.function_call.arguments for _, part in parts if part.function_call] == [{"path": "ёж.py"}]
    assert (chunks[-1].event, chunks[-1].finish_reason) == ("response.message.done", "function_call")
    assert chunks[-1].usage is not None


def test_several_calls_come_with_ids_and_are_answered_together(upstream: StandIn) -> None:
    upstream.shape = Shape(calls="interleaved")
    upstream.script(TWO)
    with client(upstream) as giga:
        (called,) = giga.chat.create(asked()).messages
        made = called.model_dump(exclude_none=True, by_alias=True)
        ids = [part["function_call"]["id"] for part in made["content"]]
        results = [{"function_result": {"id": each, "name": "Read", "result": {"result": "text"}}} for each in ids]
        answer = {"role": "tool", "tools_state_id": made["tools_state_id"], "content": results}
        giga.chat.create(asked(messages=[{"role": "user", "content": "Читай"}, made, answer]))
        with pytest.raises(UnprocessableEntityError, match="does not answer"):
            giga.chat.create(
                asked(messages=[{"role": "user", "content": "x"}, made, answer | {"content": results[:1]}])
            )
    assert len(set(ids)) == 2


REFUSED: dict[str, dict[str, Any]] = {
    "unknown field functions": {"functions": [FUNCTION]},
    "unknown field temperature": {"temperature": 1},
    "function_name is not among": {"tool_config": {"mode": "forced", "function_name": "Other"}},
    "tool_name is not among": {"tool_config": {"mode": "forced", "tool_name": "web_search"}},
    "functions_names_any is invalid": {"tool_config": {"mode": "any"}},
    "tool_config.mode is invalid": {"tool_config": {"mode": "function", "function_name": "Read"}},
    "unknown field model_options": {"model_options": {"stop": ["a"]}},
    "reasoning.effort": {"model_options": {"reasoning": {"effort": "max"}}},
    "role is invalid": {"messages": [{"role": "function", "content": "a"}]},
    "first message": {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]},
    "tools_state_id is unknown": {"messages": [{"role": "user", "content": "a", "tools_state_id": "toolu_1"}]},
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_not_of_this_version_is_refused(upstream: StandIn, words: str) -> None:
    with client(upstream) as giga, pytest.raises(UnprocessableEntityError, match=words):
        giga.chat.create(asked(**REFUSED[words]))


def test_the_vendor_s_own_tools_are_taken(upstream: StandIn) -> None:
    tools = [{"web_search": {"type": "actual_info_web_search"}}, {"code_interpreter": {}}]
    with client(upstream) as giga:
        giga.chat.create(asked(tools=tools, tool_config={"mode": "forced", "tool_name": "web_search"}))
    assert upstream.requests[0].refused is None
