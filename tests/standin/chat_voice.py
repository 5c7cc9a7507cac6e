"""OpenAI Chat Completions as the vendor, and the many servers compatible with it, write it.

Source: platform.openai.com, Chat Completions reference, the types of the official SDK 3.51, and the compatible vendors'
pages named at the shapes; read 2026-11-20.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import Any

from tests.standin.reply import Call, Part, Refusal, Text, Thinking
from tests.standin.shape import Frame, Shape, pieces
from tests.standin.voice import NOVELTY, Speech, Voice, printed

FINISH_REASONS = {
    "stop": "stop",
    "calls": "tool_calls",
    "length": "length",
    "stop_sequence": "stop",
    "refusal": "content_filter",
    "pause": "stop",
    "context_full": "length",
}

ERROR_TYPES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    503: ("server_error", "overloaded"),
}

FILTER_RESULTS = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
"""Azure's first chunk. Source: learn.microsoft.com, Azure OpenAI content streaming; read 2026-11-20."""


def frames(speech: Speech) -> list[Frame]:
    """The stream: a role chunk, deltas, the finish reason, usage if asked, the terminator."""
    shape = speech.shape
    said: list[Frame] = []
    if shape.empty_choices_first:
        said.append(_frame(shape, "other", _chunk(speech, None) | {"prompt_filter_results": FILTER_RESULTS}))
    if shape.role_chunk:
        said.append(_frame(shape, "start", _chunk(speech, {"role": "assistant", "content": "", "refusal": None})))
    said += [_frame(shape, of, _chunk(speech, delta)) for of, delta in _deltas(speech)]
    finish = _finish(speech)
    if shape.calls == "with_finish" and speech.reply.calls:
        calls = [_call_delta(speech, place, call, call.arguments) for place, call in enumerate(speech.reply.calls)]
        finish["choices"][0]["delta"] = {"tool_calls": calls}
        said.append(_frame(shape, "call", finish))
    else:
        said.append(_frame(shape, "finish", finish))
    if _reports(speech) and shape.usage == "final":
        said.append(_frame(shape, "other", _chunk(speech, None) | {"usage": usage_of(speech)}))
    if shape.pings:
        quiet = _frame(shape, "other", _chunk(speech, {}))
        said = [each for frame in said[:-1] for each in (frame, quiet)] + said[-1:]
    return said + _ending(shape)


def whole(speech: Speech) -> dict[str, Any]:
    """The same reply as one chat.completion."""
    reply, shape = speech.reply, speech.shape
    refusal = "".join(part.text for part in reply.parts if isinstance(part, Refusal))
    thoughts = _thoughts(speech, reply.thinking)
    if "reasoning_details" in thoughts:
        thinking = [part for part in reply.parts if isinstance(part, Thinking)]
        thoughts["reasoning_details"] = [_sealed(speech, part) | {"text": part.text} for part in thinking]
    text = thoughts.pop("content", "") + reply.text
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": refusal or None, **thoughts}
    calls = [_whole_call(speech, call) for call in reply.calls]
    if calls and shape.legacy_function_call:
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(speech)}
    body = _chunk(speech, None) | {"object": "chat.completion", "choices": [choice]}
    body.pop("usage", None)
    if shape.usage != "none":
        body["usage"] = None if shape.usage == "null" else usage_of(speech)
    return body


def error(status: int, message: str, code: str | None, param: str | None) -> dict[str, Any]:
    """The vendor's error envelope."""
    kind, usual = ERROR_TYPES.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    return {"error": {"message": message, "type": kind, "param": param, "code": code or usual}}


def error_frame(status: int, message: str) -> Frame:
    """A chunk that holds an error instead of choices."""
    return Frame(json.dumps(error(status, message, None, None)))


def usage_of(speech: Speech) -> dict[str, Any]:
    """Prompt tokens include the cached ones, completion tokens the reasoning."""
    usage = speech.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "completion_tokens_details": {"reasoning_tokens": usage.thinking},
    }


def _frame(shape: Shape, of: Any, chunk: dict[str, Any]) -> Frame:
    return Frame(printed(chunk, shape), None, of)


def _reports(speech: Speech) -> bool:
    return speech.ask.include_usage or speech.shape.ignore_include_usage


def _chunk(speech: Speech, delta: dict[str, Any] | None) -> dict[str, Any]:
    """A chunk with one choice, or with none when there is no delta."""
    unfinished = "" if speech.shape.empty_finish else None
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": unfinished}]
    chunk: dict[str, Any] = {
        "id": speech.id,
        "object": "chat.completion.chunk",
        "created": 1795132800,
        "model": speech.ask.model,
        "service_tier": "default",
        "system_fingerprint": "fp_standin",
        "choices": choices,
    }
    if speech.shape.unknown_events:
        chunk |= NOVELTY
        for choice in choices:
            choice["delta"] = {**(delta or {}), **NOVELTY}
    if _reports(speech) and speech.shape.usage != "none":
        chunk["usage"] = usage_of(speech) if speech.shape.usage == "every" else None
    return chunk


def _finish(speech: Speech) -> dict[str, Any]:
    chunk = _chunk(speech, {})
    chunk["choices"][0]["finish_reason"] = _reason(speech)
    if _reports(speech) and speech.shape.usage == "finish":
        chunk["usage"] = usage_of(speech)
    return chunk


def _reason(speech: Speech) -> str:
    if speech.reply.foreign_stop:
        return speech.reply.foreign_stop
    refused = any(isinstance(part, Refusal) for part in speech.reply.parts)
    reason = FINISH_REASONS["stop" if refused and speech.reply.stop is None else speech.reply.reason]
    return "function_call" if reason == "tool_calls" and speech.shape.legacy_function_call else reason


def _deltas(speech: Speech) -> list[tuple[str, dict[str, Any]]]:
    """What each delta carries, and the delta."""
    shape = speech.shape
    said: list[tuple[str, dict[str, Any]]] = []
    calls: list[list[dict[str, Any]]] = []
    for part in speech.reply.parts:
        if isinstance(part, Call):
            calls.append(_call_deltas(speech, len(calls), part))
        else:
            said += _worded(speech, part)
    if shape.calls == "with_finish":
        return said
    if shape.calls == "interleaved":
        dealt = [delta for row in zip_longest(*calls) for delta in row if delta is not None]
    else:
        dealt = [delta for call in calls for delta in call]
    if shape.empty_starts:
        dealt = [{"content": "", **delta} for delta in dealt]
    return said + [("call", delta) for delta in dealt]


def _worded(speech: Speech, part: Part) -> list[tuple[str, dict[str, Any]]]:
    """The deltas of a part that is not a call."""
    shape = speech.shape
    match part:
        case Thinking() if shape.reasoning == "think_tags":
            return [("text", {"content": piece}) for piece in pieces(f"<think>{part.text}</think>", shape.text)]
        case Thinking():
            deltas = [("thinking", _thoughts(speech, piece)) for piece in pieces(part.text, shape.text)]
            if shape.reasoning == "reasoning_details":
                deltas.append(("other", {"reasoning_details": [_sealed(speech, part)]}))
            return [(of, {"content": "", **delta} if shape.empty_starts else delta) for of, delta in deltas]
        case Refusal():
            return [("text", {"refusal": piece}) for piece in pieces(part.text, shape.text)]
        case Text():
            return [("text", {"content": piece}) for piece in pieces(part.text, shape.text)]
    return []


def _thoughts(speech: Speech, text: str) -> dict[str, Any]:
    """Thinking where the shape puts it.

    Sources: DeepSeek (`reasoning_content`), vLLM and OpenRouter (`reasoning`, `reasoning_details`); read 2026-11-20.
    """
    if not text:
        return {}
    match speech.shape.reasoning:
        case "think_tags":
            return {"content": f"<think>{text}</think>"}
        case "reasoning_details":
            detail = {"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0}
            return {"reasoning": text, "reasoning_details": [detail]}
        case name:
            return {name: text}


def _sealed(speech: Speech, part: Thinking) -> dict[str, Any]:
    signature = part.signature or speech.signer.sign(part.text)
    return {"type": "reasoning.text", "signature": signature, "format": "anthropic-claude-v1", "index": 0}


def _whole_call(speech: Speech, call: Call) -> dict[str, Any]:
    arguments: Any = json.loads(call.arguments) if speech.shape.object_arguments else call.arguments
    return _call_id(speech, call) | {"type": "function", "function": {"name": call.name, "arguments": arguments}}


def _call_id(speech: Speech, call: Call) -> dict[str, Any]:
    match speech.shape.ids:
        case "missing":
            return {}
        case "empty":
            return {"id": ""}
        case "duplicate":
            return {"id": "call_same"}
        case _:
            return {"id": call.id}


def _call_delta(speech: Speech, place: int, call: Call, arguments: str) -> dict[str, Any]:
    """The delta that opens a call."""
    opening = _whole_call(speech, call)
    if not speech.shape.object_arguments:
        opening["function"]["arguments"] = arguments
    match speech.shape.calls:
        case "no_index":
            return opening
        case "index_zero":
            return {"index": 0, **opening}
        case _:
            return {"index": place, **opening}


def _call_deltas(speech: Speech, place: int, call: Call) -> list[dict[str, Any]]:
    """A call: its name first with no arguments, then the fragments; or all at once when they are not cut."""
    shape = speech.shape
    if shape.legacy_function_call:
        fragments = [{"function_call": {"arguments": piece}} for piece in pieces(call.arguments, shape.arguments)]
        return [] if place else [{"function_call": {"name": call.name, "arguments": ""}}, *fragments]
    if shape.arguments == "whole" or shape.object_arguments:
        return [{"tool_calls": [_call_delta(speech, place, call, call.arguments)]}]
    opening = _call_delta(speech, place, call, "")
    name = {"name": call.name}
    again: dict[str, Any] = {
        key: opening[key] for key in ("index", "id", "type") if key in opening and _repeats(shape, key)
    }
    grown: list[dict[str, Any]] = [
        {**again, "function": {**(name if shape.ids == "every_chunk" else {}), "arguments": piece}}
        for piece in pieces(call.arguments, shape.arguments)
    ]
    if shape.late_names:
        del opening["function"]["name"]
        grown[0]["function"] |= name
    return [{"tool_calls": [each]} for each in (opening, *grown)]


def _repeats(shape: Shape, member: str) -> bool:
    """Whether a call's later fragments carry this member of the first."""
    return member == "index" or shape.ids == "every_chunk"


def _ending(shape: Shape) -> list[Frame]:
    done = Frame("[DONE]", None, "end")
    return {"none": [], "twice": [done, done]}.get(shape.ending, [done])


OPENAI_CHAT = Voice("openai_chat", "call_", "chatcmpl-", frames, whole, error, error_frame)
