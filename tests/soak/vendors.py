"""Vendors that misbehave at random, from a seed, and remember what they meant to say to whom."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import Literal

from msgspec import Struct

from tests.standin import FAULTS, Ask, Call, Fault, Reply, Shape, StandIn, Text, Thinking
from tests.standin.acts import Act, Reset
from tests.standin.reply import Part

BEFORE = (
    *("F15", "F15.done", "F15.comment", "F16", "F16.first", "F17", "F18", "F20", "F24", "F25", "F26.503"),
    *("F37", "F39", "F40.before", "F48.start"),
)
"""Faults before any content, told at once."""
SILENT = ("F12", "F13", "F14")
"""The same, but only a limit ends them."""
AFTER = (
    *("F40.after", "F48.text", "F48.call", "F48.finish", "F52.text", "F52.thinking", "F52.call"),
    *("F53.text", "F53.thinking", "F53.call", "F57", "F57.call"),
)
"""Faults after content."""
STALLED = ("F54",)
SETTINGS = {"F20": "1", "F16": "503", "F16.first": "503", "F57": "503", "F57.call": "503"}
"""The wait that a 429 tells, and the status of an error event, which both dialects have a word for."""

Stage = Literal["", "before", "after"]
NUMBER = re.compile(r"request (\d+)")
WORDS = ("the", "gateway", "reads", "and", "writes", "without", "adding", "or", "losing", "what", "was", "meant")
LETTERS = ("Ж", "語", "✓", "🦊")


class Habit(Struct, frozen=True, kw_only=True):
    """How often a vendor does what."""

    before: float = 0.0
    silent: float = 0.0
    after: float = 0.0
    stalled: float = 0.0
    reset: float = 0.0
    """Share of new connections that are reset at once."""
    late_s: float = 0.0
    """Seconds that half of the answers come late by, and the other half never come; 0: neither."""


WELL = Habit()
ILL = Habit(before=0.16, silent=0.02, after=0.14, stalled=0.02, reset=0.02)
SLEEPY = Habit(late_s=15.5)


class Truth(Struct, frozen=True):
    """What one vendor meant to say to one request."""

    vendor: str
    key: str
    """Of the fault; `reply` for none."""
    stage: Stage
    """When the fault shows in a stream; empty where the answer comes whole."""
    reply: Reply


class Book:
    """What was meant, by number of the request. Mutable: vendors write into it, and judges take out."""

    def __init__(self) -> None:
        self._truths: dict[int, list[Truth]] = defaultdict(list)

    def note(self, number: int, truth: Truth) -> None:
        """Another attempt at a request."""
        self._truths[number].append(truth)

    def take(self, number: int) -> list[Truth]:
        """All that was meant for a request."""
        return self._truths.pop(number, [])


class Vendor(StandIn):
    """A strict vendor with a habit. Mutable like its base."""

    def __init__(self, name: str, letter: str, dialect: str, habit: Habit, book: Book, seed: int) -> None:
        super().__init__(dialects=(dialect,))
        self.name = name
        self._letter = letter
        self.dialect = dialect
        self.refusals: set[str] = set()
        """Why its published schema refused a request."""
        self._habit = habit
        self._book = book
        self._chance = random.Random(f"{seed} {name}")
        self._serial = 0

    def hang_up(self) -> None:
        """Closes every connection and forgets every request."""
        self.refusals |= {seen.refused for seen in self.requests if seen.refused}
        self.forget()
        for connection in self._live:
            connection.hang_up()

    def _greeting(self) -> list[Act] | None:
        return [Reset()] if self._chance.random() < self._habit.reset else None

    def _next(self, ask: Ask) -> Reply | Fault | None:
        found = NUMBER.search(ask.last_user_text)
        key, stage = self._draw("stream" if ask.stream else "whole")
        reply = self._reply()
        if found:
            self._book.note(int(found[1]), Truth(self.name, key, stage, reply))
        if key == "reply":
            return reply
        wait_s = self._habit.late_s if key == "F59" else None
        value = SETTINGS.get(key) if key == "F20" or self.dialect == "openai_chat" else None
        return Fault(key=key, reply=reply, value=value, after=self._chance.randint(1, 4), wait_s=wait_s)

    def _draw(self, mode: str) -> tuple[str, Stage]:
        """The next fault, or none, and when it shows."""
        habit, dice = self._habit, self._chance.random()
        if habit.late_s:
            return ("F59", "") if dice < 0.5 else ("F12", "before")
        kinds: tuple[tuple[float, tuple[str, ...], Stage], ...] = (
            (habit.before, BEFORE, "before"),
            (habit.silent, SILENT, "before"),
            (habit.after, AFTER, "after"),
            (habit.stalled, STALLED, "after"),
        )
        for share, keys, stage in kinds:
            if dice < share:
                key = self._chance.choice([key for key in keys if mode in FAULTS[key].modes])
                return key, "after" if stage == "after" and mode == "stream" else "before"
            dice -= share
        return "reply", ""

    def _reply(self) -> Reply:
        """Something of every kind, each beginning with a number that no other answer has."""
        self._serial += 1
        # Seven characters, which no way of cutting text cuts: the first piece tells who speaks.
        chance, mark = self._chance, f"{self._letter}{self._serial:06}"
        parts: tuple[Part, ...] = (
            Thinking(f"{mark} {self._words(30)} {chance.choice(LETTERS)}"),
            Text(f"{mark} {chance.choice(LETTERS)} {self._words(60)}"),
            *(Call("Bash", f'{{"command": "echo {mark} {self._words(12)}"}}') for _ in range(chance.randint(1, 2))),
        )
        shape = Shape(
            writes=chance.choice(("event", "event", "random")),
            seed=chance.randrange(2**32),
            newline=chance.choice(("\n", "\r\n")),
            comments=chance.random() < 0.2,
            pings=chance.random() < 0.2,
            text=chance.choice(("words", "fragments")),
            # Interleaved blocks of the other dialect would have no order to be judged by.
            calls=chance.choice(("in_order", "interleaved")) if self.dialect == "openai_chat" else "in_order",
            event_delay_s=chance.choice((0.0, 0.0, 0.002)),
        )
        return Reply(parts, shape=shape)

    def _words(self, most: int) -> str:
        return " ".join(self._chance.choices(WORDS, k=self._chance.randint(1, most)))
