"""One event of a streamed answer of version 2, or a whole answer, as a chunk of version 1.

Theory: what version 2 says in messages of parts is what version 1 says in a row of deltas, so that one `Answer`
understands both. Content is a list of parts, or a bare text; a call may stand beside the content; the reason to finish
stands at the top, or in a message; the state has three names. Events about the vendor's own tools are signs of life,
and their reasons end nothing.
Source: the vendor's SDKs (see `wire`) and recorded answers, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.request import ServerTool
from dragoman.dialects.gigachat.chunk import Choice, Chunk, Function, Said, Wire, loosely
from dragoman.dialects.gigachat.v2.wire import NAME
from dragoman.dialects.gigachat.wire import NULL

ASIDE = "response.tool."
"""How the names of events about the vendor's own tools begin."""


class _Call(Struct):
    name: str = ""
    arguments: Raw = NULL
    id: str | None = None


class _Part(Struct):
    text: str | None = None
    function_call: _Call | None = None
    files: Raw = NULL
    inline_data: Raw = NULL


class _Stated(Struct):
    """The state by its names in answers."""

    tool_state_id: str | None = None
    tools_state_id: str | None = None
    functions_state_id: str | None = None

    @property
    def state(self) -> str | None:
        """The state, whichever name it has."""
        return self.tool_state_id or self.tools_state_id or self.functions_state_id


class _Message(_Stated):
    role: str | None = None
    content: list[_Part | str] | str | None = None
    reasoning_content: str | None = None
    function_call: _Call | None = None
    inline_data: Raw = NULL
    finish_reason: str | None = None


class _Event(_Stated):
    messages: list[_Message] | None = None
    finish_reason: str | None = None
    usage: Raw = NULL
    model: str | None = None
    created_at: int | str | None = None


_EVENT = msgspec.json.Decoder(_Event)
_ANYTHING = msgspec.json.Decoder()


def read_event(data: bytes, name: str = "") -> Chunk | None:
    """The chunk that an event amounts to; None if it is not a JSON object of the published shape."""
    try:
        event = _EVENT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        mended = msgspec.json.encode(loosely(data))
        try:
            event = _EVENT.decode(mended)
        except msgspec.DecodeError:
            return None
    is_aside = name.startswith(ASIDE)
    choices = [choice for message in event.messages or () for choice in _choices(message, is_aside=is_aside)]
    finish = None if is_aside else event.finish_reason
    if finish or event.state:
        choices.append(Choice(delta=Said(functions_state_id=event.state), finish_reason=finish))
    if not choices and event.messages is not None:
        choices.append(Choice())
    created = event.created_at if isinstance(event.created_at, int) else None
    return Chunk(choices=choices, usage=event.usage, model=event.model, created=created)


def _choices(message: _Message, *, is_aside: bool) -> Iterator[Choice]:
    """What a message says, one thing after another."""
    state = message.state
    if message.reasoning_content:
        yield Choice(delta=Said(reasoning_content=message.reasoning_content))
    content = message.content
    for part in [content] if isinstance(content, str) else content or ():
        yield from _said(_Part(text=part) if isinstance(part, str) else part, message.role, state)
    yield from _said(_Part(function_call=message.function_call, inline_data=message.inline_data), message.role, state)
    if message.finish_reason and not is_aside:
        yield Choice(finish_reason=message.finish_reason)


def _said(part: _Part, role: str | None, state: str | None) -> Iterator[Choice]:
    """What a part says."""
    if part.text and role == "reasoning":
        yield Choice(delta=Said(reasoning_content=part.text))
    elif part.text:
        yield Choice(delta=Said(content=part.text, functions_state_id=state))
    if part.function_call is not None:
        call = part.function_call
        function = Function(call.name, call.arguments, call.id or "")
        yield Choice(delta=Said(function_call=function, functions_state_id=state))
    for kind, raw, words in (
        ("files", part.files, files_in(part.files)),
        ("inline_data", part.inline_data, sources_in(part.inline_data)),
    ):
        if words:
            yield Choice(delta=Said(beside=ServerTool(NAME, kind, raw, words)))


def files_in(raw: Raw) -> str:
    """The files that the vendor made, in plain words; empty if there are none."""
    found = _ANYTHING.decode(raw)
    files = [file for file in found if isinstance(file, dict)] if isinstance(found, list) else []
    lines = [f"- {file.get('mime') or file.get('target') or 'file'} with the id {file.get('id')}" for file in files]
    return "\n".join(["Files that the provider made:", *lines]) if lines else ""


def sources_in(raw: Raw) -> str:
    """The addresses that an answer rests on, by the numbers that it names them with; empty if there are none."""
    found = _ANYTHING.decode(raw)
    sources = found.get("sources") if isinstance(found, dict) else None
    lines: list[str] = []
    for number, source in sources.items() if isinstance(sources, dict) else ():
        if isinstance(source, dict) and isinstance(source.get("url"), str):
            title = source.get("title")
            lines.append(
                f"[{number}] {title}: {source['url']}" if isinstance(title, str) else f"[{number}] {source['url']}"
            )
    return "\n".join(["Sources:", *lines]) if lines else ""


WIRE = Wire(read_event, lambda _: {})
