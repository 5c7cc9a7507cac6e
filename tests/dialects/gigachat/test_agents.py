"""Coding agents on GigaChat: their recorded requests are taken, and a whole task runs without a single refusal."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest
from msgspec import Raw

from dragoman.canon.habits import Habits
from dragoman.canon.problem import Trouble
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Request, Tool, ToolCall
from dragoman.dialects import anthropic
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.gigachat import DIALECT
from tests.dialects.gigachat.stage import NEWER, OLDER, ORIGIN, SCENES, Json, asked, target, write
from tests.standin import Shape, StandIn, agent_run

CLAUDE_CODE = sorted((SCENES / "anthropic").glob("claude-code-*.json"))
REFUSED = {"claude-code-searches-the-web"}
"""Their only tool is run by its own vendor."""


@pytest.mark.parametrize("path", CLAUDE_CODE, ids=lambda path: path.stem)
@pytest.mark.parametrize("habits", [OLDER, NEWER], ids=["older", "newer"])
def test_what_claude_code_asks_is_taken_by_a_strict_vendor(path: Any, habits: Habits) -> None:
    body = json.loads(path.read_bytes())
    body.setdefault("max_tokens", 64)
    request = anthropic.DIALECT.read_request(json.dumps(body).encode())
    try:
        sent, _ = write(request, habits)
    except Trouble:
        assert path.stem in REFUSED
        return
    assert path.stem not in REFUSED
    assert b"cch=" not in json.dumps(sent).encode()


def test_forty_tools_with_long_names_and_strange_keys_are_taken() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "$filter": {"type": ["string", "null"]},
            "@id": {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 1},
            "tree": {"$ref": "#/$defs/node"},
            "level": {"enum": [1, 2, None]},
        },
        "required": ["$filter"],
        "additionalProperties": False,
        "$defs": {"node": {"type": "object", "properties": {"children": {"items": {"$ref": "#/$defs/node"}}}}},
    }
    tools = tuple(
        Tool(f"mcp__{'x' * (60 + place % 3)}.{place}", "Does it.", Raw(json.dumps(schema).encode()))
        for place in range(40)
    )
    for habits in (OLDER, NEWER):
        body, written = write(asked(tools=tools), habits)
        assert len(body["functions"]) == len(written.names) == 40
        assert set(written.names.values()) == {tool.name for tool in tools}


TOOLS = [
    {"name": name, "description": name, "input_schema": {"type": "object", "properties": properties}}
    for name, properties in (
        ("Write", {"file_path": {"type": "string"}, "content": {"type": "string"}}),
        ("Bash", {"command": {"type": "string"}, "description": {"type": "string"}}),
        ("Read", {"file_path": {"type": "string"}}),
        ("Edit", {name: {"type": "string"} for name in ("file_path", "old_string", "new_string")}),
    )
]


def answered(upstream: StandIn, request: Request) -> Reply:
    """What the stand-in answers to a request, read as it streams."""
    written = DIALECT.write_request(request, target(stream=True))
    call = HttpRequest(f"{upstream.url}/v1{DIALECT.path}", written.body, {"Content-Type": "application/json"})
    reader = DIALECT.reader(Hearing(origin=ORIGIN, names=written.names, lowered=written.lowered))
    with urlopen(call) as answer:
        events = [event for line in answer for event in reader.feed(line)]
    return fold([*events, *reader.close()])


@pytest.mark.parametrize(
    "shape", [Shape(), Shape(calls="with_finish"), Shape(calls="interleaved"), Shape(writes="byte", pings=True)]
)
def test_an_agent_s_task_runs_to_its_end_without_a_refusal(shape: Shape) -> None:
    messages: list[Json] = [{"role": "user", "content": "Write fib.py and run it."}]
    with StandIn(agent_run("/tmp/x"), dialects=("gigachat",), shape=shape) as upstream:
        for turn in range(12):
            body = {"model": "claude", "max_tokens": 9999, "system": "You help.", "tools": TOOLS, "messages": messages}
            reply = answered(upstream, anthropic.DIALECT.read_request(json.dumps(body).encode()))
            assert reply.problem is None
            told = anthropic.DIALECT.write_reply(reply, Telling(model="claude", exchange_id=f"x{turn}", created_s=1))
            messages.append({"role": "assistant", "content": json.loads(told)["content"]})
            calls = [part for part in reply.parts if isinstance(part, ToolCall)]
            if not calls:
                break
            results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"ok {call.name}"} for call in calls]
            messages.append({"role": "user", "content": results})
        assert [seen.refused for seen in upstream.requests] == [None] * len(upstream.requests)
        states = [each.get("functions_state_id") for each in upstream.requests[-1].body["messages"]]
    assert "Done ✓" in json.dumps(messages[-1], ensure_ascii=False)
    ids = [block["id"] for each in messages for block in each["content"] if isinstance(block, dict) and "id" in block]
    assert len(set(ids)) == len(ids) == 5
    assert len([state for state in states if state]) == 5
