"""Enforces the stop sequences that an upstream could not be told, on the events of its answer.

Theory: the parts are put in single file first, so that a stop in a text finds all that came before it complete, and
nothing shown of what came after it. A call that is still open in front of the text is waited for, never cut.
"""

from __future__ import annotations

from dragoman.canon.events import Event, Finished, PartGrew, PartOpened, PartSealed
from dragoman.canon.order import SingleFile
from dragoman.canon.request import Text


class StopWatch:
    """Cuts text at the first of some stop sequences. Mutable: it holds back text that may be the start of one."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._line = SingleFile()
        self._texts: set[int] = set()
        self._held: dict[int, str] = {}
        self.stopped = False
        """Whether a sequence was met: nothing more is to be read."""

    def watch(self, events: list[Event]) -> list[Event]:
        """The events as they may go on; after a stop sequence, the seal due and a `Finished`."""
        kept: list[Event] = []
        for event in self._line.line_up(events):
            if self.stopped:
                break
            match event:
                case PartOpened(index=index, head=Text()):
                    self._texts.add(index)
                case PartGrew(index=index, text=text) if index in self._texts:
                    self._grow(index, text, kept)
                    continue
                case PartSealed(index=index):
                    if held := self._held.pop(index, ""):
                        kept.append(PartGrew(index, held))
            kept.append(event)
        return kept

    def _grow(self, index: int, text: str, kept: list[Event]) -> None:
        text = self._held.pop(index, "") + text
        found = min(((at, stop) for stop in self._stops if (at := text.find(stop)) >= 0), default=None)
        if found is not None:
            at, stop = found
            if text[:at]:
                kept.append(PartGrew(index, text[:at]))
            kept += [PartSealed(index), Finished("stop_sequence", stop)]
            self.stopped = True
            return
        hold = max(
            (size for stop in self._stops for size in range(1, len(stop)) if text.endswith(stop[:size])), default=0
        )
        if hold:
            self._held[index] = text[-hold:]
            text = text[:-hold]
        if text:
            kept.append(PartGrew(index, text))
