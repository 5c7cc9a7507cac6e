"""Gemini's answers as its official clients read them."""

from __future__ import annotations

import json

import msgspec
from msgspec import Raw, Struct

from tests.faults.parts import Heard, Json, Part, events

STOPS = {"MAX_TOKENS": "length", "SAFETY": "refusal"}


class _Call(Struct, rename="camel"):
    name: str
    id: str = ""
    args: Raw = Raw(b"{}")


class _Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    function_call: _Call | None = None


class _Content(Struct):
    parts: list[_Part] = []


class _Candidate(Struct, rename="camel"):
    content: _Content = msgspec.field(default_factory=_Content)
    finish_reason: str | None = None


class _Chunk(Struct, rename="camel"):
    candidates: list[_Candidate] = []
    error: Json | None = None
    usage_metadata: Json | None = None
    model_version: str = ""


_DECODER = msgspec.json.Decoder(_Chunk)


def streamed(body: bytes) -> Heard:
    """A stream of events. A comment is fatal to Gemini CLI, which takes it for a broken answer."""
    heard = Heard()
    for name, data in events(body):
        if name:
            heard.odd.append(f"{name!r}, which breaks this wire's clients")
        elif heard.error is not None:
            heard.odd.append(f"{data[:40]} after the error")
        else:
            _take(_DECODER.decode(data), heard)
    return heard


def whole(reply: Json) -> Heard:
    """A whole answer."""
    heard = Heard()
    _take(_DECODER.decode(json.dumps(reply)), heard)
    return heard


def _take(chunk: _Chunk, heard: Heard) -> None:
    heard.error = chunk.error
    heard.model = chunk.model_version or heard.model
    heard.usage = chunk.usage_metadata or heard.usage
    for candidate in chunk.candidates:
        if heard.ended:
            heard.odd.append("a candidate after the finish reason")
        for part in candidate.content.parts:
            _grow(part, heard)
        if candidate.finish_reason:
            heard.ended = True
            has_calls = any(part.kind == "call" for part in heard.parts)
            heard.stop = STOPS.get(candidate.finish_reason, "calls" if has_calls else "stop")


def _grow(part: _Part, heard: Heard) -> None:
    """A call is whole; words that follow words of their kind are the same part."""
    if (call := part.function_call) is not None:
        heard.parts.append(Part("call", call.name, call.id, _arguments(call.args), closed=True))
    elif part.text:
        kind = "thinking" if part.thought else "text"
        if not heard.parts or heard.parts[-1].kind != kind:
            heard.parts.append(Part(kind))
        heard.parts[-1].text += part.text


def _arguments(args: Raw) -> str:
    """Arguments as they were written; `__unparsed` holds those that are no object, as the wire demands."""
    text = bytes(args).decode()
    match json.loads(text):
        case {"__unparsed": str(broken)}:
            return broken
    return text
