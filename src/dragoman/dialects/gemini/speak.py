"""Events as a streamed answer for a client, chunk by chunk.

Rules. A call leaves whole, with its signature, for this wire has no half of one; text leaves as it grows. A signature
of text follows in a part without words. Nothing is sent to a client that waits: Gemini CLI 0.61.0 takes a comment for
a broken answer (measured 2026-11-20). The last chunk tells the finish reason and the usage.

Source: ai.google.dev, `streamGenerateContent`, and SDK 3.3, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.events import (
    Event,
    Failed,
    Finished,
    PartGrew,
    PartOpened,
    PartSealed,
    Started,
    UsageSeen,
)
from dragoman.canon.request import (
    Audio,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)
from dragoman.canon.usage import NOTHING_SAID, merge
from dragoman.dialects.base import Telling
from dragoman.dialects.gemini.errors import error_object
from dragoman.dialects.gemini.seals import signature_of
from dragoman.dialects.gemini.usage import write_usage
from dragoman.dialects.gemini.wire import GROUNDING, NAME, WORDS

_encode = msgspec.json.encode
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_END = b'}],"role":"model"},"index":0}]}\n\n'

Wire = dict[str, object]


class StreamWriter:
    """Writes one answer. Mutable: it knows the open part, and gathers the arguments of a call and the usage."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._head: Wire = {}
        self._tail = b""
        self._part: Part | None = None
        self._pieces: list[str] = []
        self._template = b""
        self._grounding: dict[str, Raw] = {}
        self._refused = False
        self._usage = NOTHING_SAID
        self._usage_extras: Extras | None = None

    def write(self, events: list[Event]) -> bytes:
        """The chunks that say these events, with at most one part open at a time."""
        return b"".join([self._say(event) for event in events])

    def _say(self, event: Event) -> bytes:
        match event:
            case PartGrew(text=text):
                return self._grew(text)
            case Started():
                self._start(event)
            case PartOpened(head=head):
                self._open(head)
            case PartSealed(seal=seal):
                return self._sealed(seal)
            case UsageSeen():
                self._usage = merge(self._usage, event.usage)
                self._usage_extras = event.extras or self._usage_extras
            case Finished():
                return self._finish(event)
            case Failed():
                return _frame({"error": error_object(event.problem)})
        return b""

    def _start(self, event: Started) -> None:
        self._head = {"modelVersion": self._telling.model, "responseId": event.id or self._telling.exchange_id}
        if event.extras and event.extras.dialect == NAME:
            self._head |= {name: value for name, value in event.extras.members.items() if name not in self._head}
        self._tail = b"data: " + _encode(self._head)[:-1] + b',"candidates":[{"content":{"parts":['

    def _open(self, head: Part) -> None:
        self._part, self._pieces = head, []
        self._template = b""
        match head:
            case Text() | Refusal() | Thinking(redacted=False) if head.extras and head.extras.dialect == NAME:
                pass
            case Text() | Refusal():
                self._template = self._tail + b'{"text":'
            case Thinking(redacted=False):
                self._template = self._tail + b'{"thought":true,"text":'
        self._refused = self._refused or isinstance(head, Refusal)

    def _grew(self, text: str) -> bytes:
        if self._template:
            return self._template + _encode(text) + _END
        self._pieces.append(text)
        return b""

    def _sealed(self, seal: Seal | None) -> bytes:
        part, self._part = self._part, None
        if part is None:
            return b""
        if isinstance(part, ServerTool) and part.kind == GROUNDING and part.dialect == NAME:
            self._grounding = {GROUNDING: part.raw}
            return b""
        signature = signature_of(seal, bare=self._telling.bare_seals, redacted=_is_redacted(part))
        if self._template:
            if not signature:
                return b""
            thought: Wire = {"thought": True} if isinstance(part, Thinking) else {}
            return self._chunk({**thought, "text": "", "thoughtSignature": signature})
        said = wire_part(part, "".join(self._pieces), signature, self._telling)
        return self._chunk(said) if said else b""

    def _chunk(self, part: Mapping[str, object]) -> bytes:
        return self._tail + _encode(part)[:-1] + _END

    def _finish(self, event: Finished) -> bytes:
        candidate, beside = ending_of(event, refused=self._refused)
        usage: Wire = {}
        if self._usage != NOTHING_SAID or self._usage_extras:
            usage = {"usageMetadata": write_usage(self._usage, self._usage_extras)}
        said = {"content": {"role": "model", "parts": []}, **candidate, **self._grounding, "index": 0}
        return _frame({**self._head, "candidates": [said], **usage, **beside})


def _frame(chunk: Mapping[str, object]) -> bytes:
    return b"data: " + _encode(chunk) + b"\n\n"


def _is_redacted(part: Part) -> bool:
    return isinstance(part, Thinking) and part.redacted


def wire_part(part: Part, text: str, signature: str, telling: Telling) -> Mapping[str, object] | None:
    """A part of an answer, whole, its text given apart; None for one that says nothing on this wire."""
    signed: Wire = {"thoughtSignature": signature} if signature else {}
    own: Mapping[str, Raw] = part.extras.members if part.extras and part.extras.dialect == NAME else {}
    match part:
        case Text() | Refusal():
            return {"text": text, **own, **signed}
        case Thinking(redacted=True) if not signature:
            return None
        case Thinking():
            return {"text": text, "thought": True, **own, **signed}
        case ToolCall(id=call_id, name=name, form=form):
            given: Wire = {"id": call_id} if call_id else {}
            arguments = arguments_of(text) if form == "json" else {"input": text}
            return {
                "functionCall": {**given, "name": name, "args": arguments},
                **_beside(own, "functionCall"),
                **signed,
            }
        case Image(source=source) | Audio(source=source) | File(source=source) if source is not None:
            return {**_media(source), **_beside(own, "inlineData", "fileData"), **signed}
        case ServerTool(dialect=dialect, raw=raw) | Unknown(dialect=dialect, raw=raw) if dialect == NAME:
            return {**_MEMBERS.decode(raw), **signed}
        case ServerTool(fallback=words) | Unknown(fallback=words):
            return {"text": words} if telling.let_go(part, words) else None
        case _:
            telling.let_go(part)
            return None


def _beside(own: Mapping[str, Raw], *names: str) -> dict[str, Raw]:
    """The extras of a part but for those within the object that is its heart."""
    return {name: value for name, value in own.items() if name not in names}


def _media(source: Inline | Link | Stored) -> Wire:
    match source:
        case Inline(media_type=media_type, base64=data):
            return {"inlineData": {"mimeType": media_type, "data": data}}
        case Link(url=url):
            return {"fileData": {"fileUri": url}}
        case Stored(id=stored):
            return {"fileData": {"fileUri": stored}}


def arguments_of(text: str) -> Raw | dict[str, str]:
    """Arguments of a call as a JSON object; other text is kept whole inside an object. None at all are empty."""
    if not text.strip():
        return {}
    try:
        _MEMBERS.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {"__unparsed": text}
    return Raw(text.encode())


def ending_of(event: Finished, *, refused: bool) -> tuple[Wire, Wire]:
    """What the candidate says at its end, and what stands beside it.

    `refused` tells that the answer has words of refusal, which this wire has no other sign for.
    """
    own = dict(event.extras.members) if event.extras and event.extras.dialect == NAME else {}
    word = WORDS["refusal" if refused and event.reason == "end" else event.reason]
    feedback = own.pop("promptFeedback", None)
    beside: Wire = {"promptFeedback": feedback} if feedback is not None else {}
    return {"finishReason": word, **own}, beside
