"""What a client asked, seen alike for every dialect, so that one responder can answer any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

Dialect = Literal["anthropic", "openai_chat", "openai_responses", "gemini", "gigachat", "gigachat_v2"]
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
    """Names; those of a Responses namespace as `namespace.name`."""
    text_tools: tuple[str, ...] = ()
    """The tools among them that take free text: the arguments of a call are that text."""
    include_seals: bool = False
    """Responses' `include` of encrypted reasoning."""
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
    return READERS[dialect](body, body_bytes)


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
        tools=tuple(_chat_tool(tool) for tool in _dicts(body.get("tools"))),
        text_tools=tuple(_chat_tool(tool) for tool in _dicts(body.get("tools")) if tool.get("type") == "custom"),
        schema=_member(shape, "json_schema").get("schema", {} if shape.get("type") == "json_object" else None),
        body_bytes=body_bytes,
    )


def _chat_tool(tool: Json) -> str:
    return str(_member(tool, str(tool.get("type"))).get("name", ""))


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


def _read_responses(body: Json, body_bytes: int) -> Ask:
    told = body.get("input")
    items = [{"role": "user", "content": told}] if isinstance(told, str) else _dicts(told)
    prompts = [item for item in items if item.get("role") in ("system", "developer")]
    shape = _member(_member(body, "text"), "format")
    found = [tool for item in items if item.get("type") == "tool_search_output" for tool in _dicts(item.get("tools"))]
    tools = [named for tool in [*_dicts(body.get("tools")), *found] for named in _responses_tools(tool)]
    return Ask(
        dialect="openai_responses",
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        system="\n\n".join([str(body.get("instructions") or ""), *(_text(item.get("content")) for item in prompts)]),
        turns=tuple(_responses_turns([item for item in items if item not in prompts])),
        tools=tuple(name for name, _ in tools),
        text_tools=tuple(name for name, kind in tools if kind == "custom"),
        include_seals="reasoning.encrypted_content" in (body.get("include") or ()),
        schema=shape.get("schema", {} if shape.get("type") == "json_object" else None),
        body_bytes=body_bytes,
    )


def _responses_tools(tool: Json) -> list[tuple[str, str]]:
    """Name and kind of a tool, or of each in a namespace; a hosted tool's name is its kind."""
    kind = str(tool.get("type"))
    if kind == "namespace":
        return [(f"{tool.get('name')}.{each.get('name')}", str(each.get("type"))) for each in _dicts(tool.get("tools"))]
    return [(str(tool.get("name", kind)), kind)]


def _responses_turns(items: list[Json]) -> Iterator[Turn]:
    """One turn for all that the model said at once, and one for each message or result."""
    said = Turn(role="assistant")
    for item in items:
        kind = str(item.get("type", "message"))
        if kind.endswith("_output"):
            if said != Turn(role="assistant"):
                yield said
            said = Turn(role="assistant")
            output = item.get("output")
            yield Turn(role="tool", results=(Result(str(item.get("call_id")), _text(output)),))
        elif kind == "message" and item.get("role") != "assistant":
            if said != Turn(role="assistant"):
                yield said
            said = Turn(role="assistant")
            yield Turn(role=str(item.get("role")), text=_text(item.get("content")))
        else:
            said = _grown(said, item, kind)
    if said != Turn(role="assistant"):
        yield said


def _grown(said: Turn, item: Json, kind: str) -> Turn:
    """What the model said, with one more item of it."""
    match kind:
        case "reasoning":
            parts = _dicts(item.get("summary")) + _dicts(item.get("content"))
            return replace(said, thinking=said.thinking + "".join(str(part.get("text", "")) for part in parts))
        case "message":
            return replace(said, text=said.text + _text(item.get("content")))
        case _ if "call_id" in item:
            space = f"{item['namespace']}." if item.get("namespace") else ""
            given = item.get("arguments", {"input": item.get("input")})
            arguments = given if isinstance(given, dict) else _arguments(given)
            return replace(
                said, calls=(*said.calls, (str(item["call_id"]), f"{space}{item.get('name', kind)}", arguments))
            )
        case _:
            return said


def _read_gemini(body: Json, body_bytes: int) -> Ask:
    """Model and streaming stand in the address, and are filled in by whoever knows it."""
    settings = _member(body, "generationConfig")
    schema = settings.get("responseJsonSchema") or settings.get("responseSchema")
    return Ask(
        dialect="gemini",
        system="\n\n".join(_gemini_text(_member(body, "systemInstruction"))),
        turns=tuple(_gemini_turn(content) for content in _dicts(body.get("contents"))),
        tools=tuple(
            str(declared.get("name", ""))
            for tool in _dicts(body.get("tools"))
            for declared in _dicts(tool.get("functionDeclarations"))
        ),
        schema=schema or ({} if settings.get("responseMimeType") == "application/json" else None),
        body_bytes=body_bytes,
    )


def _gemini_text(content: Json) -> list[str]:
    return [str(part["text"]) for part in _dicts(content.get("parts")) if "text" in part and not part.get("thought")]


def _gemini_turn(content: Json) -> Turn:
    parts = _dicts(content.get("parts"))
    calls = [_member(part, "functionCall") for part in parts if "functionCall" in part]
    results = [_member(part, "functionResponse") for part in parts if "functionResponse" in part]
    return Turn(
        role="assistant" if content.get("role") == "model" else "user",
        text="\n".join(_gemini_text(content)),
        thinking="".join(str(part.get("text", "")) for part in parts if part.get("thought")),
        calls=tuple(
            (str(call.get("id") or call.get("name")), str(call.get("name")), _member(call, "args")) for call in calls
        ),
        results=tuple(
            Result(
                str(result.get("id") or result.get("name")),
                "\n".join(str(each) for each in _member(result, "response").values()),
                "error" in _member(result, "response"),
            )
            for result in results
        ),
    )


def _read_gigachat(body: Json, body_bytes: int) -> Ask:
    messages = _dicts(body.get("messages"))
    return Ask(
        dialect="gigachat",
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        system="\n\n".join(_text(message.get("content")) for message in messages if message.get("role") == "system"),
        turns=tuple(_gigachat_turns([message for message in messages if message.get("role") != "system"])),
        tools=tuple(str(function.get("name", "")) for function in _dicts(body.get("functions"))),
        schema=_member(body, "response_format").get("schema"),
        body_bytes=body_bytes,
    )


def _gigachat_turns(messages: list[Json]) -> Iterator[Turn]:
    """The wire has no ids of calls; a call and its result stand side by side."""
    for place, message in enumerate(messages):
        text = _text(message.get("content"))
        call = _member(message, "function_call")
        if message.get("role") == "function":
            yield Turn(role="tool", results=(Result(f"call_{place - 1}", *told_result(text)),))
        elif call:
            made = (f"call_{place}", str(call.get("name")), _member(call, "arguments"))
            yield Turn(role="assistant", text=text, calls=(made,))
        else:
            thinking = str(message.get("reasoning_content") or "")
            yield Turn(role=str(message.get("role", "")), text=text, thinking=thinking)


def _read_gigachat_v2(body: Json, body_bytes: int) -> Ask:
    options = _member(body, "model_options")
    messages = _dicts(body.get("messages"))
    functions = [
        each for tool in _dicts(body.get("tools")) for each in _dicts(_member(tool, "functions").get("specifications"))
    ]
    return Ask(
        dialect="gigachat_v2",
        model=str(body.get("model", "")),
        stream=body.get("stream") is True,
        system="\n\n".join(_text_of_parts(message) for message in messages if message.get("role") == "system"),
        turns=tuple(_gigachat_v2_turn(message) for message in messages if message.get("role") != "system"),
        tools=tuple(str(function.get("name", "")) for function in functions),
        schema=_member(options, "response_format").get("schema"),
        body_bytes=body_bytes,
    )


def _gigachat_v2_turn(message: Json) -> Turn:
    """Calls without ids are told apart by their names."""
    parts, text = _dicts(message.get("content")), _text_of_parts(message)
    calls = [_member(part, "function_call") for part in parts if "function_call" in part]
    results = [_member(part, "function_result") for part in parts if "function_result" in part]
    is_thinking = message.get("role") == "reasoning"
    return Turn(
        role=str(message.get("role", "")),
        text="" if is_thinking else text,
        thinking=text if is_thinking else "",
        calls=tuple(
            (str(call.get("id") or call.get("name")), str(call.get("name")), _member(call, "arguments"))
            for call in calls
        ),
        results=tuple(
            Result(
                str(result.get("id") or result.get("name")),
                str(_member(result, "result").get("result", "")),
                _member(result, "result").get("is_error") is True,
            )
            for result in results
        ),
    )


def _text_of_parts(message: Json) -> str:
    return "\n".join(str(part["text"]) for part in _dicts(message.get("content")) if "text" in part)


def told_result(text: str) -> tuple[str, bool]:
    """What a result of GigaChat's wire says, and whether it tells that the tool failed."""
    value = _arguments(text)
    return str(value.get("result", text)), value.get("is_error") is True


READERS = {
    "anthropic": _read_anthropic,
    "openai_chat": _read_chat,
    "openai_responses": _read_responses,
    "gemini": _read_gemini,
    "gigachat": _read_gigachat,
    "gigachat_v2": _read_gigachat_v2,
}


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
    words = ("text", "input_text", "output_text")
    return "\n".join(str(part.get("text", "")) for part in _dicts(content) if part.get("type") in words)


def _dicts(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _member(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
