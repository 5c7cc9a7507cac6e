"""A whole reply, and the two ways between it and the events of a stream.

Rule: a reply that was asked whole and one that was streamed are made by the same fold, so they can never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.canon.events import (
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Started,
    UsageSeen,
)
from dragoman.canon.problem import Problem
from dragoman.canon.request import Extras, Part, Refusal, Seal, Text, Thinking, ToolCall
from dragoman.canon.usage import NOTHING_SAID, Usage, merge


class Reply(Struct, frozen=True, kw_only=True):
    """What a provider answered, as far as it got."""

    id: str = ""
    model: str = ""
    parts: tuple[Part, ...] = ()
    usage: Usage = NOTHING_SAID
    usage_extras: Extras | None = None
    finish: Finished | None = None
    """How it ended; None when it did not end well."""
    problem: Problem | None = None
    """Why it broke off; None when it did not."""
    extras: Extras | None = None


class _Growing:
    """One part while it grows: its head, its text in pieces, its notes and its seal."""

    __slots__ = ("dialect", "head", "notes", "pieces", "seal")

    def __init__(self, head: Part) -> None:
        self.head = head
        self.pieces: list[str] = []
        self.notes: dict[str, list[Raw]] = {}
        self.dialect = ""
        self.seal: Seal | None = None

    def part(self) -> Part:
        """The part with everything that came for it."""
        grown = self.head
        text = "".join(self.pieces)
        if text:
            match grown:
                case ToolCall():
                    grown = replace(grown, arguments=grown.arguments + text)
                case Text() | Thinking() | Refusal():
                    grown = replace(grown, text=grown.text + text)
        if self.seal is not None:
            grown = replace(grown, seal=self.seal)
        if self.notes:
            grown = replace(grown, extras=_noted(grown.extras, self.notes, self.dialect))
        return grown

    def note(self, extras: Extras) -> None:
        """Keeps each member of a note as one more element of a list."""
        self.dialect = extras.dialect
        for name, value in extras.members.items():
            self.notes.setdefault(name, []).append(value)


def _noted(extras: Extras | None, notes: dict[str, list[Raw]], dialect: str) -> Extras:
    members = dict(extras.members) if extras else {}
    for name, values in notes.items():
        members[name] = Raw(msgspec.json.encode([*_elements(members.get(name)), *values]))
    return Extras(dialect, members)


def _elements(value: Raw | None) -> list[Raw]:
    """The elements of a member before its notes: those of a list, none of null, else the value itself."""
    text = memoryview(value).tobytes() if value is not None else b"null"
    if text.startswith(b"["):
        return msgspec.json.decode(text, type=list[Raw])
    return [] if value is None or text == b"null" else [value]


class Fold:
    """Gathers events into a reply. Mutable: it holds the parts as they grow. Takes legal events only."""

    def __init__(self) -> None:
        self._started = Started("", "")
        self._parts: list[_Growing] = []
        self.usage = NOTHING_SAID
        self._usage_extras: Extras | None = None
        self.finish: Finished | None = None
        self.problem: Problem | None = None
        self.text_length = 0
        """Characters generated so far, of whatever kind; what an estimate of output tokens rests on."""

    def take(self, events: Iterable[Event]) -> None:
        """Adds these events."""
        for event in events:
            if type(event) is PartGrew:
                self._parts[event.index].pieces.append(event.text)
                self.text_length += len(event.text)
                continue
            match event:
                case Started():
                    self._started = event
                case PartOpened():
                    self._parts.append(_Growing(event.head))
                case PartNoted():
                    self._parts[event.index].note(event.extras)
                case PartSealed():
                    self._parts[event.index].seal = event.seal
                case UsageSeen():
                    self.usage = merge(self.usage, event.usage)
                    self._usage_extras = event.extras or self._usage_extras
                case Finished():
                    self.finish = event
                case Failed():
                    self.problem = event.problem

    def reply(self) -> Reply:
        """What has arrived so far."""
        return Reply(
            id=self._started.id,
            model=self._started.model,
            parts=tuple(part.part() for part in self._parts),
            usage=self.usage,
            usage_extras=self._usage_extras,
            finish=self.finish,
            problem=self.problem,
            extras=self._started.extras,
        )


def fold(events: Iterable[Event]) -> Reply:
    """The reply that these legal events amount to."""
    gathered = Fold()
    gathered.take(events)
    return gathered.reply()


def unfold(reply: Reply) -> list[Event]:
    """Events that fold to this reply; of a part with text, one growth."""
    events: list[Event] = [Started(reply.id, reply.model, reply.extras)]
    for index, part in enumerate(reply.parts):
        head, text = _behead(part)
        events.append(PartOpened(index, head))
        if text:
            events.append(PartGrew(index, text))
        events.append(PartSealed(index, part.seal))
    if reply.usage != NOTHING_SAID or reply.usage_extras:
        events.append(UsageSeen(reply.usage, reply.usage_extras))
    if reply.problem:
        events.append(Failed(reply.problem))
    elif reply.finish:
        events.append(reply.finish)
    return events


def _behead(part: Part) -> tuple[Part, str]:
    """A part as it opens, without text and seal, and its text."""
    match part:
        case ToolCall(arguments=text):
            return replace(part, arguments="", seal=None), text
        case Text(text=text) | Thinking(text=text) | Refusal(text=text):
            return replace(part, text="", seal=None), text
        case _:
            return replace(part, seal=None), ""
