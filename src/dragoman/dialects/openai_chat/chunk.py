"""One chunk of a streamed answer, or a whole answer, as typed members.

Theory: most chunks have the published shape and are decoded in one go. What deviates (a whole message, arguments as an
object, content as parts, numbers as strings) is decoded untyped and brought into the same shape, so that one place
reads them all. Raw members are null where absent, for msgspec takes `Raw | None` as null and nothing else. Unknown
members are skipped here; the first chunk's are kept by `leftovers`.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.mend import whole_characters
from dragoman.dialects.openai_chat.wire import NULL

Loose: TypeAlias = "dict[str, object]"


class Function(Struct, gc=False):
    """Name and arguments of a call, or pieces of them."""

    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    """Free text for a custom tool, where `arguments` are JSON."""


class CallDelta(Struct):
    """A call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Function | None = None
    extra_content: Raw = NULL
    """Google puts the call's signature here."""


class Delta(Struct):
    """What a chunk adds to the message, or a whole message."""

    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[CallDelta] | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, object]] | None = None
    refusal: str | None = None
    function_call: Function | None = None
    annotations: Raw = NULL
    audio: Raw = NULL


class Choice(Struct):
    """One answer of several; only the first is read."""

    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    index: int = 0
    logprobs: Raw = NULL
    stop_reason: str | int | None = None
    """vLLM: the stop sequence or token that ended the answer. Source: docs.vllm.ai, read 2026-11-20."""
    usage: Raw = NULL
    """Moonshot counts here. Source: platform.moonshot.ai, streaming, read 2026-11-20."""


class Chunk(Struct):
    """A chunk or a whole answer."""

    choices: list[Choice] | None = None
    usage: Raw = NULL
    id: str | None = None
    model: str | None = None
    error: Raw = NULL


_CHUNK = msgspec.json.Decoder(Chunk)
_ANYTHING = msgspec.json.Decoder(float_hook=lambda digits: Raw(digits.encode()))
"""Leaves fractions as they stand, for 1e400 is a number that no float holds, and 1.10 is not to become 1.1."""
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_READ = frozenset({"choices", "usage", "id", "model", "error", "object", "created"})


def read_chunk(data: bytes) -> Chunk | None:
    """The chunk in a frame's data; None if it is not a JSON object."""
    try:
        return _CHUNK.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    found = _loosely(data)
    return _brought_in_shape(found) if isinstance(found, dict) else None


def leftovers(data: bytes) -> dict[str, Raw]:
    """Members of a chunk that `Chunk` does not read."""
    try:
        members = _MEMBERS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {name: value for name, value in members.items() if name not in _READ and value != NULL}


def _loosely(data: bytes) -> object:
    """Any JSON, with bytes that are no UTF-8 and halves of characters replaced; None if it is broken beyond that."""
    try:
        return _ANYTHING.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return _ANYTHING.decode(whole_characters(data))
    except (msgspec.DecodeError, RecursionError):
        return None


def _brought_in_shape(found: Loose) -> Chunk:
    choices = found.get("choices")
    return Chunk(
        choices=[_choice(each) for each in choices if isinstance(each, dict)] if isinstance(choices, list) else None,
        usage=_raw(found.get("usage")),
        id=_text(found.get("id")),
        model=_text(found.get("model")),
        error=_raw(found.get("error")),
    )


def _choice(found: Loose) -> Choice:
    stopped = found.get("stop_reason")
    return Choice(
        delta=_delta(found.get("delta")),
        message=_delta(found.get("message")),
        finish_reason=_text(found.get("finish_reason")),
        index=_whole(found.get("index")) or 0,
        logprobs=_raw(found.get("logprobs")),
        stop_reason=stopped if isinstance(stopped, str) else None,
        usage=_raw(found.get("usage")),
    )


def _delta(found: object) -> Delta | None:
    if not isinstance(found, dict):
        return None
    calls, details = found.get("tool_calls"), found.get("reasoning_details")
    return Delta(
        content=_text(found.get("content")),
        reasoning_content=_text(found.get("reasoning_content")),
        tool_calls=[_call(each) for each in calls if isinstance(each, dict)] if isinstance(calls, list) else None,
        reasoning=_text(found.get("reasoning")),
        reasoning_details=[each for each in details if isinstance(each, dict)] if isinstance(details, list) else None,
        refusal=_text(found.get("refusal")),
        function_call=_function(found.get("function_call")),
        annotations=_raw(found.get("annotations")),
        audio=_raw(found.get("audio")),
    )


def _call(found: Loose) -> CallDelta:
    return CallDelta(
        index=_whole(found.get("index")),
        id=_text(found.get("id")),
        function=_function(found.get("function")),
        custom=_function(found.get("custom")),
        extra_content=_raw(found.get("extra_content")),
    )


def _function(found: object) -> Function | None:
    if not isinstance(found, dict):
        return None
    arguments = found.get("arguments")
    if isinstance(arguments, dict | list):
        arguments = msgspec.json.encode(arguments).decode()
    return Function(name=_text(found.get("name")), arguments=_text(arguments), input=_text(found.get("input")))


def _text(found: object) -> str | None:
    """Words, however they are given: a string, a number, or a list of text parts."""
    match found:
        case str():
            return found
        case int() if not isinstance(found, bool):
            return str(found)
        case Raw():
            return str(found, "utf-8")
        case list():
            texts = [each.get("text") if isinstance(each, dict) else each for each in found]
            return "".join(text for text in texts if isinstance(text, str))
        case _:
            return None


def _whole(found: object) -> int | None:
    if isinstance(found, str) and found.isdigit() and found.isascii():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _raw(found: object) -> Raw:
    return NULL if found is None else Raw(msgspec.json.encode(found))
