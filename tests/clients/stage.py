"""The stage: a vendor whose model carries an agent run, and what must be true of it and of the client afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.clients.claude_code import MODEL, Json, Run
from tests.clients.gateway import Wire
from tests.standin import Ask, Reply, Shape, StandIn, agent_run, agent_step
from tests.standin.acts import Act, Body, Pause
from tests.standin.responders import PROGRAM, Responder
from tests.standin.routes import Route
from tests.standin.server import Seen

UPSTREAM_KEY = "key-of-the-gateway"
CLIENT_KEY = "key-of-the-client"
CALLS = ["Write", "Bash", "Read", "Edit", "Bash"]
LAST_OUTPUT = "числа ✓ 0 1 1 2 3 5 8 13 21 34 55 89"
STEPS = 5
"""Answers of the model in the agent run."""


def vendor(
    place: Path,
    wire: Wire,
    shape: Shape | None = None,
    *,
    key: str = UPSTREAM_KEY,
    responder: Responder | None = None,
) -> StandIn:
    """A strict vendor of one dialect, whose model carries the agent run in the client's directory unless told else."""
    answering = responder or agent_run(str(place / "work"))
    return StandIn(answering, dialects=(wire,), shape=shape, api_key=key, models=(MODEL,))


def slowly(responder: Responder, step: int) -> Responder:
    """The same, but one step of the agent run comes piece by piece, so that what breaks in it breaks after content."""

    def respond(ask: Ask) -> Reply:
        reply = responder(ask)
        return msgspec.structs.replace(reply, shape=SLOW) if agent_step(ask) == step else reply

    return respond


SLOW = Shape(event_delay_s=0.01)


def at_step(step: int, *, streamed: bool | None = None) -> Callable[[Ask], bool]:
    """Whether a request asks for this step of the agent run (as a stream, or whole)."""
    return lambda ask: agent_step(ask) == step and streamed in (None, ask.stream)


def claim_done(run: Run) -> None:
    """The task is done and reported, the files are as they should be, and the client never had to save the run."""
    assert not run.overdue, run.story
    assert (run.exit_code, run.is_error) == (0, False), run.story
    assert run.retries == [], run.story
    assert [name for name, _ in run.calls] == CALLS, run.story
    assert not any(result.get("is_error") for result in run.tool_results), run.story
    assert (run.work / "fib.py").read_text() == PROGRAM.replace("fib(10)", "fib(12)")
    assert run.text.startswith("Done ✓."), run.story
    assert LAST_OUTPUT in run.text, run.story


def claim_smooth(upstream: StandIn) -> None:
    """Each answer was asked for once, as a stream, in a form the vendor takes, and read to its end."""
    assert [seen.refused for seen in upstream.requests] == [None] * STEPS
    assert [seen.answered for seen in upstream.requests] == ["reply"] * STEPS
    assert all(seen.body["stream"] is True for seen in upstream.requests)
    assert upstream.wait(lambda vendor: all(seen.ended for seen in vendor.requests))


def shown(run: Run) -> list[Json]:
    """The blocks the user saw, without what differs by run: ids, signatures, directories."""
    return [_without_place(block, str(run.work)) for block in run.blocks]


def _without_place(value: Any, place: str) -> Any:
    match value:
        case str():
            return value.replace(place, "PLACE")
        case dict():
            hidden = ("id", "tool_use_id", "signature")
            return {name: _without_place(item, place) for name, item in value.items() if name not in hidden}
        case list():
            return [_without_place(item, place) for item in value]
        case _:
            return value


class HoldingVendor(StandIn):
    """A vendor that stops within each answer, after its first content, until it is released. Mutable like its base."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.released = threading.Event()

    def _acts(self, route: Route, seen: Seen) -> Iterable[Act]:
        return self._held(super()._acts(route, seen))

    def _held(self, acts: Iterable[Act]) -> Iterator[Act]:
        for act in acts:
            yield act
            while isinstance(act, Body) and act.of_model and not self.released.is_set():
                yield Pause(0.005)
