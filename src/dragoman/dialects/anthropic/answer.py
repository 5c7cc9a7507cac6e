"""The pieces of an upstream's answer, whole or streamed, as canon values.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.canon.events import (
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Started,
    UsageSeen,
)
from dragoman.canon.mend import whole_characters
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.canon.request import Extras, Part, Seal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.usage import Usage, count
from dragoman.dialects.anthropic.errors import problem_in_answer
from dragoman.dialects.anthropic.plain import plainly
from dragoman.dialects.anthropic.words import NAME, REASONS
from dragoman.dialects.base import Hearing
from dragoman.dialects.free_text import free_text
from dragoman.dialects.take import Members

_NULL = b"null"
_ANY = msgspec.json.Decoder(float_hook=float)
"""Takes what no float holds, as 1e400, for infinite, where decoding it would raise."""


class Opening(Struct):
    """A block as it begins, or as it is in a whole answer."""

    head: Part
    text: str = ""
    """What it already says."""
    blob: str | None = None
    """Its signature or encrypted thinking; None for a block that has no field for one."""
    notes: tuple[Raw, ...] = ()
    """Its citations."""
    growth: str = ""
    """The type of the deltas that lengthen its text; empty for a block that is carried whole."""


def opening(raw: Raw, hearing: Hearing) -> Opening:
    """What a content block is. Raises `Trouble` for one that is not an object with a type."""
    block = Members.of(raw, "content_block")
    match block.need("type", block.text("type")):
        case "text":
            text = block.text("text", "")
            notes = tuple(block.items("citations") or ())
            return Opening(Text("", extras=extras_of(block)), text, None, notes, "text_delta")
        case "thinking":
            text, blob = block.text("thinking", ""), block.text("signature", "")
            return Opening(Thinking("", extras=extras_of(block)), text, blob, growth="thinking_delta")
        case "redacted_thinking":
            blob = block.text("data", "")
            return Opening(Thinking("", redacted=True, extras=extras_of(block)), "", blob)
        case "tool_use":
            name = block.text("name", "")
            text = str(block.raw("input") or b"{}", "utf-8")
            call_id = block.text("id", "")
            free = name in hearing.text_tools
            known = hearing.names.get(name, name)
            head = ToolCall(call_id, known, "", "text" if free else "json", extras=extras_of(block))
            return Opening(head, text, growth="" if free else "input_json_delta")
        case kind:
            return Opening(carried_whole(kind, raw))


class CallIds:
    """The ids of one answer's calls. Mutable: it knows those given out.

    Compatible servers leave ids out or give one twice; clients tell calls apart by nothing else.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._given: set[str] = set()

    def told_apart(self, found: Opening) -> Opening:
        """The block with an id that no other call of the answer has: its own where it can be, else one made."""
        head = found.head
        if not isinstance(head, ToolCall):
            return found
        chosen = head.id
        if not chosen or chosen in self._given:
            salt = f"{self._seed}#{len(self._given)}#{chosen}"
            chosen = "toolu_" + blake2b(salt.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
            found = replace(found, head=replace(head, id=chosen))
        self._given.add(chosen)
        return found


def carried_whole(kind: str, raw: Raw) -> Part:
    """A block of the vendor's own kind."""
    if kind.endswith(("_tool_use", "_tool_result")):
        return ServerTool(NAME, kind, raw, plainly(raw))
    return Unknown(NAME, kind, raw, plainly(raw))


def noted(index: int, name: str, note: Raw) -> PartNoted:
    """A citation, or a delta of a type unknown here under its name."""
    return PartNoted(index, Extras(NAME, {name: note}))


def extras_of(members: Members) -> Extras | None:
    """What was not taken and says anything."""
    rest = members.rest(NAME)
    said = {name: value for name, value in rest.members.items() if memoryview(value) != _NULL} if rest else {}
    return Extras(NAME, said) if said else None


class Counts:
    """Reads usage objects. Mutable: later ones leave out what earlier ones said, and extras add up."""

    def __init__(self) -> None:
        self._hour: int | None = None
        self._extras: dict[str, Raw] = {}

    def seen(self, raw: Raw | None) -> list[Event]:
        """The counts in a usage object, disjoint; nothing for none. Raises `Trouble` for what is no object."""
        if raw is None:
            return []
        usage = Members.of(raw, "usage")
        created = _whole(usage, "cache_creation_input_tokens")
        split = usage.members("cache_creation")
        five = _whole(split, "ephemeral_5m_input_tokens")
        hour = _whole(split, "ephemeral_1h_input_tokens")
        self._hour = self._hour if hour is None else hour
        details = usage.members("output_tokens_details")
        found = Usage(
            input=_whole(usage, "input_tokens"),
            cache_read=_whole(usage, "cache_read_input_tokens"),
            cache_write_5m=five if created is None else max(created - (self._hour or 0), 0),
            cache_write_1h=hour,
            output=_whole(usage, "output_tokens"),
            thinking=_whole(details, "thinking_tokens"),
        )
        extras = extras_of(usage)
        self._extras |= extras.members if extras else {}
        return [UsageSeen(found, Extras(NAME, dict(self._extras)) if self._extras else None)]


def _whole(members: Members | None, name: str) -> int | None:
    return count(members.anything(name)) if members else None


def started(message: Members) -> Started:
    """The beginning of an answer; what only its end can say is taken and forgotten."""
    for name in ("type", "role", "content", "stop_reason", "stop_sequence", "usage"):
        message.raw(name)
    return Started(message.text("id", ""), message.text("model", ""), extras_of(message))


def finished(ending: Members, beside: Members | None = None) -> Finished | None:
    """How an answer ended; None if these members do not say that it did."""
    raw = ending.raw("stop_reason")
    if raw is None:
        return None
    word = _ANY.decode(raw)
    reason = REASONS.get(word, "unknown") if isinstance(word, str) else "unknown"
    stop_text = ending.text("stop_sequence")
    members: dict[str, Raw] = {"stop_reason": raw} if reason == "unknown" else {}
    for holder in (ending, beside):
        extras = extras_of(holder) if holder else None
        members |= extras.members if extras else {}
    return Finished(reason, stop_text, Extras(NAME, members) if members else None)


ENDINGS = ("stop_reason", "stop_sequence", "stop_details", "container", "context_management", "safeguard_results")
"""Members of a whole answer that a stream tells at its end."""


def read_reply(body: bytes, hearing: Hearing) -> list[Event]:
    """The events of a whole answer; legal, and ended by `Finished` or `Failed`. Never raises."""
    try:
        return _events(body, hearing)
    except (Trouble, UnicodeDecodeError):
        pass
    try:
        return _events(whole_characters(body), hearing)
    except Trouble as trouble:
        found = f"The provider's answer is not a message of this dialect: {trouble.problem.message}"
        return [Failed(problem(Kind.GARBLED, found, evidence=body[:4096].decode("utf-8", "replace")))]


def _events(body: bytes, hearing: Hearing) -> list[Event]:
    message = Members.of(body, "answer")
    if "error" in message:
        return [Failed(problem_in_answer(body))]
    raw_usage = message.raw("usage")
    blocks = message.need("content", message.items("content"))
    ending = Members({name: value for name in ENDINGS if (value := message.raw(name)) is not None})
    begun = started(message)
    events: list[Event] = [begun]
    ids = CallIds(begun.id)
    for index, raw in enumerate(blocks):
        events.extend(part_events(index, ids.told_apart(opening(raw, hearing)), hearing.origin))
    events.extend(Counts().seen(raw_usage))
    ended = finished(ending)
    if ended is None:
        ended_badly = "The provider's answer came without a stop reason, so it may be incomplete. Try again."
        return [*events, Failed(problem(Kind.CUT_SHORT, ended_badly))]
    return [*events, ended]


def part_events(index: int, block: Opening, origin: str) -> Iterator[Event]:
    """A block that is complete, as events."""
    yield PartOpened(index, block.head)
    text = free_text(block.text) if isinstance(block.head, ToolCall) and block.head.form == "text" else block.text
    if text:
        yield PartGrew(index, text)
    for note in block.notes:
        yield noted(index, "citations", note)
    yield PartSealed(index, None if block.blob is None else Seal(origin, block.blob))
