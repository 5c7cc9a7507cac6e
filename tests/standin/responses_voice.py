"""OpenAI's Responses as the vendor writes it.

An answer is a row of items: reasoning, messages, calls. Each event has a number; an item opens, grows and is closed,
and stands whole in the event that closes it and once more in the answer's last.
Source: platform.openai.com, Responses and Streaming events references, and the types of the official SDK 3.51; read
2026-11-20.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby, zip_longest
from typing import Any

from tests.standin import chat_voice
from tests.standin.reply import Call, Part, Refusal, Text, Thinking
from tests.standin.shape import Frame, pieces
from tests.standin.voice import NOVELTY, Speech, Voice, printed

Json = dict[str, Any]
Told = tuple[str, str, Json]
"""What a frame carries, its event's type, and its members."""

ENDINGS = {
    "length": "max_output_tokens",
    "context_full": "max_output_tokens",
    "pause": "max_output_tokens",
    "refusal": "content_filter",
}
"""Why an answer is incomplete; any other reason completes it."""

ERROR_CODES = {429: "rate_limit_exceeded", 400: "invalid_prompt"}


def frames(speech: Speech) -> list[Frame]:
    """The stream: created, in progress, one item after another, and the answer whole."""
    begun = {"response": _response(speech, "in_progress", [])}
    told: list[Told] = [("start", "response.created", begun), ("start", "response.in_progress", begun)]
    blocks = [_block(speech, place, parts) for place, parts in enumerate(_grouped(speech))]
    for place, (opening, deltas, closing) in enumerate(_dealt(speech, blocks)):
        told += [*opening, *deltas, *closing]
        if speech.shape.unknown_events:
            told.append(("other", "response.novel_event", {"output_index": place, **NOVELTY}))
        if speech.shape.pings:
            told.append(("other", "keepalive", {}))
    status = _status(speech)
    output = [] if speech.shape.empty_finish else _output(speech)
    last: Told = ("finish", f"response.{status}", {"response": _response(speech, status, output)})
    told += [last] * (2 if speech.shape.ending == "twice" else 1)
    said = [
        Frame(printed({"type": kind, **body, "sequence_number": number}, speech.shape), kind, of)  # type: ignore[arg-type] # one of its words
        for number, (of, kind, body) in enumerate(told)
    ]
    return [*said, Frame("[DONE]", None, "end")] if speech.shape.ending == "foreign" else said


def whole(speech: Speech) -> Json:
    """The same reply as one response."""
    return _response(speech, _status(speech), _output(speech))


def error_frame(status: int, message: str) -> Frame:
    """The `error` event, its words in an object of their own.

    The reference has them beside `type`; what the vendor sends has not. Source: openai/openai-dotnet issue 881 and
    openai/openai-node pull request 2021, read 2026-11-20.
    """
    code = ERROR_CODES.get(status, "server_error")
    error = {"type": code, "code": code, "message": message, "param": None}
    return Frame(json.dumps({"type": "error", "sequence_number": 99, "error": error}), "error")


def flat_error_frame(status: int, message: str) -> Frame:
    """The `error` event as the reference has it."""
    code = ERROR_CODES.get(status, "server_error")
    body = {"type": "error", "code": code, "message": message, "param": None, "sequence_number": 99}
    return Frame(json.dumps(body), "error")


def failed_frame(speech: Speech, status: int, message: str) -> Frame:
    """The event of an answer that failed on its way, as the vendor tells most of its own troubles."""
    code = ERROR_CODES.get(status, "server_error")
    response = _response(speech, "failed", []) | {"error": {"code": code, "message": message}}
    body = {"type": "response.failed", "response": response, "sequence_number": 99}
    return Frame(json.dumps(body), "response.failed")


def usage_of(speech: Speech) -> Json:
    """Input tokens include the cached ones, output tokens the reasoning."""
    usage = speech.usage
    given = usage.input + usage.cache_read + usage.cache_write
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thinking},
        "total_tokens": given + usage.output,
    }


def _status(speech: Speech) -> str:
    return "incomplete" if speech.reply.reason in ENDINGS or speech.reply.foreign_stop else "completed"


def _response(speech: Speech, status: str, output: list[Json]) -> Json:
    reason = speech.reply.foreign_stop or ENDINGS.get(speech.reply.reason)
    body: Json = {
        "id": speech.id,
        "object": "response",
        "created_at": 1795132800,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": speech.ask.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium", "summary": None},
        "service_tier": "default",
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }
    if status in ("completed", "incomplete") and speech.shape.usage not in ("none", "null"):
        body["usage"] = usage_of(speech)
    if speech.shape.usage == "none":
        del body["usage"]
    return body | (NOVELTY if speech.shape.unknown_events else {})


def _grouped(speech: Speech) -> list[list[Part]]:
    """The parts of each item: words that follow one another are one message."""
    parts = enumerate(speech.reply.parts)
    rows = groupby(parts, lambda each: -1 if isinstance(each[1], Text | Refusal) else each[0])
    return [[part for _, part in row] for _, row in rows]


def _output(speech: Speech) -> list[Json]:
    items = [_item(speech, place, parts) for place, parts in enumerate(_grouped(speech))]
    if items and speech.reply.reason == "length" and "status" in items[-1]:
        items[-1]["status"] = "incomplete"
    return items


def _item(speech: Speech, place: int, parts: list[Part]) -> Json:
    """One item as it is in the end."""
    item = _closed(speech, place, parts)
    return item | (NOVELTY if speech.shape.unknown_events else {})


def _closed(speech: Speech, place: int, parts: list[Part]) -> Json:
    tail = f"{speech.id.removeprefix('resp')}_{place}"
    match parts[0]:
        case Thinking() as part:
            return {"type": "reasoning", "id": f"rs{tail}", **_reasons(speech, part)}
        case Call() as part:
            return _call(speech, f"{tail}", part)
    content = [_words(part, part.text if isinstance(part, Text | Refusal) else "") for part in parts]
    return {"type": "message", "id": f"msg{tail}", "status": "completed", "role": "assistant", "content": content}


def _reasons(speech: Speech, part: Thinking) -> Json:
    text = [] if part.redacted else [part.text]
    raw = speech.shape.reasoning == "reasoning"
    told: Json = {"summary": [] if raw else [{"type": "summary_text", "text": each} for each in text]}
    if raw:
        told["content"] = [{"type": "reasoning_text", "text": each} for each in text]
    if speech.ask.include_seals:
        told["encrypted_content"] = part.signature or speech.signer.hide(part.text)
    return told


def _call(speech: Speech, tail: str, part: Call) -> Json:
    """A call in the form of its tool: a function's, a namespace's, one of free text, or the search for tools."""
    call_id = {"duplicate": {"call_id": "call_same"}, "missing": {}, "empty": {"call_id": ""}}.get(
        speech.shape.ids, {"call_id": part.id}
    )
    space, _, name = part.name.rpartition(".") if part.name in speech.ask.tools else ("", "", part.name)
    named = {**call_id, "name": name, **({"namespace": space} if space else {})}
    if part.name in speech.ask.text_tools:
        return {"type": "custom_tool_call", "id": f"ctc{tail}", **named, "input": part.arguments}
    if part.name == "tool_search" and "tool_search" in speech.ask.tools:
        found = {"execution": "client", "arguments": json.loads(part.arguments)}
        return {"type": "tool_search_call", "id": f"tsc{tail}", "status": "completed", **call_id, **found}
    told = {"type": "function_call", "id": f"fc{tail}", "status": "completed", **named}
    return told | {"arguments": json.loads(part.arguments) if speech.shape.object_arguments else part.arguments}


def _words(part: Part, text: str) -> Json:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


Block = tuple[list[Told], list[Told], list[Told]]


def _block(speech: Speech, place: int, parts: list[Part]) -> Block:
    """The events that open an item, let it grow, and close it."""
    done = _item(speech, place, parts)
    at: Json = {"output_index": place}
    here: Json = {"item_id": done["id"], **at}
    opening: list[Told] = [("start", "response.output_item.added", {**at, "item": _opened(done)})]
    deltas: list[Told] = []
    closing: list[Told] = [("other", "response.output_item.done", {**at, "item": done})]
    match done["type"]:
        case "message":
            for index, part in enumerate(parts):
                deltas += _spoken(speech, {**here, "content_index": index}, part)
        case "reasoning":
            deltas = _thought(speech, here, done)
        case "function_call" if isinstance(done["arguments"], str):
            deltas = _grown(speech, here, "response.function_call_arguments", "arguments", done["arguments"])
        case "custom_tool_call":
            deltas = _grown(speech, here, "response.custom_tool_call_input", "input", done["input"])
    return opening, deltas, closing


def _opened(done: Json) -> Json:
    """An item as it is in the beginning."""
    empty: Json = {"content": [], "summary": [], "arguments": "", "input": ""}
    begun = {name: empty.get(name, value) for name, value in done.items() if name != "encrypted_content"}
    if done["type"] == "tool_search_call":
        begun["arguments"] = {}
    return begun | ({"status": "in_progress"} if "status" in done else {})


def _spoken(speech: Speech, at: Json, part: Part) -> list[Told]:
    assert isinstance(part, Text | Refusal)
    kind, name = ("output_text", "text") if isinstance(part, Text) else ("refusal", "refusal")
    extra: Json = {"logprobs": []} if isinstance(part, Text) else {}
    deltas: list[Told] = [
        ("text", f"response.{kind}.delta", {**at, "delta": piece, **extra})
        for piece in pieces(part.text, speech.shape.text)
    ]
    return [
        ("other", "response.content_part.added", {**at, "part": _words(part, "")}),
        *deltas,
        ("other", f"response.{kind}.done", {**at, name: part.text, **extra}),
        ("other", "response.content_part.done", {**at, "part": _words(part, part.text)}),
    ]


def _thought(speech: Speech, here: Json, done: Json) -> list[Told]:
    raw = "content" in done
    kind = "reasoning_text" if raw else "reasoning_summary_text"
    told: list[Told] = []
    for index, part in enumerate(done["content"] if raw else done["summary"]):
        at = {**here, "content_index" if raw else "summary_index": index}
        bare = part | {"text": ""}
        frame = "response.content_part" if raw else "response.reasoning_summary_part"
        told.append(("other", f"{frame}.added", {**at, "part": bare}))
        told += [
            ("thinking", f"response.{kind}.delta", {**at, "delta": piece})
            for piece in pieces(part["text"], speech.shape.text)
        ]
        told.append(("other", f"response.{kind}.done", {**at, "text": part["text"]}))
        told.append(("other", f"{frame}.done", {**at, "part": part}))
    return told


def _grown(speech: Speech, here: Json, kind: str, name: str, text: str) -> list[Told]:
    deltas = [("call", f"{kind}.delta", {**here, "delta": piece}) for piece in pieces(text, speech.shape.arguments)]
    return [*deltas, ("other", f"{kind}.done", {**here, name: text})]


def _dealt(speech: Speech, blocks: list[Block]) -> Iterable[Block]:
    """The blocks one after another; or all opened at once and their deltas dealt out in turn, as imitators do."""
    if speech.shape.calls != "interleaved":
        return blocks
    opening = [told for block in blocks for told in block[0]]
    deltas = [told for row in zip_longest(*(block[1] for block in blocks)) for told in row if told is not None]
    closing = [told for block in blocks for told in block[2]]
    return [(opening, deltas, closing)]


OPENAI_RESPONSES = Voice("openai_responses", "call_", "resp_", frames, whole, chat_voice.error, error_frame)
