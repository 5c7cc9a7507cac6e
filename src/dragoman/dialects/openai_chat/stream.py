"""A streamed answer of an upstream, in any slices, as events."""

from __future__ import annotations

from dragoman.canon.events import Beat, Event
from dragoman.canon.problem import Kind, problem
from dragoman.dialects.base import Hearing
from dragoman.dialects.error_objects import problem_in_answer
from dragoman.dialects.openai_chat.answer import Answer, garbled
from dragoman.dialects.sse import FRAME_LIMIT, Frame, Frames, Oversized

_BLANKS = b"\xef\xbb\xbf \t\r\n"
_NO_STREAM = (b"{", b"[", b"<")
"""How a body begins that is no stream but JSON or a page."""


class StreamReader:
    """Reads one stream. Mutable: it keeps the unfinished frame, or the whole body where that is no stream."""

    def __init__(self, hearing: Hearing) -> None:
        self._answer = Answer(hearing)
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
        events: list[Event] = []
        for frame in frames:
            events += self._read(frame)
        if self._frames.comments != self._comments:
            self._comments = self._frames.comments
            if not events:
                events.append(Beat())
        return events

    def close(self) -> list[Event]:
        """Events due at the end of the bytes."""
        if self._body is not None and not self._answer.ended:
            return [*self._answer.take(self._body.strip(_BLANKS)), *self._answer.end()]
        events: list[Event] = []
        for frame in self._frames.close():
            events += self._read(frame)
        return [*events, *self._answer.end()]

    def _read(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data.startswith(b"[DONE]"):
            return self._answer.end()
        if frame.event == "error" and not self._answer.ended:
            return self._answer.fail(problem_in_answer(data) or garbled(data))
        return self._answer.take(data) if data.strip() else []

    def _too_large(self) -> list[Event]:
        return self._answer.fail(
            problem(Kind.GARBLED, f"The provider sent one event of more than {FRAME_LIMIT} bytes. Try again.")
        )
