"""Scenes, the vendor's SDK as an oracle, and short ways to read and write for the tests of this dialect."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from dragoman.canon.events import Event, Failed, Finished
from dragoman.canon.habits import Habits
from dragoman.canon.order import OrderKeeper
from dragoman.canon.problem import Problem, Trouble
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Loss, Request
from dragoman.dialects.anthropic import DIALECT
from dragoman.dialects.base import Hearing, Target, Telling, Written

SCENES = Path(__file__).parent.parent.parent / "scenes" / "anthropic"
HEARING = Hearing(origin="acme")
TELLING = Telling(model="asked", exchange_id="X1", created_s=1_795_000_000, input_estimate=77)
BARE = Telling(model="asked", exchange_id="X1", created_s=1_795_000_000, bare_seals=True)
NATIVE = Target(model="claude-opus-5-5", origin="acme", native=True, stream=False, habits=Habits(user_limit=256))
OTHER = Target(model="kimi-k3", origin="elsewhere", stream=False)

STREAMS = sorted(path.stem for path in SCENES.glob("*.sse"))
BODIES = sorted(path.stem for path in SCENES.glob("*.json") if ".whole" not in path.name)
TWINS = sorted(path.name.removesuffix(".whole.json") for path in SCENES.glob("*.whole.json"))


def stream(name: str) -> bytes:
    """The bytes of a recorded stream."""
    return (SCENES / f"{name}.sse").read_bytes()


def whole(name: str) -> bytes:
    """The same answer as one body."""
    return (SCENES / f"{name}.whole.json").read_bytes()


def body(name: str) -> dict[str, Any]:
    """The body of a captured request."""
    found: dict[str, Any] = json.loads((SCENES / f"{name}.json").read_bytes())
    return found


def said(*content: Any, **members: Any) -> dict[str, Any]:
    """A small body with one user message."""
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": list(content)}], **members}


def read(wire: Any) -> Request:
    """The request in a body given as JSON values, or as bytes."""
    return DIALECT.read_request(wire if isinstance(wire, bytes) else json.dumps(wire).encode())


def refused(wire: Any) -> Problem:
    """Why a body is refused."""
    try:
        read(wire)
    except Trouble as trouble:
        return trouble.problem
    raise AssertionError("it was taken")


def write(request: Request, target: Target = NATIVE) -> Written:
    """The body for an upstream; judged by the vendor's SDK."""
    written = DIALECT.write_request(request, target)
    judge(json.loads(written.body))
    return written


def wire_of(request: Request, target: Target = NATIVE) -> dict[str, Any]:
    """The same as JSON values."""
    found: dict[str, Any] = json.loads(write(request, target).body)
    return found


def lost(losses: Iterable[Loss]) -> set[str]:
    """The names of what was lost."""
    return {loss.what for loss in losses}


def heard(*chunks: bytes, hearing: Hearing = HEARING) -> list[Event]:
    """The events of a stream that comes in these pieces and then ends; they are legal, with one ending."""
    reader = DIALECT.reader(hearing)
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()
    assert OrderKeeper().keep(events) == events
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    return events


def heard_reply(*chunks: bytes, hearing: Hearing = HEARING) -> Reply:
    """What those events amount to."""
    return fold(heard(*chunks, hearing=hearing))


def told(events: list[Event], telling: Telling = TELLING) -> bytes:
    """The stream that says these events."""
    return DIALECT.writer(telling).write(events)


def frames(data: bytes) -> list[tuple[str, Any]]:
    """The events of a stream by their `event:` line, the data as JSON values."""
    found = []
    for block in data.decode().split("\n\n"):
        if block:
            name, line = block.split("\n")
            found.append((name.removeprefix("event: "), json.loads(line.removeprefix("data: "))))
    return found


@functools.cache
def _judges() -> dict[str, TypeAdapter[Any]]:
    from anthropic.types.beta.message_create_params import MessageCreateParams as BetaParams
    from anthropic.types.message_create_params import MessageCreateParams

    return {"plain": TypeAdapter(MessageCreateParams), "beta": TypeAdapter(BetaParams)}


def judge(wire: dict[str, Any]) -> None:
    """Fails unless the body is what the vendor's SDK would send."""
    beta = any(message["role"] == "system" for message in wire["messages"]) or "context_management" in wire
    exhaust(_judges()["beta" if beta else "plain"].validate_python(wire))


def exhaust(value: Any) -> None:
    """Lets a lazy validator look at all it was given."""
    if isinstance(value, dict):
        for inner in value.values():
            exhaust(inner)
    elif isinstance(value, Iterator | list | tuple):
        for inner in value:
            exhaust(inner)


def accumulated(data: bytes) -> dict[str, Any]:
    """The message that the vendor's SDK makes of a stream."""
    from anthropic.lib.streaming._messages import accumulate_event
    from anthropic.types import Message, RawMessageStreamEvent

    events = TypeAdapter[Any](RawMessageStreamEvent)
    message: Any = None
    buffers: dict[int, bytes] = {}
    for name, event in frames(data):
        if name not in ("ping", "error"):
            assert name == event["type"]
            message = accumulate_event(event=events.validate_python(event), current_snapshot=message, json_bufs=buffers)
    found: dict[str, Any] = message.to_dict()
    Message.model_validate(found)
    return found
