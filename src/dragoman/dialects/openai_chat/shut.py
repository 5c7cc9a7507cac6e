"""The short way to read messages and tools of closed shape, as nearly all are: decoded in one go.

Rule: what is read here is exactly what `turns` and `request` would read; for anything else (further members, other
parts, older forms) this says None, and they read it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.request import Image, Part, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from dragoman.dialects.data_urls import source_of
from dragoman.dialects.openai_chat.wire import NULL


class _Function(Struct, forbid_unknown_fields=True, gc=False):
    name: str
    arguments: str = ""


class _Call(Struct, forbid_unknown_fields=True, gc=False):
    id: str
    type: Literal["function"]
    function: _Function


class _Text(Struct, forbid_unknown_fields=True, tag_field="type", tag="text", gc=False):
    text: str


class _Address(Struct, forbid_unknown_fields=True, gc=False):
    url: str
    detail: str | None = None


class _Image(Struct, forbid_unknown_fields=True, tag_field="type", tag="image_url", gc=False):
    image_url: _Address


_Content: TypeAlias = str | list[_Text | _Image] | None


class _Message(Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: _Content = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None


class _Described(Struct, forbid_unknown_fields=True, gc=False):
    name: str
    description: str | None = None
    parameters: Raw = NULL
    strict: bool | None = None


class _Tool(Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["function"]
    function: _Described


_MESSAGES = msgspec.json.Decoder(list[_Message])
_TOOLS = msgspec.json.Decoder(list[_Tool])


def shut_turns(messages: Raw) -> tuple[list[Part], bool, list[Turn]] | None:
    """What `turns.read_turns` gives for these messages; None if they are not all of closed shape."""
    try:
        found = _MESSAGES.decode(messages)
    except (msgspec.DecodeError, RecursionError):
        return None
    system: list[Part] = []
    heads = 0
    turns: list[Turn] = []
    results: list[Part] = []
    for message in found:
        role = message.role
        spoken = message.tool_calls is not None or message.reasoning_content is not None
        if (spoken and role != "assistant") or (message.tool_call_id is None) == (role == "tool"):
            return None
        if role == "tool":
            call_id = message.tool_call_id or ""
            parts = _parts(message.content)
            results.append(ToolResult(call_id, tuple(parts), as_string=isinstance(message.content, str)))
            continue
        if results:
            turns.append(Turn("user", tuple(results)))
            results = []
        if role == "assistant":
            turns.append(_assistant(message))
        elif role == "user":
            turns.append(Turn("user", tuple(_parts(message.content)), isinstance(message.content, str)))
        elif turns:
            turns.append(Turn("system", tuple(_parts(message.content)), isinstance(message.content, str)))
        else:
            heads += 1
            system += _parts(message.content)
    if results:
        turns.append(Turn("user", tuple(results)))
    return system, heads == 1 and isinstance(found[0].content, str), turns


def _assistant(message: _Message) -> Turn:
    content = message.content
    parts = _parts(content)
    if message.reasoning_content:
        parts.insert(0, Thinking(message.reasoning_content))
    for call in message.tool_calls or ():
        parts.append(ToolCall(call.id, call.function.name, call.function.arguments))
    return Turn("assistant", tuple(parts), isinstance(content, str))


def _parts(content: _Content) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [
        Text(item.text) if isinstance(item, _Text) else Image(source_of(item.image_url.url), item.image_url.detail)
        for item in content
    ]


def shut_tools(tools: Raw) -> tuple[Tool, ...] | None:
    """What `request` reads of these tools; None if they are not all of closed shape."""
    try:
        found = _TOOLS.decode(tools)
    except (msgspec.DecodeError, RecursionError):
        return None
    return tuple([_described(tool.function) for tool in found])


def _described(said: _Described) -> Tool:
    schema = None if said.parameters == NULL else said.parameters
    return Tool(said.name, said.description, schema, strict=said.strict)
