"""What a client has understood of an answer, whatever the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.standin.reply import Call, Refusal, Reply, Text, Thinking

Json = dict[str, Any]

STOPS = {
    "end_turn": "stop",
    "stop": "stop",
    "tool_use": "calls",
    "tool_calls": "calls",
    "max_tokens": "length",
    "length": "length",
    "refusal": "refusal",
    "content_filter": "refusal",
}


class Part(msgspec.Struct):
    """One part as it grows."""

    kind: str
    name: str = ""
    id: str = ""
    text: str = ""
    closed: bool = False

    @property
    def said(self) -> tuple[str, str, str]:
        """The part without its wire's own matters. Anthropic's wire says no arguments as an empty object."""
        return self.kind, self.name, "" if self.kind == "call" and self.text == "{}" else self.text


class Heard(msgspec.Struct):
    """An answer as far as it came. Mutable while it is read."""

    parts: list[Part] = []
    model: str = ""
    stop: str | None = None
    """Why the model stopped, in the stand-in's word where it has one."""
    ended: bool = False
    """Whether the wire's last word came."""
    error: Json | None = None
    usage: Json | None = None
    pings: int = 0
    misnumbered: bool = False
    """Whether the numbers of events, on wires that have them, do not rise; those of a vendor may break off."""
    odd: list[str] = []

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """All parts, empty ones left out: a carrier of a seal is not for people."""
        return [part.said for part in self.parts if part.text or part.kind == "call"]


def meant(reply: Reply) -> list[tuple[str, str, str]]:
    """What a client should understand of this reply."""
    said = []
    for part in reply.parts:
        match part:
            case Text(text) | Refusal(text):
                said.append(("text", "", text))
            case Thinking(text):
                said.append(("thinking", "", text))
            case Call(name, arguments):
                said.append(("call", name, arguments))
    return said


def events(body: bytes) -> Iterator[tuple[str, str]]:
    """Name and data of each server-sent event. Source: html.spec.whatwg.org, Server-sent events; read 2026-11-20."""
    name = ""
    data: list[str] = []
    for line in re.split(r"\r\n|\n|\r", body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")):
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
        elif not field:
            yield ":", value
