"""A streamed answer of an upstream, in any slices, as events: server-sent events, or one JSON array of chunks."""

from __future__ import annotations

from dragoman.canon.events import Beat, Event
from dragoman.canon.problem import Kind, problem
from dragoman.dialects.base import Hearing
from dragoman.dialects.gemini.answer import Answer
from dragoman.dialects.gemini.array import Objects
from dragoman.dialects.sse import FRAME_LIMIT, Frame, Frames, Oversized

_BLANKS = b"\xef\xbb\xbf \t\r\n"


class StreamReader:
    """Reads one stream. Mutable: it keeps what is unfinished, and how the upstream chose to stream."""

    def __init__(self, hearing: Hearing) -> None:
        self._answer = Answer(hearing)
        self._frames = Frames()
        self._comments = 0
        self._objects: Objects | None = None
        """Cuts the array, where the upstream sends one."""
        self._body: bytearray | None = None
        """The body so far, where the upstream did not stream."""
        self._begun = False

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these bytes."""
        if self._answer.ended:
            return []
        if not self._begun:
            data = data.lstrip(_BLANKS)
            if not data:
                return []
            self._begin(data[:1])
        try:
            return self._fed(data)
        except Oversized:
            return self._answer.fail(
                problem(Kind.GARBLED, f"The provider sent one event of more than {FRAME_LIMIT} bytes. Try again.")
            )

    def close(self) -> list[Event]:
        """Events due at the end of the bytes."""
        events: list[Event] = []
        if self._body is not None:
            events = self._answer.take(bytes(self._body))
        for frame in self._frames.close():
            events += self._read(frame)
        return [*events, *self._answer.end()]

    def _begin(self, first: bytes) -> None:
        self._begun = True
        if first == b"[":
            self._objects = Objects()
        elif first in b"{<":
            self._body = bytearray()

    def _fed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self._body is not None:
            self._body += data
            if len(self._body) > FRAME_LIMIT:
                raise Oversized
        elif self._objects is not None:
            for item in self._objects.feed(data):
                events += self._answer.take(item)
        else:
            for frame in self._frames.feed(data):
                events += self._read(frame)
            if self._frames.comments != self._comments:
                self._comments = self._frames.comments
                events += [] if events else [Beat()]
        return events

    def _read(self, frame: Frame) -> list[Event]:
        data = frame.data.strip()
        if data.startswith(b"[DONE]"):
            return self._answer.end()
        return self._answer.take(data) if data else []
