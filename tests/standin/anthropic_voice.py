"""Anthropic Messages as the vendor writes it.

Source: platform.claude.com, Messages and Streaming pages, and the types of the official SDK 2.10; read 2026-11-20.
"""

from __future__ import annotations

import json
from typing import Any

from tests.standin.reply import Call, Part, Thinking
from tests.standin.shape import Frame, Shape, pieces
from tests.standin.voice import NOVELTY, Speech, Voice, printed

STOP_REASONS = {
    "stop": "end_turn",
    "calls": "tool_use",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
    "pause": "pause_turn",
    "context_full": "model_context_window_exceeded",
}

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def frames(speech: Speech) -> list[Frame]:
    """The stream: start, one block after another, the message's delta, stop."""
    shape = speech.shape
    said: list[Frame] = [_frame(shape, "start", type="message_start", message=_head(speech))]
    if shape.pings:
        said.append(_frame(shape, "other", type="ping"))
    if shape.calls == "interleaved":
        said += _braided(speech)
    else:
        for index, part in enumerate(speech.reply.parts):
            opening, deltas, stop = _block(speech, index, part)
            said += [opening, *deltas, stop]
    if shape.unknown_events:
        said.append(_frame(shape, "other", type="novel_event", **NOVELTY))
    said.append(_frame(shape, "finish", type="message_delta", delta=_stop(speech), **_usage(speech, final=True)))
    said += _ending(shape)
    if shape.pings:
        ping = _frame(shape, "other", type="ping")
        said = [each for frame in said[:-1] for each in (frame, ping)] + said[-1:]
    return said


def whole(speech: Speech) -> dict[str, Any]:
    """The same reply as one Message."""
    message = _head(speech)
    message["content"] = [_whole_block(speech, index, part) for index, part in enumerate(speech.reply.parts)]
    message.update(_stop(speech))
    message.pop("usage", None)
    message.update(_usage(speech, final=True))
    return message


def error(status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
    """The vendor's error envelope; `code` overrides the type that goes with the status."""
    kind = code or ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_standin"}


def error_frame(status: int, message: str) -> Frame:
    """The `error` event."""
    body = {"type": "error", "error": error(status, message, None, None)["error"]}
    return Frame(json.dumps(body), "error")


def _frame(shape: Shape, of: Any, **body: Any) -> Frame:
    return Frame(printed(body, shape), body["type"], of)


def _head(speech: Speech) -> dict[str, Any]:
    head = {
        "id": speech.id,
        "type": "message",
        "role": "assistant",
        "model": speech.ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        **_usage(speech, final=False),
    }
    return head | (NOVELTY if speech.shape.unknown_events else {})


def _usage(speech: Speech, *, final: bool) -> dict[str, Any]:
    """Input and cache counts from the start, output at the end; the last one is cumulative and complete."""
    if speech.shape.usage in ("none", "null"):
        return {} if speech.shape.usage == "none" else {"usage": None}
    usage = speech.usage
    counts: dict[str, Any] = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output if final else min(1, usage.output),
    }
    if final:
        counts["output_tokens_details"] = {"thinking_tokens": usage.thinking}
    else:
        counts["cache_creation"] = {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0}
        counts["service_tier"] = "standard"
    return {"usage": counts}


def _stop(speech: Speech) -> dict[str, Any]:
    reply = speech.reply
    stop: dict[str, Any] = {
        "stop_reason": reply.foreign_stop or STOP_REASONS[reply.reason],
        "stop_sequence": reply.stop_text if reply.reason == "stop_sequence" else None,
    }
    if reply.reason == "refusal":
        stop["stop_details"] = {"type": "refusal", "category": None, "explanation": "standin: declined by policy"}
    return stop


def _call_id(speech: Speech, part: Call) -> dict[str, Any]:
    match speech.shape.ids:
        case "missing":
            return {}
        case "empty":
            return {"id": ""}
        case "duplicate":
            return {"id": "toolu_same"}
        case _:
            return {"id": part.id}


def _block(speech: Speech, index: int, part: Part) -> tuple[Frame, list[Frame], Frame]:
    """The start, the deltas and the stop of one block."""
    shape = speech.shape

    def delta(of: str, **body: Any) -> Frame:
        return _frame(shape, of, type="content_block_delta", index=index, delta=body)

    match part:
        case Thinking(redacted=True):
            head: dict[str, Any] = _whole_block(speech, index, part)
            deltas: list[Frame] = []
        case Thinking():
            head = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [
                delta("thinking", type="thinking_delta", thinking=piece)
                for piece in pieces(part.text, shape.text)
                if piece
            ]
            deltas.append(delta("other", type="signature_delta", signature=_signature(speech, part)))
        case Call():
            head = {"type": "tool_use", **_call_id(speech, part), "name": part.name, "input": {}}
            deltas = [
                delta("call", type="input_json_delta", partial_json=piece)
                for piece in pieces(part.arguments, shape.arguments)
            ]
        case _:
            head = {"type": "text", "text": ""}
            deltas = [delta("text", type="text_delta", text=piece) for piece in pieces(part.text, shape.text)]
    if shape.unknown_events:
        head |= NOVELTY
        deltas.append(delta("other", type="novel_delta", **NOVELTY))
    start = _frame(shape, "start", type="content_block_start", index=index, content_block=head)
    return start, deltas, _frame(shape, "other", type="content_block_stop", index=index)


def _braided(speech: Speech) -> list[Frame]:
    """All blocks opened at once and their deltas dealt out in turn: the vendor never does it, imitators do."""
    blocks = [_block(speech, index, part) for index, part in enumerate(speech.reply.parts)]
    said = [start for start, _, _ in blocks]
    for place in range(max((len(deltas) for _, deltas, _ in blocks), default=0)):
        said += [deltas[place] for _, deltas, _ in blocks if place < len(deltas)]
    return said + [stop for _, _, stop in blocks]


def _ending(shape: Shape) -> list[Frame]:
    stop = _frame(shape, "end", type="message_stop")
    match shape.ending:
        case "none":
            return []
        case "twice":
            return [stop, stop]
        case "foreign":
            return [stop, Frame("[DONE]", None, "end")]
        case _:
            return [stop]


def _signature(speech: Speech, part: Thinking) -> str:
    return speech.signer.sign(part.text) if part.signature is None else part.signature


def _whole_block(speech: Speech, index: int, part: Part) -> dict[str, Any]:
    match part:
        case Thinking(redacted=True):
            return {"type": "redacted_thinking", "data": part.signature or speech.signer.hide(part.text)}
        case Thinking():
            return {"type": "thinking", "thinking": part.text, "signature": _signature(speech, part)}
        case Call():
            try:
                arguments = json.loads(part.arguments or "{}")
            except ValueError:
                arguments = part.arguments
            return {"type": "tool_use", **_call_id(speech, part), "name": part.name, "input": arguments}
        case _:
            return {"type": "text", "text": part.text}


ANTHROPIC = Voice("anthropic", "toolu_", "msg_", frames, whole, error, error_frame)
