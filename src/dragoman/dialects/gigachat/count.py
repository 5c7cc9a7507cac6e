"""Token counts before a request: the endpoint counts raw texts, so a prompt is told to it text by text.

Known ugliness: the vendor's chat template and files are not counted.
Source: developers.sber.ru, POST /tokens/count, read 2026-11-20.
"""

from __future__ import annotations

import msgspec

from dragoman.canon.request import Request
from dragoman.canon.usage import count
from dragoman.dialects.base import Target, Written
from dragoman.dialects.gigachat.write import write_request

_BODY = msgspec.json.Decoder(dict[str, object])


def write_count(request: Request, target: Target) -> Written:
    """The body of a token count: each message's words and call, and the functions as they are sent."""
    written = write_request(request, target)
    body = _BODY.decode(written.body)
    texts: list[str] = []
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        texts += [str(message.get("content") or "")]
        texts += [msgspec.json.encode(message["function_call"]).decode()] if "function_call" in message else []
    if body.get("functions"):
        texts.append(msgspec.json.encode(body["functions"]).decode())
    asked = {"model": target.model, "input": [text for text in texts if text]}
    return Written(msgspec.json.encode(asked), written.losses)


def read_count(body: bytes) -> int | None:
    """The sum of an answer's counts; None if it tells none."""
    try:
        found = msgspec.json.decode(body, type=list[dict[str, object]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    counts = [count(each.get("tokens")) for each in found]
    return sum(each or 0 for each in counts) if counts and None not in counts else None
