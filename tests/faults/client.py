"""A client at a door: says what it wants over a plain socket, keeps what it was told, and when."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from tests.faults.gateway import ASKED

GEMINI = f"/v1beta/models/{ASKED}:"
PATHS = {
    "anthropic": ("/v1/messages", "/v1/messages"),
    "openai_chat": ("/v1/chat/completions", "/v1/chat/completions"),
    "openai_responses": ("/v1/responses", "/v1/responses"),
    "gemini": (GEMINI + "generateContent", GEMINI + "streamGenerateContent?alt=sse"),
}
"""Where each door is asked for a whole answer, and for a stream."""
GIVE_UP_S = 30.0
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}, "file_path": {"type": "string"}}}
TOOLS = ("Bash", "Read")
DOORS = ("anthropic", "openai_chat", "openai_responses", "gemini")
WIRES = ("anthropic", "openai_chat")
PAIRS = [
    *((door, wire) for door in WIRES for wire in WIRES),
    ("openai_responses", "openai_chat"),
    ("openai_responses", "openai_responses"),
    ("gemini", "anthropic"),
]
"""Doors with the wires behind them on which a fault of a client is tried."""


class Told(Struct, frozen=True):
    """What a client was told."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    proper: bool
    """Whether the HTTP body ended as it should."""


def body_for(door: str, *, stream: bool, prompt: str = "Say three numbers.", **changes: Any) -> dict[str, Any]:
    """An ordinary request of an agent that has two tools."""
    said = {"role": "user", "content": prompt}
    match door:
        case "anthropic":
            tools = [{"name": name, "description": name, "input_schema": SCHEMA} for name in TOOLS]
            body: dict[str, Any] = {"max_tokens": 2000, "messages": [said], "tools": tools}
        case "openai_responses":
            flat = [{"type": "function", "name": name, "parameters": SCHEMA} for name in TOOLS]
            body = {"input": [said], "tools": flat, "store": False}
        case "gemini":
            declared = [{"name": name, "description": name, "parametersJsonSchema": SCHEMA} for name in TOOLS]
            contents = [{"role": "user", "parts": [{"text": prompt}]}]
            changes.pop("model", None)  # it stands in the path
            return {"contents": contents, "tools": [{"functionDeclarations": declared}], **changes}
        case _:
            functions = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in TOOLS]
            body = {"messages": [said], "tools": functions}
            if stream:
                body["stream_options"] = {"include_usage": True}
    return {"model": ASKED, **body, "stream": stream, **changes}


SDK = {"x-stainless-lang": "python", "x-stainless-retry-count": "0"}
HEADS = {
    "anthropic": {**SDK, "anthropic-version": "2023-06-01"},
    "openai_chat": SDK,
    "openai_responses": SDK,
    "gemini": {"x-goog-api-key": "key-of-the-client"},
}
"""What clients of each dialect send beside: those of the SDKs' maker are known to heed `x-should-retry`."""


def head_for(door: str) -> dict[str, str]:
    """The headers such a client sends."""
    head = {"content-type": "application/json", "authorization": "Bearer key-of-the-client"}
    return {**head, **HEADS.get(door, {})}


def ask(
    port: int,
    door: str,
    *,
    stream: bool,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    hears: Callable[[], object] = lambda: None,
    path: str = "",
) -> Told:
    """Asks once, and hears the answer to its end; `hears` is called when the first of it has come."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
    try:
        said = json.dumps(body_for(door, stream=stream)).encode() if body is None else body
        line.request("POST", path or PATHS[door][stream], said, {**head_for(door), **(headers or {})})
        return heard(line.getresponse(), hears)
    finally:
        line.close()


def heard(answer: http.client.HTTPResponse, hears: Callable[[], object] = lambda: None) -> Told:
    """The rest of an answer."""
    told = {name.lower(): value for name, value in answer.getheaders()}
    pieces: list[bytes] = []
    proper = True
    try:
        while piece := answer.read1(65536):
            pieces.append(piece)
            hears()
    except (http.client.IncompleteRead, ConnectionError):
        proper = False
    length = told.get("content-length")
    proper = proper and (length is None or int(length) == sum(map(len, pieces)))
    return Told(answer.status, told, b"".join(pieces), proper)


def look(port: int, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Told:
    """A short question without a body."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
    try:
        line.request(method, path, headers=dict(headers or {}))
        return heard(line.getresponse())
    finally:
        line.close()
