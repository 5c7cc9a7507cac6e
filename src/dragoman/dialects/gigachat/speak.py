"""Events as a streamed answer for a client of this wire.

Theory: a call comes whole, so it is gathered until it is sealed. The wire has one call in an answer, so the first is
told; the model wishes the others again when it has seen that one's result. Arguments that are no JSON object cannot be
told: the vendor's own word for such an answer is the finish reason `error`.
Known ugliness: seals of thinking have no place here and are lost; a call's seal travels as its `functions_state_id`.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

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
from dragoman.canon.seal import wrap
from dragoman.canon.usage import NOTHING_SAID, merge
from dragoman.dialects.base import Telling
from dragoman.dialects.gigachat.errors import error_object
from dragoman.dialects.gigachat.usage import write_usage
from dragoman.dialects.gigachat.wire import BROKEN, NAME, STATE, WORDS

BEAT = b": ping\n\n"
DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.encode
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
Delta = dict[str, object]


class StreamWriter:
    """Writes one answer. Mutable: it gathers the call and the usage."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._model: object = telling.model
        self._members: dict[str, Raw] = {}
        self._greeted = False
        self._parts: dict[int, Part] = {}
        self._pieces: dict[int, list[str]] = {}
        self._notes: Delta = {}
        self._called = False
        self._broken = False
        self._usage = NOTHING_SAID
        self._usage_extras: Extras | None = None

    def write(self, events: list[Event]) -> bytes:
        """The chunks that say these events."""
        return b"".join([self._say(event) for event in events])

    def _say(self, event: Event) -> bytes:
        match event:
            case Started(extras=extras):
                self._members = extras.members if extras and extras.dialect == NAME else {}
            case PartOpened(index=index, head=head):
                return self._opened(index, head)
            case PartGrew(index=index, text=text):
                return self._grew(index, text)
            case PartNoted(extras=extras):
                state = extras.members.get(STATE) if extras.dialect == NAME else None
                self._notes |= {} if state is None else {STATE: state}
            case PartSealed(index=index, seal=seal):
                return self._sealed(index, seal)
            case UsageSeen():
                self._usage = merge(self._usage, event.usage)
                self._usage_extras = event.extras or self._usage_extras
            case Finished():
                return self._finish(event)
            case Failed(problem=found):
                return b"data: " + _encode(error_object(found)) + b"\n\n"
            case Beat():
                return BEAT
        return b""

    def _chunk(self, delta: Delta, finish: object = None) -> bytes:
        """A chunk; the role is told in the first, the finish reason and the counts in the last."""
        if not self._greeted:
            self._greeted = True
            delta = {"role": "assistant", **delta}
        choice: Delta = {"delta": delta, "index": 0}
        said: Delta = {"choices": [choice]}
        if finish is not None:
            choice["finish_reason"] = finish
            if self._usage != NOTHING_SAID or self._usage_extras:
                said["usage"] = write_usage(self._usage, self._usage_extras)
        said |= {"created": self._telling.created_s, "model": self._model, "object": "chat.completion"}
        return b"data: " + _encode({**self._members, **said}) + b"\n\n"

    def _opened(self, index: int, head: Part) -> bytes:
        self._parts[index] = head
        self._pieces[index] = []
        if isinstance(head, ServerTool | Unknown) and head.fallback:
            return self._chunk({"content": head.fallback})
        return b""

    def _grew(self, index: int, text: str) -> bytes:
        match self._parts[index]:
            case Text() | Refusal():
                return self._chunk({"content": text})
            case Thinking():
                return self._chunk({"reasoning_content": text})
            case _:
                self._pieces[index].append(text)
        return b""

    def _sealed(self, index: int, seal: Seal | None) -> bytes:
        head = self._parts.pop(index)
        text = "".join(self._pieces.pop(index))
        if not isinstance(head, ToolCall) or self._called:
            return b""
        self._called = True
        call = call_object(head, text)
        self._broken = call is None
        if call is None:
            return b""
        return self._chunk({"content": "", "function_call": call, **state_of(seal, bare=self._telling.bare_seals)})

    def _finish(self, event: Finished) -> bytes:
        word = BROKEN if self._broken else finish_word(event)
        return self._chunk({"content": "", **self._notes}, word) + DONE


def call_object(call: ToolCall, arguments: str) -> Delta | None:
    """A call as this wire has it; None where its arguments are no JSON object."""
    if call.form == "text":
        return {"name": call.name, "arguments": {"input": arguments}}
    try:
        raw = Raw((arguments.strip() or "{}").encode())
        _OBJECT.decode(raw)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return {"name": call.name, "arguments": raw}


def state_of(seal: Seal | None, *, bare: bool) -> Delta:
    """The member that carries a call's seal."""
    if seal is None or not seal.blob:
        return {}
    return {STATE: seal.blob if bare else wrap(seal)}


def finish_word(event: Finished) -> object:
    """The finish reason for a client; a word of this wire that was not understood is passed on as it was."""
    if event.reason == "unknown" and event.extras and event.extras.dialect == NAME:
        return event.extras.members.get("finish_reason", WORDS["unknown"])
    return WORDS[event.reason]
