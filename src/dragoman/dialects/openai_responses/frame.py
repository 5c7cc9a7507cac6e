"""One event of a streamed answer, one item of an answer, and an answer, as typed members.

Theory: nearly all have the published shape and are decoded in one go; what deviates in a member that is read is decoded
untyped, and only its well-formed members are taken.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.mend import whole_characters
from dragoman.dialects.openai_responses.wire import NULL

T = TypeVar("T", bound=Struct)


class Said(Struct):
    """One event. Members are those of all events; each has a few of them."""

    type: str = ""
    delta: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    item: Raw = NULL
    part: Raw = NULL
    response: Raw = NULL
    annotation: Raw = NULL
    logprobs: Raw = NULL
    error: Raw = NULL


class Words(Struct):
    """One item of content: a text, a refusal, or a piece of reasoning."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: Raw = NULL
    logprobs: Raw = NULL


class Item(Struct):
    """One item of an answer."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: Raw = NULL
    input: str | None = None
    content: list[Raw] | None = None
    summary: list[Raw] | None = None
    encrypted_content: str | None = None
    phase: Raw = NULL
    status: str | None = None


class Response(Struct):
    """An answer, or what is known of it so far."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: Raw = NULL
    error: Raw = NULL
    incomplete_details: Raw = NULL
    object: str | None = None


_SAID = msgspec.json.Decoder(Said)


def said_in(data: bytes) -> Said | None:
    """The event in a frame's data; None if it is not a JSON object."""
    try:
        return _SAID.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return loosely(data, Said)


def typed(raw: bytes | Raw, shape: type[T]) -> T | None:
    """The object of this shape; None if it is not a JSON object."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return loosely(bytes(raw), shape)


def loosely(data: bytes, shape: type[T]) -> T | None:
    """The same with broken characters replaced, and without members that are of another type."""
    members = _decoded(data, dict[str, Raw])
    if members is None:
        return None
    found = shape()
    for field in msgspec.structs.fields(shape):
        if field.name in members:
            value = _decoded(bytes(members[field.name]), field.type)
            if value is not None:
                setattr(found, field.name, value)
    return found


def _decoded(data: bytes, kind: Any) -> Any:
    """The value in JSON, mended where it is broken; None if it is not of this type, or null."""
    for text in (data, whole_characters(data)):
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None
