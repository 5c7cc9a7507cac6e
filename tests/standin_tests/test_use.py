"""How tests and other processes use the stand-in: living, steering, remembering, the agent run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standin import (
    Call,
    Reply,
    Rules,
    Shape,
    StandIn,
    Text,
    Thinking,
    Usage,
    agent_run,
    agent_step,
    read_ask,
    said,
)
from tests.standin.responders import sample
from tests.standin_tests.wire import Heard, ask, send

ROOT = Path(__file__).resolve().parents[2]
CALLS = (
    Thinking("I think."),
    Call("Write", '{"file_path": "a.py", "content": "x"}', "call_a"),
    Call("Bash", '{"command": "ls -la"}', "call_b"),
)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as upstream:
        yield upstream


def deltas(answer: Heard) -> list[dict[str, Any]]:
    """The deltas of a Chat stream."""
    lines = [line.removeprefix("data: ") for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    return [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]


def chat(standin: StandIn, shape: Shape, parts: Any = CALLS) -> Heard:
    standin.script(Reply(parts, shape=shape))
    return ask(standin.url, "openai_chat", seconds=5, stream=True)


def call_deltas(answer: Heard) -> list[dict[str, Any]]:
    return [call for delta in deltas(answer) for call in delta.get("tool_calls", [])]


def test_it_lives_in_the_loop_of_an_async_test() -> None:
    async def scene() -> None:
        async with StandIn() as upstream:
            heard = await asyncio.to_thread(ask, upstream.url, "anthropic", seconds=5)
            assert heard.json["content"][0]["text"] == "You said: say two words"
            assert await upstream.await_(lambda s: s.requests[0].ended)

    asyncio.run(scene())


def test_it_remembers_what_came(standin: StandIn) -> None:
    standin.script(Reply((Text("a"),), usage=Usage(input=7, cache_read=3, output=2)))

    ask(standin.url, "anthropic", seconds=5, path="/anthropic/v1/messages?beta=true", metadata={"user_id": "u"})

    seen = standin.requests[0]
    assert (seen.method, seen.path, seen.query) == ("POST", "/anthropic/v1/messages", "beta=true")
    assert seen.body["metadata"] == {"user_id": "u"}
    assert json.loads(seen.raw) == seen.body
    assert seen.header("anthropic-version") == "2023-06-01"
    assert (seen.answered, seen.refused, seen.left_after_ms) == ("reply", None, None)
    assert standin.billed == Usage(input=7, cache_read=3, output=2)


def test_it_refuses_in_the_vendor_s_shape_and_remembers_why(standin: StandIn) -> None:
    heard = ask(standin.url, "openai_chat", seconds=5, top_k=5)

    assert heard.status == 400
    assert heard.json["error"] == {
        "message": "Unrecognized request argument supplied: top_k",
        "type": "invalid_request_error",
        "param": "top_k",
        "code": "unknown_parameter",
    }
    assert standin.requests[0].refused == "Unrecognized request argument supplied: top_k"
    assert standin.billed == Usage()


def test_a_wrong_key_is_refused() -> None:
    with StandIn(api_key="right") as upstream:
        assert ask(upstream.url, "anthropic", seconds=5).status == 401
        assert ask(upstream.url, "openai_chat", seconds=5).json["error"]["code"] == "invalid_api_key"


def test_an_unknown_model_is_not_found() -> None:
    with StandIn(models=["large"]) as upstream:
        assert ask(upstream.url, "anthropic", seconds=5).json["error"]["type"] == "not_found_error"
        assert ask(upstream.url, "anthropic", seconds=5, model="large").status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/chat/completions", 200),
        ("/chat/completions", 200),
        ("/openai/v1/chat/completions", 200),
        ("/openai/deployments/gpt/chat/completions?api-version=2026-01-01", 200),
        ("/openai/deployments/gpt/chat/completions", 404),
        ("/v1/v1/chat/completions", 404),
        ("/v1/chat/completions/", 404),
    ],
)
def test_a_wrong_address_is_not_found(standin: StandIn, path: str, status: int) -> None:
    assert ask(standin.url, "openai_chat", seconds=5, path=path).status == status


def test_a_dialect_that_is_not_served_is_not_found() -> None:
    with StandIn(dialects=["anthropic"]) as upstream:
        assert ask(upstream.url, "openai_chat", seconds=5).status == 404


def test_models_are_listed_in_the_shape_of_who_asks(standin: StandIn) -> None:
    anthropic = send(standin.url, "/v1/models?limit=1000", b"", "anthropic", method="GET").json
    chat_list = send(standin.url, "/v1/models", b"", "openai_chat", method="GET").json

    assert anthropic["data"][0]["display_name"] == "Standin-Large"
    assert chat_list["object"] == "list"
    assert send(standin.url, "/v1/models/nothing", b"", "openai_chat", method="GET").status == 404


def test_tokens_are_counted(standin: StandIn) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 400}]}
    path = "/v1/messages/count_tokens"

    few = send(standin.url, path, json.dumps(body).encode(), "anthropic").json["input_tokens"]
    many = send(standin.url, path, json.dumps(body | {"system": "y" * 400}).encode(), "anthropic").json["input_tokens"]

    assert many - few > 90
    assert send(standin.url, path, json.dumps(body | {"max_tokens": 1}).encode(), "anthropic").status == 400


def test_a_kept_connection_serves_many_requests(standin: StandIn) -> None:
    assert send(standin.url, "/", b"", "anthropic", method="HEAD").status == 404
    assert standin.side_requests[0].method == "HEAD"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "reasoning_details", "think_tags"])
@pytest.mark.parametrize("stream", [True, False])
def test_thinking_goes_where_the_shape_puts_it(standin: StandIn, name: Any, stream: bool) -> None:
    standin.script(Reply((Thinking("deep thought"), Text("so")), shape=Shape(reasoning=name)))

    heard = ask(standin.url, "openai_chat", seconds=5, stream=stream)
    told = deltas(heard) if stream else [heard.json["choices"][0]["message"]]

    if name == "think_tags":
        assert "".join(each.get("content") or "" for each in told) == "<think>deep thought</think>so"
        return
    if name == "reasoning_details":
        details = [detail for each in told for detail in each.get("reasoning_details", [])]
        assert "".join(detail.get("text", "") for detail in details) == "deep thought"
        assert [detail["signature"] for detail in details if "signature" in detail] == [
            standin.signer.sign("deep thought")
        ]
        return
    assert "".join(each.get(name, "") for each in told) == "deep thought"


def test_interleaved_calls_take_turns(standin: StandIn) -> None:
    indexes = [call["index"] for call in call_deltas(chat(standin, Shape(calls="interleaved")))]

    assert indexes[:6] == [0, 1, 0, 1, 0, 1]


def test_calls_may_all_be_at_index_zero(standin: StandIn) -> None:
    told = call_deltas(chat(standin, Shape(calls="index_zero")))

    assert {call["index"] for call in told} == {0}
    assert [call["id"] for call in told if "id" in call] == ["call_a", "call_b"]


def test_calls_may_have_no_index(standin: StandIn) -> None:
    assert all("index" not in call for call in call_deltas(chat(standin, Shape(calls="no_index"))))


def test_calls_may_come_whole_with_the_finish_reason(standin: StandIn) -> None:
    heard = chat(standin, Shape(calls="with_finish"))
    last = [line for line in heard.body.decode().splitlines() if '"finish_reason":"tool_calls"' in line]

    assert len(last) == 1
    calls = json.loads(last[0].removeprefix("data: "))["choices"][0]["delta"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [part.arguments for part in Reply(CALLS).calls]
    assert len(call_deltas(heard)) == 2


def test_a_name_may_come_late_or_in_every_chunk(standin: StandIn) -> None:
    late = call_deltas(chat(standin, Shape(late_names=True)))
    every = call_deltas(chat(standin, Shape(ids="every_chunk")))

    assert "name" not in late[0]["function"]
    assert late[1]["function"]["name"] == "Write"
    assert all(call["id"] and call["function"]["name"] for call in every)


@pytest.mark.parametrize(("ids", "told"), [("missing", None), ("empty", ""), ("duplicate", "call_same")])
def test_ids_may_be_bad(standin: StandIn, ids: Any, told: str | None) -> None:
    openings = [call for call in call_deltas(chat(standin, Shape(ids=ids))) if call["function"].get("name")]

    assert [call.get("id") for call in openings] == [told, told]


def test_arguments_may_be_an_object(standin: StandIn) -> None:
    told = call_deltas(chat(standin, Shape(object_arguments=True)))

    assert [call["function"]["arguments"] for call in told] == [
        json.loads(part.arguments) for part in Reply(CALLS).calls
    ]


def test_a_call_may_come_as_the_old_function_call(standin: StandIn) -> None:
    told = [
        delta["function_call"]
        for delta in deltas(chat(standin, Shape(legacy_function_call=True)))
        if "function_call" in delta
    ]

    assert told[0]["name"] == "Write"
    assert "".join(each["arguments"] for each in told) == Reply(CALLS).calls[0].arguments


def test_ids_are_equal_on_a_retry(standin: StandIn) -> None:
    standin.script(Reply((Call("Bash", "{}"), Call("Bash", "{}"))), times=2)

    first, second = (ask(standin.url, "anthropic", seconds=5).json["content"] for _ in range(2))

    assert first == second
    assert first[0]["id"] != first[1]["id"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
            {"title": "A short title"},
        ),
        ({"enum": ["a", "b"]}, "a"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"type": "array", "items": {"type": "integer", "minimum": 3}, "minItems": 2}, [3, 3]),
        ({"type": ["boolean", "null"]}, True),
    ],
)
def test_a_sample_follows_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert sample(schema) == value


def test_an_answer_follows_the_schema_asked_for(standin: StandIn) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    format_asked = {"format": {"type": "json_schema", "schema": schema}}

    heard = ask(standin.url, "anthropic", seconds=5, output_config=format_asked)

    assert json.loads(heard.json["content"][0]["text"]) == {"ok": True}


class Agent:
    """A coding agent of ten lines: runs the calls it is told to in its head, in either dialect."""

    def __init__(self, standin: StandIn, dialect: str) -> None:
        self.standin = standin
        self.dialect = dialect
        self.messages: list[dict[str, Any]] = [{"role": "user", "content": "Working directory: /tmp/somewhere\nGo."}]
        self.names: list[list[str]] = []

    def ask(self) -> dict[str, Any]:
        names = ("Write", "Bash", "Read", "Edit")
        schema = {"type": "object"}
        if self.dialect == "anthropic":
            tools: list[Any] = [{"name": name, "input_schema": schema} for name in names]
        else:
            tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in names]
        heard = ask(self.standin.url, self.dialect, seconds=5, messages=self.messages, tools=tools)
        assert heard.status == 200, heard.body
        answer: dict[str, Any] = heard.json
        return answer

    def run(self, fail_at: int | None = None) -> str:
        """The final text; the calls of turn `fail_at` are reported as failed."""
        for turn in range(20):
            text = self.turn(failing=turn == fail_at)
            if text is not None:
                return text
        raise AssertionError("the run did not end")

    def turn(self, *, failing: bool) -> str | None:
        answer = self.ask()
        said_back = "Error: no" if failing else "good"
        if self.dialect == "anthropic":
            self.messages.append({"role": "assistant", "content": answer["content"]})
            calls = [block for block in answer["content"] if block["type"] == "tool_use"]
            self.names.append([call["name"] for call in calls])
            results = [
                {"type": "tool_result", "tool_use_id": call["id"], "content": said_back, "is_error": failing}
                for call in calls
            ]
            self.messages.append({"role": "user", "content": results})
            return None if calls else str(answer["content"][-1]["text"])
        message = answer["choices"][0]["message"]
        calls = message.get("tool_calls") or []
        self.names.append([call["function"]["name"] for call in calls])
        self.messages.append(
            {"role": "assistant", "content": message["content"]} | ({"tool_calls": calls} if calls else {})
        )
        self.messages += [{"role": "tool", "tool_call_id": call["id"], "content": said_back} for call in calls]
        return None if calls else str(message["content"])


STEPS = [["Write"], ["Bash", "Read"], ["Edit"], ["Bash"], []]


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_the_agent_run_goes_through_its_steps(dialect: str) -> None:
    with StandIn(agent_run()) as upstream:
        agent = Agent(upstream, dialect)

        text = agent.run()

        assert agent.names == STEPS
        assert "> good" in text
        paths = [str(seen.raw) for seen in upstream.requests]
        assert "/tmp/somewhere/fib.py" in paths[1]


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_the_agent_run_asks_a_failed_step_again(dialect: str) -> None:
    with StandIn(agent_run("/tmp/x")) as upstream:
        agent = Agent(upstream, dialect)

        agent.run(fail_at=1)

        assert agent.names == [["Write"], ["Bash", "Read"], ["Bash", "Read"], ["Edit"], ["Bash"], []]


def test_a_fault_can_wait_for_a_step_of_the_agent_run() -> None:
    with StandIn(agent_run("/tmp/x")) as upstream:
        upstream.script(said("hold on"), when=lambda request: agent_step(request) == 3)
        agent = Agent(upstream, "anthropic")

        assert agent.run() == "hold on"
        assert agent.names == [["Write"], ["Bash", "Read"], []]


def test_a_request_is_seen_alike_in_both_dialects() -> None:
    anthropic = {
        "system": [{"type": "text", "text": "be brief"}],
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "Read", "input": {"x": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "text"}]},
        ],
    }
    call = {"id": "a", "type": "function", "function": {"name": "Read", "arguments": '{"x": 1}'}}
    in_chat = {
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "go"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": "text"},
        ]
    }

    one, other = read_ask("anthropic", anthropic, 0), read_ask("openai_chat", in_chat, 0)

    assert one.system == other.system == "be brief"
    assert [turn.calls for turn in one.turns] == [turn.calls for turn in other.turns]
    assert [turn.results for turn in one.turns] == [turn.results for turn in other.turns]


def test_a_body_that_is_not_json_is_refused(standin: StandIn) -> None:
    assert send(standin.url, "/v1/messages", b"{", "anthropic").status == 400


def test_rules_can_be_given(standin: StandIn) -> None:
    standin.rules = Rules(allow=frozenset({"top_k"}))

    assert ask(standin.url, "openai_chat", seconds=5, top_k=5).status == 200


def test_another_process_can_steer_the_program() -> None:
    command = [sys.executable, "-m", "tests.standin", "--dialect", "anthropic", "--shape", '{"newline": "\\r\\n"}']
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ.copy()) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        order = {
            "answers": [
                {"type": "fault", "key": "F24"},
                {"type": "reply", "parts": [{"type": "text", "text": "steered"}]},
            ]
        }

        queued = send(url, "/_standin/script", json.dumps(order).encode(), "openai_chat").json
        refused = ask(url, "anthropic", seconds=5)
        answered = ask(url, "anthropic", seconds=5, stream=True)
        told = send(url, "/_standin/requests", b"", "openai_chat", method="GET").json
        program.terminate()

    assert queued == {"queued": 2}
    assert refused.status == 529
    assert b"steered" in answered.body
    assert b"\r\n" in answered.body
    assert [request["answered"] for request in told["requests"]] == ["F24", "reply"]
    assert told["requests"][0]["body"]["model"] == "standin"


def test_an_order_that_cannot_be_read_says_why(standin: StandIn) -> None:
    heard = send(standin.url, "/_standin/script", b'{"answers": [{"type": "joke"}]}', "openai_chat")

    assert heard.status == 400
    assert "joke" in heard.json["error"]["message"]
