"""The requests the benchmark sends: a small one, and a large one shaped like a coding agent's in mid-session.

Everything is made here, word by word from a fixed list, so that every run on every machine sends the same bytes.
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

LARGE_BYTES = 130_000
TOOLS = 25
ROUNDS = 20  # of assistant and tool result; with the first prompt, 41 messages

WORDS = (
    "parser", "token", "stream", "buffer", "value", "index", "test", "module", "return", "config", "path", "error",
    "«вывод»", "cache", "line", "field", "state", "count", "handler", "input", "result", "\"quoted\"", "limit", "event",
    "a\\b", "check", "record", "reader", "writer", "schema", "✓",
)  # fmt: skip
TOOL_NAMES = (
    "Read", "Write", "Edit", "Bash", "Glob", "Grep", "TodoWrite", "WebFetch", "WebSearch", "NotebookEdit", "Task",
    "KillShell", "mcp__github__create_pull_request", "mcp__github__search_code", "mcp__github__list_issues",
    "mcp__github__add_comment", "mcp__browser__open", "mcp__browser__click", "mcp__browser__snapshot",
    "mcp__database__query", "mcp__database__describe", "mcp__tickets__find", "mcp__tickets__update",
    "mcp__docs__lookup", "mcp__docs__outline",
)  # fmt: skip


def prose(length: int, salt: int) -> str:
    """Filler of about this many characters: words, punctuation and line ends in a fixed order."""
    words: list[str] = []
    size, step = 0, 0
    while size < length:
        word = WORDS[(salt * 7 + step * 11 + step * step) % len(WORDS)]
        word += ".\n" if step % 13 == 12 else "," if step % 7 == 6 else ""
        words.append(word)
        size += len(word) + 1
        step += 1
    return " ".join(words)


def small(model: str, *, stream: bool) -> Json:
    """A plain question, as Anthropic Messages."""
    return {
        "model": model,
        "max_tokens": 1024,
        "system": "You are a helpful assistant.",
        "messages": [{"role": "user", "content": "Tell me about the weather in three sentences."}],
        "stream": stream,
    }


def with_tools(model: str) -> Json:
    """A question that offers the two tools the stand-in calls."""
    return {**small(model, stream=True), "tools": [_tool(1), _tool(3)]}


def large(model: str) -> Json:
    """A request of about 130 KB: 25 tools, 41 messages."""
    body: Json = {
        "model": model,
        "max_tokens": 32_000,
        "system": [
            {"type": "text", "text": prose(120, 1)},
            {"type": "text", "text": prose(12_000, 2), "cache_control": {"type": "ephemeral"}},
        ],
        "tools": [_tool(number) for number in range(TOOLS)],
        "messages": _session(),
        "metadata": {
            "user_id": '{"device_id":"bench","account_uuid":"","session_id":"00000000-0000-4000-8000-000000000000"}'
        },
        "stream": True,
    }
    missing = LARGE_BYTES - len(dump(body))
    body["messages"][-1]["content"].append(
        {
            "type": "text",
            "text": prose(max(missing - 120, 1), 3)[: max(missing - 120, 1)],
            "cache_control": {"type": "ephemeral"},
        }
    )
    return body


def _tool(number: int) -> Json:
    properties: Json = {
        f"{word}_{place}": {"type": "string", "description": prose(110, number * 31 + place)}
        for place, word in enumerate(("path", "content", "command", "pattern", "reason"))
    }
    properties["mode"] = {"type": "string", "enum": ["fast", "full", "none"], "description": prose(80, number)}
    properties["limit"] = {"type": "integer", "minimum": 0, "maximum": 100_000, "default": 2_000}
    properties["edits"] = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "old": {"type": "string"},
                "new": {"type": "string"},
                "all": {"type": "boolean", "default": False},
            },
            "required": ["old", "new"],
            "additionalProperties": False,
        },
    }
    return {
        "name": TOOL_NAMES[number],
        "description": prose(900, number),
        "input_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": properties,
            "required": ["path_0", "mode"],
            "additionalProperties": False,
        },
    }


def _session() -> list[Json]:
    messages: list[Json] = [{"role": "user", "content": [{"type": "text", "text": prose(2_000, 4)}]}]
    for number in range(ROUNDS):
        call = f"toolu_bench{number:04d}"
        messages.append({
            "role": "assistant",
            "content": [
                {"type": "text", "text": prose(160, number)},
                {
                    "type": "tool_use",
                    "id": call,
                    "name": TOOL_NAMES[number % TOOLS],
                    "input": {"path_0": f"/src/file_{number}.py", "mode": "full", "content_1": prose(500, number + 50)},
                },
            ],
        })  # fmt: skip
        result = {
            "type": "tool_result",
            "tool_use_id": call,
            "content": [{"type": "text", "text": prose(1_500, number + 100)}],
        }
        messages.append({"role": "user", "content": [result]})
    return messages


def as_chat(body: Json) -> Json:
    """The same request as Chat Completions: what is sent where nothing translates."""
    messages: list[Json] = [{"role": "system", "content": _text(body["system"])}]
    for message in body["messages"]:
        messages += _chat_messages(message)
    chat: Json = {
        "model": body["model"],
        "max_tokens": body["max_tokens"],
        "messages": messages,
        "stream": body["stream"],
    }
    if body["stream"]:
        chat["stream_options"] = {"include_usage": True}
    if "tools" in body:
        chat["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool["name"],
                    "description": tool["description"],
                    "parameters": tool["input_schema"],
                },
            }
            for tool in body["tools"]
        ]
    return chat


def _text(content: str | list[Json]) -> str:
    return (
        content if isinstance(content, str) else "\n\n".join(part["text"] for part in content if part["type"] == "text")
    )


def _chat_messages(message: Json) -> list[Json]:
    content = message["content"]
    parts: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    results = [
        {"role": "tool", "tool_call_id": part["tool_use_id"], "content": _text(part["content"])}
        for part in parts
        if part["type"] == "tool_result"
    ]
    calls = [
        {
            "id": part["id"],
            "type": "function",
            "function": {"name": part["name"], "arguments": json.dumps(part["input"])},
        }
        for part in parts
        if part["type"] == "tool_use"
    ]
    said: list[Json] = [{"role": message["role"], "content": text}] if (text := _text(parts)) else []
    if calls:
        said = [{"role": "assistant", "content": text or None, "tool_calls": calls}]
    return results + said


def dump(body: Json) -> bytes:
    """As clients write it: compact, UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


ANTHROPIC_HEADERS = (
    # the shape of a coding agent's request head
    ("accept", "application/json"),
    ("content-type", "application/json"),
    ("user-agent", "claude-cli/2.1.328 (external, sdk-cli)"),
    ("x-claude-code-session-id", "00000000-0000-4000-8000-000000000000"),
    ("x-stainless-arch", "x64"),
    ("x-stainless-lang", "js"),
    ("x-stainless-os", "Linux"),
    ("x-stainless-retry-count", "0"),
    ("x-stainless-runtime", "node"),
    ("x-stainless-timeout", "600"),
    ("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"),
    ("anthropic-version", "2023-06-01"),
    ("x-app", "cli"),
    ("accept-encoding", "identity"),
)
CHAT_HEADERS = (
    ("accept", "application/json"),
    ("content-type", "application/json"),
    ("user-agent", "OpenAI/Python 3.51.0"),
    ("accept-encoding", "identity"),
)


def raw_request(path: str, body: Json, headers: tuple[tuple[str, str], ...], key: str) -> bytes:
    """The whole HTTP request as bytes."""
    payload = dump(body)
    lines = [
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        f"authorization: Bearer {key}",
        f"content-length: {len(payload)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + payload
