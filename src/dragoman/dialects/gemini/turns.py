"""Contents as turns, every call and every result with an id by which they belong together.

Rule: a result answers the call of its id; without one, the first call of its name that has no result, else the first
that has none. Calls without an id are numbered, the same way whenever the history comes again.

Rule: pieces of thinking that follow one another are one part, which a signature ends. Clients that keep a stream's
chunks as they came send them back so (the vendor's SDK 3.3), and a seal is of the whole.
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.canon.request import Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from dragoman.dialects.gemini.casing import inner, listed
from dragoman.dialects.gemini.parts import read_part
from dragoman.dialects.gemini.seals import seal_in
from dragoman.dialects.gemini.wire import MADE_UP, NAME
from dragoman.dialects.take import Members, first_byte, wrong

ROLES: dict[str, Role] = {"user": "user", "function": "user", "tool": "user", "model": "assistant"}


def read_turns(contents: list[Members]) -> tuple[Turn, ...]:
    """The turns. Raises `Trouble` (invalid_request)."""
    numbering = _Numbering()
    return tuple([_turn(content, numbering) for content in contents])


def read_system(members: Members) -> tuple[Part, ...]:
    """The system instruction, which is a content whose role says nothing. Raises `Trouble` (invalid_request)."""
    raw = members.raw("systemInstruction")
    if raw is None:
        return ()
    members.put_back("systemInstruction", raw)
    if first_byte(raw) == b'"':
        return (Text(members.text("systemInstruction", "")),)
    content = inner(members, "systemInstruction")
    return tuple(read_part(part, seal_in) for part in listed(content, "parts")) if content else ()


def _turn(content: Members, numbering: _Numbering) -> Turn:
    role = content.text("role", "user").lower()
    if role not in ROLES:
        raise wrong(content.where("role"), "'user' or 'model'")
    parts = [numbering.numbered(read_part(part, seal_in)) for part in listed(content, "parts")]
    return Turn(ROLES[role], tuple(_joined(parts)), extras=content.rest(NAME))


def _joined(parts: list[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(before, Thinking) and isinstance(part, Thinking) and _goes_on(before) and not part.redacted:
            joined[-1] = replace(part, text=before.text + part.text)
        else:
            joined.append(part)
    return joined


def _goes_on(thought: Thinking) -> bool:
    return thought.seal is None and thought.extras is None and not thought.redacted


class _Numbering:
    """Gives ids to calls and results that came without. Mutable: it counts, and remembers what is unanswered."""

    def __init__(self) -> None:
        self._made = 0
        self._open: list[ToolCall] = []

    def numbered(self, part: Part) -> Part:
        """The part with an id, if it is a call or a result."""
        match part:
            case ToolCall():
                call = replace(part, id=part.id or self._new())
                self._open.append(call)
                return call
            case ToolResult():
                return self._answered(part)
            case _:
                return part

    def _answered(self, result: ToolResult) -> ToolResult:
        wanted = [call for call in self._open if call.id == result.call_id]
        if not result.call_id:
            wanted = [call for call in self._open if call.name == result.name] or self._open
        if not wanted:
            return replace(result, call_id=result.call_id or self._new())
        call = wanted[0]
        self._open.remove(call)
        return replace(result, call_id=call.id)

    def _new(self) -> str:
        self._made += 1
        return f"{MADE_UP}{self._made}"
