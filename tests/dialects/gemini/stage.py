"""Scenes, the vendor's SDK and the strict stand-in as oracles, and short ways to read and write for these tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.genai import types

from dragoman.canon.events import Event
from dragoman.canon.habits import Habits
from dragoman.canon.order import OrderKeeper
from dragoman.canon.problem import Problem, Trouble
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Part, Request, Text, Thinking, ToolCall, Turn
from dragoman.dialects.base import Hearing, Target, Telling, Written
from dragoman.dialects.gemini import DIALECT
from tests.standin.check_gemini import check_gemini
from tests.standin.reply import Signer
from tests.standin.rules import Rules

Json = dict[str, Any]

SCENES = Path(__file__).resolve().parents[2] / "scenes"
OWN = SCENES / "gemini"
ORIGIN = "gem"
HEARING = Hearing(origin=ORIGIN)
TELLING = Telling(model="asked", exchange_id="x1", created_s=1763600000)
BARE = Telling(model="asked", exchange_id="x1", created_s=1763600000, bare_seals=True)
NEW = Habits(
    reasoning_echo="thoughtSignature", effort="thinking_level", stop_limit=5, prefill=False, max_output_limit=65_536
)
"""What the newest models take."""
OLD = Habits(
    effort="thinking_budget",
    stop_limit=5,
    json_schema=False,
    result_media=False,
    mixed_tools=False,
    call_ids=False,
    max_output_limit=65_536,
)
"""What Gemini 2.5 takes."""


def target(habits: Habits = NEW, *, native: bool = True, **changes: Any) -> Target:
    """An upstream with these habits."""
    fields = {name: getattr(habits, name) for name in Habits.__struct_fields__} | changes
    return Target(model="gemini-x", origin=ORIGIN, native=native, habits=Habits(**fields))


def scene(name: str) -> bytes:
    """The bytes of a scene."""
    return (OWN / name).read_bytes()


def asked(*turns: Turn, dialect: str = "tongue", **members: Any) -> Request:
    """A request of another dialect, or of the one named."""
    return Request(dialect=dialect, model="asked", turns=turns or (Turn("user", (Text("hi"),)),), **members)


def user(*parts: Part | str) -> Turn:
    """A user turn; strings are texts."""
    return Turn("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Part | str) -> Turn:
    """An assistant turn; strings are texts."""
    return Turn("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def write(request: Request, habits: Habits = NEW, **changes: Any) -> tuple[Json, Written]:
    """The body as JSON, judged by the vendor's SDK, and all that was written."""
    written = DIALECT.write_request(request, target(habits, **changes))
    body = json.loads(written.body)
    judge(body)
    return body, written


def contents(request: Request, habits: Habits = NEW, **changes: Any) -> list[Json]:
    """The contents of the body."""
    found: list[Json] = write(request, habits, **changes)[0]["contents"]
    return found


def losses(written: Written) -> list[str]:
    """Names of the losses."""
    return [loss.what for loss in written.losses]


def read(body: Json | bytes) -> Request:
    """The request in a body."""
    return DIALECT.read_request(body if isinstance(body, bytes) else json.dumps(body).encode())


def refused(body: Json | bytes) -> Problem:
    """Why a body is refused."""
    try:
        read(body)
    except Trouble as trouble:
        return trouble.problem
    raise AssertionError("it was taken")


def judge(body: Json) -> None:
    """Fails unless the body is what the vendor's SDK would send."""
    for member, kind in (
        ("systemInstruction", types.Content),
        ("toolConfig", types.ToolConfig),
        ("generationConfig", types.GenerationConfig),
    ):
        if member in body:
            kind.model_validate_json(json.dumps(body[member]))
    for content in body["contents"]:
        types.Content.model_validate_json(json.dumps(content))
    for tool in body.get("tools", ()):
        types.Tool.model_validate_json(json.dumps(tool))


def strictly(body: Json) -> None:
    """Raises what a strict vendor would answer."""
    check_gemini(body, Rules(), Signer())


def chunk(*parts: Json, finish: str | None = None, **members: Any) -> Json:
    """One chunk of a stream, or a whole answer."""
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r1"} | members


def call(name: str, args: Json | None = None, **members: Any) -> Json:
    """A part with a call."""
    given = {key: members.pop(key) for key in ("id",) if key in members}
    return {"functionCall": {**given, "name": name, "args": args if args is not None else {}}, **members}


def sse(*chunks: Json | str) -> bytes:
    """A stream of chunks."""
    lines = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in chunks]
    return "".join(f"data: {line}\r\n\r\n" for line in lines).encode()


def events(stream: bytes | Iterable[bytes], hearing: Hearing = HEARING) -> list[Event]:
    """All events of a stream, which must be legal."""
    reader = DIALECT.reader(hearing)
    found: list[Event] = []
    for piece in [stream] if isinstance(stream, bytes) else stream:
        found += reader.feed(piece)
    found += reader.close()
    return legal(found)


def legal(found: list[Event]) -> list[Event]:
    """The events, which must be legal and have one ending."""
    keeper = OrderKeeper()
    assert keeper.keep(found) == found, "illegal events"
    assert keeper.ended, "events without an end"
    return found


def heard(*chunks: Json | str, hearing: Hearing = HEARING) -> Reply:
    """The reply that these chunks amount to."""
    return fold(events(sse(*chunks), hearing))


def whole(body: Json | bytes, hearing: Hearing = HEARING) -> Reply:
    """The reply that a whole answer amounts to."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return fold(legal(DIALECT.read_reply(data, hearing)))


def told(found: list[Event], telling: Telling = TELLING) -> bytes:
    """The stream that says these events; every chunk is what the vendor's SDK reads."""
    data = DIALECT.writer(telling).write(found)
    for each in frames(data):
        if "error" not in each:
            types.GenerateContentResponse.model_validate_json(json.dumps(each))
    return data


def frames(data: bytes) -> list[Json]:
    """The chunks of a stream."""
    return [json.loads(block.removeprefix("data: ")) for block in data.decode().split("\n\n") if block]


def gist(reply: Reply) -> list[tuple[str, ...]]:
    """The parts in short."""
    return [_gist(part) for part in reply.parts]


def _gist(part: Part) -> tuple[str, ...]:
    match part:
        case Text(text=text):
            return "text", text
        case Thinking(text=text):
            return "thinking", text
        case ToolCall(id=call_id, name=name, arguments=arguments):
            return "call", call_id, name, arguments
        case _:
            return (type(part).__name__,)


def seals(reply: Reply) -> list[str | None]:
    """What the seals of the parts hold."""
    return [part.seal.blob if part.seal else None for part in reply.parts]


def ending(reply: Reply) -> str:
    """How it ended: the finish reason, or the kind of problem."""
    return reply.problem.kind.value if reply.problem else reply.finish.reason if reply.finish else ""
