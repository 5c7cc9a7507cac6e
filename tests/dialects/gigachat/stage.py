"""Scenes, the vendor's SDK and the strict stand-in as oracles, and short ways to read and write for these tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gigachat.models import Chat

from dragoman.canon.events import Event
from dragoman.canon.habits import Habits
from dragoman.canon.order import OrderKeeper
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Part, Request, Text, Thinking, ToolCall, ToolResult, Turn
from dragoman.dialects.base import Hearing, Target, Telling, Written
from dragoman.dialects.gigachat import DIALECT
from tests.standin.gigachat_check import check_gigachat
from tests.standin.reply import Signer
from tests.standin.rules import Rules

Json = dict[str, Any]

SCENES = Path(__file__).resolve().parents[2] / "scenes"
OWN = SCENES / "gigachat"
ORIGIN = "giga"
HEARING = Hearing(origin=ORIGIN)
TELLING = Telling(model="asked", exchange_id="x1", created_s=1763600000)
BARE = Telling(model="asked", exchange_id="x1", created_s=1763600000, bare_seals=True)
OLDER = Habits(json_schema=False, prefill=False)
"""What every model takes."""
NEWER = Habits(prefill=False, effort="reasoning_effort", reasoning_echo="reasoning_content")
"""What the newest models take: any JSON Schema, and a word on how much to think."""
FILES = dict.fromkeys(("file_1", "file_2", "file_3"), "image/png")


def target(habits: Habits = OLDER, *, native: bool = True, stream: bool = True, **changes: Any) -> Target:
    """An upstream with these habits."""
    fields = {name: getattr(habits, name) for name in Habits.__struct_fields__} | changes
    return Target(model="GigaChat-2-Max", origin=ORIGIN, native=native, stream=stream, habits=Habits(**fields))


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


def called(call_id: str, name: str = "Read", arguments: str = "{}", **members: Any) -> ToolCall:
    """A call."""
    return ToolCall(call_id, name, arguments, **members)


def gave(call_id: str, *parts: Part | str, **members: Any) -> ToolResult:
    """A result; strings are texts."""
    return ToolResult(call_id, tuple(Text(part) if isinstance(part, str) else part for part in parts), **members)


def write(request: Request, habits: Habits = OLDER, **changes: Any) -> tuple[Json, Written]:
    """The body as JSON, judged by the vendor's SDK and the strict stand-in, and all that was written."""
    written = DIALECT.write_request(request, target(habits, **changes))
    body = json.loads(written.body)
    judge(body, any_schema=habits.json_schema)
    return body, written


def judge(body: Json, *, any_schema: bool = False) -> None:
    """Raises for a body that the strict stand-in refuses, or that holds anything the SDK's types do not know."""
    allow = frozenset({"functions_state_id", *(["json_schema"] if any_schema else [])})
    check_gigachat(body, Rules(allow=allow), Signer(), FILES)
    plain = body | {"functions": []} if any_schema else body
    known = Chat.model_validate(plain).model_dump(by_alias=True)
    assert not list(missing(plain, known))


def missing(told: Any, known: Any, path: str = "") -> Iterable[str]:
    """Members of a body that the SDK's types lost, with their places."""
    if isinstance(told, dict):
        for name, value in told.items():
            if not isinstance(known, dict) or name not in known:
                yield f"{path}.{name}"
            else:
                yield from missing(value, known[name], f"{path}.{name}")
    elif isinstance(told, list) and isinstance(known, list):
        for place, (one, other) in enumerate(zip(told, known, strict=True)):
            yield from missing(one, other, f"{path}[{place}]")


def messages(request: Request, habits: Habits = OLDER, **changes: Any) -> list[Json]:
    """The messages of the body."""
    found: list[Json] = write(request, habits, **changes)[0]["messages"]
    return found


def losses(written: Written) -> list[str]:
    """Names of the losses."""
    return [loss.what for loss in written.losses]


def chunk(delta: Json | None = None, finish: str | None = None, **members: Any) -> Json:
    """One chunk of a stream."""
    choice: Json = {"delta": delta or {}, "index": 0} | ({} if finish is None else {"finish_reason": finish})
    return {"choices": [choice], "created": 1, "model": "GigaChat-2-Max:1", "object": "chat.completion"} | members


def function(name: str, arguments: Any, state: str | None = None, content: str = "") -> Json:
    """A delta or message with a call."""
    said: Json = {"content": content, "function_call": {"name": name, "arguments": arguments}}
    return said | ({} if state is None else {"functions_state_id": state})


def sse(*chunks: Json | str, done: bool = True) -> bytes:
    """A stream of chunks."""
    lines = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in chunks]
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


def heard(*chunks: Json | str, done: bool = True, hearing: Hearing = HEARING) -> Reply:
    """The reply that these chunks amount to."""
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
        case ToolCall(name=name, arguments=arguments):
            return "call", name, arguments
        case _:
            return (type(part).__name__,)


def ending(reply: Reply) -> str:
    """How it ended: the finish reason, or the kind of problem."""
    return reply.problem.kind.value if reply.problem else reply.finish.reason if reply.finish else ""
