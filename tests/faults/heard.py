"""What a client understands of an answer: each dialect read as its official clients do, and nothing of ours.

Reading is forgiving, as clients' is; what the dialect's rules forbid is noted in `odd`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from tests.faults import heard_gemini, heard_responses
from tests.faults.parts import STOPS, Heard, Json, Part, events, meant

__all__ = ["Heard", "hear", "meant"]


class Ear(NamedTuple):
    """How the answers of one dialect are heard."""

    stream: Callable[[bytes], Heard]
    whole: Callable[[Json], Heard]


def hear(door: str, body: bytes, *, stream: bool) -> Heard:
    """What the client of a door understands."""
    ear = EARS[door]
    return ear.stream(body) if stream else ear.whole(json.loads(body.decode("utf-8", "replace")))


def _anthropic(body: bytes) -> Heard:
    heard = Heard()
    open_parts: dict[int, Part] = {}
    for name, data in events(body):
        if heard.error is not None:
            heard.odd.append(f"{name} after the error")
        event = json.loads(data) if name not in (":", "") else {}
        if name.startswith("content_block_"):
            _block_event(name, event, heard, open_parts)
        else:
            _message_event(name, event, heard)
    if open_parts and heard.ended:
        heard.odd.append("ended with open blocks")
    return heard


def _message_event(name: str, event: Json, heard: Heard) -> None:
    match name:
        case "message_start":
            if heard.usage is not None:
                heard.odd.append("a second message_start")
            heard.model, heard.usage = event["message"]["model"], event["message"].get("usage") or {}
        case "message_delta":
            stop = event["delta"]["stop_reason"]
            heard.stop = STOPS.get(stop, stop)
            heard.usage = {**(heard.usage or {}), **(event.get("usage") or {})}
        case "message_stop":
            if heard.ended:
                heard.odd.append("a second message_stop")
            heard.ended = True
        case "error":
            heard.error = event["error"]
        case "ping":
            heard.pings += 1
        case _:
            heard.odd.append(f"unknown event {name}")


def _block_event(name: str, event: Json, heard: Heard, open_parts: dict[int, Part]) -> None:
    index = event["index"]
    if name == "content_block_start":
        if index != len(heard.parts) or open_parts:
            heard.odd.append(f"block {index} opened out of order")
        open_parts[index] = _block(event["content_block"])
        heard.parts.append(open_parts[index])
    elif index not in open_parts:
        heard.odd.append(f"{name} for block {index}, which is not open")
    elif name == "content_block_delta":
        open_parts[index].text += _grown(event["delta"])
    else:
        open_parts.pop(index).closed = True


def _block(block: Json) -> Part:
    """A block as it opens. In a whole answer `__unparsed` holds arguments that are no object, as the wire demands."""
    match block:
        case {"type": "tool_use", "name": name, "input": {"__unparsed": text}}:
            return Part("call", name, block.get("id") or "", text)
        case {"type": "tool_use", "name": name}:
            return Part("call", name, block.get("id") or "", json.dumps(block["input"]) if block.get("input") else "")
        case {"type": "thinking"}:
            return Part("thinking", text=block.get("thinking", ""))
        case {"type": "text"}:
            return Part("text", text=block["text"])
    return Part(block["type"])


def _grown(delta: Json) -> str:
    found = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
    return str(found)


def _chat(body: bytes) -> Heard:
    heard = Heard()
    calls: dict[int, Part] = {}
    for name, data in events(body):
        if name == ":":
            heard.pings += 1
            continue
        if heard.error is not None:
            heard.odd.append(f"{data[:40]} after the error")
        if data == "[DONE]":
            if heard.ended:
                heard.odd.append("a second [DONE]")
            heard.ended = True
            continue
        chunk = json.loads(data)
        if chunk.get("error"):
            error = chunk["error"]
            heard.error = error if isinstance(error, dict) else {"message": error}
            continue
        heard.model = chunk.get("model") or heard.model
        heard.usage = chunk.get("usage") or heard.usage
        for choice in chunk.get("choices") or ():
            if heard.stop is not None:
                heard.odd.append("a choice after the finish reason")
            _delta(choice.get("delta") or {}, heard, calls)
            if reason := choice.get("finish_reason"):
                heard.stop = STOPS.get(reason, reason)
    heard.parts.sort(key=lambda part: ORDER[part.kind])
    return heard


ORDER = {"thinking": 0, "text": 1, "call": 2}
"""A chat answer's parts have no order between kinds."""


def _delta(delta: Json, heard: Heard, calls: dict[int, Part]) -> None:
    """One delta. Thinking and words each are one text on this wire, however they are mixed."""
    thought = delta.get("reasoning_content") or delta.get("reasoning")
    for kind, text in (("thinking", thought), ("text", delta.get("content")), ("text", delta.get("refusal"))):
        if text:
            part = next((part for part in heard.parts if part.kind == kind), None)
            if part is None:
                part = Part(kind)
                heard.parts.append(part)
            part.text += text
    for call in delta.get("tool_calls") or ():
        index = call.get("index", max(calls, default=0))
        function = call.get("function") or {}
        if index not in calls:
            calls[index] = Part("call")
            heard.parts.append(calls[index])
        part = calls[index]
        part.id = call.get("id") or part.id
        part.name = part.name or function.get("name") or ""
        part.text += function.get("arguments") or ""


def _whole_anthropic(reply: Json) -> Heard:
    parts = [_block(block) for block in reply["content"]]
    stop = STOPS.get(reply["stop_reason"], reply["stop_reason"])
    return Heard(parts=parts, model=reply["model"], stop=stop, ended=True, usage=reply.get("usage"))


def _whole_chat(reply: Json) -> Heard:
    choice = reply["choices"][0]
    heard = Heard(model=reply["model"], ended=True, usage=reply.get("usage"))
    message = choice["message"]
    calls = [{**call, "index": index} for index, call in enumerate(message.get("tool_calls") or ())]
    _delta({**message, "tool_calls": calls}, heard, {})
    heard.stop = STOPS.get(choice["finish_reason"], choice["finish_reason"])
    return heard


EARS: dict[str, Ear] = {
    "anthropic": Ear(_anthropic, _whole_anthropic),
    "openai_chat": Ear(_chat, _whole_chat),
    "openai_responses": Ear(heard_responses.streamed, heard_responses.whole),
    "gemini": Ear(heard_gemini.streamed, heard_gemini.whole),
}
