"""What an upstream answered, event by event, as neutral events.

Theory. An answer is a row of items (see `row`); its object tells them all again at the end, from where they are taken
if the stream told none. The answer ends only where the wire says so: `completed`, `incomplete`, `failed`, or an error.

Source: Responses reference, streaming events, and SDK types 3.51, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.events import (
    Beat,
    Event,
    Failed,
    Finished,
    Started,
    UsageSeen,
)
from dragoman.canon.problem import Kind, Problem, problem
from dragoman.canon.request import Extras
from dragoman.canon.usage import NOTHING_SAID
from dragoman.dialects.base import Hearing
from dragoman.dialects.error_objects import problem_in_answer, problem_in_stream
from dragoman.dialects.framed import garbled
from dragoman.dialects.openai_responses.frame import Item, Response, Said, said_in, typed
from dragoman.dialects.openai_responses.row import Row
from dragoman.dialects.openai_responses.usage import read_usage
from dragoman.dialects.openai_responses.wire import INCOMPLETE, NAME, NULL
from dragoman.dialects.sse import Frame

BEGUN = frozenset({"response.created", "response.in_progress", "response.queued"})
OVER = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class Answer:
    """One answer while it arrives. Mutable: it remembers the items, and how many parts there were."""

    def __init__(self, hearing: Hearing) -> None:
        self._row = row = Row(hearing)
        self._events = row.events
        self._started = False
        self.ended = False
        self._items: Mapping[str, Callable[[Said], None]] = {
            "response.output_item.added": row.added,
            "response.output_item.done": row.item_done,
            "response.content_part.added": row.content_added,
            "response.content_part.done": row.content_done,
            "response.output_text.delta": row.text,
            "response.output_text.done": row.text_done,
            "response.output_text.annotation.added": row.annotated,
            "response.refusal.delta": row.refusal,
            "response.refusal.done": row.refusal_done,
            "response.reasoning_summary_part.added": row.summary_added,
            "response.reasoning_summary_text.delta": row.summary,
            "response.reasoning_summary_text.done": row.summary_done,
            "response.reasoning_text.delta": row.reasoning,
            "response.reasoning_text.done": row.reasoning_done,
            "response.function_call_arguments.delta": row.arguments,
            "response.custom_tool_call_input.delta": row.arguments,
        }

    def hear(self, frame: Frame) -> list[Event]:
        """The events of one frame of a stream; a `Beat` if it holds nothing."""
        data = frame.data
        if self.ended or not data.strip():
            return []
        if data.startswith(b"[DONE]"):
            return self.end()
        said = said_in(data)
        if said is None:
            return self.fail(garbled(data))
        kind = said.type or frame.event
        handler = self._items.get(kind)
        if handler is not None:
            if not self._started:
                self._start(Response())
            handler(said)
        elif kind in BEGUN:
            self._begun(said)
        elif kind in OVER:
            self._over(said, kind, data)
        elif kind == "error" or said.error != NULL:
            self._error(said, data)
        return self._told() or [Beat()]

    def take(self, data: bytes) -> list[Event]:
        """The events of an answer that came whole."""
        if self.ended:
            return []
        found = typed(data, Response)
        if found is None:
            return self.fail(garbled(data))
        if found.output is None and found.status is None:
            return self.fail(problem_in_answer(data) or garbled(data))
        self._start(found)
        self._end(found)
        return self._told()

    def _told(self) -> list[Event]:
        """The events gathered, up to the one with which the answer broke off."""
        if self._row.fault is not None and not self.ended:
            self._events += self.fail(self._row.fault)
        told = self._events[:]
        self._events.clear()
        failed = next((place for place, event in enumerate(told) if type(event) is Failed), len(told))
        return told[: failed + 1]

    def fail(self, found: Problem) -> list[Event]:
        """The answer ends as failed; open parts stay open, for what was cut must not look whole."""
        self.ended = True
        return [Failed(found)]

    def end(self) -> list[Event]:
        """The events due when nothing more will come."""
        if self.ended:
            return []
        found = "its answer ended without an ending" if self._started else "it answered nothing"
        return self.fail(problem(Kind.CUT_SHORT, f"The provider was asked, but {found}. Try again."))

    def _begun(self, said: Said) -> None:
        found = typed(said.response, Response)
        if not self._started and found is not None:
            self._start(found)

    def _start(self, found: Response) -> None:
        self._started = True
        self._events.append(Started(found.id or "", found.model or ""))

    def _over(self, said: Said, kind: str, data: bytes) -> None:
        found = typed(said.response, Response)
        if found is None:
            self._events += self.fail(garbled(data))
            return
        if not self._started:
            self._start(found)
        if found.status is None:
            found.status = kind.removeprefix("response.")
        self._end(found)

    def _error(self, said: Said, data: bytes) -> None:
        raw = said.error if said.error != NULL else Raw(data)
        self._events += self.fail(problem_in_stream(raw))

    def _end(self, found: Response) -> None:
        """All that the answer at the end tells, and the ending."""
        if found.status in ("failed", "cancelled"):
            said = problem_in_stream(found.error) if found.error != NULL else _broke_off(found.status)
            self._events += self.fail(said)
            return
        for place, raw in enumerate((found.output or ()) if self._row.is_empty else ()):
            item = typed(raw, Item)
            if item is not None:
                self._row.whole(place, item, raw)
        if self._row.fault is not None:
            return
        self._row.close()
        if found.usage != NULL:
            usage, extras = read_usage(found.usage)
            if usage != NOTHING_SAID or extras:
                self._events.append(UsageSeen(usage, extras))
        self._events += self._ending(found)
        self.ended = True

    def _ending(self, found: Response) -> list[Event]:
        match found.status:
            case "completed":
                return [Finished("tool_calls" if self._row.called else "refusal" if self._row.refused else "end")]
            case "incomplete":
                word = _reason(found.incomplete_details)
                reason = INCOMPLETE.get(word, "unknown")
                extras = Extras(NAME, {"incomplete_details": found.incomplete_details}) if reason == "unknown" else None
                return [Finished(reason, extras=extras)]
            case _:
                return self.fail(_broke_off(found.status or "no status"))


def _reason(details: Raw) -> str:
    try:
        found = msgspec.json.decode(details)
    except (msgspec.DecodeError, RecursionError):
        return ""
    reason = found.get("reason") if isinstance(found, dict) else None
    return reason if isinstance(reason, str) else ""


def _broke_off(status: str) -> Problem:
    return problem(
        Kind.UPSTREAM_ERROR, f"The provider broke off its answer and gave '{status}' as its state. Try again."
    )
