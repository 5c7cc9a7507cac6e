"""What the vendor answered, chunk by chunk, as events.

Theory: `Answer` knows chunks and nothing of bytes in slices; a whole answer is one chunk. A call comes whole in one
chunk, its finish reason there or in a later one, words before it or not: all of them amount to the same events. The
end is held back until the terminator or the end of the bytes, since usage and state may come late; without a finish
reason an answer is broken, however politely it ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from dragoman.canon.arguments import restored
from dragoman.canon.events import (
    Beat,
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Reason,
    Started,
    UsageSeen,
)
from dragoman.canon.problem import Kind, Problem, problem
from dragoman.canon.request import Extras, Loss, Part, Seal, Text, Thinking, ToolCall
from dragoman.dialects.base import Hearing
from dragoman.dialects.framed import garbled
from dragoman.dialects.free_text import free_text
from dragoman.dialects.gigachat.chunk import WIRE, Choice, Chunk, Function, Said, Wire
from dragoman.dialects.gigachat.errors import problem_in_answer
from dragoman.dialects.gigachat.escapes import unescaped
from dragoman.dialects.gigachat.leaks import Leaked, Leaks
from dragoman.dialects.gigachat.names import made_id
from dragoman.dialects.gigachat.usage import read_usage
from dragoman.dialects.gigachat.wire import BROKEN, NAME, NULL, REASONS, STATE
from dragoman.dialects.sse import Frame
from dragoman.dialects.think_tags import ThinkTags

LEAKED = Loss("answer.leaked_call", "The model wrote a call into its text; it was read as the call it is.")
OVERESCAPED = Loss("answer.overescaped", "The model escaped the text of a file twice; one escaping was taken away.")
BUSY = frozenset({"function_in_progress", "search_result"})
"""Roles of messages about functions that the vendor runs itself: signs of life, not words of the model."""
_TEXT = msgspec.json.Decoder(str)


class Answer:
    """One answer while it arrives. Mutable: it remembers the open parts, the calls and the ending."""

    def __init__(self, hearing: Hearing, wire: Wire = WIRE) -> None:
        self._hearing = hearing
        self._wire = wire
        self._events: list[Event] = []
        self._started = False
        self._seed = ""
        self._parts = 0
        self._prose: tuple[type[Text | Thinking], int] | None = None
        self._calls: list[tuple[int, Seal | None]] = []
        """The part of each call, and its seal where that was known when the call came."""
        self._latest: Function | None = None
        self._tags = ThinkTags() if hearing.habits.think_tags else None
        self._leaks = Leaks(hearing.functions) if hearing.habits.leaked_calls and hearing.functions else None
        self._state = ""
        self._word = ""
        """The finish reason as the wire said it."""
        self.ended = False

    def hear(self, frame: Frame) -> list[Event]:
        """The events of one frame of a stream."""
        data = frame.data.strip()
        if data.startswith(b"[DONE]"):
            return self.end()
        return self.take(data, frame.event) if data else []

    def take(self, data: bytes, name: str = "") -> list[Event]:
        """The events of one chunk, by its frame's name, or of a whole answer; a `Beat` if it holds nothing."""
        if self.ended:
            return []
        chunk = self._wire.read(data, name)
        if chunk is None:
            return self.fail(garbled(data))
        if not chunk.choices:
            failure = problem_in_answer(data)
            if failure is not None:
                return self.fail(failure)
        self._events = []
        choices = [each for each in chunk.choices or () if each.index == 0]
        if not self._started and (choices or chunk.usage != NULL):
            self._start(chunk, data)
        for choice in choices:
            self._choice(choice)
        if chunk.usage != NULL:
            usage, extras = read_usage(chunk.usage)
            self._events.append(UsageSeen(usage, extras))
        if self._word == BROKEN:
            return [*self._events, *self.fail(_broken())]
        return self._events or [Beat()]

    def fail(self, found: Problem) -> list[Event]:
        """The answer ends as failed; open parts stay open, for what was cut must not look whole."""
        self.ended = True
        return [Failed(found)]

    def end(self) -> list[Event]:
        """The events due when nothing more will come."""
        if self.ended:
            return []
        if not self._word:
            return self.fail(_cut_short(started=self._started))
        self._events = []
        self._flush()
        if not self._parts and REASONS.get(self._word) == "end":
            return self.fail(_silent())
        self.ended = True
        if self._state and not self._calls and self._prose and self._prose[0] is Text:
            noted = {STATE: Raw(msgspec.json.encode(self._state))}
            self._events.append(PartNoted(self._prose[1], Extras(NAME, noted)))
        self._close_prose()
        self._events += [PartSealed(index, seal or self._seal()) for index, seal in self._calls]
        return [*self._events, self._finish()]

    def _finish(self) -> Finished:
        reason: Reason = REASONS.get(self._word, "unknown")
        if self._calls and reason == "end":
            reason = "tool_calls"
        if reason == "unknown" or (reason == "tool_calls" and not self._calls):
            return Finished("unknown", extras=Extras(NAME, {"finish_reason": Raw(msgspec.json.encode(self._word))}))
        return Finished(reason)

    def _start(self, chunk: Chunk, data: bytes) -> None:
        self._started = True
        self._seed = f"{chunk.created}#{chunk.model}"
        rest = self._wire.leftovers(data)
        self._events.append(Started("", chunk.model or "", Extras(NAME, rest) if rest else None))

    def _choice(self, choice: Choice) -> None:
        said = choice.delta or choice.message
        if said is not None and said.role not in BUSY:
            self._said(said)
        if choice.finish_reason:
            self._word = self._word or choice.finish_reason

    def _said(self, said: Said) -> None:
        self._state = said.functions_state_id or self._state
        if said.reasoning_content:
            self._grow(Thinking, said.reasoning_content)
        if said.content:
            self._words(said.content)
        if said.function_call is not None and said.function_call.name:
            self._flush()
            self._call(said.function_call)
        if said.beside is not None:
            self._flush()
            self._close_prose()
            self._events.append(PartSealed(self._open(said.beside)))

    def _words(self, text: str) -> None:
        """Text, with what it holds besides as far as habits ask to look."""
        if self._tags is None:
            self._spoken(self._leaks.feed(text) if self._leaks else [text])
            return
        for is_thought, piece in self._tags.feed(text):
            if is_thought:
                self._grow(Thinking, piece)
            else:
                self._spoken(self._leaks.feed(piece) if self._leaks else [piece])

    def _flush(self) -> None:
        """Text that was kept back, since nothing can follow it."""
        for is_thought, piece in self._tags.close() if self._tags else ():
            if is_thought:
                self._grow(Thinking, piece)
            else:
                self._spoken(self._leaks.feed(piece) if self._leaks else [piece])
        self._spoken(self._leaks.close() if self._leaks else [])

    def _spoken(self, pieces: Sequence[str | Leaked]) -> None:
        for piece in pieces:
            if isinstance(piece, Leaked):
                self._hearing.lose(LEAKED)
                self._call(Function(piece.name, Raw(piece.arguments.encode())))
            elif not (piece.isspace() and self._calls):
                self._grow(Text, piece)

    def _grow(self, kind: type[Text | Thinking], text: str) -> None:
        if self._prose is None or self._prose[0] is not kind:
            self._close_prose()
            self._prose = (kind, self._open(kind("")))
        self._events.append(PartGrew(self._prose[1], text))

    def _open(self, head: Part) -> int:
        index = self._parts
        self._parts += 1
        self._events.append(PartOpened(index, head))
        return index

    def _close_prose(self) -> None:
        if self._prose is None:
            return
        kind, index = self._prose
        self._events.append(PartSealed(index, Seal(self._hearing.origin, "") if kind is Thinking else None))
        self._prose = None

    def _seal(self) -> Seal | None:
        """The state id that came last, as a seal."""
        return Seal(self._hearing.origin, self._state) if self._state else None

    def _call(self, function: Function) -> None:
        """A call, which comes whole; the very same one again, as beside the finish reason, is no second one."""
        if self._latest == function:
            return
        self._latest = function
        arguments = _arguments(function.arguments)
        self._close_prose()
        hearing = self._hearing
        if function.name in hearing.lowered:
            arguments = restored(arguments, hearing.lowered[function.name])
        if hearing.habits.overescaped and (mended := unescaped(arguments)) != arguments:
            hearing.lose(OVERESCAPED)
            arguments = mended
        is_text = function.name in hearing.text_tools
        arguments = free_text(arguments) if is_text else arguments
        name = hearing.names.get(function.name, function.name)
        made_of = f"{self._seed}#{self._state}#{len(self._calls)}#{function.name}#{arguments}"
        call_id = function.id or made_id(made_of)
        # Told with the head, for a client is told of a seal before the part only where it is known by then.
        seal = self._seal()
        index = self._open(ToolCall(call_id, name, "", "text" if is_text else "json", seal=seal))
        self._calls.append((index, seal))
        if arguments:
            self._events.append(PartGrew(index, arguments))


def _arguments(raw: Raw) -> str:
    """Arguments as text, just as they were: those of an object, or those that a text holds."""
    if raw == NULL:
        return "{}"
    given = bytes(raw)
    return _TEXT.decode(given) if given.startswith(b'"') else given.decode()


def _broken() -> Problem:
    return problem(
        Kind.UPSTREAM_ERROR,
        "The provider broke off its answer, for a function call that its model wrote was not valid, or a tool of its "
        "own failed. Try again.",
    )


def _silent() -> Problem:
    """An answer without a word is a failure: an agent would take it for the end of its task."""
    return problem(Kind.UPSTREAM_ERROR, "The provider ended its answer without having said anything. Try again.")


def _cut_short(*, started: bool) -> Problem:
    found = "its answer ended without a finish reason" if started else "it answered nothing"
    return problem(Kind.CUT_SHORT, f"The provider was asked, but {found}. Try again.")
