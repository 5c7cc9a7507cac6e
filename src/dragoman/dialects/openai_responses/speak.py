"""Events as a streamed answer for a client.

Theory. One part is open at a time. A part becomes a content of an item, or an item of its own; neighbours of one group
are one item, which stays open until another begins. All of an event but its text and number is known when a part
opens, so that a growth is four byte strings put together. A call to a tool that OpenAI knows by type is said as such,
once it is whole, for its items have no pieces.

Source: Responses reference, streaming events, and SDK types 3.51, read 2026-11-20.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from dragoman.canon.events import (
    Beat,
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
from dragoman.canon.problem import Problem
from dragoman.canon.request import Extras, Part, Refusal, Seal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.usage import NOTHING_SAID, merge
from dragoman.dialects.base import Telling
from dragoman.dialects.error_objects import error_object
from dragoman.dialects.openai_responses import builtin
from dragoman.dialects.openai_responses.builtin import BuiltIn
from dragoman.dialects.openai_responses.items import Item, Items, Mould, Wire, mould
from dragoman.dialects.openai_responses.offers import Place, flat, places, within
from dragoman.dialects.openai_responses.seals import sealed_content
from dragoman.dialects.openai_responses.shell import Shell, encoded, message_of
from dragoman.dialects.openai_responses.usage import write_usage
from dragoman.dialects.openai_responses.wire import COMPACTION, NAME, NULL, elements, is_compaction, is_raw_thought, own

BEAT = b": ping\n\n"


class _Content:
    """The part that is open. Mutable: it grows."""

    __slots__ = ("head", "item", "logprobs", "mould", "notes", "pieces", "place")

    def __init__(self, head: Part, item: Item | None = None) -> None:
        self.head = head
        self.item = item
        """What it belongs to; None for a part that is told when it is whole, or not at all."""
        self.mould: Mould | None = None
        self.pieces: list[str] = []
        self.notes: list[Raw] = []
        """Annotations."""
        self.logprobs: list[Raw] = []
        self.place = 0
        """Which content of its item it is."""


class StreamWriter:
    """Writes one answer. Mutable: it knows the row of items and the open part, and gathers usage for the end."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._places = places(telling.request.tools) if telling.request else {}
        self._shell: Shell | None = None
        self._items = Items(telling.exchange_id)
        self._content = _Content(Text(""))
        self._refused = False
        self._usage = NOTHING_SAID
        self._usage_extras: Extras | None = None
        self.told: Wire | None = None
        """The answer's object, once it has ended."""

    def write(self, events: list[Event]) -> bytes:
        """The frames that say these events."""
        return b"".join([self._say(event) for event in events])

    def _say(self, event: Event) -> bytes:
        if type(event) is PartGrew:
            return self._grew(self._content, event.text)
        match event:
            case Started():
                return self._start(event)
            case PartOpened():
                return self._opened(event.head)
            case PartSealed():
                return self._sealed(self._content, event.seal)
            case PartNoted():
                return self._noted(self._content, event.extras)
            case UsageSeen():
                self._usage = merge(self._usage, event.usage)
                self._usage_extras = event.extras or self._usage_extras
            case Finished():
                return self._finish(event)
            case Failed():
                return self._fail(event.problem)
            case Beat():
                return BEAT
        return b""

    def _start(self, event: Started) -> bytes:
        self._shell = Shell(self._telling, event.id)
        told = encoded(self._shell.told("in_progress", []))
        frame = self._items.frame
        return frame("response.created", response=told) + frame("response.in_progress", response=told)

    def _finish(self, event: Finished) -> bytes:
        said = self._items.close()
        usage = None
        if self._usage != NOTHING_SAID or self._usage_extras:
            usage = write_usage(self._usage, self._usage_extras)
        shell = self._shell or Shell(self._telling, "")
        self.told = shell.finished(event, self._items.complete, usage, refused=self._refused)
        return said + self._items.frame(f"response.{self.told['status']}", response=self.told)

    def _fail(self, found: Problem) -> bytes:
        """An error, by which SDKs raise, and the failed answer, by which agents know that it is over."""
        error = {**error_object(found), "message": message_of(found)}
        flat_error = {name: error[name] for name in ("code", "message", "param")}
        said = self._items.frame("error", **flat_error, error=error)
        shell = self._shell or Shell(self._telling, "")
        return said + self._items.frame("response.failed", response=shell.failed(found, self._items.complete))

    def _opened(self, head: Part) -> bytes:
        content = self._content = _Content(head)
        match head:
            case Text() | Refusal():
                return self._words_opened(head, content)
            case Thinking() if not is_compaction(head):
                return self._thought_opened(head, content)
            case ToolCall():
                place = self._places.get(head.name, Place(head.name))
                if place.builtin or builtin.of_extras(head.extras, builtin.BY_CALL):
                    return b""
                return self._call_begins(head, content, place)
            case ServerTool(dialect=dialect, raw=raw) | Unknown(dialect=dialect, raw=raw) if dialect == NAME:
                return self._items.whole(raw)
            case Thinking():
                return b""  # a compaction, told once it is sealed
            case _:
                return self._told_instead(head, content)

    def _words_opened(self, head: Text | Refusal, content: _Content) -> bytes:
        said = b""
        item = self._items.open if self._items.joins(head, "message") else None
        if item is None:
            wire: Wire = {"id": self._items.new_id("msg", head.group), "type": "message", "status": "in_progress"}
            wire |= {"role": "assistant", "content": []}
            wire |= {name: value for name, value in own(head.extras).items() if name == "phase"}
            item, said = self._items.begin(wire, head.group)
        self._refused = self._refused or isinstance(head, Refusal)
        kind = "refusal" if isinstance(head, Refusal) else "output_text"
        where = _begin(content, item, "content", f"response.{kind}.delta", "content_index")
        return said + self._items.frame("response.content_part.added", **where, part=_words(head, "", [], []))

    def _told_instead(self, head: Part, content: _Content) -> bytes:
        """The words for a part that this wire cannot say; its loss is told."""
        words = self._telling.let_go(head, head.fallback if isinstance(head, ServerTool | Unknown) else None)
        if not words:
            return b""
        content.head = text = Text("")
        return self._words_opened(text, content) + self._grew(content, words)

    def _thought_opened(self, head: Thinking, content: _Content) -> bytes:
        if self._items.joins(head, "reasoning"):
            content.item = self._items.open
            return b""
        wire: Wire = {"id": self._items.new_id("rs", head.group), "type": "reasoning", "summary": []}
        content.item, said = self._items.begin(wire, head.group)
        return said

    def _thought_begins(self, content: _Content, item: Item) -> bytes:
        """The first words of a thought; without any its item has no content."""
        if is_raw_thought(content.head):
            item.wire.setdefault("content", [])
            where = _begin(content, item, "content", "response.reasoning_text.delta", "content_index")
            part = {"type": "reasoning_text", "text": ""}
            return self._items.frame("response.content_part.added", **where, part=part)
        where = _begin(content, item, "summary", "response.reasoning_summary_text.delta", "summary_index")
        part = {"type": "summary_text", "text": ""}
        return self._items.frame("response.reasoning_summary_part.added", **where, part=part)

    def _call_begins(self, head: ToolCall, content: _Content, place: Place) -> bytes:
        raw = own(head.extras).get("namespace")
        box = place.namespace or (msgspec.json.decode(raw, type=str) if raw is not None else None)
        name = within(box, head.name) if box and head.name.startswith(flat(box, "")) else place.name
        free = head.form == "text"
        wire: Wire = {"id": self._items.new_id("ctc" if free else "fc", head.group)}
        wire |= {"type": "custom_tool_call" if free else "function_call", "status": "in_progress"}
        wire |= {"call_id": head.id, "name": name, "input" if free else "arguments": ""}
        if box:
            wire["namespace"] = box
        content.item, said = self._items.begin(wire, None)
        event = "response.custom_tool_call_input.delta" if free else "response.function_call_arguments.delta"
        content.mould = mould(event, content.item.where)
        return said

    def _grew(self, content: _Content, text: str) -> bytes:
        if not text:
            return b""
        content.pieces.append(text)
        said = b""
        if content.mould is None and content.item is not None:
            said = self._thought_begins(content, content.item)
        return b"" if content.mould is None else said + self._items.grown(content.mould, text)

    def _noted(self, content: _Content, extras: Extras) -> bytes:
        if content.item is None or not isinstance(content.head, Text):
            return b""
        noted = own(extras)
        content.logprobs += elements(noted.get("logprobs", NULL))
        annotation = noted.get("annotations")
        if annotation is None:
            return b""
        content.notes.append(annotation)
        return self._items.frame(
            "response.output_text.annotation.added",
            **content.item.where,
            content_index=content.place,
            annotation_index=len(content.notes) - 1,
            annotation=annotation,
        )

    def _sealed(self, content: _Content, seal: Seal | None) -> bytes:
        head, item, text = content.head, content.item, "".join(content.pieces)
        match head:
            case Thinking():
                return self._thought_sealed(head, content, text, seal)
            case ToolCall():
                said = self._call_sealed(head, content, text)
            case Text() | Refusal() if item is not None:
                said = self._words_sealed(head, content, item, text)
            case _:
                said = b""
        if seal is not None:
            sealed = sealed_content(seal, head, bare=False, worded=False)
            carrier: Wire = {
                "id": self._items.new_id("rs"),
                "type": "reasoning",
                "summary": [],
                "encrypted_content": sealed,
            }
            said += self._items.whole(carrier)
        return said

    def _words_sealed(self, head: Text | Refusal, content: _Content, item: Item, text: str) -> bytes:
        where = {**item.where, "content_index": content.place}
        part = _words(head, text, content.notes, content.logprobs)
        item.wire["content"].append(part)
        if isinstance(head, Refusal):
            said = self._items.frame("response.refusal.done", **where, refusal=text)
        else:
            said = self._items.frame("response.output_text.done", **where, text=text, logprobs=content.logprobs)
        said += self._items.frame("response.content_part.done", **where, part=part)
        return said if head.group is not None else said + self._items.close()

    def _thought_sealed(self, head: Thinking, content: _Content, text: str, seal: Seal | None) -> bytes:
        item, bare = content.item, self._telling.bare_seals
        if item is None:
            sealed = None if seal is None else sealed_content(seal, head, bare=bare, worded=True)
            compaction = {"id": self._items.new_id("cmp", head.group), "type": COMPACTION}
            return self._items.whole({**compaction, "encrypted_content": sealed or ""})
        said = b""
        if content.mould is not None:
            said = self._thought_told(head, content, item, text)
        if seal is not None and (seal.blob or head.group is None):
            worded = bool(item.wire["summary"] or item.wire.get("content"))
            sealed = sealed_content(seal, head, bare=bare, worded=worded)
            if sealed:
                item.wire["encrypted_content"] = sealed
        return said if head.group is not None else said + self._items.close()

    def _thought_told(self, head: Thinking, content: _Content, item: Item, text: str) -> bytes:
        """The words of a thought are whole."""
        frame = self._items.frame
        if is_raw_thought(head):
            part = {"type": "reasoning_text", "text": text}
            item.wire["content"].append(part)
            where = {**item.where, "content_index": content.place}
            said = frame("response.reasoning_text.done", **where, text=text)
            return said + frame("response.content_part.done", **where, part=part)
        part = {"type": "summary_text", "text": text}
        item.wire["summary"].append(part)
        where = {**item.where, "summary_index": content.place}
        said = frame("response.reasoning_summary_text.done", **where, text=text)
        return said + frame("response.reasoning_summary_part.done", **where, part=part)

    def _call_sealed(self, head: ToolCall, content: _Content, text: str) -> bytes:
        said = b""
        if content.item is None:
            known = self._places.get(head.name, Place("")).builtin or builtin.of_extras(head.extras, builtin.BY_CALL)
            arguments = builtin.action(known, text) if known else None
            if known and arguments is not None:
                return self._items.whole(self._built_in(head, known, arguments))
            said = self._call_begins(head, content, Place(head.name)) + self._grew(content, text)
        item = content.item
        if item is None:
            return said
        if head.form == "text":
            item.wire["input"] = text
            said += self._items.frame("response.custom_tool_call_input.done", **item.where, input=text)
        else:
            item.wire["arguments"] = text = text or "{}"
            name = item.wire["name"]
            done = "response.function_call_arguments.done"
            said += self._items.frame(done, **item.where, name=name, arguments=text)
        return said + self._items.close()

    def _built_in(self, head: ToolCall, known: BuiltIn, arguments: Raw) -> Wire:
        wire: Wire = {"id": self._items.new_id(known.prefix, head.group), "type": known.call, "call_id": head.id}
        wire |= {known.member: arguments, "status": "completed"}
        if known is builtin.TOOL_SEARCH:
            wire["execution"] = "client"
        return {**wire, **own(head.extras)}


def _begin(content: _Content, item: Item, member: str, event: str, index: str) -> Wire:
    """Where a content of an item stands; its mould is made."""
    content.item = item
    content.place = len(item.wire[member])
    where = {**item.where, index: content.place}
    logprobs: dict[str, Any] = {"logprobs": []} if event == "response.output_text.delta" else {}
    content.mould = mould(event, {**where, **logprobs})
    return where


def _words(head: Text | Refusal, text: str, notes: list[Raw], logprobs: list[Raw]) -> Wire:
    """A content of a message."""
    if isinstance(head, Refusal):
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": notes, "logprobs": logprobs}
