"""Gemini's `generateContent` as the vendor writes it.

Source: ai.google.dev, API reference of `generateContent`, thinking and thought signatures, and the types of the
official SDK 3.3; read 2026-11-20.
"""

from __future__ import annotations

import json
from typing import Any

from tests.standin.reply import Call, Part, Refusal, Text, Thinking
from tests.standin.shape import Frame, Shape, pieces
from tests.standin.voice import NOVELTY, Speech, Voice, printed

Json = dict[str, Any]

FINISH_REASONS = {
    "stop": "STOP",
    "calls": "STOP",
    "length": "MAX_TOKENS",
    "stop_sequence": "STOP",
    "refusal": "SAFETY",
    "pause": "MAX_TOKENS",
    "context_full": "MAX_TOKENS",
}

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def frames(speech: Speech) -> list[Frame]:
    """The stream: one chunk for each piece of a part, the usage in every one, the finish reason in the last."""
    shape = speech.shape
    said = [_frame(speech, of, [part]) for of, part in _pieces(speech)]
    if shape.unknown_events:
        said.insert(0, Frame(printed(_chunk(speech, None) | NOVELTY, shape), None, "other"))
    if shape.pings:
        quiet = Frame(printed(_chunk(speech, None), shape), None, "other")
        said = [each for frame in said for each in (frame, quiet)]
    finish = _candidate(speech, [{"text": ""}]) | {"finishReason": _reason(speech)}
    return [*said, Frame(printed(_chunk(speech, finish, final=True), shape), None, "finish")]


def whole(speech: Speech) -> Json:
    """The same reply as one answer."""
    last = len(speech.reply.parts) - 1
    parts = [_part(speech, part, is_last=place == last) for place, part in enumerate(speech.reply.parts)]
    candidate = _candidate(speech, parts) | {"finishReason": _reason(speech)}
    return _chunk(speech, candidate, final=True) | (NOVELTY if speech.shape.unknown_events else {})


def error(status: int, message: str, code: str | None, param: str | None) -> Json:
    """A `google.rpc.Status`; `code` is the reason of an `ErrorInfo`, where it is one of the vendor's."""
    details: list[Json] = []
    if code is not None and code.isupper():
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code})
    if param is not None:
        violation = {"field": param, "description": message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    name = STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    said: Json = {"code": status, "message": message, "status": name}
    return {"error": said | ({"details": details} if details else {})}


def error_frame(status: int, message: str) -> Frame:
    """A chunk that holds an error instead of candidates."""
    return Frame(json.dumps(error(status, message, None, None)))


def signed_words(part: Part) -> str:
    """What the signature of a part is made for; the same when the part comes back.

    Not the arguments: Claude Code adds to them what its tools assume, as `replace_all: false`.
    """
    match part:
        case Call(name=name):
            return f"call:{name}"
        case _:
            return f"text:{part.text}"


def _frame(speech: Speech, of: Any, parts: list[Json]) -> Frame:
    return Frame(printed(_chunk(speech, _candidate(speech, parts)), speech.shape), None, of)


def _chunk(speech: Speech, candidate: Json | None, *, final: bool = False) -> Json:
    body: Json = {"candidates": [candidate]} if candidate is not None else {}
    usage = speech.shape.usage
    if usage == "null":
        body["usageMetadata"] = None
    elif usage != "none" and (final or usage != "finish"):
        body["usageMetadata"] = usage_of(speech, final=final)
    return body | {"modelVersion": speech.ask.model, "responseId": speech.id}


def _candidate(speech: Speech, parts: list[Json]) -> Json:
    return {"content": {"parts": parts, "role": "model"}, "index": 0}


def _reason(speech: Speech) -> str:
    return speech.reply.foreign_stop or FINISH_REASONS[speech.reply.reason]


def usage_of(speech: Speech, *, final: bool) -> Json:
    """Prompt tokens include the cached ones, candidates' tokens exclude the thinking."""
    usage = speech.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    said: Json = {"promptTokenCount": prompt, "totalTokenCount": prompt + (usage.output if final else 0)}
    if usage.cache_read:
        said["cachedContentTokenCount"] = usage.cache_read
    if final:
        said |= {"candidatesTokenCount": usage.output - usage.thinking}
        if usage.thinking:
            said["thoughtsTokenCount"] = usage.thinking
    return said


def _pieces(speech: Speech) -> list[tuple[str, Json]]:
    """The parts in pieces: text cut, a call whole, the last text's signature in a part without words."""
    said: list[tuple[str, Json]] = []
    last = len(speech.reply.parts) - 1
    for place, part in enumerate(speech.reply.parts):
        match part:
            case Call():
                said.append(("call", _part(speech, part, is_last=False)))
            case Thinking():
                said += [("thinking", {"text": piece, "thought": True}) for piece in _cut(part.text, speech.shape)]
            case _:
                said += [("text", {"text": piece}) for piece in _cut(part.text, speech.shape)]
                signature = _part(speech, part, is_last=place == last).get("thoughtSignature")
                if signature:
                    said.append(("other", {"text": "", "thoughtSignature": signature}))
    return said


def _cut(text: str, shape: Shape) -> list[str]:
    return pieces(text, shape.text)


def _part(speech: Speech, part: Part, *, is_last: bool) -> Json:
    """A part whole. The first call of an answer is signed; without calls, the last text is."""
    match part:
        case Thinking(text=text):
            return {"text": text, "thought": True}
        case Call():
            first = next(each for each in speech.reply.parts if isinstance(each, Call))
            given = {} if speech.shape.ids in ("missing", "empty") or part.id is None else {"id": part.id}
            signed = {"thoughtSignature": speech.signer.sign(signed_words(part))} if part is first else {}
            return {"functionCall": {**given, "name": part.name, "args": json.loads(part.arguments)}, **signed}
        case Text(text=text) | Refusal(text=text):
            is_signed = is_last and not speech.reply.calls and text and speech.reply.thinking
            return {"text": text} | ({"thoughtSignature": speech.signer.sign(signed_words(part))} if is_signed else {})
    raise TypeError(part)


GEMINI = Voice("gemini", "call_", "resp-", frames, whole, error, error_frame)
