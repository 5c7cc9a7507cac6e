"""How these tests put things on the wire, read them, and tell whether a strict server would take them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dragoman.canon.events import Event
from dragoman.canon.habits import Habits
from dragoman.canon.order import OrderKeeper
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Part, Refusal, Request, Text, Thinking, ToolCall, Turn
from dragoman.dialects.base import Hearing, Target, Telling, Written
from dragoman.dialects.openai_chat import DIALECT
from tests.standin.check_chat import check_chat
from tests.standin.published import type_problems
from tests.standin.rules import Rules

Json = dict[str, Any]

SCENES = Path(__file__).resolve().parents[2] / "scenes" / "openai_chat"
ORIGIN = "deepseek-main"
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
    return Request(dialect=dialect, model="asked", turns=turns or (Turn("user", (Text("hi"),)),), **members)


def user(*parts: Part | str) -> Turn:
    """A user turn; strings are texts."""
    return Turn("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Part | str) -> Turn:
    """An assistant turn; strings are texts."""
    return Turn("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def write(request: Request, *, native: bool = False, **habits: Any) -> tuple[Json, Written]:
    """The body as JSON, and all that was written."""
    written = DIALECT.write_request(request, target(native=native, **habits))
    return json.loads(written.body), written


def losses(written: Written) -> list[str]:
    """Names of the losses."""
    return [loss.what for loss in written.losses]


def refusals(body: Json, rules: Rules | None = None) -> list[str]:
    """Why a strict server, or the vendor's published types, would refuse the body."""
    check_chat(body, rules or Rules())
    return type_problems("openai_chat", body)


def chunk(delta: Json | None = None, finish: str | None = None, **members: Any) -> Json:
    """One chunk of a stream."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
    } | members


def calls(*pieces: Json) -> Json:
    """A delta with pieces of calls."""
    return {"tool_calls": list(pieces)}


def call(index: int | None, call_id: str | None, name: str | None, arguments: str | None) -> Json:
    """A piece of a call; what is None is left out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece: Json = {"function": function}
    if index is not None:
        piece["index"] = index
    if call_id is not None:
        piece |= {"id": call_id, "type": "function"}
    return piece


def sse(*chunks: Json | str, done: bool = True) -> bytes:
    """A stream of chunks."""
    lines = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in [*lines, *(["[DONE]"] if done else [])]).encode()


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


def heard(*chunks: Json | str, done: bool = True, **habits: Any) -> Reply:
    """The reply that these chunks amount to."""
    hearing = Hearing(origin=ORIGIN, habits=Habits(**habits))
    return fold(events(sse(*chunks, done=done), hearing))


def gist(reply: Reply) -> list[tuple[str, ...]]:
    """The parts in short."""
    return [_gist(part) for part in reply.parts]


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
        case _:
            return (type(part).__name__,)


def ending(reply: Reply) -> str:
    """How it ended: the finish reason, or the kind of problem."""
    return reply.problem.kind.value if reply.problem else reply.finish.reason if reply.finish else ""
