"""What a client asked, seen alike for both dialects, so that one responder can answer either."""

from __future__ import annotations

import json
from typing import Any, Literal

from msgspec import Struct

Dialect = Literal["anthropic", "openai_chat"]
Json = dict[str, Any]


class Result(Struct, frozen=True):
    """What a tool said."""

    call_id: str
    text: str
    failed: bool = False
    """Anthropic's `is_error`; Chat has no such member."""


class Turn(Struct, frozen=True):
    """One message of the conversation."""

    role: str
    text: str = ""
    thinking: str = ""
    calls: tuple[tuple[str, str, Json], ...] = ()
    """Id, name, arguments (empty when they are not a JSON object)."""
    results: tuple[Result, ...] = ()


class Ask(Struct, frozen=True, kw_only=True):
    """One request for an answer."""

    dialect: Dialect
    model: str = ""
    stream: bool = False
    include_usage: bool = False
    """Chat's `stream_options.include_usage`; Anthropic always reports."""
    system: str = ""
    turns: tuple[Turn, ...] = ()
    tools: tuple[str, ...] = ()
    schema: Json | None = None
    """The JSON schema that the answer must follow, when one was asked for."""
    body_bytes: int = 0

    @property
    def last_user_text(self) -> str:
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user" and turn.text), "")


def read_ask(dialect: Dialect, body: Any, body_bytes: int) -> Ask:
    """The request in neutral words; what is malformed is left out, never an exception."""
    if not isinstance(body, dict):
        return Ask(dialect=dialect, body_bytes=body_bytes)
    reader = _read_anthropic if dialect == "anthropic" else _read_chat
    return reader(body, body_bytes)


def _read_anthropic(body: Json, body_bytes: int) -> Ask:
    shape = _member(_member(body, "output_config"), "format")
    return Ask(
        dialect="anthropic",
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        system=_text(body.get("system")),
        turns=tuple(_anthropic_turn(message) for message in _dicts(body.get("messages"))),
        tools=tuple(str(tool.get("name", "")) for tool in _dicts(body.get("tools"))),
        schema=shape.get("schema"),
        body_bytes=body_bytes,
    )


def _anthropic_turn(message: Json) -> Turn:
    content = message.get("content")
    blocks = _dicts(content)
    return Turn(
        role=str(message.get("role", "")),
        text=_text(content),
        thinking="".join(str(block.get("thinking", "")) for block in blocks if block.get("type") == "thinking"),
        calls=tuple(
            (str(block.get("id")), str(block.get("name")), _member(block, "input"))
            for block in blocks
            if block.get("type") == "tool_use"
        ),
        results=tuple(
            Result(str(block.get("tool_use_id")), _text(block.get("content")), block.get("is_error") is True)
            for block in blocks
            if block.get("type") == "tool_result"
        ),
    )


def _read_chat(body: Json, body_bytes: int) -> Ask:
    messages = _dicts(body.get("messages"))
    prompts = [message for message in messages if message.get("role") in ("system", "developer")]
    shape = _member(body, "response_format")
    return Ask(
        dialect="openai_chat",
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        include_usage=_member(body, "stream_options").get("include_usage") is True,
        system="\n\n".join(_text(message.get("content")) for message in prompts),
        turns=tuple(_chat_turn(message) for message in messages if message not in prompts),
        tools=tuple(str(_member(tool, "function").get("name", "")) for tool in _dicts(body.get("tools"))),
        schema=_member(shape, "json_schema").get("schema", {} if shape.get("type") == "json_object" else None),
        body_bytes=body_bytes,
    )


def _chat_turn(message: Json) -> Turn:
    text = _text(message.get("content"))
    if message.get("role") == "tool":
        return Turn(role="tool", results=(Result(str(message.get("tool_call_id")), text),))
    return Turn(
        role=str(message.get("role", "")),
        text=text,
        thinking=str(message.get("reasoning_content") or message.get("reasoning") or ""),
        calls=tuple(
            (
                str(call.get("id")),
                str(_member(call, "function").get("name")),
                _arguments(_member(call, "function").get("arguments")),
            )
            for call in _dicts(message.get("tool_calls"))
        ),
    )


def _arguments(text: Any) -> Json:
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(content: Any) -> str:
    """A string as it is, or the text parts of a list joined by line ends."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in _dicts(content) if part.get("type") == "text")


def _dicts(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _member(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
