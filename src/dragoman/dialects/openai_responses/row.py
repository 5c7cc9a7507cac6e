"""The items of an upstream's answer as they arrive, made into parts.

Theory. `output_index` tells the item, `content_index` or `summary_index` the content. A content is a part; parts of one
item share its id as their group. What a stream left out is taken from where it is told again: the text from `done`, the
item from `output_item.done`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

from dragoman.canon.events import Event, PartGrew, PartNoted, PartOpened, PartSealed
from dragoman.canon.problem import Kind, Problem, problem
from dragoman.canon.request import Extras, Part, Refusal, Seal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.dialects.base import Hearing
from dragoman.dialects.free_text import free_text
from dragoman.dialects.names import digest
from dragoman.dialects.openai_responses.builtin import BY_CALL
from dragoman.dialects.openai_responses.frame import Item, Said, Words, typed
from dragoman.dialects.openai_responses.offers import flat
from dragoman.dialects.openai_responses.turns import raw_thought
from dragoman.dialects.openai_responses.wire import COMPACTION, COMPACTION_TYPE, EMPTY, NAME, NULL, elements

Key = tuple[Literal["content", "summary", "call"], int]
"""Which content of an item."""


class _Growing:
    """One part of an item. Mutable: it grows."""

    __slots__ = ("index", "length", "noted", "open")

    def __init__(self, index: int) -> None:
        self.index = index
        self.length = 0
        """Characters so far."""
        self.open = True
        self.noted = False
        """Whether something was told beside the text."""


class _Heard:
    """One item while it arrives. Mutable: it gathers parts."""

    __slots__ = ("done", "item", "parts", "pieces")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.parts: dict[Key, _Growing] = {}
        self.pieces: list[str] = []
        """Arguments of a call whose free text came as JSON."""
        self.done = False


class Row:
    """The items of one answer. Mutable: it gathers their parts, and the events that tell them."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self.events: list[Event] = []
        """What is to be told; whoever tells it empties the list."""
        self.called = False
        """Whether a tool is called."""
        self.refused = False
        self.fault: Problem | None = None
        """What makes the answer unreadable."""
        self._items: dict[int, _Heard] = {}
        self._parts = 0
        self._ids: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no item has come yet."""
        return not self._items

    def added(self, said: Said) -> None:
        """An item begins."""
        item = typed(said.item, Item)
        if item is not None and said.output_index is not None:
            self._open_item(said.output_index, item)

    def _open_item(self, place: int, item: Item) -> _Heard:
        heard = self._items[place] = _Heard(item)
        if item.type in ("function_call", "custom_tool_call"):
            if item.name:
                self._open(heard, ("call", 0), self._call(item, place))
            else:
                self.fault = _nameless()
        return heard

    def item_done(self, said: Said) -> None:
        """An item is complete."""
        item = typed(said.item, Item)
        if item is not None and said.output_index is not None:
            self.whole(said.output_index, item, said.item)

    def whole(self, place: int, item: Item, raw: Raw) -> None:
        """A complete item: what of it was not told yet, and its end."""
        heard = self._items.get(place)
        if heard is not None and heard.done:
            return
        if heard is None:
            heard = self._open_item(place, item)
        match item.type:
            case "message":
                for position, content in enumerate(item.content or ()):
                    self._content(heard, position, typed(content, Words))
            case "reasoning":
                self._reasoned(heard, item)
            case "function_call" | "custom_tool_call" if ("call", 0) in heard.parts:
                text = item.input if item.type == "custom_tool_call" else _arguments_of(item.arguments)
                if self._hearing.text_tools and item.name in self._hearing.text_tools:
                    heard.pieces = heard.pieces or [text or ""]
                else:
                    self._fill(heard.parts[("call", 0)], text)
            case _ if not heard.parts:
                self._other(heard, item, raw, place)
        self._close(heard, item)

    def _close(self, heard: _Heard, item: Item) -> None:
        """Seals what of an item is still open."""
        heard.done = True
        sealed = item.encrypted_content
        still_open = [part for part in heard.parts.values() if part.open]
        if item.type == "reasoning" and not heard.parts and sealed:
            still_open = [self._open(heard, ("summary", 0), Thinking("", True, group=item.id))]
        for part in still_open:
            seal: Seal | None = None
            if item.type in ("reasoning", COMPACTION):
                seal = Seal(self._hearing.origin, (sealed or "") if part is still_open[-1] else "")
            if heard.pieces:
                self.events.append(PartGrew(part.index, free_text("".join(heard.pieces))))
            part.open = False
            self.events.append(PartSealed(part.index, seal))

    def _other(self, heard: _Heard, item: Item, raw: Raw, place: int) -> None:
        """An item that comes whole."""
        known = BY_CALL.get(item.type)
        if known is not None:
            members = msgspec.json.decode(raw, type=dict[str, Raw])
            arguments = members.pop(known.member, NULL)
            for name in ("id", "call_id", "status"):
                members.pop(name, None)
            head = ToolCall(self._call_id(item, place), known.name, "", group=item.id, extras=Extras(NAME, members))
            self.called = True
            self._fill(self._open(heard, ("call", 0), head), bytes(arguments).decode("utf-8", "replace"))
        elif item.type == COMPACTION:
            extras = Extras(NAME, {"type": COMPACTION_TYPE})
            self._open(heard, ("content", 0), Thinking("", True, group=item.id, extras=extras))
        elif item.type.endswith("_call") or item.type.startswith("mcp_"):
            self._open(heard, ("content", 0), ServerTool(NAME, item.type, raw, group=item.id))
        else:
            self._open(heard, ("content", 0), Unknown(NAME, item.type, raw, group=item.id))

    def _call(self, item: Item, place: int) -> ToolCall:
        self.called = True
        name = item.name or ""
        free = item.type == "custom_tool_call" or name in self._hearing.text_tools
        extras = None
        if item.namespace:
            extras = Extras(NAME, {"namespace": Raw(msgspec.json.encode(item.namespace))})
        known = flat(item.namespace, self._hearing.names.get(name, name))
        return ToolCall(self._call_id(item, place), known, "", "text" if free else "json", group=item.id, extras=extras)

    def _call_id(self, item: Item, place: int) -> str:
        """The id for the client: the wire's own, or one made from its place where it gave none or one twice."""
        chosen = item.call_id or item.id or ""
        if not chosen or chosen in self._ids:
            chosen = f"call_{digest(f'{item.id}#{place}#{chosen}', 24)}"
        self._ids.add(chosen)
        return chosen

    def _open(self, heard: _Heard, key: Key, head: Part) -> _Growing:
        part = heard.parts[key] = _Growing(self._parts)
        self._parts += 1
        self.events.append(PartOpened(part.index, head))
        return part

    def _part(self, said: Said, kind: Literal["content", "summary"], make: type[Text | Refusal | Thinking]) -> _Growing:
        """The part that an event is about; it is opened where the wire did not say so before."""
        place = said.output_index or 0
        heard = self._items.get(place)
        if heard is None:
            heard = self._items[place] = _Heard(Item(type="reasoning" if make is Thinking else "message"))
        position = (said.summary_index if kind == "summary" else said.content_index) or 0
        found = heard.parts.get((kind, position))
        return found if found is not None else self._begin(heard, (kind, position), make)

    def _begin(self, heard: _Heard, key: Key, make: type[Text | Refusal | Thinking]) -> _Growing:
        self.refused = self.refused or make is Refusal
        group = heard.item.id
        extras: Extras | None = None
        if make is Thinking:
            extras = raw_thought() if key[0] == "content" else None
            for part in heard.parts.values():
                if part.open:
                    part.open = False
                    self.events.append(PartSealed(part.index, Seal(self._hearing.origin, "")))
        elif heard.item.phase != NULL and not heard.parts:
            extras = Extras(NAME, {"phase": heard.item.phase})
        return self._open(heard, key, make("", group=group, extras=extras))

    def _grow(self, part: _Growing, text: str | None) -> None:
        if text and part.open:
            part.length += len(text)
            self.events.append(PartGrew(part.index, text))

    def _fill(self, part: _Growing, text: str | None) -> None:
        """What of a text that is now told whole did not come before."""
        if text and len(text) > part.length:
            self._grow(part, text[part.length :])

    def content_added(self, said: Said) -> None:
        """A content begins."""
        words = typed(said.part, Words)
        if words is not None:
            self._part(said, "content", _sort(words))

    def content_done(self, said: Said) -> None:
        """A content is complete."""
        words = typed(said.part, Words)
        heard = self._items.get(said.output_index or 0)
        if words is not None and heard is not None:
            self._content(heard, said.content_index or 0, words)

    def _content(self, heard: _Heard, position: int, words: Words | None) -> None:
        """A content that is told whole."""
        if words is None:
            return
        part = heard.parts.get(("content", position)) or self._begin(heard, ("content", position), _sort(words))
        self._fill(part, words.refusal if words.type == "refusal" else words.text)
        if not part.noted:
            for annotation in elements(words.annotations):
                self._note(part, "annotations", annotation)
            if words.logprobs not in (NULL, EMPTY):
                self._note(part, "logprobs", words.logprobs)
        if part.open and _sort(words) is not Thinking:
            part.open = False
            self.events.append(PartSealed(part.index))

    def _reasoned(self, heard: _Heard, item: Item) -> None:
        """A reasoning item that is told whole; its last part is sealed with it."""
        for kind, contents in (("summary", item.summary), ("content", item.content)):
            for position, raw in enumerate(contents or ()):
                words = typed(raw, Words)
                key: Key = ("summary" if kind == "summary" else "content", position)
                if words is not None:
                    self._fill(heard.parts.get(key) or self._begin(heard, key, Thinking), words.text)

    def text(self, said: Said) -> None:
        """More of a text."""
        part = self._part(said, "content", Text)
        self._grow(part, said.delta)
        if said.logprobs not in (NULL, EMPTY):
            self._note(part, "logprobs", said.logprobs)

    def text_done(self, said: Said) -> None:
        """A text is whole."""
        self._fill(self._part(said, "content", Text), said.text)

    def annotated(self, said: Said) -> None:
        """A citation in a text."""
        self._note(self._part(said, "content", Text), "annotations", said.annotation)

    def _note(self, part: _Growing, name: str, value: Raw) -> None:
        if part.open and value != NULL:
            part.noted = True
            self.events.append(PartNoted(part.index, Extras(NAME, {name: value})))

    def refusal(self, said: Said) -> None:
        """More of a refusal."""
        self._grow(self._part(said, "content", Refusal), said.delta)

    def refusal_done(self, said: Said) -> None:
        """A refusal is whole."""
        self._fill(self._part(said, "content", Refusal), said.refusal)

    def summary_added(self, said: Said) -> None:
        """A piece of a summary begins."""
        self._part(said, "summary", Thinking)

    def summary(self, said: Said) -> None:
        """More of a summary."""
        self._grow(self._part(said, "summary", Thinking), said.delta)

    def summary_done(self, said: Said) -> None:
        """A piece of a summary is whole."""
        self._fill(self._part(said, "summary", Thinking), said.text)

    def reasoning(self, said: Said) -> None:
        """More of the reasoning itself."""
        self._grow(self._part(said, "content", Thinking), said.delta)

    def reasoning_done(self, said: Said) -> None:
        """The reasoning itself is whole."""
        self._fill(self._part(said, "content", Thinking), said.text)

    def arguments(self, said: Said) -> None:
        """More of a call's arguments."""
        heard = self._items.get(said.output_index or 0)
        if heard is None or ("call", 0) not in heard.parts:
            return
        if heard.item.name in self._hearing.text_tools:
            heard.pieces.append(said.delta or "")
        else:
            self._grow(heard.parts[("call", 0)], said.delta)

    def close(self) -> None:
        """Seals all that is open, for the answer is complete."""
        for heard in self._items.values():
            if not heard.done:
                self._close(heard, heard.item)


def _sort(words: Words) -> type[Text | Refusal | Thinking]:
    match words.type:
        case "refusal":
            return Refusal
        case "reasoning_text" | "summary_text":
            return Thinking
        case _:
            return Text


def _arguments_of(raw: Raw) -> str | None:
    """The arguments of a call, which some servers give as an object instead of text."""
    if raw == NULL:
        return None
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, RecursionError):
        return bytes(raw).decode("utf-8", "replace")


def _nameless() -> Problem:
    return problem(Kind.GARBLED, "The provider's answer was read but has a tool call without a name. Try again.")
