"""Calls and results that lost each other, as after an interruption or a compaction (pitfalls 60 and 61).

The vendor refuses a call without a result, a result without its call, and a second result. Clients of other dialects
may have histories with such gaps; a client of this one is told by the vendor itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from dragoman.canon.request import Part, Text, ToolCall, ToolResult, Turn

NO_RESULT = "No result of this call was recorded."
STRAY = "The result of a call that is no longer shown:"


def paired(turns: tuple[Turn, ...], changed: Callable[[str, str], None]) -> tuple[Turn, ...]:
    """The same turns, every call with one result and every result with its call; `changed` is told what was not so."""
    return tuple(_paired(turns, changed))


def _paired(turns: tuple[Turn, ...], changed: Callable[[str, str], None]) -> Iterator[Turn]:
    awaited: dict[str, None] = {}
    before = ""
    for turn in turns:
        if turn.role == "assistant":
            if before != "assistant":
                yield from _answers(awaited, changed)
                awaited = {}
            awaited |= {part.id: None for part in turn.parts if isinstance(part, ToolCall)}
        elif turn.role == "user" and any(isinstance(part, ToolResult) for part in turn.parts):
            turn = replace(turn, parts=tuple(_user_parts(turn, awaited, changed)))
        before = turn.role
        yield turn
    yield from _answers(awaited, changed)


def _answers(awaited: dict[str, None], changed: Callable[[str, str], None]) -> Iterator[Turn]:
    """Results for the calls that have none, in a turn of their own."""
    if awaited:
        changed("tool_call", "A call has no result in the history; the target was told so.")
        yield Turn("user", tuple(ToolResult(call_id, (Text(NO_RESULT),), is_error=True) for call_id in awaited))


def _user_parts(turn: Turn, awaited: dict[str, None], changed: Callable[[str, str], None]) -> Iterator[Part]:
    for part in turn.parts:
        if not isinstance(part, ToolResult):
            yield part
        elif part.call_id in awaited:
            del awaited[part.call_id]
            yield part
        else:
            changed("tool_result", "Its call is not in the history, or has a result already; it was said as text.")
            yield Text(STRAY)
            yield from part.parts
