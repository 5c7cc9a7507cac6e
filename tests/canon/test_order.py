"""The grammar of events: what is let through, what ends a stream, and how parts are put in single file."""

from __future__ import annotations

import pytest

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
from dragoman.canon.order import GRAMMAR, OrderKeeper, SingleFile, diagram
from dragoman.canon.problem import Kind, problem
from dragoman.canon.request import Extras, Text
from dragoman.canon.usage import Usage
from tests.canon.page import PAGE, renewed

START = Started("id", "m")
END = Finished("end")
CUT = Failed(problem(Kind.CUT_SHORT, "Cut."))
NOTE = Extras("tongue", {})
ALL: list[Event] = [
    START,
    Beat(),
    PartOpened(0, Text("")),
    PartGrew(0, "a"),
    PartNoted(0, NOTE),
    UsageSeen(Usage(input=1)),
    PartSealed(0),
    END,
]


def grew(index: int) -> PartGrew:
    """Some text of a part."""
    return PartGrew(index, str(index))


def opened(index: int) -> PartOpened:
    """A part begins."""
    return PartOpened(index, Text(""))


def test_a_whole_stream_passes_untouched() -> None:
    keeper = OrderKeeper()
    assert keeper.keep(ALL) is ALL
    assert keeper.ended


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([opened(0)], "PartOpened while awaited"),
        ([END], "Finished while awaited"),
        ([UsageSeen(Usage())], "UsageSeen while awaited"),
        ([START, START], "Started while underway"),
        ([START, opened(1)], "part 1 opened where 0 was due"),
        ([START, opened(0), opened(0)], "part 0 opened where 1 was due"),
        ([START, opened(0), opened(2)], "part 2 opened where 1 was due"),
        ([START, grew(0)], "part 0 grew while not open"),
        ([START, opened(0), grew(1)], "part 1 grew while not open"),
        ([START, opened(0), PartSealed(0), grew(0)], "part 0 grew while not open"),
        ([START, opened(0), PartSealed(0), PartNoted(0, NOTE)], "part 0 grew while not open"),
        ([START, opened(0), PartSealed(0), PartSealed(0)], "part 0 sealed while not open"),
        ([START, opened(0), opened(1), PartSealed(0), END], "finished with parts [1] open"),
    ],
)
def test_an_illegal_event_ends_the_stream(events: list[Event], fault: str) -> None:
    keeper = OrderKeeper()
    kept = keeper.keep([*events, grew(0), END])
    assert kept[:-1] == events[:-1]
    last = kept[-1]
    assert isinstance(last, Failed)
    assert last.problem.kind is Kind.GARBLED
    assert fault in last.problem.message
    assert keeper.keep([START, opened(0), grew(0), END]) == []


@pytest.mark.parametrize("ending", [CUT, END])
def test_nothing_follows_an_ending(ending: Event) -> None:
    keeper = OrderKeeper()
    begin: list[Event] = [START, opened(0), grew(0), *([PartSealed(0)] if ending is END else [])]
    assert keeper.keep([*begin, ending, grew(0), ending]) == [*begin, ending]
    assert keeper.keep([grew(0)]) == []
    assert keeper.keep([CUT]) == []


def test_a_stream_may_fail_before_it_starts() -> None:
    keeper = OrderKeeper()
    assert keeper.keep([Beat(), CUT]) == [Beat(), CUT]


def test_a_part_is_shown_once_the_one_before_it_is_sealed() -> None:
    line = SingleFile()
    assert line.line_up([START, opened(0), opened(1), grew(1), opened(2), grew(0)]) == [START, opened(0), grew(0)]
    assert line.line_up([PartSealed(2), grew(1), Beat()]) == [Beat()]
    assert line.line_up([PartSealed(0)]) == [PartSealed(0), opened(1), grew(1), grew(1)]
    assert line.line_up([grew(1)]) == [grew(1)]
    assert line.line_up([PartSealed(1), END]) == [PartSealed(1), opened(2), PartSealed(2), END]
    assert line.line_up([opened(3)]) == [opened(3)]


def test_a_part_behind_the_front_is_never_shown_when_the_stream_fails() -> None:
    line = SingleFile()
    assert line.line_up([START, opened(0), opened(1), PartSealed(1), CUT]) == [START, opened(0), CUT]


def test_the_diagram_shows_every_move() -> None:
    drawn = diagram()
    for state, moves in GRAMMAR.items():
        for event, following in moves.items():
            assert any(
                line.strip().startswith(f"{state} --> {following}:") and event.__name__ in line
                for line in drawn.splitlines()
            )


def test_the_page_shows_the_diagram_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert diagram() in page
    assert renewed(page) == page, "scripts/docs mends it"
