"""Whole answers, both ways."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from dragoman.canon.events import Event, Finished
from dragoman.canon.reply import Reply
from dragoman.canon.request import Extras, Part, Refusal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.usage import NOTHING_SAID
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.openai_chat.answer import Answer
from dragoman.dialects.openai_chat.speak import call_object, entry_for, finish_word, numbered
from dragoman.dialects.openai_chat.thoughts import DETAILS
from dragoman.dialects.openai_chat.usage import write_usage
from dragoman.dialects.openai_chat.wire import NAME, NULL

_LIST = msgspec.json.Decoder(list[Raw] | None)
_LOGPROBS = msgspec.json.Decoder(dict[str, list[Raw] | None])


def read_reply(body: bytes, hearing: Hearing) -> list[Event]:
    """Events of a whole answer; never raises."""
    answer = Answer(hearing)
    events = answer.take(body)
    return [*events, *answer.end()]


def write_reply(reply: Reply, telling: Telling) -> bytes:
    """A whole answer for a client."""
    choice: dict[str, object] = {"index": 0, "message": _message(reply.parts, telling)}
    logprobs = _logprobs(reply.parts)
    if logprobs:
        choice["logprobs"] = logprobs
    refused = any(isinstance(part, Refusal) for part in reply.parts)
    choice["finish_reason"] = finish_word(
        reply.finish or Finished("unknown"), refused=refused, legacy=telling.legacy_calls
    )
    body: dict[str, object] = {
        "id": reply.id or f"chatcmpl-{telling.exchange_id}",
        "object": "chat.completion",
        "created": telling.created_s,
        "model": telling.model,
        "choices": [choice],
    }
    if reply.usage != NOTHING_SAID or reply.usage_extras:
        body["usage"] = write_usage(reply.usage, reply.usage_extras)
    if reply.extras and reply.extras.dialect == NAME:
        body |= {name: value for name, value in reply.extras.members.items() if name not in body}
    return msgspec.json.encode(body)


def _message(parts: Sequence[Part], telling: Telling) -> dict[str, object]:
    texts: list[str] = []
    refusals: list[str] = []
    thoughts: list[str] = []
    details: list[object] = []
    calls: list[dict[str, object]] = []
    length = 0
    for part in parts:
        span = (length, length)
        match part:
            case Text(text=text):
                texts.append(text)
            case Refusal(text=text):
                refusals.append(text)
            case Thinking(text=text):
                thoughts.append(text)
                span = (length, length + len(text))
                length = span[1]
            case ToolCall(arguments=arguments, form=form):
                calls.append(call_object(part, arguments or ("{}" if form == "json" else "")))
            case _:
                words = part.fallback if isinstance(part, ServerTool | Unknown) else None
                texts += filter(None, [telling.let_go(part, words)])
        entry = entry_for(part, part.seal, span, bare=telling.bare_seals) if part.seal else None
        if entry is not None:
            details.append(numbered(entry, len(details)))
        if entry is None and part.seal and part.seal.blob:
            telling.let_seal_go()
    message: dict[str, object] = {"role": "assistant", "content": "".join(texts) if texts else None}
    if refusals:
        message["refusal"] = "".join(refusals)
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if details:
        message[DETAILS] = details
    if calls:
        message |= {"function_call": calls[0]["function"]} if telling.legacy_calls else {"tool_calls": calls}
    return {**_notes(parts), **message}


def _notes(parts: Sequence[Part]) -> dict[str, object]:
    """Annotations and the like, gathered from all parts. A note of a part is a list with an element for each noting."""
    notes: dict[str, object] = {}
    for extras in _own(parts):
        for name, value in extras.items():
            noted = _elements(value)
            if name == "annotations":
                gathered = [each for some in noted for each in _elements(some)]
                before = notes.get(name)
                notes[name] = [*before, *gathered] if isinstance(before, list) else gathered
            elif name != "logprobs" and noted:
                notes[name] = noted[-1]
    return notes


def _logprobs(parts: Sequence[Part]) -> dict[str, list[Raw]]:
    """Log probabilities of all parts as one object."""
    gathered: dict[str, list[Raw]] = {}
    for extras in _own(parts):
        for some in _elements(extras.get("logprobs", NULL)):
            try:
                found = _LOGPROBS.decode(some)
            except (msgspec.DecodeError, RecursionError):
                continue
            for name, values in found.items():
                gathered.setdefault(name, []).extend(values or ())
    return gathered


def _elements(value: Raw) -> list[Raw]:
    """The elements of a list, none of null, anything else as the only element."""
    try:
        return _LIST.decode(value) or []
    except (msgspec.DecodeError, RecursionError):
        return [value]


def _own(parts: Sequence[Part]) -> list[dict[str, Raw]]:
    kept: list[Extras] = [part.extras for part in parts if part.extras and part.extras.dialect == NAME]
    return [extras.members for extras in kept]
