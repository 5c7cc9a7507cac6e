"""The grammar of events as one table, the keeper that enforces it, and the queue that puts parts in single file.

Theory: between every reader and every writer stands an `OrderKeeper`, so that no upstream, however broken, can make
a writer produce an illegal stream. `single_file` is for dialects that cannot have two parts open at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from dragoman.canon.events import (
    Beat,
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
from dragoman.canon.problem import Kind, problem

State: TypeAlias = Literal["awaited", "underway", "ended"]

GRAMMAR: dict[State, dict[type[Event], State]] = {
    "awaited": {Beat: "awaited", Started: "underway", Failed: "ended"},
    "underway": {
        Beat: "underway",
        PartOpened: "underway",
        PartGrew: "underway",
        PartNoted: "underway",
        PartSealed: "underway",
        UsageSeen: "underway",
        Finished: "ended",
        Failed: "ended",
    },
    "ended": {},
}
"""Which event may come in which state, and the state after it. Beside it stand three rules on parts: indices are
dense and rising; a part grows, is noted and is sealed only while open; all are sealed before `Finished`."""


class OrderKeeper:
    """Lets legal events through; at the first illegal one it ends the stream with `Failed`, and stays silent after.

    Mutable: it remembers the state and which parts are open.
    """

    def __init__(self) -> None:
        self.state: State = "awaited"
        self._open: set[int] = set()
        self._opened = 0

    @property
    def ended(self) -> bool:
        """Whether `Finished` or `Failed` has passed."""
        return self.state == "ended"

    def keep(self, events: list[Event]) -> list[Event]:
        """The legal beginning of these events, closed by a `Failed` of kind `garbled` if an illegal one follows."""
        for position, event in enumerate(events):
            if type(event) is PartGrew and event.index in self._open:
                continue
            following = GRAMMAR[self.state].get(type(event))
            if self.state == "ended":
                return events[:position]
            fault = self._fault(event) if following else f"{type(event).__name__} while {self.state}"
            if following is None or fault:
                self._enter("ended")
                return [*events[:position], _garbled(fault)]
            if following != self.state:
                self._enter(following)
        return events

    def _enter(self, state: State) -> None:
        """Takes on a state; nothing is open once the stream has ended."""
        self.state = state
        if state == "ended":
            self._open.clear()

    def _fault(self, event: Event) -> str:
        """What is wrong with the event's part, or an empty string; remembers what opens and closes."""
        match event:
            case PartOpened(index=index):
                if index != self._opened:
                    return f"part {index} opened where {self._opened} was due"
                self._opened += 1
                self._open.add(index)
            case PartSealed(index=index):
                if index not in self._open:
                    return f"part {index} sealed while not open"
                self._open.remove(index)
            case PartGrew(index=index) | PartNoted(index=index):
                if index not in self._open:
                    return f"part {index} grew while not open"
            case Finished():
                if self._open:
                    return f"finished with parts {sorted(self._open)} open"
        return ""


def _garbled(fault: str) -> Failed:
    return Failed(
        problem(
            Kind.GARBLED,
            f"The provider's stream was read but is out of order ({fault}). Try again; if it persists, report it.",
        )
    )


class SingleFile:
    """Holds back the events of later parts until the earlier ones are sealed, so that one part is open at a time.

    Mutable: it remembers the part in front and what waits behind it. A part held back when the stream fails is
    never shown: a call that was cut must not look like a call.
    """

    def __init__(self) -> None:
        self._front: int | None = None
        self._waiting: dict[int, list[Event]] = {}

    def line_up(self, events: Iterable[Event]) -> list[Event]:
        """The events that may leave now, in an order with at most one open part."""
        leaving: list[Event] = []
        for event in events:
            if type(event) is PartGrew and event.index == self._front:
                leaving.append(event)
            elif isinstance(event, PartOpened | PartGrew | PartNoted | PartSealed):
                self._place(event, leaving)
            else:
                leaving.append(event)
        return leaving

    def _place(self, event: PartOpened | PartGrew | PartNoted | PartSealed, leaving: list[Event]) -> None:
        if self._front is None and type(event) is PartOpened:
            self._front = event.index
        if event.index != self._front:
            self._waiting.setdefault(event.index, []).append(event)
            return
        leaving.append(event)
        while type(leaving[-1]) is PartSealed and self._waiting:
            self._front = min(self._waiting)
            leaving.extend(self._waiting.pop(self._front))
        if type(leaving[-1]) is PartSealed:
            self._front = None


def diagram() -> str:
    """The grammar as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> awaited"]
    for state, moves in GRAMMAR.items():
        targets: dict[State, list[str]] = {}
        for event, following in moves.items():
            targets.setdefault(following, []).append(event.__name__)
        lines += [f"    {state} --> {to}: {', '.join(names)}" for to, names in targets.items()]
    return "\n".join([*lines, "    ended --> [*]", ""])
