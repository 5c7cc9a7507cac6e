"""Chat messages as turns."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.request import Part, Refusal, Thinking, ToolCall, ToolResult, Turn
from dragoman.dialects.openai_chat.parts import cache_mark, content
from dragoman.dialects.openai_chat.thoughts import is_redacted, parted, seal_in
from dragoman.dialects.openai_chat.wire import NAME
from dragoman.dialects.take import Members, wrong

_DETAILS = msgspec.json.Decoder(list[dict[str, object]])


def read_turns(messages: Iterable[Members]) -> tuple[list[Part], bool, list[Turn]]:
    """The system's parts, whether they were one string, and the turns.

    System messages at the beginning are the system's parts, as far as they hold content only; later ones, and those
    with further members, are turns. Neighbouring tool messages are one turn.
    """
    system: list[Part] = []
    system_as_string = False
    turns: list[Turn] = []
    legacy = _LegacyCalls()
    heads = 0
    for message in messages:
        role = message.need("role", message.text("role"))
        match role:
            case "system" | "developer":
                parts, as_string = _said(message)
                extras = message.rest(NAME)
                if turns or extras:
                    turns.append(Turn("system", tuple(parts), as_string, extras))
                else:
                    heads += 1
                    system += parts
                    system_as_string = as_string and heads == 1
            case "user":
                parts, as_string = _said(message)
                turns.append(Turn("user", tuple(parts), as_string, message.rest(NAME)))
            case "assistant":
                turns.append(_assistant(message, legacy))
            case "tool":
                _add_result(turns, _result(message, message.need("tool_call_id", message.text("tool_call_id"))))
            case "function":
                name = message.text("name", "")
                _add_result(turns, replace(_result(message, legacy.latest(name)), name=name))
            case _:
                raise wrong(message.where("role"), "one of system, developer, user, assistant, tool")
    return system, system_as_string, turns


class _LegacyCalls:
    """Ids for calls of the older form, which has none. Mutable: it counts them."""

    def __init__(self) -> None:
        self._count = 0
        self._latest: dict[str, str] = {}

    def new(self, name: str) -> str:
        """The id of the next call."""
        self._latest[name] = f"call_legacy_{self._count}"
        self._count += 1
        return self._latest[name]

    def latest(self, name: str) -> str:
        """The id of the latest call of a function; one that no call has if there was none."""
        return self._latest.get(name, "call_legacy_none")


def _add_result(turns: list[Turn], result: ToolResult) -> None:
    last = turns[-1] if turns else None
    if last is not None and last.role == "user" and last.parts and isinstance(last.parts[-1], ToolResult):
        turns[-1] = replace(last, parts=(*last.parts, result))
    else:
        turns.append(Turn("user", (result,)))


def _said(message: Members) -> tuple[list[Part], bool]:
    """The content of a message. A cache mark beside it is one of its last part: several kits put it there
    (opencode 1.18.33, measured 2026-11-20)."""
    parts, as_string = content(message)
    mark = cache_mark(message) if parts else None
    if mark is not None and parts[-1].cache_mark is None:
        parts[-1] = replace(parts[-1], cache_mark=mark)
    return parts, as_string


def _result(message: Members, call_id: str) -> ToolResult:
    parts, as_string = _said(message)
    return ToolResult(call_id, tuple(parts), as_string=as_string, extras=message.rest(NAME))


def _assistant(message: Members, legacy: _LegacyCalls) -> Turn:
    parts, as_string = _said(message)
    refusal = message.text("refusal")
    if refusal is not None:
        parts.append(Refusal(refusal))
    calls = [_call(each) for each in message.objects("tool_calls") or ()]
    function = message.members("function_call")
    if function is not None:
        name = function.text("name", "")
        arguments = function.text("arguments", "")
        calls.append(ToolCall(legacy.new(name), name, arguments, extras=function.rest(NAME)))
    thoughts, calls = _thoughts(message, calls)
    return Turn("assistant", (*thoughts, *parts, *calls), as_string, message.rest(NAME))


def _call(call: Members) -> ToolCall:
    kind = call.text("type", "function")
    form = "text" if kind == "custom" else "json"
    inner = call.need(
        "custom" if form == "text" else "function", call.members("custom" if form == "text" else "function")
    )
    name = inner.need("name", inner.text("name"))
    arguments = inner.text("input" if form == "text" else "arguments", "")
    return ToolCall(call.text("id", ""), name, arguments, "text" if form == "text" else "json", extras=call.rest(NAME))


def _thoughts(message: Members, calls: list[ToolCall]) -> tuple[list[Thinking], list[ToolCall]]:
    """Thinking of an assistant message, and its calls with their seals."""
    words = message.text("reasoning_content")
    other = message.text("reasoning")
    raw = message.raw("reasoning_details")
    if words is None and other is None and raw is None:
        return [], calls
    entries = _entries(raw, message)
    found, of_calls = parted(words or other or "", entries, {call.id for call in calls})
    thoughts = [
        Thinking(
            text, redacted=entry is not None and is_redacted(entry), seal=None if entry is None else seal_in(entry)
        )
        for text, entry in found
    ]
    sealed = [replace(call, seal=seal_in(of_calls[call.id])) if call.id in of_calls else call for call in calls]
    return thoughts, sealed


def _entries(raw: Raw | None, message: Members) -> list[dict[str, object]]:
    if raw is None:
        return []
    try:
        return _DETAILS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise wrong(message.where("reasoning_details"), "a list of objects") from None
