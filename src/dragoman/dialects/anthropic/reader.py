"""The server-sent events of a Messages stream as canon events.

Rules: an answer is finished only when a stop reason came; then a missing `message_stop` is forgiven. A block of the
vendor's own kind is held until it is complete, since it is carried whole. The type in the data counts, so frames
without an `event:` line are read too. What an upstream does wrong becomes one `Failed`, never an exception.

Source: the vendor's page on streaming and the SDK types 2.10, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.events import Beat, Event, Failed, Finished, PartGrew, PartOpened, PartSealed
from dragoman.canon.mend import whole_characters
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.canon.request import Part, Seal, ServerTool, ToolCall, Unknown
from dragoman.dialects.anthropic.answer import (
    CallIds,
    Counts,
    Opening,
    carried_whole,
    extras_of,
    finished,
    noted,
    opening,
    read_reply,
    started,
)
from dragoman.dialects.anthropic.errors import problem_in_answer
from dragoman.dialects.anthropic.reply import input_of
from dragoman.dialects.base import Hearing
from dragoman.dialects.free_text import free_text
from dragoman.dialects.sse import FRAME_LIMIT, Frame, Frames, Oversized
from dragoman.dialects.take import Members


class _Delta(Struct, gc=False):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _Frame(Struct, gc=False):
    """The members on which most frames turn; the others are read from the data anew."""

    type: str = ""
    index: int = -1
    delta: _Delta | None = None


_FRAME = msgspec.json.Decoder(_Frame)
_ANY = msgspec.json.Decoder(float_hook=float)
"""Takes what no float holds, as 1e400, for infinite, where decoding it would raise."""
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_FAULTS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


_GROWTHS = ("text_delta", "thinking_delta", "input_json_delta")


class _Block:
    """An open block. Mutable: it remembers whether it grew, and, if it is held, its members so far."""

    __slots__ = ("found", "grown", "held", "is_free_text", "part", "pieces")

    def __init__(self, found: Opening, part: int) -> None:
        self.found = found
        self.part = part
        self.grown = False
        head = found.head
        self.held = _OBJECT.decode(head.raw) if isinstance(head, ServerTool | Unknown) else None
        self.is_free_text = isinstance(head, ToolCall) and head.form == "text"
        self.pieces: list[str] = []
        """Input of a held block, or of a call to a tool of free text, whose text is known only at its end."""

    def whole(self) -> Part:
        """A held block with all its deltas."""
        head, members = self.found.head, self.held or {}
        if self.pieces:
            members["input"] = input_of("".join(self.pieces))[0]
        if not isinstance(head, ServerTool | Unknown) or not (self.grown or self.pieces):
            return head
        return carried_whole(head.kind, Raw(msgspec.json.encode(members)))

    def lengthen(self, delta: Members) -> None:
        """Adds a delta to a held block: its texts are appended to members of the same name."""
        extras, members = extras_of(delta), self.held or {}
        for name, value in extras.members.items() if extras else ():
            members[name] = _joined(members[name], value) if name in members else value
            self.grown = True


def _joined(before: Raw, after: Raw) -> Raw:
    """Two strings as one; of anything else the later."""
    texts = (_ANY.decode(before), _ANY.decode(after))
    return Raw(msgspec.json.encode("".join(texts))) if all(isinstance(text, str) for text in texts) else after


class StreamReader:
    """Reads one streamed answer. Mutable: it keeps the unfinished frame, the open blocks and how the answer ended."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._frames = Frames()
        self._comments = 0
        self._body: bytearray | None = None
        """The answer, if it is no stream at all but one JSON or HTML text."""
        self._sniffed = False
        self._started = False
        self._ids = CallIds("")
        self._ended = False
        self._blocks: dict[int, _Block] = {}
        self._parts = 0
        self._counts = Counts()
        self._finish: Finished | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these bytes; an unfinished frame is kept."""
        events: list[Event] = []
        if not self._sniffed and (first := data.lstrip()[:1]):
            self._sniffed = True
            self._body = bytearray() if first in b"{<" else None
        if self._body is not None:
            self._body += data[: FRAME_LIMIT + 1 - len(self._body)]
            return events
        if self._ended:
            return events
        try:
            frames = self._frames.feed(data)
        except Oversized:
            self._fail(events, Kind.GARBLED, f"sent an event of more than {FRAME_LIMIT} bytes")
            return events
        if self._frames.comments != self._comments:
            self._comments = self._frames.comments
            events.append(Beat())
        for frame in frames:
            if not self._ended:
                self._read(frame, events)
        return events

    def close(self) -> list[Event]:
        """The ending, if it has not come: `Finished` where a stop reason was seen, else `Failed(cut_short)`."""
        events: list[Event] = []
        if self._ended:
            return events
        if self._body is not None:
            self._ended = True
            return read_reply(bytes(self._body), self._hearing)
        for frame in self._frames.close():
            if _decoded(frame.data):
                self._read(frame, events)
        if not self._ended:
            self._end(events)
        return events

    def _read(self, frame: Frame, events: list[Event]) -> None:
        data = frame.data
        said = _decoded(data)
        if said is None:
            data = whole_characters(data)
            said = _decoded(data)
        if said is None:
            if data.strip() != b"[DONE]":
                self._fail(events, Kind.GARBLED, "sent an event that is not JSON of this dialect")
            return
        if said.type == "content_block_delta" and said.delta is not None:
            block = self._blocks.get(said.index)
            delta = said.delta
            if block is not None and delta.type == block.found.growth:
                text = delta.text or delta.thinking or delta.partial_json
                if text:
                    block.grown = True
                    events.append(PartGrew(block.part, text))
                return
        if not data.isascii():
            data = data.decode("utf-8", "replace").encode()
        try:
            self._heed(said.type or frame.event, said.index, data, events)
        except Trouble as trouble:
            self._fail(events, Kind.GARBLED, f"sent an event that cannot be read ({trouble.problem.message})")

    def _heed(self, kind: str, index: int, data: bytes, events: list[Event]) -> None:
        event = Members.of(data, "event")
        if kind.startswith("content_block") and not self._started:
            self._begin(Members({}), events)
        match kind:
            case "message_start":
                self._begin(event.members("message") or Members({}), events)
            case "content_block_start":
                self._open(index, event, events)
            case "content_block_delta":
                self._change(index, event.members("delta") or Members({}), events)
            case "content_block_stop":
                block = self._blocks.pop(index, None)
                if block is not None:
                    self._seal(block, events)
            case "message_delta":
                self._conclude(event, events)
            case "message_stop":
                self._end(events)
            case _ if kind == "error" or "error" in event:
                self._ended = True
                events.append(Failed(problem_in_answer(data)))
            case _:
                events.append(Beat())

    def _begin(self, message: Members, events: list[Event]) -> None:
        if self._started:
            self._fail(events, Kind.GARBLED, "began its answer twice")
            return
        self._started = True
        usage = message.raw("usage")
        begun = started(message)
        self._ids = CallIds(begun.id)
        events.append(begun)
        events.extend(self._counts.seen(usage))

    def _open(self, index: int, event: Members, events: list[Event]) -> None:
        if index in self._blocks:
            self._fail(events, Kind.GARBLED, f"began block {index} twice")
            return
        found = self._ids.told_apart(opening(event.need("content_block", event.raw("content_block")), self._hearing))
        block = self._blocks[index] = _Block(found, self._parts)
        if block.held is not None:
            events.append(Beat())
            return
        self._parts += 1
        events.append(PartOpened(block.part, found.head))
        if found.text and not isinstance(found.head, ToolCall):
            events.append(PartGrew(block.part, found.text))
        events.extend(noted(block.part, "citations", note) for note in found.notes)

    def _change(self, index: int, delta: Members, events: list[Event]) -> None:
        """Deltas that do not lengthen the text of the part."""
        block = self._blocks.get(index)
        whole = delta.whole_again()
        kind = delta.text("type", "")
        if block is None:
            self._fail(events, Kind.GARBLED, f"sent a change of block {index}, which is not open")
        elif kind == "input_json_delta" and (block.held is not None or block.is_free_text):
            block.pieces.append(delta.text("partial_json", ""))
            events.append(Beat())
        elif block.held is not None:
            block.lengthen(delta)
            events.append(Beat())
        elif kind == "signature_delta" and block.found.blob is not None:
            block.found.blob = delta.text("signature", "")
        elif kind == "citations_delta":
            events.append(noted(block.part, "citations", delta.need("citation", delta.raw("citation"))))
        elif kind in _GROWTHS:
            self._fail(events, Kind.GARBLED, f"sent a {kind} for a block of another type")
        else:
            events.append(noted(block.part, kind, whole))

    def _seal(self, block: _Block, events: list[Event]) -> None:
        found = block.found
        if block.held is not None:
            events.append(PartOpened(self._parts, block.whole()))
            events.append(PartSealed(self._parts))
            self._parts += 1
            return
        if block.is_free_text:
            text = free_text("".join(block.pieces) or found.text)
            events.extend([PartGrew(block.part, text)] if text else [])
        elif found.growth == "input_json_delta" and not block.grown:
            events.append(PartGrew(block.part, found.text))
        seal = None if found.blob is None else Seal(self._hearing.origin, found.blob)
        events.append(PartSealed(block.part, seal))

    def _conclude(self, event: Members, events: list[Event]) -> None:
        """A `message_delta`: the counts so far, and, at last, why the answer ended."""
        if not self._started:
            self._begin(Members({}), events)
        event.raw("type")
        events.extend(self._counts.seen(event.raw("usage")))
        delta = event.members("delta")
        self._finish = (finished(delta, event) if delta else None) or self._finish

    def _end(self, events: list[Event]) -> None:
        if self._finish is None:
            self._fail(events, Kind.CUT_SHORT, "ended before the answer was complete")
            return
        for block in self._blocks.values():
            if block.held is not None or isinstance(block.found.head, ToolCall):
                self._fail(events, Kind.GARBLED, "ended with a tool call unfinished")
                return
            self._seal(block, events)
        self._ended = True
        events.append(self._finish)

    def _fail(self, events: list[Event], kind: Kind, found: str) -> None:
        self._ended = True
        events.append(Failed(problem(kind, f"The provider's stream was read but it {found}. Try again.")))


def _decoded(data: bytes) -> _Frame | None:
    try:
        return _FRAME.decode(data)
    except _FAULTS:
        return None
