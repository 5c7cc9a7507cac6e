"""Makes a client's bytes of what an upstream sent: its own bytes, or the events written in the door's dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dragoman.canon.events import Beat, Event, Failed, Finished
from dragoman.canon.order import SingleFile
from dragoman.canon.problem import Kind
from dragoman.dialects.base import Dialect, Editor, Writer


class Renderer(Protocol):
    """Makes the client's bytes from what one read brought."""

    def render(self, data: bytes, events: list[Event]) -> bytes:
        """The bytes that say these events; `data` is what they were read from."""


OUR_FINDINGS = frozenset({Kind.GARBLED, Kind.CUT_SHORT})
"""Failures that a wire does not tell itself; the frames in which they were found might be taken for an ending."""


class Verbatim:
    """The upstream's own bytes, in whole frames, with the few edits that were recorded. Mutable, as its editor is."""

    def __init__(self, editor: Editor, writer: Callable[[], Writer]) -> None:
        self._editor = editor
        self._writer = writer

    def render(self, data: bytes, events: list[Event]) -> bytes:
        """The whole frames among the bytes. A failure that the wire did not tell itself is told behind them."""
        last = events[-1] if events else None
        if isinstance(last, Failed):
            if not data or last.problem.kind in OUR_FINDINGS:
                return self._writer().write([last])
            return self._editor.edit(data) + self._editor.close()
        if isinstance(last, Finished):
            return self._editor.edit(data) + self._editor.close()
        return self._editor.edit(data)


class Translation:
    """The events written in the door's dialect. Mutable, as its writer is."""

    def __init__(self, door: Dialect, writer: Writer) -> None:
        self._line = SingleFile() if door.one_part_at_a_time else None
        self._writer = writer

    def render(self, data: bytes, events: list[Event]) -> bytes:  # noqa: ARG002 - a renderer's shape
        """The events in single file where the dialect needs it, written; the upstream's signs of life are not news."""
        told = [event for event in events if type(event) is not Beat]
        return self._writer.write(self._line.line_up(told) if self._line else told)
