"""Events as a streamed answer for a client.

Theory: all of a chunk but its text is known when a part opens; each growth is three byte strings put together.
Thinking goes out as `reasoning_content`; what only its issuer can read, as entries of `reasoning_details`.
Known ugliness: texts with something between them reach the client as one text, for this wire has one content.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from dragoman.canon.events import (
    Beat,
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Started,
    UsageSeen,
)
from dragoman.canon.request import Extras, Part, Refusal, Seal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.usage import NOTHING_SAID, merge
from dragoman.dialects.base import Telling
from dragoman.dialects.error_objects import error_object
from dragoman.dialects.openai_chat.thoughts import DETAILS, OURS, carried
from dragoman.dialects.openai_chat.usage import write_usage
from dragoman.dialects.openai_chat.wire import NAME, WORDS

BEAT = b": ping\n\n"
DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.encode
_CLOSE = b',"finish_reason":null}]}\n\n'


class _Mould(NamedTuple):
    """What stands before and after the text of a growing part."""

    before: bytes
    after: bytes


class _Open:
    """A part while it is open. Mutable: it remembers whether anything was said of it."""

    __slots__ = ("call", "head", "mould", "said", "start")

    def __init__(self, head: Part, mould: _Mould | None, call: int, start: int) -> None:
        self.head = head
        self.mould = mould
        self.call = call
        """Index among the calls, for a call."""
        self.start = start
        """Characters of thinking that came before, for thinking."""
        self.said = False


class StreamWriter:
    """Writes one answer. Mutable: it counts calls and thinking, and gathers usage for the end."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._head = b""
        self._parts: dict[int, _Open] = {}
        self._calls = 0
        self._details = 0
        """Entries of `reasoning_details` so far."""
        self._refused = False
        self._thought = 0
        self._usage = NOTHING_SAID
        self._usage_extras: Extras | None = None

    def write(self, events: list[Event]) -> bytes:
        """The chunks that say these events."""
        return b"".join([self._say(event) for event in events])

    def _say(self, event: Event) -> bytes:
        if type(event) is PartGrew:
            part = self._parts[event.index]
            if part.mould is None:
                return b""
            part.said = True
            if type(part.head) is Thinking:
                self._thought += len(event.text)
            return part.mould.before + _encode(event.text) + part.mould.after
        match event:
            case Started():
                return self._start(event)
            case PartOpened():
                return self._opened(event)
            case PartSealed():
                return self._sealed(event)
            case PartNoted():
                return self._noted(event)
            case UsageSeen():
                self._usage = merge(self._usage, event.usage)
                self._usage_extras = event.extras or self._usage_extras
            case Finished():
                return self._finish(event)
            case Failed():
                return b"data: " + _encode({"error": error_object(event.problem)}) + b"\n\n"
            case Beat():
                return BEAT
        return b""

    def _start(self, event: Started) -> bytes:
        telling = self._telling
        head = {
            "id": event.id or f"chatcmpl-{telling.exchange_id}",
            "object": "chat.completion.chunk",
            "created": telling.created_s,
            "model": telling.model,
        }
        self._head = b"data: " + _encode(head)[:-1]
        extras = _encode(event.extras.members)[1:-1] if event.extras and event.extras.dialect == NAME else b""
        before = self._head + (b"," + extras if extras else b"")
        self._head += b',"choices":[{"index":0,"delta":'
        return before + b',"choices":[{"index":0,"delta":{"role":"assistant","content":""}' + _CLOSE

    def _chunk(self, delta: object) -> bytes:
        return self._head + _encode(delta) + _CLOSE

    def _mould(self, before: bytes, after: bytes) -> _Mould:
        return _Mould(self._head + before, after + _CLOSE)

    def _opened(self, event: PartOpened) -> bytes:
        head = event.head
        mould: _Mould | None = None
        said = b""
        match head:
            case Text():
                mould = self._mould(b'{"content":', b"}")
            case Thinking():
                mould = self._mould(b'{"reasoning_content":', b"}")
            case Refusal():
                self._refused = True
                mould = self._mould(b'{"refusal":', b"}")
            case ToolCall():
                said, mould = self._call_opened(head)
            case ServerTool(fallback=words) | Unknown(fallback=words):
                instead = self._telling.let_go(head, words)
                said = self._chunk({"content": instead}) if instead else b""
            case _:
                self._telling.let_go(head)
        self._parts[event.index] = _Open(head, mould, self._calls - 1, self._thought)
        return said

    def _call_opened(self, call: ToolCall) -> tuple[bytes, _Mould | None]:
        if self._telling.legacy_calls:
            return self._legacy_call_opened(call)
        place = b"%d" % self._calls
        said = self._chunk({"tool_calls": [{"index": self._calls, **call_object(call, "")}]})
        self._calls += 1
        member = b'"function":{"arguments":' if call.form == "json" else b'"custom":{"input":'
        return said, self._mould(b'{"tool_calls":[{"index":' + place + b"," + member, b"}}]}")

    def _legacy_call_opened(self, call: ToolCall) -> tuple[bytes, _Mould | None]:
        """The first call, for a client that has room for one; the others are not shown."""
        self._calls += 1
        if self._calls > 1:
            return b"", None
        said = self._chunk({"function_call": {"name": call.name, "arguments": ""}})
        return said, self._mould(b'{"function_call":{"arguments":', b"}}")

    def _sealed(self, event: PartSealed) -> bytes:
        part = self._parts.pop(event.index)
        said = b""
        head = part.head
        if type(head) is ToolCall and head.form == "json" and not part.said and part.mould:
            said = part.mould.before + b'"{}"' + part.mould.after
        if event.seal is None:
            return said
        entry = entry_for(head, event.seal, (part.start, self._thought), bare=self._telling.bare_seals)
        if entry is None and event.seal.blob:
            self._telling.let_seal_go()
        if entry is None:
            return said
        self._details += 1
        return said + self._chunk({DETAILS: [numbered(entry, self._details - 1)]})

    def _noted(self, event: PartNoted) -> bytes:
        if event.extras.dialect != NAME:
            return b""
        members = dict(event.extras.members)
        logprobs = members.pop("logprobs", None)
        said = self._chunk(members) if members else b""
        if logprobs is not None:
            said += self._head + b'{},"logprobs":' + bytes(logprobs) + _CLOSE
        return said

    def _finish(self, event: Finished) -> bytes:
        word = _encode(finish_word(event, refused=self._refused, legacy=self._telling.legacy_calls))
        said = self._head + b'{},"finish_reason":' + word + b"}]}\n\n"
        if self._telling.include_usage and (self._usage != NOTHING_SAID or self._usage_extras):
            usage = _encode(write_usage(self._usage, self._usage_extras))
            head = self._head.removesuffix(b'[{"index":0,"delta":')
            said += head + b'[],"usage":' + usage + b"}\n\n"
        return said + DONE


def entry_for(part: Part, seal: Seal, span: tuple[int, int], *, bare: bool) -> dict[str, object] | None:
    """The entry of `reasoning_details` that carries the seal of a part; None for a part that this wire has none for."""
    match part:
        case Thinking(redacted=redacted):
            if bare and not seal.blob:
                return None
            return {**carried(seal, bare=bare, redacted=redacted), "span": list(span)}
        case ToolCall(id=call_id):
            return carried(seal, bare=bare, call_id=call_id)
        case _:
            return None


def numbered(entry: dict[str, object], place: int) -> dict[str, object]:
    """An entry with its place, which OpenAI's SDK wants where it adds up entries of several chunks.

    One that the upstream made stays as it was, for it must come back to it so.
    """
    return {**entry, "index": place} if entry.get("format") == OURS else entry


def call_object(call: ToolCall, arguments: str) -> dict[str, object]:
    """A call as a member of `tool_calls`."""
    if call.form == "text":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def finish_word(event: Finished, *, refused: bool, legacy: bool) -> object:
    """The finish reason for a client; a word of this wire that was not understood is passed on as it was.

    `refused` tells that the answer has words of refusal: they stand in a member of their own beside `stop`;
    `legacy` that the client knows calls as `function_call`.
    """
    if event.reason == "tool_calls" and legacy:
        return "function_call"
    if event.reason == "refusal" and refused:
        return WORDS["end"]
    if event.reason == "unknown" and event.extras and event.extras.dialect == NAME:
        return event.extras.members.get("finish_reason", WORDS["unknown"])
    return WORDS[event.reason]
