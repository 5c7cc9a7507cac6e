"""GigaChat's chat API, version 2, as the vendor writes it: messages of parts, named events, and no `[DONE]`.

One call at a time, as in version 1; all at once, with ids, where the shape is `interleaved`.
Source: the vendor's SDK for Python 0.2.3 with its recorded answers and examples, read 2026-11-20.
"""

from __future__ import annotations

from typing import Any

from tests.standin.gigachat_voice import RELEASE, argument_object, error, error_frame, made_calls, reason_of, state_of
from tests.standin.reply import Call, Refusal, Text, Thinking
from tests.standin.shape import Frame, pieces
from tests.standin.voice import NOVELTY, Speech, Voice, printed

Json = dict[str, Any]
DELTA = "response.message.delta"
DONE = "response.message.done"


def frames(speech: Speech) -> list[Frame]:
    """The stream: thinking, words, calls whole, then the reason to finish with the counts."""
    shape = speech.shape
    told: list[tuple[Any, Json]] = []
    for part in speech.reply.parts:
        match part:
            case Thinking(text=text):
                told += [("thinking", _message("reasoning", {"text": piece})) for piece in pieces(text, shape.text)]
            case Text(text=text) | Refusal(text=text):
                told += [("text", _message("assistant", {"text": piece})) for piece in pieces(text, shape.text)]
    calls = _calls(speech)
    done: Json = {"finish_reason": reason_of(speech)}
    if calls and shape.calls == "with_finish":
        done["messages"] = [calls]
    elif calls:
        told.append(("call", calls))
    said = [Frame(printed(_event(speech, {"messages": [message]}), shape), DELTA, of) for of, message in told]
    if shape.pings:
        busy = {"role": "reasoning", "content": [{"tool_execution": {"name": "web_search", "status": "success"}}]}
        quiet = Frame(printed(_event(speech, {"messages": [busy]}), shape), "response.tool.in_progress", "other")
        said = [each for frame in said for each in (quiet, frame)]
    of: Any = "call" if "messages" in done else "finish"
    return [*said, Frame(printed(_event(speech, done) | _usage(speech), shape), DONE, of)]


def whole(speech: Speech) -> Json:
    """The same reply at once."""
    reply = speech.reply
    messages = [_message("reasoning", {"text": reply.thinking})] if reply.thinking else []
    words = "".join(part.text for part in reply.parts if isinstance(part, Text | Refusal))
    calls = _calls(speech) or _message("assistant")
    calls["content"] = ([{"text": words}] if words else []) + calls["content"]
    said = {"messages": [*messages, calls], "finish_reason": reason_of(speech)}
    return _event(speech, said) | _usage(speech)


def _message(role: str, *content: Json) -> Json:
    return {"role": role, "content": list(content)}


def _calls(speech: Speech) -> Json:
    """The message with the calls; empty if there are none."""
    calls: list[Call] = made_calls(speech)
    if not calls:
        return {}
    several = speech.shape.calls == "interleaved"
    parts: list[Json] = []
    for call in calls:
        made: Json = {"name": call.name, "arguments": argument_object(call)}
        parts.append({"function_call": ({"id": call.id} if several else {}) | made})
    state = state_of(speech.signer, calls[0].name, argument_object(calls[0]) or {})
    return _message("assistant", *parts) | {"tool_state_id": state}


def _event(speech: Speech, said: Json) -> Json:
    number = 1795132800 + int(speech.id.removeprefix("standin") or 0)
    event: Json = {"model": f"{speech.ask.model}:{RELEASE}", "created_at": number, **said}
    return event | (NOVELTY if speech.shape.unknown_events else {})


def _usage(speech: Speech) -> Json:
    if speech.shape.usage in ("none", "null"):
        return {} if speech.shape.usage == "none" else {"usage": None}
    usage = speech.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    details = {"prompt_tokens": prompt, "cached_tokens": usage.cache_read}
    counts = {"input_tokens": prompt, "input_tokens_details": details, "output_tokens": usage.output}
    return {"usage": counts | {"total_tokens": prompt + usage.output}}


GIGACHAT_V2 = Voice("gigachat_v2", "call-", "", frames, whole, error, error_frame)
