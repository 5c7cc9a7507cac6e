"""The part of OpenAI's chat dialect that the demo model reads and writes.

https://platform.openai.com/docs/api-reference/chat (read 2026-11-20). Nothing is imported from `dialects`: a model
that shared code with its reader could not show the reader's mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

MODEL = "demo-model"
CREATED_S = 1_790_000_000
"""The demo model has no clock; every answer was made then."""


class CalledFunction(Struct, frozen=True):
    """`function` of a call in the history"""

    name: str = ""
    arguments: str = ""


class Called(Struct, frozen=True):
    """A call in the history"""

    id: str = ""
    function: CalledFunction = CalledFunction()


class Message(Struct, frozen=True):
    """One message of the history"""

    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[Called] | None = None
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """All text of the message."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part.get("text") or "") for part in self.content or [])


class Function(Struct, frozen=True):
    """`function` of an offered tool"""

    name: str
    parameters: dict[str, Any] = {}


class Tool(Struct, frozen=True):
    """A tool that the client offers"""

    function: Function


class Ask(Struct, frozen=True):
    """A request"""

    messages: list[Message]
    tools: list[Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    stream: bool = False
    stream_options: dict[str, Any] | None = None


class Call(Struct, frozen=True):
    """A call that the model makes"""

    id: str
    name: str
    arguments: str


class Answer(Struct, frozen=True):
    """What the model says to a request"""

    text: str
    call: Call | None = None
    id: str = ""

    @property
    def finish_reason(self) -> str:
        """Why it stops there."""
        return "tool_calls" if self.call else "stop"


class Usage(Struct, frozen=True):
    """Token counts; a token is four bytes here"""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


def usage_of(body: bytes, answer: Answer) -> Usage:
    """The counts of one exchange."""
    said = len(answer.text) + (len(answer.call.arguments) if answer.call else 0)
    prompt, completion = len(body) // 4, said // 4 + 1
    return Usage(prompt, completion, prompt + completion)


def whole(answer: Answer, usage: Usage) -> bytes:
    """The answer in one piece."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.call:
        message["tool_calls"] = [_call(answer.call, answer.call.arguments)]
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason, "logprobs": None}
    return msgspec.json.encode(_frame(answer.id, "chat.completion", choices=[choice], usage=usage))


def stream(answer: Answer, usage: Usage | None) -> Iterator[bytes]:
    """The answer as frames of server-sent events; `usage` only where the client asked for it."""
    chunk = partial(_chunk, answer.id)
    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(answer.text):
        yield chunk({"content": piece})
    if answer.call:
        yield chunk({"tool_calls": [{"index": 0, **_call(answer.call, "")}]})
        for start in range(0, len(answer.call.arguments), 12):
            part = answer.call.arguments[start : start + 12]
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    yield chunk({}, answer.finish_reason)
    if usage:
        yield _event(_frame(answer.id, "chat.completion.chunk", choices=[], usage=usage))
    yield b"data: [DONE]\n\n"


def pieces(text: str) -> Iterator[str]:
    """The text word by word, each with the blanks before it."""
    start = 0
    for end in range(1, len(text)):
        if text[end].isspace() and not text[end - 1].isspace():
            yield text[start:end]
            start = end
    if text:
        yield text[start:]


def model_list() -> bytes:
    """The models that there are: one."""
    row = {"id": MODEL, "object": "model", "created": CREATED_S, "owned_by": "dragoman"}
    return msgspec.json.encode({"object": "list", "data": [row]})


def error(message: str) -> bytes:
    """The body of an error answer."""
    return msgspec.json.encode({"error": {"message": message, "type": "invalid_request_error", "code": None}})


def _call(call: Call, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _chunk(answer_id: str, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return _event(_frame(answer_id, "chat.completion.chunk", choices=[choice]))


def _frame(answer_id: str, kind: str, **members: Any) -> dict[str, Any]:
    return {"id": answer_id, "object": kind, "created": CREATED_S, "model": MODEL, **members}


def _event(frame: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(frame) + b"\n\n"
