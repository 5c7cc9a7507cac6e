"""A conversation as input items that a strict server accepts.

Rules: results follow their calls at once, in the order of the calls, then come pictures out of results that could not
stay there, then words; a call without a result is given one that says so; a result without a call becomes words, unless
a server keeps the conversation; nothing empty is sent. No item is given an id that it did not come with: a server that
keeps nothing looks for it in vain ("Item with id 'rs_…' not found", in reports of 2026).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.problem import Kind, refuse
from dragoman.canon.request import (
    Audio,
    File,
    Image,
    Part,
    Refusal,
    Request,
    ServerTool,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.canon.request import Thinking as Thought
from dragoman.dialects.free_text import wrapped_text
from dragoman.dialects.names import sent_id
from dragoman.dialects.openai_responses import builtin
from dragoman.dialects.openai_responses.content import BETWEEN, Item, is_bare, items, plain, settle, text_of
from dragoman.dialects.openai_responses.offers import Place, places, within
from dragoman.dialects.openai_responses.pen import Pen
from dragoman.dialects.openai_responses.wire import (
    COMPACTION,
    COMPACTION_TYPE,
    NAME,
    NAMELESS,
    is_compaction,
    is_raw_thought,
)
from dragoman.dialects.pairs import Pairs, Slot, pair

BILLING_LINE = "x-anthropic-billing-header:"
"""Claude Code's first system block begins so. It changes from conversation to conversation, and only its own vendor
reads it: at other vendors it would break every cached prefix."""
ID_LIMIT = 64
"""Characters of an id that OpenAI takes here ("Expected a string with maximum length 64")."""
INTERRUPTED = "The tool call was interrupted and gave no result."

Wire = dict[str, object]


def write_input(request: Request, pen: Pen) -> tuple[str | None, list[Item]]:
    """The instructions, None where there are none, and the items of the conversation."""
    instructions, leading = _head(request, pen)
    writer = _Conversation(request, pen)
    return instructions, [*leading, *writer.write()]


def _head(request: Request, pen: Pen) -> tuple[str | None, list[Item]]:
    """What the system's parts say: instructions, and messages for what came as such."""
    parts = list(request.system)
    if parts and isinstance(parts[0], Text) and parts[0].text.startswith(BILLING_LINE) and not pen.own:
        del parts[0]
        pen.lose("system.billing_line", "Only its own vendor reads the billing line.", "dropped")
    said: list[Item] = []
    leading: list[Item] = []
    for group, together in groupby(parts, lambda part: part.group if pen.own else None):
        if group is None:
            said += items(together, pen)
        else:
            leading.append(_message(pen.habits.system_role, items(together, pen), group, pen))
    if not all(isinstance(each, dict) and "text" in each for each in said):
        leading.insert(0, _message(pen.habits.system_role, said, None, pen))  # instructions are one text
        said = []
    return (BETWEEN.join(text_of(each) for each in said) if said else None), leading


def _message(role: str, said: list[Item], group: str | None, pen: Pen, *, as_string: bool = False) -> Wire:
    message: Wire = {"type": "message", "role": role, "content": settle(said, pen, as_string=as_string)}
    return _with_id(message, group)


def _with_id(item: Wire, group: str | None) -> Wire:
    """The item with the id it came with."""
    return item if group is None or group.startswith(NAMELESS) else {"id": group, **item}


class _Conversation:
    """The items of one request as they are written. Mutable: it gathers them."""

    def __init__(self, request: Request, pen: Pen) -> None:
        self._request = request
        self._pen = pen
        self._kept = bool(request.bound) and pen.own
        """Whether a server keeps what came before, so that results may stand without their calls."""
        self._pairs = Pairs({}, frozenset()) if self._kept else pair(request.turns)
        self._places: Mapping[str, Place] = places(request.tools) if pen.own else {}
        self.items: list[Item] = []
        self._media: list[Item] = []
        """What of the results of a turn only a user's message can hold."""

    def write(self) -> list[Item]:
        """All items."""
        pen = self._pen
        for position, turn in enumerate(self._request.turns):
            if turn.role == "assistant":
                self._assistant(turn, self._pairs.slots.get(position, []))
            else:
                self._other(turn)
        last = self._request.turns[-1] if self._request.turns else None
        begun = last is not None and last.role == "assistant" and not any(isinstance(p, ToolCall) for p in last.parts)
        if begun and not pen.own:
            pen.lose("prefill", "The upstream begins a new answer instead of going on with the one begun.")
        if not self.items and not pen.own:
            self.items.append({"type": "message", "role": "user", "content": ""})
        return self.items

    def _other(self, turn: Turn) -> None:
        """A user's or a system's turn."""
        pen = self._pen
        extras = pen.kept(turn.extras, "turn")
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolResult) and (self._kept or id(part) in self._pairs.placed):
                if self._kept:
                    self.items.append(self._result(Slot(ToolCall(part.call_id, "", "", part.form)), part, part.call_id))
            elif isinstance(part, Unknown) and part.dialect == NAME and not _is_content(part):
                self.items.append(part.raw)
            else:
                parts.append(part)
        if not parts and (turn.parts or not pen.own):
            return
        said = items(parts, pen)
        if not said and not pen.own:
            return
        role = pen.habits.system_role if turn.role == "system" else "user"
        if role != "user" and not pen.habits.system_midway:
            pen.lose("turn.system", "The upstream takes no system message between others; it is sent as user text.")
            told = BETWEEN.join(text_of(each) for each in said)
            self.items.append(_message("user", [plain(f"<system-reminder>\n{told}\n</system-reminder>")], None, pen))
            return
        group = parts[0].group if parts and pen.own else None
        message = _message(role, said, group, pen, as_string=turn.as_string)
        self.items.append({**message, **extras})

    def _assistant(self, turn: Turn, slots: list[Slot]) -> None:
        pen = self._pen
        pen.kept(turn.extras, "turn")
        taken: set[str] = set()
        ids = {id(slot.call): sent_id(slot.call.id, taken, ID_LIMIT) for slot in slots}
        for kind, run in groupby(turn.parts, _sort):
            together = list(run)
            match kind:
                case "words":
                    self._words(together)
                case "thinking":
                    self._thoughts([part for part in together if isinstance(part, Thought)])
                case "call":
                    for part in together:
                        if isinstance(part, ToolCall):
                            self.items.append(self._call(part, ids.get(id(part), part.id)))
                case _:
                    self._carried(together)
        while not pen.own and self.items and _is_reasoning(self.items[-1]):
            pen.lose("thinking", "Thinking that led to nothing is refused by this wire's servers.", "dropped")
            self.items.pop()
        if self._kept:
            return
        for slot in slots:
            self._results(slot, ids[id(slot.call)])
        if self._media:
            self.items.append(_message("user", self._media, None, pen))
            self._media = []

    def _words(self, parts: Sequence[Part]) -> None:
        """Messages of the model: one for each that was one; words of other wires are plain."""
        pen = self._pen
        for group, run in groupby(parts, lambda part: part.group if pen.own else None):
            together = list(run)
            if group is None:
                said = items([_without_seal(part) for part in together], pen)
                text = "".join(text_of(each) for each in said)
                for part in together:
                    pen.unsealed(part)
                if text:
                    self.items.append({"type": "message", "role": "assistant", "content": text})
                continue
            self.items.append(self._own_message(together, group))

    def _own_message(self, parts: Sequence[Part], group: str) -> Wire:
        """A message of the model in the form this wire gave it."""
        content: list[Item] = []
        message: Wire = {}
        for part in parts:
            extras = dict(self._pen.kept(part.extras, "text"))
            message |= {name: extras.pop(name) for name in ("phase", "status") if name in extras}
            if isinstance(part, Refusal):
                content.append({"type": "refusal", "refusal": part.text, **extras})
            elif isinstance(part, Text):
                content.append({"type": "output_text", "text": part.text, "annotations": [], **extras})
            elif isinstance(part, Unknown):
                content.append(part.raw)
        said: Wire = {"type": "message", "role": "assistant", "content": content}
        if not group.startswith(NAMELESS):
            said = {"id": group, **said, "status": "completed"}
        return {**said, **message}

    def _thoughts(self, parts: Sequence[Thought]) -> None:
        """Reasoning items, each closed by the part that bears its seal."""
        pen = self._pen
        gathered: list[Thought] = []
        for part in parts:
            pen.unmarked(part.cache_mark)
            if not pen.belongs(part.seal):
                _refuse_compaction(part)
                pen.kept(part.extras, "thinking")
                pen.lose("thinking", "Earlier thinking is not sent to an upstream that did not do it.", "dropped")
                continue
            if gathered and part.group != gathered[-1].group:
                self._reasoning(gathered)
                gathered = []
            gathered.append(part)
            if pen.blob(part.seal):
                self._reasoning(gathered)
                gathered = []
        if gathered:
            self._reasoning(gathered)

    def _reasoning(self, parts: list[Thought]) -> None:
        pen, last = self._pen, parts[-1]
        blob = pen.blob(last.seal)
        extras: dict[str, Raw] = {}
        for part in parts:
            extras |= pen.kept(part.extras, "thinking")
        kind = extras.pop("type", None)
        if kind == COMPACTION_TYPE:
            self.items.append(_with_id({"type": COMPACTION, "encrypted_content": blob, **extras}, last.group))
            return
        if not blob and not pen.own and not pen.habits.reasoning_echo:
            pen.lose("thinking", "Thinking that was not sealed cannot be given back to this upstream.", "dropped")
            return
        raw = [part for part in parts if part.text and is_raw_thought(part)]
        item: Wire = {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": part.text} for part in parts if part.text and part not in raw],
        }
        if raw:
            item["content"] = [{"type": "reasoning_text", "text": part.text} for part in raw]
        if blob:
            item["encrypted_content"] = blob
        self.items.append(_with_id({**item, **extras}, last.group if pen.own else None))

    def _carried(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if isinstance(part, ServerTool | Unknown) and part.dialect == NAME:
                self.items.append(part.raw)
                continue
            said = items([part], self._pen)
            text = BETWEEN.join(text_of(each) for each in said if is_bare(each))
            if len(said) > 1 or (said and not is_bare(said[0])):
                self._pen.lose("assistant.media", "A message of the model holds only text on this wire.", "dropped")
            if text:
                self.items.append({"type": "message", "role": "assistant", "content": text})

    def _call(self, call: ToolCall, sent: str) -> Item:
        pen = self._pen
        pen.unmarked(call.cache_mark)
        if call.seal is not None:
            pen.lose(
                "tool_call.seal", "A tool call's seal is not sent to an upstream that did not issue it.", "dropped"
            )
        extras = dict(pen.kept(call.extras, "tool_call"))
        known = builtin.of_extras(call.extras, builtin.BY_CALL)
        arguments = builtin.action(known, call.arguments) if known else None
        if known and arguments is not None:
            item: Wire = {"type": known.call, "call_id": sent, known.member: arguments, "status": "completed"}
            return _with_id({**item, **extras}, call.group)
        place = self._places.get(call.name)
        box = _text(extras.pop("namespace", None)) or (place.namespace if place else None)
        extras.pop("type", None)
        if box:
            name = within(box, call.name)
            extras["namespace"] = Raw(msgspec.json.encode(box))
        else:
            name = pen.names.sent(call.name)
        if call.form == "json" or not pen.free_text:
            text = (
                (call.arguments or ("" if pen.own else "{}")) if call.form == "json" else wrapped_text(call.arguments)
            )
            item = {"type": "function_call", "call_id": sent, "name": name, "arguments": text}
        else:
            item = {"type": "custom_tool_call", "call_id": sent, "name": name, "input": call.arguments}
        return _with_id({**item, **extras}, call.group if pen.own else None)

    def _results(self, slot: Slot, sent: str) -> None:
        """The result of one call; what of it only a user's message can hold is kept for later."""
        pen = self._pen
        if not slot.results:
            pen.lose("tool_result.missing", "A tool call had no result; one that says so was added.")
            slot.results.append(ToolResult(slot.call.id, (Text(INTERRUPTED),), form=slot.call.form, as_string=True))
        if len(slot.results) > 1:
            pen.lose("tool_result.duplicate", "A tool call had several results; they are sent as one.")
        first = slot.results[0]
        parts = tuple(part for result in slot.results for part in result.parts)
        for result in slot.results[1:]:
            pen.kept(result.extras, "tool_result")
        failed = any(result.is_error for result in slot.results)
        whole = first if len(slot.results) == 1 else ToolResult(first.call_id, parts, failed, extras=first.extras)
        media = [] if pen.habits.result_media else [part for part in parts if isinstance(part, Image | File | Audio)]
        if media:
            pen.lose("tool_result.media", "The upstream takes only text as a result; media follow as a user message.")
            whole = replace(whole, parts=tuple([part for part in parts if part not in media]))
        self.items.append(self._result(slot, whole, sent))
        if media:
            told = f"[From the result of tool {pen.names.sent(slot.call.name)}:]"
            self._media += [plain(told), *items(media, pen)]

    def _result(self, slot: Slot, result: ToolResult, sent: str) -> Item:
        """The item of a result."""
        pen = self._pen
        pen.unmarked(result.cache_mark)
        pen.unsealed(result)
        extras = pen.kept(result.extras, "tool_result")
        known = builtin.of_extras(result.extras, builtin.BY_RESULT)
        if known is not None:
            called = {} if known is builtin.LOCAL_SHELL else {"call_id": sent}
            return _with_id({**called, **extras}, sent if known is builtin.LOCAL_SHELL else result.group)
        said = items(result.parts, pen)
        if result.is_error:
            pen.lose("tool_result.is_error", "This wire has no mark for a failed call; it is told in words.")
            said = _told_as_error(said)
        if all(is_bare(each) for each in said) and (not pen.own or result.as_string):
            output: object = BETWEEN.join(text_of(each) for each in said)
        else:
            output = said
        free = (result.form if pen.own else slot.call.form) == "text" and pen.free_text
        item: Wire = {
            "type": "custom_tool_call_output" if free else "function_call_output",
            "call_id": sent,
            "output": output,
            **extras,
        }
        return _with_id(item, result.group if pen.own else None)


def _refuse_compaction(part: Thought) -> None:
    """A conversation in a form that only its issuer can read: without it there is none. Raises `Trouble`."""
    if is_compaction(part):
        raise refuse(
            Kind.UNSUPPORTED,
            "The conversation was made short by another account, which alone can read it. "
            "Route the request to that account, or begin anew.",
            param="input",
        )


def _is_reasoning(item: Item) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning"


def _sort(part: Part) -> str:
    """What items a part of the model's turn becomes."""
    match part:
        case Text() | Refusal():
            return "words"
        case Unknown() if part.dialect == NAME and _is_content(part):
            return "words"
        case Thought():
            return "thinking"
        case ToolCall():
            return "call"
        case _:
            return "carried"


def _without_seal(part: Part) -> Part:
    return part if part.seal is None else replace(part, seal=None)


def _is_content(part: Unknown) -> bool:
    """Whether an unknown part stood among the content of a message, not among the items."""
    return part.kind.startswith(("input_", "output_"))


def _told_as_error(said: list[Item]) -> list[Item]:
    first = said[0] if said else None
    if first is None:
        return [plain("Error: the tool failed without a word.")]
    if not isinstance(first, dict) or "text" not in first:
        return [plain("Error:"), *said]
    if text_of(first).lower().startswith(("error", "<tool_use_error>")):
        return said
    return [{**first, "text": f"Error: {text_of(first)}"}, *said[1:]]


def _text(raw: Raw | None) -> str:
    return "" if raw is None else msgspec.json.decode(raw, type=str)
