"""What an upstream answered, chunk by chunk, as events.

Rules. Pieces of text follow one another in one part until a signature completes it, so that a streamed answer folds
to the same parts as a whole one. The end is held back until the bytes end, since a signature may come after the
finish reason. Without a finish reason an answer is broken; one that ended well but says nothing is a fault of the
vendor that asking again often mends (pitfall 124), and so is every reason in `FAILING`.

Source: ai.google.dev, API reference of `generateContent`, thinking and thought signatures; SDK 3.3; read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.arguments import restored
from dragoman.canon.events import (
    Beat,
    Event,
    Failed,
    Finished,
    PartGrew,
    PartOpened,
    PartSealed,
    Reason,
    Started,
    UsageSeen,
)
from dragoman.canon.mend import whole_characters
from dragoman.canon.problem import Kind, Problem, Trouble, problem
from dragoman.canon.request import (
    Extras,
    Part,
    Seal,
    ServerTool,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.canon.usage import NOTHING_SAID
from dragoman.dialects.base import Hearing
from dragoman.dialects.free_text import free_text
from dragoman.dialects.gemini.casing import inner, listed, opened
from dragoman.dialects.gemini.errors import problem_in_stream
from dragoman.dialects.gemini.partial import PartialArguments
from dragoman.dialects.gemini.parts import read_part
from dragoman.dialects.gemini.usage import read_usage
from dragoman.dialects.gemini.wire import BANNED, BLOCKS, FAILING, GROUNDING, NAME, REASONS, UNSIGNED, WORDS
from dragoman.dialects.names import digest
from dragoman.dialects.take import Members

_ANY = msgspec.json.Decoder()


class Answer:
    """One answer while it arrives. Mutable: it remembers the open part, the calls and the ending."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._events: list[Event] = []
        self._started = False
        self._seed = ""
        self._parts = 0
        self._prose: tuple[type[Text | Thinking], int] | None = None
        self._held: list[Part] = []
        """Signed parts without a word, shown only beside others: alone they are no answer."""
        self._partial: tuple[ToolCall, PartialArguments] | None = None
        self._ids: set[str] = set()
        self._spoken = False
        self._usage = Raw(b"")
        self._noted: dict[str, Raw] = {}
        """What else was said of the candidate."""
        self._reason: Reason | None = None
        self._word = ""
        self.ended = False

    def take(self, data: bytes) -> list[Event]:
        """The events of one chunk, or of a whole answer; a `Beat` if it holds nothing."""
        if self.ended:
            return []
        self._events = []
        try:
            failure = self._chunk(_opened(data), data)
        except Trouble as trouble:
            return [*self._events, *self.fail(garbled(data, trouble.problem.message))]
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
        self._events = []
        if self._reason is None or self._partial is not None:
            return self.fail(_cut_short(started=self._started))
        if not self._spoken and self._reason == "end":
            return self.fail(_empty())
        self._close()
        grounding = self._noted.pop(GROUNDING, None)
        if grounding is not None:
            self._whole(ServerTool(NAME, GROUNDING, grounding, sources_in(grounding)))
        self.ended = True
        return [*self._events, self._finish(self._reason)]

    def _finish(self, reason: Reason) -> Finished:
        members = dict(self._noted)
        if reason == "end" and self._ids:
            reason = "tool_calls"
        if self._word != WORDS[reason]:
            members["finishReason"] = Raw(msgspec.json.encode(self._word))
        return Finished(reason, extras=Extras(NAME, members) if members else None)

    def _chunk(self, chunk: Members, data: bytes) -> Problem | None:
        """Reads one chunk; gives the problem that it tells, if any."""
        error = chunk.raw("error")
        candidates = listed(chunk, "candidates")
        candidate = next((each for each in candidates if (each.whole("index") or 0) == 0), None)
        feedback, usage = inner(chunk, "promptFeedback"), chunk.raw("usageMetadata")
        if error is None and (candidate is not None or feedback is not None or usage is not None):
            self._start(chunk, data)
        if usage is not None and usage != self._usage and self._started:
            self._usage = usage
            self._count(usage)
        failure = self._blocked(feedback) if feedback is not None else None
        if candidate is not None:
            failure = self._candidate(candidate) or failure
        return problem_in_stream(error) if error is not None else failure

    def _start(self, chunk: Members, data: bytes) -> None:
        given, model = chunk.text("responseId", ""), chunk.text("modelVersion", "")
        if self._started:
            return
        self._started = True
        self._seed = given or digest(data.decode("utf-8", "replace"), 16)
        self._events.append(Started(given, model, chunk.rest(NAME)))

    def _count(self, raw: Raw) -> None:
        usage, extras = read_usage(opened(raw, "usageMetadata"))
        if usage != NOTHING_SAID or extras:
            self._events.append(UsageSeen(usage, extras))

    def _blocked(self, feedback: Members) -> Problem | None:
        """What it means for the prompt that the vendor looked at it."""
        word = feedback.text("blockReason")
        if word is None:
            return None
        if word not in BLOCKS:
            return _broke_off(f"since it blocked the prompt ({word})", "")
        self._reason, self._word = "refusal", WORDS["refusal"]
        feedback.put_back("blockReason", Raw(msgspec.json.encode(word)))
        self._noted["promptFeedback"] = feedback.whole_again()
        return None

    def _candidate(self, candidate: Members) -> Problem | None:
        content = inner(candidate, "content")
        for part in listed(content, "parts") if content else ():
            self._part(part)
        word, words = candidate.text("finishReason"), candidate.text("finishMessage")
        left = candidate.rest(NAME)
        self._noted |= left.members if left else {}
        if not word or self._reason is not None:
            return None
        self._word = word
        self._reason = REASONS.get(word, "unknown")
        if words:
            self._noted["finishMessage"] = Raw(msgspec.json.encode(words))
        return _failure(word, words or "")

    def _part(self, raw: Members) -> None:
        call = inner(raw, "functionCall") if "functionCall" in raw else None
        if call is not None:
            if self._is_partial(call, raw):
                return
            raw.put_back("functionCall", call.whole_again())
        whole = raw.whole_again() if "functionResponse" in raw else None
        part = read_part(raw, self._seal_of)
        match part:
            case Text() | Thinking():
                self._words(part)
            case ToolCall():
                self._close()
                self._call(part)
            case ToolResult():
                self._close()
                self._whole(Unknown(NAME, "functionResponse", whole or Raw(b"{}")))
            case _:
                self._close()
                self._spoken = True
                self._whole(part)

    def _seal_of(self, signature: str) -> tuple[Seal, bool]:
        return Seal(self._hearing.origin, signature), False

    def _words(self, part: Text | Thinking) -> None:
        """More text of the open part, or a part of its own; a signature completes it."""
        kind = type(part)
        prose = self._prose
        if prose is None or prose[0] is not kind or part.extras is not None:
            if not part.text and part.extras is None:
                if part.seal is not None:
                    self._seal_prose()
                    self._held.append(part)
                return
            self._close()
            prose = self._prose = (kind, self._open(replace(part, text="", seal=None)))
        if part.text:
            self._spoken = True
            self._events.append(PartGrew(prose[1], part.text))
        if part.seal is not None:
            self._seal_prose(part.seal)

    def _seal_prose(self, seal: Seal | None = None) -> None:
        if self._prose is None:
            return
        kind, index = self._prose
        if kind is Thinking and seal is None:
            seal = Seal(self._hearing.origin, "")
        self._events.append(PartSealed(index, seal))
        self._prose = None

    def _close(self) -> None:
        """Seals the open part, and shows what was held behind it."""
        self._seal_prose()
        held, self._held = self._held, []
        for part in held:
            self._whole(part)

    def _open(self, head: Part) -> int:
        index = self._parts
        self._parts += 1
        self._events.append(PartOpened(index, head))
        return index

    def _whole(self, part: Part) -> None:
        """A part that is complete at once."""
        index = self._open(replace(part, seal=None))
        self._events.append(PartSealed(index, part.seal))

    def _call(self, call: ToolCall) -> None:
        hearing = self._hearing
        self._spoken = True
        arguments = call.arguments
        if call.name in hearing.lowered:
            arguments = restored(arguments, hearing.lowered[call.name])
        head = replace(call, id=self._id(call), name=hearing.names.get(call.name, call.name), arguments="", seal=None)
        if call.name in hearing.text_tools:
            head, arguments = replace(head, form="text"), free_text(arguments)
        index = self._open(head)
        self._events += (PartGrew(index, arguments), PartSealed(index, call.seal))

    def _id(self, call: ToolCall) -> str:
        """The call's own id where no other call of the answer has it, else one made."""
        chosen = call.id
        if not chosen or chosen in self._ids:
            chosen = f"call_{digest(f'{self._seed}#{len(self._ids)}#{call.name}#{chosen}', 24)}"
        self._ids.add(chosen)
        return chosen

    def _is_partial(self, call: Members, part: Members) -> bool:
        """Whether this is a piece of a call; the call is shown when it is complete."""
        pieces, more = call.anything("partialArgs"), call.truth("willContinue") or False
        if self._partial is None and not more and pieces is None:
            return False
        if self._partial is None:
            signature = part.text("thoughtSignature")
            seal = Seal(self._hearing.origin, signature) if signature else None
            head = ToolCall(call.text("id", ""), call.need("name", call.text("name")), "", seal=seal)
            self._partial = (head, PartialArguments())
        head, arguments = self._partial
        arguments.take(pieces if isinstance(pieces, list) else [])
        if not more:
            self._partial = None
            self._close()
            self._call(replace(head, arguments=msgspec.json.encode(arguments.value).decode()))
        return True


def _opened(data: bytes) -> Members:
    """The members of a chunk, torn characters replaced. Raises `Trouble`."""
    try:
        data.decode()
        return opened(data, "answer")
    except (Trouble, UnicodeDecodeError):
        return opened(whole_characters(data), "answer")


def sources_in(grounding: Raw) -> str | None:
    """The addresses that an answer rests on, in plain words; None if there are none."""
    found = _ANY.decode(grounding)
    chunks = found.get("groundingChunks") if isinstance(found, dict) else None
    lines: list[str] = []
    for chunk in chunks if isinstance(chunks, list) else ():
        place = next((each for each in chunk.values() if isinstance(each, dict)), {}) if isinstance(chunk, dict) else {}
        if isinstance(place.get("uri"), str):
            title = place.get("title")
            lines.append(f"- {title}: {place['uri']}" if isinstance(title, str) else f"- {place['uri']}")
    return "\n".join(["Sources:", *lines]) if lines else None


def _failure(word: str, words: str) -> Problem | None:
    """The problem that a finish reason stands for; None for one that ends an answer."""
    if word in FAILING:
        return _broke_off(FAILING[word], words)
    if word == UNSIGNED:
        return problem(
            Kind.INVALID_REQUEST,
            "The provider was asked, but the history lacks a signature that the model demands of its earlier calls. "
            "Begin a new conversation, or choose a model that demands none.",
            evidence=words,
        )
    if word == BANNED:
        return problem(
            Kind.UPSTREAM_CREDENTIAL,
            "The provider has limited or shut the gateway's account. Whoever runs this gateway must ask the provider.",
            evidence=words,
        )
    return None


def garbled(data: bytes, found: str = "") -> Problem:
    """What was to be an answer and is none of this dialect."""
    return problem(
        Kind.GARBLED,
        f"The provider answered with something that is no answer of its dialect. {found} Try again; if it persists, "
        "check its address.".replace("  ", " "),
        evidence=data[:4096].decode("utf-8", "replace"),
    )


def _broke_off(why: str, words: str) -> Problem:
    return problem(Kind.UPSTREAM_ERROR, f"The provider broke off its answer {why}. Try again.", evidence=words)


def _empty() -> Problem:
    return problem(Kind.UPSTREAM_ERROR, "The provider ended its answer without having said anything. Try again.")


def _cut_short(*, started: bool) -> Problem:
    found = "its answer ended without a finish reason" if started else "it answered nothing"
    return problem(Kind.CUT_SHORT, f"The provider was asked, but {found}. Try again.")
