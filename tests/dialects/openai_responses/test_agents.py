"""What Codex and opencode ask, as other wires are asked it, and what they are told by other wires."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.canon.events import Finished
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import Part, Request, Text, ToolCall, ToolReference, ToolResult
from dragoman.dialects import anthropic, gemini, gigachat, openai_chat
from dragoman.dialects.base import Dialect, Hearing, Target, Telling
from dragoman.dialects.openai_responses import DIALECT
from tests.dialects.openai_responses.stage import Json, checked, losses, read, refusals, scene, target, told, write

OTHERS = (anthropic.DIALECT, openai_chat.DIALECT, gemini.DIALECT, gigachat.DIALECT)
SCENES = ("from_codex/first_turn.json", "from_codex/write_run.json", "from_codex/namespace.json")


def asked(name: str) -> Request:
    return DIALECT.read_request(scene(name))


def answer(request: Request, *parts: Part) -> list[Json]:
    """The items of an answer with these parts to such a request, whole and streamed alike."""
    telling = Telling(model="m", exchange_id="x", created_s=1, request=request)
    reply = Reply(parts=parts, finish=Finished("tool_calls"))
    stream = told(DIALECT.writer(telling).write(unfold(reply)))
    whole = checked(DIALECT.write_reply(reply, telling))
    assert stream[-1]["response"] == whole
    items: list[Json] = whole["output"]
    return items


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("other", OTHERS, ids=lambda dialect: dialect.name)
def test_codex_is_understood_by_every_other_wire(name: str, other: Dialect) -> None:
    request = asked(name)
    written = other.write_request(request, Target(model="m", origin="o"))
    names = {tool.name for tool in request.tools} - {"web_search"}
    assert all(f'"{name}"' in written.body.decode() for name in names)
    assert {loss.what for loss in written.losses} & {"tools.web_search", "tool.web_search"}
    calls = [part for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)]
    assert all(json.dumps(call.arguments)[1:40] in written.body.decode() or call.name for call in calls)


@pytest.mark.parametrize("name", [*SCENES, "from_opencode/write_run.json"])
def test_what_codex_and_opencode_ask_is_asked_again_as_it_was(name: str) -> None:
    body = json.loads(scene(name))
    again, written = write(replace(asked(name), model="m"), native=True, system_role=role_in(body))
    assert losses(written) == []
    for member in body.keys() - {"input", "model", "stream"}:
        assert again[member] == body[member]
    assert [plain(item) for item in again["input"]] == [plain(item) for item in body["input"]]
    assert refusals(again, None) == [] or "client_metadata" in again


def role_in(body: Json) -> str:
    return str(next(item["role"] for item in body["input"] if item.get("role") in ("system", "developer")))


def plain(item: Json) -> Json:
    """An item in the normal form."""
    content = item.get("content")
    if isinstance(content, str):
        content = [{"type": "input_text", "text": content}] if item.get("role") == "system" else content
    if isinstance(content, list):
        content = [{name: value for name, value in each.items() if name != "logprobs"} for each in content]
    kept = {name: value for name, value in item.items() if name not in ("status", "content")}
    return {"type": "message", **kept, **({} if content is None else {"content": content})}


@pytest.mark.parametrize("other", OTHERS, ids=lambda dialect: dialect.name)
def test_the_patch_tool_of_codex_works_on_models_that_know_json_only(other: Dialect) -> None:
    request = asked("from_codex/first_turn.json")
    tool = next(tool for tool in request.tools if tool.name == "apply_patch")
    written = other.write_request(request, Target(model="m", origin="o"))
    assert written.text_tools == {"apply_patch"}
    grammar = getattr(tool, "grammar", None)
    assert grammar is not None
    assert json.dumps(grammar.definition, ensure_ascii=False)[1:-1] in written.body.decode()
    assert "tool.form" in {loss.what for loss in written.losses}


def test_a_patch_that_a_chat_model_gave_as_json_reaches_codex_as_text() -> None:
    request = asked("from_codex/first_turn.json")
    patch = "*** Begin Patch\n*** Add File: a.py\n+print('привет')\n*** End Patch"
    call = {"index": 0, "id": "call_1", "function": {"name": "apply_patch", "arguments": json.dumps({"input": patch})}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    chunk = {"id": "c", "model": "m", "choices": [choice]}
    reader = openai_chat.DIALECT.reader(Hearing(origin="o", text_tools=frozenset({"apply_patch"})))
    events = [*reader.feed(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()), *reader.close()]
    items = answer(request, *fold(events).parts)
    assert [(item["type"], item["name"], item["input"]) for item in items] == [
        ("custom_tool_call", "apply_patch", patch)
    ]


def test_a_call_to_a_namespace_comes_back_as_such() -> None:
    request = asked("from_codex/namespace.json")
    (item,) = answer(request, ToolCall("call_1", "multi_agent_v1__close_agent", '{"target":"a"}'))
    assert (item["namespace"], item["name"], item["arguments"]) == ("multi_agent_v1", "close_agent", '{"target":"a"}')


def test_tools_of_a_namespace_that_ends_in_a_line_are_told_apart() -> None:
    inner = {"type": "function", "name": "f", "parameters": {}, "strict": False}
    boxes = [{"type": "namespace", "name": name, "description": "d", "tools": [inner]} for name in ("mcp__a__", "b")]
    request = read(tools=boxes)
    assert [tool.name for tool in request.tools] == ["mcp__a__f", "b__f"]
    assert write(request)[0]["tools"] == boxes
    items = answer(request, ToolCall("1", "mcp__a__f", "{}"), ToolCall("2", "b__f", "{}"))
    assert [(item["namespace"], item["name"]) for item in items] == [("mcp__a__", "f"), ("b", "f")]


def test_an_earlier_call_to_a_namespace_is_told_as_such() -> None:
    inner = {"type": "function", "name": "f", "parameters": {}, "strict": False}
    box = {"type": "namespace", "name": "n" * 60, "description": "d", "tools": [inner]}
    call = {"type": "function_call", "call_id": "1", "name": "f", "namespace": "n" * 60, "arguments": "{}"}
    talk = [{"type": "message", "role": "user", "content": "x"}, call]
    talk.append({"type": "function_call_output", "call_id": "1", "output": "ok"})
    for tools in ([box], []):
        body, written = write(read(input=talk, tools=tools))
        assert body["input"] == talk
        assert written.names == {}


SEARCH = {
    "type": "tool_search",
    "execution": "client",
    "description": "d",
    "parameters": {"type": "object", "properties": {}},
}
FOUND = {
    "type": "namespace",
    "name": "calendar",
    "description": "d",
    "tools": [{"type": "function", "name": "create", "parameters": {"type": "object"}, "strict": False}],
}


def test_a_search_for_tools_is_called_as_a_function_and_comes_back_as_a_search() -> None:
    request = read(tools=[SEARCH])
    body = json.loads(openai_chat.DIALECT.write_request(request, Target(model="m", origin="o")).body)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["tool_search"]
    (item,) = answer(request, ToolCall("call_1", "tool_search", '{"query":"calendar"}'))
    assert item == {
        "id": "tsc_x_0",
        "type": "tool_search_call",
        "call_id": "call_1",
        "arguments": {"query": "calendar"},
        "status": "completed",
        "execution": "client",
    }


def test_tools_that_a_search_found_are_offered_from_then_on() -> None:
    talk = [
        {"role": "user", "content": "hi"},
        {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"query": "x"}},
        {"type": "tool_search_output", "call_id": "s", "execution": "client", "tools": [FOUND]},
    ]
    request = read(input=talk, tools=[SEARCH])
    assert [tool.name for tool in request.tools] == ["tool_search", "calendar__create"]
    result = request.turns[-1].parts[0]
    assert isinstance(result, ToolResult)
    assert result.parts == (ToolReference("calendar__create"),)
    chat = json.loads(openai_chat.DIALECT.write_request(request, Target(model="m", origin="o")).body)
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["tool_search", "calendar__create"]
    assert "calendar__create" in chat["messages"][-1]["content"]
    assert write(request)[0]["tools"] == [SEARCH]


BUILT_IN: list[tuple[Json, str, Any, str, str]] = [
    (
        {"type": "local_shell"},
        '{"command":["ls"]}',
        {"type": "exec", "env": {}, "command": ["ls"]},
        "local_shell_call",
        "action",
    ),
    ({"type": "shell"}, '{"commands":["ls"]}', {"commands": ["ls"]}, "shell_call", "action"),
    (
        {"type": "apply_patch"},
        '{"type":"delete_file","path":"a"}',
        {"type": "delete_file", "path": "a"},
        "apply_patch_call",
        "operation",
    ),
]


@pytest.mark.parametrize(("tool", "arguments", "action", "kind", "member"), BUILT_IN, ids=lambda each: str(each)[:30])
@pytest.mark.parametrize("other", OTHERS, ids=lambda dialect: dialect.name)
def test_tools_known_by_type_are_functions_elsewhere_and_come_back(
    tool: Json, arguments: str, action: Any, kind: str, member: str, other: Dialect
) -> None:
    request = read(tools=[tool])
    body = other.write_request(request, Target(model="m", origin="o")).body.decode()
    assert f'"name":"{tool["type"]}"' in body
    (item,) = answer(request, ToolCall("call_1", tool["type"], arguments))
    assert (item["type"], item["call_id"], item[member]) == (kind, "call_1", action)
    again = read(input=[{"role": "user", "content": "x"}, item], tools=[tool])
    call = again.turns[1].parts[0]
    assert isinstance(call, ToolCall)
    assert (call.name, json.loads(call.arguments)) == (tool["type"], action)


def test_a_call_to_a_built_in_that_is_no_json_comes_as_a_function_call() -> None:
    (item,) = answer(read(tools=[{"type": "shell"}]), ToolCall("call_1", "shell", '{"commands":["l'))
    assert (item["type"], item["name"], item["arguments"]) == ("function_call", "shell", '{"commands":["l')


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"type": "local_shell_call_output", "id": "c", "output": "done"}, "done"),
        (
            {
                "type": "shell_call_output",
                "call_id": "c",
                "output": [{"stdout": "a", "stderr": "b", "outcome": {"type": "exit", "exit_code": 1}}],
            },
            "a\nb\n[exit 1]",
        ),
        ({"type": "shell_call_output", "call_id": "c", "output": [{"outcome": {"type": "timeout"}}]}, "[timeout]"),
        ({"type": "shell_call_output", "call_id": "c", "output": {"odd": 1}}, '{"odd": 1}'),
        ({"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "no file"}, "no file"),
    ],
)
def test_results_of_built_ins_are_told_to_other_models_in_words(item: Json, said: str) -> None:
    result = read(input=[item]).turns[0].parts[0]
    assert isinstance(result, ToolResult)
    assert result.parts == (Text(said),)
    assert result.is_error is (True if item.get("status") == "failed" else None)


def test_an_empty_result_of_a_patch_says_nothing() -> None:
    item = {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"}
    result = read(input=[item]).turns[0].parts[0]
    assert isinstance(result, ToolResult)
    assert result.parts == ()


def test_tools_that_the_vendor_runs_are_its_own() -> None:
    hosted = [
        {"type": "tool_search"},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "mcp", "server_label": "files", "server_url": "https://a.b"},
    ]
    request = read(tools=hosted)
    assert [(type(tool).__name__, tool.name) for tool in request.tools] == [
        ("ProviderTool", "tool_search"),
        ("ProviderTool", "shell"),
        ("ProviderTool", "files"),
    ]
    assert write(request)[0]["tools"] == hosted
    assert DIALECT.write_request(request, target()).losses == ()
