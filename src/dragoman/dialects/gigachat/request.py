"""A client's body on this wire as a neutral request.

Everything that another wire may know is read; what is this vendor's own (`flags`, `profanity_check`, `storage`,
`update_interval`, `repetition_penalty`, `function_ranker`, `additional_data`, …) is kept as extras.
Source: the SDK 0.2.3, `Chat`, and developers.sber.ru, POST /chat/completions, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.request import (
    File,
    OutputShape,
    Part,
    Reasoning,
    Request,
    Sampling,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from dragoman.canon.seal import unwrap
from dragoman.dialects.body import read_members
from dragoman.dialects.gigachat.wire import NAME, STATE
from dragoman.dialects.take import Members, first_byte, wrong


def read_request(body: bytes) -> Request:
    """A client's body. Raises `Trouble` (invalid_request, naming the member) and nothing else."""
    members, losses = read_members(body)
    model = members.need("model", members.text("model"))
    system, turns = _turns(members.need("messages", members.objects("messages")))
    return Request(
        dialect=NAME,
        model=model,
        turns=turns,
        system=system,
        system_as_string=True,
        tools=tuple(_tool(each) for each in members.objects("functions") or ()),
        tool_choice=_choice(members),
        max_output=members.whole("max_tokens"),
        sampling=Sampling(temperature=members.number("temperature"), top_p=members.number("top_p")),
        reasoning=Reasoning(effort=members.text("reasoning_effort")),
        output_shape=_output_shape(members),
        stream=members.truth("stream") or False,
        extras=members.rest(NAME),
        losses=losses,
    )


def _turns(messages: list[Members]) -> tuple[tuple[Part, ...], tuple[Turn, ...]]:
    """The system's parts, and the turns; results that follow one another are one turn."""
    system: tuple[Part, ...] = ()
    turns: list[Turn] = []
    calls: dict[str, str] = {}
    """The id of the latest call of each function; this wire has none."""
    for place, message in enumerate(messages):
        role = message.need("role", message.text("role"))
        match role:
            case "system":
                parts, extras = _content(message), message.rest(NAME)
                if turns or system or extras:
                    turns.append(Turn("system", parts, as_string=True, extras=extras))
                else:
                    system = parts
            case "user":
                turns.append(Turn("user", _content(message), as_string=True, extras=message.rest(NAME)))
            case "assistant":
                turns.append(_assistant(message, f"call_{place}", calls))
            case "function":
                result = _result(message, calls)
                turns.append(Turn("user", (result,)))
            case _:
                raise wrong(message.where("role"), "one of system, user, assistant, function")
    return system, tuple(turns)


def _content(message: Members) -> tuple[Part, ...]:
    text = message.text("content", "")
    files = message.texts("attachments") or ()
    return (Text(text), *(File(Stored(NAME, each)) for each in files))


def _assistant(message: Members, call_id: str, calls: dict[str, str]) -> Turn:
    parts: list[Part] = []
    thought = message.text("reasoning_content")
    if thought is not None:
        parts.append(Thinking(thought))
    parts += _content(message)
    function = message.members("function_call")
    if function is not None:
        name = function.need("name", function.text("name"))
        state = message.text(STATE)
        calls[name] = call_id
        arguments = function.raw("arguments")
        said = "{}" if arguments is None else bytes(arguments).decode()
        seal = None if state is None else unwrap(state)
        parts.append(ToolCall(call_id, name, said, seal=seal, extras=function.rest(NAME)))
    return Turn("assistant", tuple(parts), as_string=True, extras=message.rest(NAME))


def _result(message: Members, calls: dict[str, str]) -> ToolResult:
    name = message.text("name")
    known = calls.get(name) if name is not None else next(reversed(calls.values()), None)
    text = message.text("content", "")
    return ToolResult(known or "call_none", (Text(text),), name=name, as_string=True, extras=message.rest(NAME))


def _tool(function: Members) -> Tool:
    name = function.need("name", function.text("name"))
    description, schema = function.text("description"), function.raw("parameters")
    return Tool(name, description, schema, extras=function.rest(NAME))


def _choice(members: Members) -> ToolChoice | None:
    raw = members.raw("function_call")
    if raw is None:
        return None
    if first_byte(raw) == b'"':
        match msgspec.json.decode(raw):
            case "auto":
                return ToolChoice("auto")
            case "none":
                return ToolChoice("none")
            case _:
                raise wrong("function_call", "one of auto, none, or an object")
    choice = Members.of(raw, "function_call")
    return ToolChoice("one", choice.need("name", choice.text("name")), extras=choice.rest(NAME))


def _output_shape(members: Members) -> OutputShape | None:
    raw = members.raw("response_format")
    if raw is None:
        return None
    form = Members.of(raw, "response_format")
    if form.text("type") != "json_schema":
        members.put_back("response_format", Raw(raw))
        return None
    return OutputShape("json_schema", form.raw("schema"), strict=form.truth("strict"), extras=form.rest(NAME))
