"""Whole answers, both ways."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from dragoman.canon.events import Event, Finished
from dragoman.canon.reply import Reply
from dragoman.canon.request import Part, Refusal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.usage import NOTHING_SAID
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.gigachat.answer import Answer
from dragoman.dialects.gigachat.chunk import WIRE, Wire
from dragoman.dialects.gigachat.speak import Delta, call_object, finish_word, state_of
from dragoman.dialects.gigachat.usage import write_usage
from dragoman.dialects.gigachat.wire import BROKEN, NAME, STATE

_STATES = msgspec.json.Decoder(list[str])


def read_reply(body: bytes, hearing: Hearing, wire: Wire = WIRE) -> list[Event]:
    """Events of a whole answer; never raises."""
    answer = Answer(hearing, wire)
    events = answer.take(body)
    return [*events, *answer.end()]


def write_reply(reply: Reply, telling: Telling) -> bytes:
    """A whole answer for a client; of several calls the first, as `speak` explains."""
    message, broken = _message(reply.parts, bare=telling.bare_seals)
    word = BROKEN if broken else finish_word(reply.finish or Finished("unknown"))
    body: Delta = {
        "choices": [{"message": message, "index": 0, "finish_reason": word}],
        "created": telling.created_s,
        "model": telling.model,
        "object": "chat.completion",
        "usage": write_usage(reply.usage, reply.usage_extras),
    }
    if reply.usage == NOTHING_SAID and not reply.usage_extras:
        del body["usage"]
    if reply.extras and reply.extras.dialect == NAME:
        body = {**reply.extras.members, **body}
    return msgspec.json.encode(body)


def _message(parts: Sequence[Part], *, bare: bool) -> tuple[Delta, bool]:
    """The message, and whether its call cannot be told."""
    words = "".join(_words(part) for part in parts)
    thoughts = "".join(part.text for part in parts if isinstance(part, Thinking))
    message: Delta = {"role": "assistant", "content": words}
    if thoughts:
        message["reasoning_content"] = thoughts
    call = next((part for part in parts if isinstance(part, ToolCall)), None)
    if call is None:
        return message | _noted_state(parts), False
    told = call_object(call, call.arguments)
    if told is None:
        return message, True
    return message | {"function_call": told} | state_of(call.seal, bare=bare), False


def _words(part: Part) -> str:
    match part:
        case Text(text=text) | Refusal(text=text):
            return text
        case ServerTool(fallback=fallback) | Unknown(fallback=fallback):
            return fallback or ""
    return ""


def _noted_state(parts: Sequence[Part]) -> Delta:
    """The state id noted on a text. A note of a part is a list with an element for each noting."""
    for part in parts:
        noted: Raw | None = part.extras.members.get(STATE) if part.extras and part.extras.dialect == NAME else None
        if noted is not None:
            return {STATE: _STATES.decode(noted)[-1]}
    return {}
