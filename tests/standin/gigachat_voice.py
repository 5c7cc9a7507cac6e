"""GigaChat's chat API, version 1, as the vendor writes it.

A message holds one call: a model that wishes several makes the first that was not made yet. A call comes whole, its
arguments an object; what is no object ends the answer with `error`.
Source: developers.sber.ru, POST /chat/completions, and the types and recordings of the official SDK 0.2.3; read
2026-11-20.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

from tests.standin.reply import Call, Part, Refusal, Signer, Text, Thinking
from tests.standin.shape import Frame, pieces
from tests.standin.voice import NOVELTY, Speech, Voice, printed

Json = dict[str, Any]

FINISH_REASONS = {
    "stop": "stop",
    "calls": "function_call",
    "length": "length",
    "stop_sequence": "stop",
    "refusal": "blacklist",
    "pause": "length",
    "context_full": "length",
}
RELEASE = "32.3.7.3"
"""The vendor names the release behind the model's name."""


def frames(speech: Speech) -> list[Frame]:
    """The stream: the role in the first delta, a call whole, the finish reason and the counts in the last chunk."""
    shape = speech.shape
    deltas = [(of, delta) for part in speech.reply.parts for of, delta in _deltas(speech, part)]
    calls = [("call", _call_delta(speech, call)) for call in made_calls(speech)]
    last: Json = {"content": ""}
    if calls and shape.calls == "with_finish":
        *calls, (_, last) = calls
    told = [*deltas, *calls]
    if shape.role_chunk and told:
        told[0] = (told[0][0], {"role": "assistant", **told[0][1]})
    said = [Frame(printed(_chunk(speech, {"delta": delta, "index": 0}), shape), None, of) for of, delta in told]
    finish = _chunk(speech, {"delta": last, "index": 0, "finish_reason": reason_of(speech)})
    finish |= _usage(speech)
    said.append(Frame(printed(finish, shape), None, "call" if "function_call" in last else "finish"))
    if shape.pings:
        busy = {"delta": {"role": "function_in_progress", "content": "…"}, "index": 0}
        quiet = Frame(printed(_chunk(speech, busy), shape), None, "other")
        said = [each for frame in said for each in (quiet, frame)]
    return said + [Frame("[DONE]", None, "end")] * {"none": 0, "twice": 2}.get(shape.ending, 1)


def whole(speech: Speech) -> Json:
    """The same reply as one chat.completion."""
    reply = speech.reply
    message: Json = {"role": "assistant", "content": reply.text + _refusal(speech)}
    if reply.thinking:
        message["reasoning_content"] = reply.thinking
    for call in made_calls(speech)[:1]:
        message |= _call_delta(speech, call) | {"content": message["content"]}
    choice = {"message": message, "index": 0, "finish_reason": reason_of(speech)}
    return _chunk(speech, choice) | _usage(speech)


def error(status: int, message: str, code: str | None, param: str | None) -> Json:
    """The vendor's error; the token endpoint's has `code` instead of `status`."""
    return (
        {"code": int(code), "message": message} if code and code.isdigit() else {"status": status, "message": message}
    )


def error_frame(status: int, message: str) -> Frame:
    """A chunk that holds an error instead of choices."""
    return Frame(json.dumps(error(status, message, None, None), ensure_ascii=False))


def usage_of(speech: Speech) -> Json:
    """Prompt tokens include the cached ones."""
    usage = speech.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "precached_prompt_tokens": usage.cache_read,
    }


def state_of(signer: Signer, name: str, arguments: Json) -> str:
    """The state id that this account gives with a call: half made of the call, half a signature of that."""
    words = json.dumps([name, arguments], sort_keys=True, ensure_ascii=False)
    return _signed(signer, sha256(words.encode()).digest()[:8])


def owns_state(signer: Signer, state: Any) -> bool:
    """Whether a state id is one that this account gave."""
    try:
        return isinstance(state, str) and _signed(signer, UUID(state).bytes[:8]) == state
    except ValueError:
        return False


def _signed(signer: Signer, made: bytes) -> str:
    return str(UUID(bytes=made + sha256(signer.sign(made.hex()).encode()).digest()[:8]))


def _usage(speech: Speech) -> Json:
    match speech.shape.usage:
        case "none":
            return {}
        case "null":
            return {"usage": None}
        case _:
            return {"usage": usage_of(speech)}


def _chunk(speech: Speech, choice: Json) -> Json:
    chunk: Json = {
        "choices": [choice],
        "created": 1795132800 + int(speech.id.removeprefix("standin") or 0),
        "model": f"{speech.ask.model}:{RELEASE}",
        "object": "chat.completion",
    }
    if speech.shape.unknown_events:
        holder = "delta" if "delta" in choice else "message"
        choice[holder] = {**choice[holder], **NOVELTY}
        chunk |= NOVELTY
    return chunk


def made_calls(speech: Speech) -> list[Call]:
    """The calls that are told; all of them only where a defect is shown."""
    calls = [call for call in speech.reply.calls if argument_object(call) is not None]
    if speech.shape.calls == "interleaved":
        return calls
    before = [(name, arguments) for turn in speech.ask.turns for _, name, arguments in turn.calls]
    pending = [call for call in calls if (call.name, argument_object(call)) not in before]
    return (pending or calls)[:1]


def argument_object(call: Call) -> Json | None:
    """The arguments of a call; None if they are no object."""
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def reason_of(speech: Speech) -> str:
    """The finish reason."""
    if speech.reply.foreign_stop:
        return speech.reply.foreign_stop
    if any(argument_object(call) is None for call in speech.reply.calls):
        return "error"
    refused = any(isinstance(part, Refusal) for part in speech.reply.parts) and speech.reply.stop is None
    return "blacklist" if refused else FINISH_REASONS[speech.reply.reason]


def _refusal(speech: Speech) -> str:
    return "".join(part.text for part in speech.reply.parts if isinstance(part, Refusal))


def _deltas(speech: Speech, part: Part) -> list[tuple[Any, Json]]:
    match part:
        case Thinking():
            return [("thinking", {"reasoning_content": piece}) for piece in pieces(part.text, speech.shape.text)]
        case Text() | Refusal():
            return [("text", {"content": piece}) for piece in pieces(part.text, speech.shape.text)]
    return []


def _call_delta(speech: Speech, call: Call) -> Json:
    arguments = argument_object(call) or {}
    told: Any = call.arguments if speech.shape.legacy_function_call else arguments
    return {
        "content": "",
        "function_call": {"name": call.name, "arguments": told},
        "functions_state_id": state_of(speech.signer, call.name, arguments),
    }


GIGACHAT = Voice("gigachat", "", "", frames, whole, error, error_frame)
