"""Stop sequences enforced here never make a call that was cut look whole."""

from __future__ import annotations

import pytest

from dragoman.canon.events import Event, Failed, Finished, PartGrew, PartOpened, PartSealed, Started
from dragoman.canon.order import OrderKeeper
from dragoman.canon.problem import Kind, problem
from dragoman.canon.reply import fold
from dragoman.canon.request import Text, ToolCall
from dragoman.relay.stops import StopWatch

CALL = ToolCall("a", "Read", "")
BEGUN: list[Event] = [
    PartOpened(0, CALL),
    PartGrew(0, '{"path":'),
    PartOpened(1, Text("")),
    PartGrew(1, "Now END more"),
]


def watched(events: list[Event], *, singly: bool) -> list[Event]:
    """What goes on of these events, which must be legal, watched at once or one by one."""
    watch = StopWatch(("END",))
    pieces = [[event] for event in events] if singly else [events]
    found = [event for piece in pieces for event in watch.watch(piece)]
    assert OrderKeeper().keep(found) == found
    return found


@pytest.mark.parametrize("singly", [False, True])
def test_a_call_that_is_open_when_a_stop_is_met_is_completed_first(*, singly: bool) -> None:
    rest: list[Event] = [PartGrew(0, '"a"}'), PartSealed(1), PartSealed(0), Finished("tool_calls")]
    reply = fold(watched([Started("", "m"), *BEGUN, *rest], singly=singly))
    assert reply.parts == (ToolCall("a", "Read", '{"path":"a"}'), Text("Now "))
    assert reply.finish == Finished("stop_sequence", "END")


@pytest.mark.parametrize("singly", [False, True])
def test_a_call_that_is_cut_while_a_stop_waits_fails(*, singly: bool) -> None:
    cut = Failed(problem(Kind.CUT_SHORT, "The stream was read but it was cut. Try again."))
    found = watched([Started("", "m"), *BEGUN, cut], singly=singly)
    assert found[-1] == cut
    assert not [event for event in found if isinstance(event, PartSealed)]


@pytest.mark.parametrize("singly", [False, True])
def test_a_call_behind_the_text_that_is_stopped_is_never_shown(*, singly: bool) -> None:
    text: list[Event] = [PartOpened(0, Text("")), PartGrew(0, "Now ")]
    call: list[Event] = [PartOpened(1, CALL), PartGrew(1, '{"path":')]
    reply = fold(watched([Started("", "m"), *text, *call, PartGrew(0, "END")], singly=singly))
    assert reply.parts == (Text("Now "),)
    assert reply.finish == Finished("stop_sequence", "END")
