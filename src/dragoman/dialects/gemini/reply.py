"""Whole answers, both ways."""

from __future__ import annotations

import msgspec

from dragoman.canon.events import Event, Finished
from dragoman.canon.reply import Reply
from dragoman.canon.request import Part, Refusal, ServerTool, Text, Thinking, ToolCall
from dragoman.canon.usage import NOTHING_SAID
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.gemini.answer import Answer
from dragoman.dialects.gemini.array import Objects
from dragoman.dialects.gemini.seals import signature_of
from dragoman.dialects.gemini.speak import ending_of, wire_part
from dragoman.dialects.gemini.usage import write_usage
from dragoman.dialects.gemini.wire import GROUNDING, NAME
from dragoman.dialects.sse import Oversized


def read_reply(body: bytes, hearing: Hearing) -> list[Event]:
    """Events of a whole answer, or of all chunks of one in an array; never raises."""
    answer = Answer(hearing)
    events: list[Event] = []
    for chunk in _chunks(body.strip()):
        events += answer.take(chunk)
    return [*events, *answer.end()]


def _chunks(body: bytes) -> list[bytes]:
    if not body.startswith(b"["):
        return [body]
    try:
        return Objects().feed(body)
    except Oversized:
        return [body]


def write_reply(reply: Reply, telling: Telling) -> bytes:
    """A whole answer for a client."""
    parts = []
    grounding: dict[str, object] = {}
    for part in reply.parts:
        if isinstance(part, ServerTool) and part.kind == GROUNDING and part.dialect == NAME:
            grounding = {GROUNDING: part.raw}
            continue
        redacted = isinstance(part, Thinking) and part.redacted
        signature = signature_of(part.seal, bare=telling.bare_seals, redacted=redacted)
        said = wire_part(part, _text(part), signature, telling)
        if said is not None:
            parts.append(said)
    refused = any(isinstance(part, Refusal) for part in reply.parts)
    ending, beside = ending_of(reply.finish or Finished("unknown"), refused=refused)
    candidate = {"content": {"role": "model", "parts": parts}, **ending, **grounding, "index": 0}
    body: dict[str, object] = {"candidates": [candidate], **beside}
    if reply.usage != NOTHING_SAID or reply.usage_extras:
        body["usageMetadata"] = write_usage(reply.usage, reply.usage_extras)
    body |= {"modelVersion": telling.model, "responseId": reply.id or telling.exchange_id}
    if reply.extras and reply.extras.dialect == NAME:
        body |= {name: value for name, value in reply.extras.members.items() if name not in body}
    return msgspec.json.encode(body)


def _text(part: Part) -> str:
    match part:
        case Text(text=text) | Thinking(text=text) | Refusal(text=text):
            return text
        case ToolCall(arguments=text):
            return text
        case _:
            return ""
