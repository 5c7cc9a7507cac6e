"""A streamed answer in server-sent events, in any slices, fed to what understands the wire frame by frame.

Rules: a body that is no stream, but JSON or a page, is gathered and told whole at the end of the bytes; comments are
signs of life; a frame or a body beyond `FRAME_LIMIT` ends the answer.
"""

from __future__ import annotations

from typing import Protocol

from dragoman.canon.events import Beat, Event
from dragoman.canon.problem import Kind, Problem, problem
from dragoman.dialects.sse import FRAME_LIMIT, Frame, Frames, Oversized

_BLANKS = b"\xef\xbb\xbf \t\r\n"
_NO_STREAM = (b"{", b"[", b"<")
"""How a body begins that is no stream but JSON or a page."""


class Hearer(Protocol):
    """What understands one wire's answer. Mutable; one per answer."""

    ended: bool

    def hear(self, frame: Frame) -> list[Event]:
        """The events of one frame."""

    def take(self, data: bytes) -> list[Event]:
        """The events of an answer that came whole."""

    def fail(self, found: Problem) -> list[Event]:
        """The events of an answer that broke off."""

    def end(self) -> list[Event]:
        """The events due when nothing more will come; none if it has ended."""


class FramedReader:
    """Reads one stream. Mutable: it keeps the unfinished frame, or the whole body where that is no stream."""

    def __init__(self, answer: Hearer) -> None:
        self._answer = answer
        self._frames = Frames()
        self._comments = 0
        self._begun = False
        self._body: bytearray | None = None
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
                self._body = bytearray()
        if self._body is not None:
            self._body += data
            return self._too_large() if len(self._body) > FRAME_LIMIT else []
        try:
            frames = self._frames.feed(data)
        except Oversized:
            return self._too_large()
        events: list[Event] = []
        for frame in frames:
            events += self._answer.hear(frame)
        if self._frames.comments != self._comments:
            self._comments = self._frames.comments
            if not events:
                events.append(Beat())
        return events

    def close(self) -> list[Event]:
        """Events due at the end of the bytes."""
        if self._body is not None and not self._answer.ended:
            return [*self._answer.take(bytes(self._body).strip(_BLANKS)), *self._answer.end()]
        events: list[Event] = []
        for frame in self._frames.close():
            events += self._answer.hear(frame)
        return [*events, *self._answer.end()]

    def _too_large(self) -> list[Event]:
        return self._answer.fail(
            problem(Kind.GARBLED, f"The provider sent one event of more than {FRAME_LIMIT} bytes. Try again.")
        )


def garbled(data: bytes) -> Problem:
    """What was to be an answer and is not JSON."""
    return problem(
        Kind.GARBLED,
        "The provider answered with something that is not JSON. Try again; if it persists, check its address.",
        evidence=data[:4096].decode("utf-8", "replace"),
    )
