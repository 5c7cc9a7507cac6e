"""How these tests put things on the wire, read them, and tell whether a strict server or client would take them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from dragoman.canon.events import Event
from dragoman.canon.habits import Habits
from dragoman.canon.order import OrderKeeper
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Part, Refusal, Request, ServerTool, Text, Thinking, ToolCall, Turn, Unknown
from dragoman.dialects.base import Hearing, Target, Telling, Written
from dragoman.dialects.openai_responses import DIALECT
from tests.standin.check_responses import check_responses
from tests.standin.published import type_problems
from tests.standin.reply import Signer
from tests.standin.rules import Rules

Json = dict[str, Any]

SCENES = Path(__file__).resolve().parents[2] / "scenes" / "openai_responses"
ORIGIN = "openai-main"
HEARING = Hearing(origin=ORIGIN)
TELLING = Telling(model="asked", exchange_id="x1", created_s=1763600000)


def scene(name: str) -> bytes:
    """The bytes of a scene."""
    return (SCENES / name).read_bytes()


def target(*, native: bool = False, stream: bool = True, **habits: Any) -> Target:
    """An upstream with these habits."""
    return Target(model="model-x", origin=ORIGIN, native=native, stream=stream, habits=Habits(**habits))


def asked(*turns: Turn, dialect: str = "tongue", **members: Any) -> Request:
    """A request of another dialect, or of the one named."""
    return Request(dialect=dialect, model="asked", turns=turns or (user("hi"),), **members)


def user(*parts: Part | str) -> Turn:
    """A user turn; strings are texts."""
    return Turn("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Part | str) -> Turn:
    """An assistant turn; strings are texts."""
    return Turn("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def read(**members: Any) -> Request:
    """The request in a body with these members."""
    return DIALECT.read_request(json.dumps({"model": "m", "input": "hi", **members}).encode())


def write(request: Request, *, native: bool = False, **habits: Any) -> tuple[Json, Written]:
    """The body as JSON, and all that was written."""
    written = DIALECT.write_request(request, target(native=native, **habits))
    return json.loads(written.body), written


def losses(written: Written) -> list[str]:
    """Names of the losses."""
    return [loss.what for loss in written.losses]


def refusals(body: Json, rules: Rules | None = None) -> list[str]:
    """Why the vendor, or its published types, would refuse the body."""
    check_responses(body, rules or Rules(), Signer())
    return type_problems("openai_responses", body)


def sse(*said: Json | str) -> bytes:
    """A stream of events."""
    frames = [each if isinstance(each, str) else f"event: {each['type']}\ndata: {json.dumps(each)}" for each in said]
    return "".join(f"{frame}\n\n" for frame in frames).encode()


def response(status: str, *output: Json, **members: Any) -> Json:
    """An answer's object."""
    base = {"id": "resp_1", "object": "response", "model": "m", "status": status, "output": list(output)}
    return {**base, "error": None, "incomplete_details": None, "usage": None, **members}


BEGUN = {"type": "response.created", "response": response("in_progress")}
DONE = {"type": "response.completed", "response": response("completed")}


def events(stream: bytes | Iterable[bytes], hearing: Hearing = HEARING) -> list[Event]:
    """All events of a stream, which must be legal."""
    reader = DIALECT.reader(hearing)
    found: list[Event] = []
    for piece in [stream] if isinstance(stream, bytes) else stream:
        found += reader.feed(piece)
    found += reader.close()
    keeper = OrderKeeper()
    assert keeper.keep(found) == found, "an illegal stream"
    assert keeper.ended, "a stream without an end"
    return found


def heard(*said: Json | str, hearing: Hearing = HEARING) -> Reply:
    """The reply that these events amount to."""
    return fold(events(sse(*said), hearing))


def whole(body: Json, hearing: Hearing = HEARING) -> Reply:
    """The reply that a whole answer amounts to."""
    found = DIALECT.read_reply(json.dumps(body).encode(), hearing)
    keeper = OrderKeeper()
    assert keeper.keep(found) == found
    assert keeper.ended
    return fold(found)


@cache
def _stream_events() -> TypeAdapter[Any]:
    return TypeAdapter(ResponseStreamEvent)


def told(stream: bytes) -> list[Json]:
    """The events of a stream of ours, each of which must be one that the vendor's SDK knows, in their order."""
    found = []
    for frame in stream.decode().split("\n\n"):
        if not frame or frame.startswith(":"):
            continue
        head, _, data = frame.partition("\ndata: ")
        said = json.loads(data)
        assert head == f"event: {said['type']}"
        if said["type"] != "response.failed":  # its codes are wider than the published ones
            _stream_events().validate_python(said)
        found.append(said)
    assert [said["sequence_number"] for said in found] == list(range(len(found)))
    return found


def checked(body: bytes) -> Json:
    """A whole answer of ours, which must be one that the vendor's SDK knows."""
    found: Json = json.loads(body)
    Response.model_validate(found)
    return found


def gist(parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """The parts in short."""
    return [_gist(part) for part in parts]


def _gist(part: Part) -> tuple[str, ...]:
    match part:
        case Text(text=text):
            return "text", text
        case Thinking(text=text):
            return "thinking", text
        case Refusal(text=text):
            return "refusal", text
        case ToolCall(id=call_id, name=name, arguments=arguments):
            return "call", call_id, name, arguments
        case ServerTool(kind=kind) | Unknown(kind=kind):
            return "item", kind
        case _:
            return (type(part).__name__,)


def ending(reply: Reply) -> str:
    """How it ended: the finish reason, or the kind of problem."""
    return reply.problem.kind.value if reply.problem else reply.finish.reason if reply.finish else ""
