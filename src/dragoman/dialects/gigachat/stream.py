"""A streamed answer of the vendor, in any slices, as events."""

from __future__ import annotations

from dragoman.canon.events import Beat, Event
from dragoman.canon.problem import Kind, problem
from dragoman.dialects.base import Hearing
from dragoman.dialects.gigachat.answer import Answer
from dragoman.dialects.gigachat.chunk import WIRE, Wire
from dragoman.dialects.sse import FRAME_LIMIT, Frame, Frames, Oversized

_BLANKS = b"\xef\xbb\xbf \t\r\n"
_NO_STREAM = (b"{", b"[", b"<")
"""How a body begins that is no stream but JSON or a page."""


class StreamReader:
    """Reads one stream. Mutable: it keeps the unfinished frame, or the whole body where that is no stream."""

    def __init__(self, hearing: Hearing, wire: Wire = WIRE) -> None:
        self._answer = Answer(hearing, wire)
        self._frames = Frames()
        self._comments = 0
        self._begun = False
        self._body: bytes | None = None
        """The body so far, where the upstream did not stream."""

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these bytes."""
        if self._answer.ended:
            return []
        if not self._begun:
            data = data.lstrip(_BLANKS)
            if not data:
                return []
            self._begun = True
            if data.startswith(_NO_STREAM):
                self._body = b""
        if self._body is not None:
            self._body += data
            return self._too_large() if len(self._body) > FRAME_LIMIT else []
        try:
            frames = self._frames.feed(data)
        except Oversized:
            return self._too_large()
        events = [event for frame in frames for event in self._read(frame)]
        if self._frames.comments != self._comments:
            self._comments = self._frames.comments
            if not events:
                events.append(Beat())
        return events

    def close(self) -> list[Event]:
        """Events due at the end of the bytes."""
        if self._body is not None and not self._answer.ended:
            return [*self._answer.take(self._body.strip(_BLANKS)), *self._answer.end()]
        return [*(event for frame in self._frames.close() for event in self._read(frame)), *self._answer.end()]

    def _read(self, frame: Frame) -> list[Event]:
        data = frame.data.strip()
        if data.startswith(b"[DONE]"):
            return self._answer.end()
        return self._answer.take(data, frame.event) if data else []

    def _too_large(self) -> list[Event]:
        return self._answer.fail(
            problem(Kind.GARBLED, f"The provider sent one event of more than {FRAME_LIMIT} bytes. Try again.")
        )
