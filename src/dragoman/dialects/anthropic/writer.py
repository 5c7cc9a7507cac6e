"""Events as the server-sent events of a Messages stream.

Rules: one block is open at a time and blocks are numbered without gaps; every frame has its `event:` line, without
which Claude Code ignores it (measured 2026-11-20); `message_delta` tells all four counts; nothing follows an error,
and an ending that this wire has no word for is an error.

A seal that is known only when its text has ended is let go where nothing follows: Claude Code takes the last block for
the result of a run, so that a carrier behind the last text leaves its users with an empty one (2.1.197 and 2.1.328,
measured 2026-11-20). Gemini, whose answers end so, does not demand it back.

Theory: growth is by far the most frequent event, so its frame is a template made when the block opens, with only the
escaped text between.

Source: the vendor's page on streaming and the SDK types 2.10, read 2026-11-20.
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
    PartNoted,
    PartOpened,
    PartSealed,
    Started,
    UsageSeen,
)
from dragoman.canon.problem import Problem
from dragoman.canon.request import Extras, Part, Refusal, Seal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.usage import NOTHING_SAID, merge
from dragoman.dialects.anthropic.errors import write_problem
from dragoman.dialects.anthropic.reply import UNSPEAKABLE, own, said_instead, signature, stop_of, tool_id, usage_of
from dragoman.dialects.anthropic.words import NAME
from dragoman.dialects.base import Telling
from dragoman.dialects.carrier import BEFORE, NEXT, carry

_json = msgspec.json.Encoder().encode

BEAT = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
EVENT_LEVEL = ("context_management",)
"""Members of a `message_delta` that stand beside its `delta`, not within."""
_END = b"}}\n\n"
_TEXT = b'"text_delta","text":'
_THINKING = b'"thinking_delta","thinking":'
_JSON = b'"input_json_delta","partial_json":'
_SIGNATURE = b'"signature_delta","signature":'


def frame(name: str, data: Mapping[str, object]) -> bytes:
    """One event."""
    return b'event: %b\ndata: {"type":"%b",%b\n\n' % (name.encode(), name.encode(), _json(data)[1:])


def _delta(index: int, kind: bytes) -> bytes:
    """The beginning of a `content_block_delta`, up to the value that grows."""
    return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":%b' % (
        index,
        kind,
    )


class StreamWriter:
    """Writes one answer. Mutable: it numbers blocks, and remembers the open part, the usage and what was promised."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._usage = NOTHING_SAID
        self._usage_extras: Extras | None = None
        self._index = 0
        self._head: Part | None = None
        self._shown = False
        self._ahead: Seal | None = None
        """The seal that must be told before the next block."""
        self._carried = False
        self._late: Seal | None = None
        """The seal of a text that was known only at its end."""
        self._template = b""
        self._grown = False
        self._refused = False
        self._ended = False
        self._ids: set[str] = set()
        self._out: list[bytes] = []

    def write(self, events: list[Event]) -> bytes:
        """The frames that say these events, with at most one part open at a time."""
        out = self._out
        for position, event in enumerate(events):
            if type(event) is PartGrew:
                if self._template:
                    self._grown = True
                    out += (self._template, _json(event.text), _END)
                elif isinstance(self._head, ToolCall) and self._shown:
                    self._grow(_JSON, _json(event.text)[1:-1].decode())
            elif not self._ended:
                self._write(event, events, position)
        written = b"".join(out)
        out.clear()
        return written

    def _write(self, event: Event, events: list[Event], position: int) -> None:
        match event:
            case Started():
                self._start(event, events[position + 1 : position + 2])
            case PartOpened():
                self._open(event.head, _seal_of(event, events, position))
            case PartNoted():
                self._note(event.extras)
            case PartSealed():
                self._seal(event.seal)
            case UsageSeen():
                self._count(event)
            case Finished():
                self._finish(event)
            case Failed():
                self._fail(event.problem)
            case _:
                self._out.append(BEAT)

    def _start(self, event: Started, following: list[Event]) -> None:
        """The usage is already known here if it directly follows, as from an upstream of this dialect."""
        for late in following:
            if isinstance(late, UsageSeen):
                self._count(late)
        message: dict[str, object] = {
            "id": event.id or f"msg_{self._telling.exchange_id}",
            "type": "message",
            "role": "assistant",
            "model": self._telling.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_of(self._usage, self._usage_extras, self._telling.input_estimate),
        }
        self._out.append(frame("message_start", {"message": message | own(event.extras)}))

    def _count(self, event: UsageSeen) -> None:
        self._usage = merge(self._usage, event.usage)
        self._usage_extras = event.extras or self._usage_extras

    def _open(self, head: Part, seal: Seal | None) -> None:
        self._head, self._shown, self._grown, self._template = head, False, False, b""
        self._ahead = None if isinstance(head, Thinking) else seal
        self._carried = self._ahead is not None
        match head:
            case Text() | Refusal():
                self._refused = self._refused or isinstance(head, Refusal)
                self._begin({"type": "text", "text": "", **own(head.extras)}, _TEXT)
            case Thinking(redacted=False):
                self._begin({"type": "thinking", "thinking": "", "signature": "", **own(head.extras)}, _THINKING)
            case Thinking():
                pass
            case ToolCall(form=form):
                call_id = tool_id(head.id, self._ids, self._telling.exchange_id)
                block = {"type": "tool_use", "id": call_id, "name": head.name, "input": {}, **own(head.extras)}
                self._begin(block, _JSON if form == "json" else b"")
                if form == "text":
                    self._grow(_JSON, '{"input": "')
            case ServerTool(dialect=dialect) | Unknown(dialect=dialect) if dialect == NAME:
                self._begin_own(msgspec.json.decode(head.raw, type=dict[str, Raw]))
            case _:
                words = self._telling.let_go(head, said_instead(head))
                if words:
                    self._begin({"type": "text", "text": ""})
                    self._grow(_TEXT, words)

    def _begin(self, block: Mapping[str, object], growth: bytes = b"") -> None:
        late, self._late = self._late, None
        if late is not None:
            self._carry(late, BEFORE)
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            self._carry(ahead, NEXT)
        self._shown = True
        self._template = _delta(self._index, growth) if growth else b""
        self._out.append(frame("content_block_start", {"index": self._index, "content_block": block}))

    def _begin_own(self, block: dict[str, Raw]) -> None:
        """A block of the vendor's own kind. Claude Code takes the input of any tool from its deltas alone."""
        whole_input = block.get("input")
        self._begin(block if whole_input is None else block | {"input": {}})
        if whole_input is not None:
            self._grow(_JSON, str(whole_input, "utf-8"))

    def _grow(self, kind: bytes, text: str) -> None:
        self._grown = True
        self._out += (_delta(self._index, kind), _json(text), _END)

    def _end(self) -> None:
        self._out.append(b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % self._index)
        self._index += 1
        self._shown = False
        self._template = b""

    def _carry(self, seal: Seal, direction: str) -> None:
        self._begin({"type": "thinking", "thinking": "", "signature": ""})
        self._grow(_SIGNATURE, carry(seal, direction))
        self._end()

    def _note(self, extras: Extras) -> None:
        for name, note in own(extras).items() if self._shown else ():
            delta: object = {"type": "citations_delta", "citation": note} if name == "citations" else note
            if name == "citations" or name.endswith("_delta"):
                self._out.append(frame("content_block_delta", {"index": self._index, "delta": delta}))

    def _seal(self, seal: Seal | None) -> None:
        head = self._head
        if isinstance(head, Thinking):
            blob = signature(seal, self._telling.bare_seals)
            if head.redacted and blob:
                self._begin({"type": "redacted_thinking", "data": blob})
            elif blob:
                self._grow(_SIGNATURE, blob)
        elif isinstance(head, ToolCall):
            if head.form == "text":
                self._grow(_JSON, '"}')
            elif not self._grown:
                self._grow(_JSON, "")
        if self._shown:
            self._end()
            if seal is None or self._carried or isinstance(head, Thinking):
                return
            if isinstance(head, Text):
                self._late = seal
            else:
                self._carry(seal, BEFORE)

    def _finish(self, event: Finished) -> None:
        if self._late is not None:
            self._telling.let_seal_go()
        stop_reason = stop_of(event, self._refused)
        if stop_reason is None:
            self._fail(UNSPEAKABLE)
            return
        extras = own(event.extras)
        delta = {"stop_reason": stop_reason, "stop_sequence": event.stop_text} | {
            name: value for name, value in extras.items() if name not in EVENT_LEVEL
        }
        beside = {name: value for name, value in extras.items() if name in EVENT_LEVEL}
        usage = usage_of(self._usage, self._usage_extras, self._telling.input_estimate)
        self._out += (frame("message_delta", {"delta": delta, "usage": usage} | beside), STOP)
        self._ended = True

    def _fail(self, problem: Problem) -> None:
        body = write_problem(problem, self._telling.exchange_id)
        cut = b"\n" in body or b"\r" in body
        self._out += (b"event: error\ndata: ", _one_line(body) if cut else body, b"\n\n")
        self._ended, self._shown, self._template = True, False, b""


def _one_line(body: bytes) -> bytes:
    """JSON without line ends between its tokens, which would cut the frame."""
    return msgspec.json.format(body, indent=-1)


def _seal_of(opened: PartOpened, events: list[Event], position: int) -> Seal | None:
    """The seal of a part, if it is known when the part opens: in its head, or later in the same batch."""
    if opened.head.seal is not None:
        return opened.head.seal
    for event in events[position:]:
        if type(event) is PartSealed and event.index == opened.index:
            return event.seal
    return None
