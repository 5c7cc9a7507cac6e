"""What an upstream answered, chunk by chunk, as events.

Theory: `Answer` knows chunks and nothing of bytes in slices; a whole answer is one chunk. The end is held back until
the terminator or the end of the bytes, since usage and even calls may follow the finish reason. Without a finish
reason an answer is broken, however politely it ended.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

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
from dragoman.canon.request import Extras, Part, Refusal, Seal, Text, Thinking, ToolCall
from dragoman.canon.usage import NOTHING_SAID
from dragoman.dialects.base import Hearing
from dragoman.dialects.error_objects import problem_in_answer, problem_in_stream
from dragoman.dialects.framed import garbled
from dragoman.dialects.free_text import free_text
from dragoman.dialects.names import digest
from dragoman.dialects.openai_chat.calls import Calls
from dragoman.dialects.openai_chat.chunk import CallDelta, Choice, Chunk, Delta, leftovers, read_chunk
from dragoman.dialects.openai_chat.thoughts import (
    EXTRA_CONTENT,
    Entry,
    blob_of,
    google_entry,
    is_redacted,
    parted,
    words_of,
)
from dragoman.dialects.openai_chat.usage import read_usage
from dragoman.dialects.openai_chat.wire import FAILING_REASONS, NAME, NULL, REASONS
from dragoman.dialects.sse import Frame
from dragoman.dialects.think_tags import ThinkTags


class Answer:
    """One answer while it arrives. Mutable: it remembers the open parts, the calls and the ending."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._events: list[Event] = []
        self._started = False
        self._seed = ""
        self._parts = 0
        self._prose: tuple[type[Part], int] | None = None
        self._text: int | None = None
        """Index of the open text, if the next words may go there unseen."""
        self._entry: Entry | None = None
        """What `reasoning_details` said of the open thinking part."""
        self._calls = Calls()
        self._call_entries: dict[str, Entry] = {}
        self._reason: Reason | None = None
        self._stop_text: str | None = None
        self._word = ""
        """The finish reason as the wire said it."""
        self._refused = False
        self._tags = ThinkTags() if hearing.habits.think_tags else None
        self.ended = False

    def hear(self, frame: Frame) -> list[Event]:
        """The events of one frame of a stream."""
        data = frame.data
        if data.startswith(b"[DONE]"):
            return self.end()
        if frame.event == "error" and not self.ended:
            return self.fail(problem_in_answer(data) or garbled(data))
        return self.take(data) if data.strip() else []

    def take(self, data: bytes) -> list[Event]:
        """The events of one chunk, or of a whole answer; a `Beat` if it holds nothing."""
        if self.ended:
            return []
        chunk = read_chunk(data)
        if chunk is None:
            return self.fail(garbled(data))
        if self._text is not None:
            words = _only_words(chunk)
            if words is not None:
                return [PartGrew(self._text, words)]
        failure = _failure(chunk, data)
        if failure is not None and not chunk.choices:
            return self.fail(failure)
        self._events = []
        choice = _first(chunk)
        if not self._started and (choice is not None or chunk.usage != NULL):
            self._start(chunk, data)
        if choice is not None:
            self._choice(choice)
        if chunk.usage != NULL:
            self._usage(chunk.usage)
        elif choice is not None and choice.usage != NULL:
            self._usage(choice.usage)
        if failure is None and self._word in FAILING_REASONS:
            failure = _broke_off(self._word)
        if failure is not None:
            return [*self._events, *self.fail(failure)]
        return self._events or [Beat()]

    def fail(self, found: Problem) -> list[Event]:
        """The answer ends as failed; open parts stay open, for what was cut must not look whole."""
        self.ended = True
        return [Failed(found)]

    def end(self) -> list[Event]:
        """The events due when nothing more will come."""
        if self.ended:
            return []
        if self._reason is None:
            return self.fail(_cut_short(started=self._started))
        if any(call.part is None for call in self._calls.all):
            return self.fail(_nameless())
        self.ended = True
        self._events = []
        if self._tags:
            self._tagged(self._tags.close())
        self._close_prose()
        for call in self._calls.all:
            entry = call.entry or self._call_entries.get(call.id)
            seal = Seal(self._hearing.origin, blob_of(entry)) if entry else None
            if call.name in self._hearing.text_tools:
                self._events.append(PartGrew(call.part or 0, free_text("".join(call.pieces))))
            self._events.append(PartSealed(call.part or 0, seal))
        return [*self._events, self._finish(self._reason)]

    def _finish(self, reason: Reason) -> Finished:
        if self._calls.all and reason in ("end", "stop_sequence"):
            return Finished("tool_calls")
        if self._refused and reason == "end":
            return Finished("refusal")
        if reason == "unknown" or (reason == "tool_calls" and not self._calls.all):
            return Finished("unknown", extras=Extras(NAME, {"finish_reason": Raw(msgspec.json.encode(self._word))}))
        return Finished(reason, self._stop_text)

    def _start(self, chunk: Chunk, data: bytes) -> None:
        self._started = True
        self._seed = chunk.id or digest(data.decode("utf-8", "replace"), 16)
        rest = leftovers(data)
        self._events.append(Started(chunk.id or "", chunk.model or "", Extras(NAME, rest) if rest else None))

    def _usage(self, raw: Raw) -> None:
        usage, extras = read_usage(raw)
        if usage != NOTHING_SAID or extras:
            self._events.append(UsageSeen(usage, extras))

    def _choice(self, choice: Choice) -> None:
        delta = choice.delta or choice.message
        if delta is not None:
            self._delta(delta)
        if choice.logprobs != NULL:
            self._note("logprobs", choice.logprobs)
        word = choice.finish_reason
        if word and word != "null" and self._reason is None:
            self._word = word
            self._reason = REASONS.get(word, "unknown")
            if isinstance(choice.stop_reason, str) and self._reason == "end":
                self._reason, self._stop_text = "stop_sequence", choice.stop_reason

    def _delta(self, delta: Delta) -> None:
        thought = delta.reasoning_content or delta.reasoning
        if delta.reasoning_details:
            self._details(delta.reasoning_details, thought or "", delta)
        elif thought:
            self._grow(Thinking, thought)
        if delta.content:
            if self._tags:
                self._tagged(self._tags.feed(delta.content))
            else:
                self._grow(Text, delta.content)
        if delta.refusal:
            self._refused = True
            self._grow(Refusal, delta.refusal)
        if delta.tool_calls:
            for position, piece in enumerate(delta.tool_calls):
                self._call(piece, position)
        if delta.function_call is not None:
            self._call(CallDelta(index=0, function=delta.function_call), 0)
        if delta.annotations != NULL:
            self._note("annotations", delta.annotations)
        if delta.audio != NULL:
            self._note("audio", delta.audio)

    def _details(self, entries: list[Entry], thought: str, delta: Delta) -> None:
        """Entries in their order; where none has words, those of the plain member come first."""
        call_ids = {call.id for call in self._calls.all} | {piece.id for piece in delta.tool_calls or ()}
        if thought and any("span" in entry for entry in entries):
            parts, of_calls = parted(thought, entries, call_ids)
            self._call_entries |= of_calls
            for words, entry in parts:
                self._whole_thought(words, entry)
            return
        if thought and not any(words_of(entry) for entry in entries):
            self._grow(Thinking, thought)
        for entry in entries:
            if is_redacted(entry) and entry.get("id") in call_ids:
                self._call_entries[str(entry["id"])] = entry
            elif is_redacted(entry):
                self._whole_thought("", entry)
            else:
                self._entry_grows(entry)

    def _whole_thought(self, words: str, entry: Entry | None) -> None:
        """A thinking part that is complete at once."""
        self._close_prose()
        index = self._open(Thinking("", redacted=entry is not None and is_redacted(entry)))
        if words:
            self._events.append(PartGrew(index, words))
        self._events.append(PartSealed(index, Seal(self._hearing.origin, blob_of(entry) if entry else "")))

    def _entry_grows(self, entry: Entry) -> None:
        """More of an entry: words, or the signature that completes it."""
        before = self._entry
        if before and (before.get("index"), before.get("type")) != (entry.get("index"), entry.get("type")):
            self._close_prose()
        self._grow(Thinking, words_of(entry))
        self._entry = (self._entry or {}) | {name: value for name, value in entry.items() if value is not None}
        if entry.get("signature"):
            self._close_prose()

    def _grow(self, kind: type[Text | Thinking | Refusal], text: str) -> None:
        prose = self._prose
        if prose is None or prose[0] is not kind:
            self._close_prose()
            self._prose = prose = (kind, self._open(kind("")))
            self._text = prose[1] if kind is Text and self._tags is None else None
        if text:
            self._events.append(PartGrew(prose[1], text))

    def _tagged(self, pieces: list[tuple[bool, str]]) -> None:
        for thinking, text in pieces:
            self._grow(Thinking if thinking else Text, text)

    def _open(self, head: Part) -> int:
        index = self._parts
        self._parts += 1
        self._events.append(PartOpened(index, head))
        return index

    def _close_prose(self) -> None:
        if self._prose is None:
            return
        kind, index = self._prose
        seal = None
        if kind is Thinking:
            seal = Seal(self._hearing.origin, blob_of(self._entry) if self._entry else "")
        self._events.append(PartSealed(index, seal))
        self._prose = self._text = self._entry = None

    def _call(self, piece: CallDelta, position: int) -> None:
        call, text = self._calls.place(piece, position)
        if piece.extra_content != NULL and self._hearing.habits.reasoning_echo == EXTRA_CONTENT:
            call.entry = google_entry(piece.extra_content) or call.entry
        if call.part is None:
            if not call.name:
                return
            self._close_prose()
            name = self._hearing.names.get(call.name, call.name)
            form = "text" if call.name in self._hearing.text_tools else call.form
            call.part = self._open(ToolCall(self._calls.client_id(call, self._seed), name, "", form))
            text = "".join(call.pieces)
        # Free text that came as JSON is told when the JSON is whole.
        if text and call.name not in self._hearing.text_tools:
            self._events.append(PartGrew(call.part, text))

    def _note(self, name: str, value: Raw) -> None:
        """Something beside the text; dropped where no text is open that it could belong to."""
        if self._prose is not None and value != Raw(b"[]"):
            self._events.append(PartNoted(self._prose[1], Extras(NAME, {name: value})))


def _first(chunk: Chunk) -> Choice | None:
    for choice in chunk.choices or ():
        if choice.index == 0:
            return choice
    return None


def _only_words(chunk: Chunk) -> str | None:
    """The words of a chunk that holds nothing else, as nearly all do; None for any other."""
    choices = chunk.choices
    if choices is None or len(choices) != 1 or chunk.usage != NULL or chunk.error is not NULL:
        return None
    choice = choices[0]
    delta = choice.delta
    if delta is None or choice.finish_reason is not None or choice.logprobs != NULL:
        return None
    if choice.index or choice.usage is not NULL:
        return None
    if delta.tool_calls or delta.reasoning_content or delta.reasoning or delta.reasoning_details or delta.refusal:
        return None
    if delta.function_call is not None or delta.annotations is not NULL or delta.audio is not NULL:
        return None
    return delta.content or None


def _failure(chunk: Chunk, data: bytes) -> Problem | None:
    """The problem that a chunk tells in place of an answer, or beside it."""
    if chunk.error != NULL:
        return problem_in_stream(chunk.error)
    if chunk.choices is None and chunk.usage == NULL:
        return problem_in_answer(data)
    return None


def _broke_off(word: str) -> Problem:
    """No error of the wire's own: clients take such a reason for an ending, so that they must be told."""
    return problem(Kind.CUT_SHORT, f"The provider broke off its answer and gave '{word}' as the reason. Try again.")


def _cut_short(*, started: bool) -> Problem:
    found = "its answer ended without a finish reason" if started else "it answered nothing"
    return problem(Kind.CUT_SHORT, f"The provider was asked, but {found}. Try again.")


def _nameless() -> Problem:
    return problem(Kind.GARBLED, "The provider's answer was read but has a tool call without a name. Try again.")
