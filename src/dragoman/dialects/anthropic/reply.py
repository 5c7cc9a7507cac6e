"""Whole answers, and the pieces of an answer that a stream has too.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.events import Finished
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.canon.reply import Reply
from dragoman.canon.request import (
    Audio,
    Extras,
    File,
    Image,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)
from dragoman.canon.seal import wrap
from dragoman.canon.usage import Usage
from dragoman.dialects.anthropic.words import NAME, STOP_REASONS
from dragoman.dialects.base import Telling
from dragoman.dialects.carrier import NEXT, carry
from dragoman.dialects.take import first_byte

UNSPEAKABLE = problem(
    Kind.GARBLED,
    "The provider ended its answer for a reason that this dialect has no word for, so the answer may be incomplete. "
    "Try again; if it persists, report it.",
)
"""What is said in place of an ending that cannot be said truthfully."""

_RAW = msgspec.json.Decoder(Raw)


def own(extras: Extras | None) -> dict[str, Raw]:
    """The extras that this dialect's reader kept."""
    return extras.members if extras is not None and extras.dialect == NAME else {}


def signature(seal: Seal | None, bare: bool) -> str:
    """A seal as its member's string; empty for none."""
    if seal is None:
        return ""
    return seal.blob if bare else wrap(seal)


def stop_of(finish: Finished, refused: bool) -> str | Raw | None:
    """The `stop_reason` to tell; None where there is no truthful one."""
    if finish.reason == "unknown":
        return own(finish.extras).get("stop_reason")
    return STOP_REASONS["refusal" if refused and finish.reason == "end" else finish.reason]


def usage_of(usage: Usage, extras: Extras | None, input_estimate: int) -> dict[str, object]:
    """The usage object, with all four counts. Where the provider has said nothing of the prompt, the estimate."""
    unsaid = usage.input is None and not usage.prompt
    written: dict[str, object] = {
        "input_tokens": input_estimate if unsaid else usage.input or 0,
        "cache_creation_input_tokens": (usage.cache_write_5m or 0) + (usage.cache_write_1h or 0),
        "cache_read_input_tokens": usage.cache_read or 0,
        "output_tokens": usage.output or 0,
    }
    if usage.cache_write_1h:
        written["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m or 0,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    if usage.thinking is not None:
        written["output_tokens_details"] = {"thinking_tokens": usage.thinking}
    return written | own(extras)


def tool_id(given: str, taken: set[str], exchange_id: str) -> str:
    """The id of a call, unlike any taken before in the same answer; made up where the provider gave none."""
    unique = given or f"toolu_{exchange_id}_{len(taken)}"
    if unique in taken:
        unique = f"{unique}_{len(taken)}"
    taken.add(unique)
    return unique


def said_instead(part: Part) -> str | None:
    """Words in place of a part that no answer of this wire can hold; None if there are none to say."""
    match part:
        case ServerTool(fallback=words) | Unknown(fallback=words):
            return words
        case Image() | Audio() | File():
            return f"[The answer held a part of kind '{type(part).__name__.lower()}', which cannot be shown here.]"
        case _:
            return None


def input_of(arguments: str) -> tuple[Raw, bool]:
    """Arguments of a call as a JSON object, and whether they are one; other text is kept whole inside an object.

    No arguments at all are an empty object: that is how a call without parameters looks on other wires.
    """
    try:
        found = _RAW.decode(arguments)
        if first_byte(found) == b"{":
            return found, True
    except (msgspec.DecodeError, RecursionError):
        if not arguments.strip():
            return Raw(b"{}"), True
    return Raw(msgspec.json.encode({"__unparsed": arguments})), False


def write_reply(reply: Reply, telling: Telling) -> bytes:
    """A whole answer. Raises `Trouble` (garbled) for an ending that this wire has no word for."""
    refused = any(isinstance(part, Refusal) for part in reply.parts)
    stop_reason = stop_of(reply.finish, refused) if reply.finish else None
    if reply.finish is None or stop_reason is None:
        raise Trouble(UNSPEAKABLE)
    content: list[object] = []
    ids: set[str] = set()
    for part in reply.parts:
        block = _block(part, telling, ids)
        if block is not None and part.seal is not None and not isinstance(part, Thinking):
            content.append({"type": "thinking", "thinking": "", "signature": carry(part.seal, NEXT)})
        content.extend([] if block is None else [block])
    message = {
        "id": reply.id or f"msg_{telling.exchange_id}",
        "type": "message",
        "role": "assistant",
        "model": telling.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": reply.finish.stop_text,
        "usage": usage_of(reply.usage, reply.usage_extras, telling.input_estimate),
    }
    return msgspec.json.encode(message | own(reply.extras) | own(reply.finish.extras))


def _block(part: Part, telling: Telling, ids: set[str]) -> Mapping[str, object] | Raw | None:
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"type": "text", "text": text, **own(part.extras)}
        case Thinking(redacted=True):
            blob = signature(part.seal, telling.bare_seals)
            return {"type": "redacted_thinking", "data": blob, **own(part.extras)} if blob else None
        case Thinking(text=text):
            blob = signature(part.seal, telling.bare_seals)
            return {"type": "thinking", "thinking": text, "signature": blob, **own(part.extras)}
        case ToolCall(form=form):
            arguments = input_of(part.arguments)[0] if form == "json" else {"input": part.arguments}
            call_id = tool_id(part.id, ids, telling.exchange_id)
            return {"type": "tool_use", "id": call_id, "name": part.name, "input": arguments, **own(part.extras)}
        case ServerTool(dialect=dialect, raw=raw) | Unknown(dialect=dialect, raw=raw) if dialect == NAME:
            return raw
        case _:
            words = telling.let_go(part, said_instead(part))
            return {"type": "text", "text": words} if words else None
