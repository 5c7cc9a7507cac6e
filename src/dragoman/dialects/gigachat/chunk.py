"""One chunk of a streamed answer, or a whole answer, as typed members.

Theory: most chunks have the published shape and are decoded in one go. What deviates (numbers as texts, content as a
list, arguments as text) is decoded untyped and brought into the same shape. Unknown members are skipped here.
Source: the SDK 0.2.3, `ChatCompletion` and `ChatCompletionChunk`, and its recorded answers, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.mend import whole_characters
from dragoman.canon.request import ServerTool
from dragoman.dialects.gigachat.wire import NULL


class Function(Struct):
    """A call; it comes whole."""

    name: str = ""
    arguments: Raw = NULL
    """A JSON object, or a text that holds one."""
    id: str = ""
    """Given by newer releases of version 2 alone."""


class Said(Struct):
    """What a chunk adds to the message, or a whole message."""

    content: str | None = None
    role: str | None = None
    reasoning_content: str | None = None
    function_call: Function | None = None
    functions_state_id: str | None = None
    beside: ServerTool | None = None
    """What the vendor's own tools gave, in version 2."""


class Choice(Struct):
    """One answer of several; only those of index 0 are read."""

    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None
    index: int = 0


class Chunk(Struct):
    """A chunk or a whole answer."""

    choices: list[Choice] | None = None
    usage: Raw = NULL
    model: str | None = None
    created: int | None = None


_CHUNK = msgspec.json.Decoder(Chunk)
_ANYTHING = msgspec.json.Decoder()
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_READ = frozenset({"choices", "usage", "model", "object", "created"})


class Wire(NamedTuple):
    """How one version of the wire is read."""

    read: Callable[[bytes, str], Chunk | None]
    """The chunk in a frame's data, by the frame's name; None if it is not a JSON object."""
    leftovers: Callable[[bytes], dict[str, Raw]]
    """Members of a chunk that reading it does not take."""


def read_chunk(data: bytes, _: str = "") -> Chunk | None:
    """The chunk in a frame's data; None if it is not a JSON object."""
    try:
        return _CHUNK.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    found = loosely(data)
    return _brought_in_shape(found) if isinstance(found, dict) else None


def leftovers(data: bytes) -> dict[str, Raw]:
    """Members of a chunk that `Chunk` does not read."""
    try:
        members = _MEMBERS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {name: value for name, value in members.items() if name not in _READ and value != NULL}


WIRE = Wire(read_chunk, leftovers)


def loosely(data: bytes) -> object:
    """Any JSON, with bytes that are no UTF-8 and halves of characters replaced; None if it is broken beyond that."""
    try:
        return _ANYTHING.decode(whole_characters(data))
    except (msgspec.DecodeError, RecursionError):
        return None


def _brought_in_shape(found: dict[str, object]) -> Chunk:
    choices = found.get("choices")
    created = found.get("created")
    return Chunk(
        choices=[_choice(each) for each in choices if isinstance(each, dict)] if isinstance(choices, list) else None,
        usage=raw_of(found.get("usage")),
        model=text_of(found.get("model")),
        created=created if isinstance(created, int) else None,
    )


def _choice(found: dict[str, object]) -> Choice:
    index = found.get("index")
    return Choice(
        delta=_said(found.get("delta")),
        message=_said(found.get("message")),
        finish_reason=text_of(found.get("finish_reason")),
        index=index if isinstance(index, int) else 0,
    )


def _said(found: object) -> Said | None:
    if not isinstance(found, dict):
        return None
    function = found.get("function_call")
    call = None
    if isinstance(function, dict):
        call = Function(text_of(function.get("name")) or "", raw_of(function.get("arguments")))
    return Said(
        content=text_of(found.get("content")),
        role=text_of(found.get("role")),
        reasoning_content=text_of(found.get("reasoning_content")),
        function_call=call,
        functions_state_id=text_of(found.get("functions_state_id")),
    )


def text_of(found: object) -> str | None:
    """Words, however they are given: a string, a number, or a list of text parts."""
    match found:
        case str():
            return found
        case int() | float() if not isinstance(found, bool):
            return str(found)
        case list():
            texts = [each.get("text") if isinstance(each, dict) else each for each in found]
            return "".join(text for text in texts if isinstance(text, str))
        case _:
            return None


def raw_of(found: object) -> Raw:
    """A value as JSON again."""
    return Raw(msgspec.json.encode(found))
