"""A conversation as chat messages that a strict server accepts.

Rules: results follow their calls at once, in the order of the calls, then come pictures out of results, then words;
a call without a result is given one that says so; nothing empty is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw

from dragoman.canon.request import Part, Refusal, Request, Text, Thinking, ToolCall, ToolResult, Turn, Unknown
from dragoman.dialects.free_text import wrapped_text
from dragoman.dialects.names import sent_id
from dragoman.dialects.openai_chat.content import BETWEEN, Item, is_bare, is_plain, item, plain, settle, text_of
from dragoman.dialects.openai_chat.pen import Pen
from dragoman.dialects.openai_chat.thoughts import echo, google_signature
from dragoman.dialects.openai_chat.wire import NAME
from dragoman.dialects.pairs import Slot, pair

BILLING_LINE = "x-anthropic-billing-header:"
"""Claude Code's first system block begins so. It changes from conversation to conversation, and only its own vendor
reads it: at other vendors it would break every cached prefix (scene: `claude_code`)."""

INTERRUPTED = "The tool call was interrupted and gave no result."

GO_ON = "Go on."
"""What the user says where the upstream wants the user to speak last."""

Message = dict[str, object]


def write_messages(request: Request, pen: Pen, instruction: str = "") -> list[Message]:
    """The messages of a request; `instruction` is added to the system message."""
    return _Conversation(request, pen).write(instruction)


class _Conversation:
    """The messages of one request as they are written. Mutable: it gathers them."""

    def __init__(self, request: Request, pen: Pen) -> None:
        self._request = request
        self._pen = pen
        self._pairs = pair(request.turns)
        self.messages: list[Message] = []

    def write(self, instruction: str) -> list[Message]:
        """All messages."""
        turns = self._request.turns
        first = 0
        if not self._pen.habits.system_midway:
            first = next((place for place, turn in enumerate(turns) if turn.role != "system"), len(turns))
        self._head(turns[:first], instruction)
        for position in range(first, len(turns)):
            turn = turns[position]
            if turn.role == "assistant":
                self._assistant(turn, self._pairs.slots.get(position, []))
            elif turn.role == "user":
                self._user(turn)
            else:
                self._system(turn)
        if self._pen.habits.strict_roles:
            self.messages = _merged(self.messages)
        if self.messages and self.messages[-1]["role"] == "assistant" and not self._pen.own:
            self._pen.lose("prefill", "The upstream may begin a new answer instead of going on with the one begun.")
            if not self._pen.habits.prefill:
                self.messages.append({"role": "user", "content": GO_ON})
        if all(message["role"] not in ("user", "assistant", "tool") for message in self.messages) and not self._pen.own:
            self.messages.append({"role": "user", "content": ""})
        return self.messages

    def _head(self, turns: tuple[Turn, ...], instruction: str) -> None:
        pen = self._pen
        parts = list(self._request.system)
        if parts and isinstance(parts[0], Text) and parts[0].text.startswith(BILLING_LINE):
            del parts[0]
            pen.lose("system.billing_line", "Only its own vendor reads the billing line.", "dropped")
        for turn in turns:
            pen.kept(turn.extras, "turn")
            parts += turn.parts
        items = self._items(parts)
        if instruction:
            items.append(plain(instruction))
        if items:
            keep = pen.own and not self._request.system_as_string
            self.messages.append({"role": pen.habits.system_role, "content": self._joined(items, keep=keep)})

    def _system(self, turn: Turn) -> None:
        pen = self._pen
        items = self._items(turn.parts)
        extras = pen.kept(turn.extras, "turn")
        if not items and not (pen.own and turn.as_string):
            return
        content = self._joined(items, keep=pen.own and not turn.as_string)
        if pen.habits.system_midway:
            self.messages.append({"role": pen.habits.system_role, "content": content, **extras})
            return
        pen.lose("turn.system", "The upstream takes no system message between others; it is sent as user text.")
        words = BETWEEN.join(text_of(each) for each in items)
        self.messages.append({"role": "user", "content": f"<system-reminder>\n{words}\n</system-reminder>"})

    def _user(self, turn: Turn) -> None:
        pen = self._pen
        extras = pen.kept(turn.extras, "turn")
        placed = self._pairs.placed
        parts = [part for part in turn.parts if type(part) is not ToolResult or id(part) not in placed]
        if not parts:
            return
        items = self._items(parts)
        if items or (pen.own and parts):
            content = settle(items, pen, as_string=turn.as_string) if items else ""
            self.messages.append({"role": "user", "content": content, **extras})

    def _items(self, parts: Sequence[Part]) -> list[Item]:
        """Content items; empty texts are left out, for servers refuse them (but what came on this wire stays)."""
        pen = self._pen
        items: list[Item] = []
        for part in parts:
            if type(part) is Text and not part.text and not pen.own:
                continue
            said = plain(part.text) if is_plain(part) else item(part, pen)
            if said is not None:
                items.append(said)
            if type(part) is Unknown and part.dialect != NAME:
                items += self._items(part.pictures)
        return items

    def _joined(self, items: list[Item], *, keep: bool) -> str | list[Item]:
        if keep or not all(is_bare(each) for each in items):
            return settle(items, self._pen)
        return BETWEEN.join(text_of(each) for each in items)

    def _assistant(self, turn: Turn, slots: list[Slot]) -> None:
        pen = self._pen
        extras = dict(pen.kept(turn.extras, "turn")) if turn.extras else {}
        message: Message = {"role": "assistant", "content": self._words(turn)}
        refusal = "".join([part.text for part in turn.parts if type(part) is Refusal]) if pen.own else ""
        if refusal:
            message["refusal"] = refusal
        thoughts = [part for part in turn.parts if type(part) is Thinking]
        message |= echo(thoughts, [slot.call for slot in slots], pen)
        taken: set[str] = set()
        ids = [sent_id(slot.call.id, taken) for slot in slots]
        if slots:
            message["tool_calls"] = [
                _call(slot.call, sent, pen) | google_signature(slot.call, pen, first=slot is slots[0])
                for slot, sent in zip(slots, ids, strict=True)
            ]
        elif message["content"] in (None, "") and not refusal and not extras:
            if turn.parts or turn.as_string:
                pen.lose("turn.empty", "Servers refuse an assistant message that says nothing.", "dropped")
            return
        message |= extras
        self.messages.append(message)
        if slots:
            self._results(slots, ids)

    def _words(self, turn: Turn) -> str | list[Item] | None:
        """The text of an assistant turn. Texts that were neighbours are one sentence; others are paragraphs."""
        pen = self._pen
        parts = [part for part in turn.parts if type(part) is not ToolCall]
        if not parts:
            return None
        if len(parts) == 1 and is_plain(parts[0]) and (turn.as_string or not pen.own):
            return parts[0].text or ("" if pen.own else None)
        others = (Thinking, ToolCall, Refusal) if pen.own else (Thinking, ToolCall)
        if pen.own and not turn.as_string:
            return settle(self._items([part for part in turn.parts if not isinstance(part, others)]), pen) or None
        paragraphs: list[str] = []
        items: list[Item] = []
        beside = False
        for part in turn.parts:
            said = None if isinstance(part, others) else item(part, pen)
            if not isinstance(said, dict) or "text" not in said:
                if isinstance(said, dict | Raw):
                    pen.lose("assistant.media", "An assistant message of this wire holds only text.", "dropped")
                beside = False
                continue
            items.append(said)
            text = text_of(said)
            if beside and type(part) is Text:
                paragraphs[-1] += text
            else:
                paragraphs.append(text)
            beside = type(part) is Text
        if not all(is_bare(each) for each in items):
            return settle([each for each in items if text_of(each)], pen)
        return BETWEEN.join(text for text in paragraphs if text) or ("" if pen.own and items else None)

    def _results(self, slots: list[Slot], ids: list[str]) -> None:
        """One tool message per call, then what of the results only a user message can hold."""
        pictures: list[Item] = []
        for slot, sent in zip(slots, ids, strict=True):
            content, media, extras = self._result(slot)
            message: Message = {"role": "tool", "tool_call_id": sent, "content": content}
            message |= extras
            self.messages.append(message)
            if media:
                self._pen.lose("tool_result.media", "A tool message holds only text; media follow as a user message.")
                pictures += [plain(f"[From the result of tool {self._pen.names.sent(slot.call.name)}:]"), *media]
        if pictures:
            self.messages.append({"role": "user", "content": settle(pictures, self._pen)})

    def _result(self, slot: Slot) -> tuple[str | list[Item], list[Item], dict[str, Raw]]:
        """Content of a tool message, media that it cannot hold, and further members."""
        pen = self._pen
        if not slot.results:
            pen.lose("tool_result.missing", "A tool call had no result; one that says so was added.")
            return INTERRUPTED, [], {}
        first = slot.results[0]
        if len(slot.results) == 1 and _is_words(first) and (first.as_string or not pen.own):
            return "".join([part.text for part in first.parts if type(part) is Text]), [], {}
        if len(slot.results) > 1:
            pen.lose("tool_result.duplicate", "A tool call had several results; they are sent as one.")
        texts: list[Item] = []
        media: list[Item] = []
        extras: dict[str, Raw] = {}
        failed = False
        for result in slot.results:
            extras |= pen.kept(result.extras, "tool_result")
            failed = failed or bool(result.is_error)
            for said in self._items(result.parts):
                (texts if isinstance(said, dict) and "text" in said else media).append(said)
            control = pen.cache_control(result.cache_mark)
            if control and texts and isinstance(texts[-1], dict):
                texts[-1] = {**texts[-1], "cache_control": control}
        if failed:
            pen.lose("tool_result.is_error", "This wire has no mark for a failed call; it is told in words.")
            texts = _told_as_error(texts)
        if all(is_bare(each) for each in texts) and (not pen.own or slot.results[0].as_string):
            return BETWEEN.join(text_of(each) for each in texts), media, extras
        return settle(texts, pen) if texts else "", media, extras


def _is_words(result: ToolResult) -> bool:
    """Whether a result is one text and nothing more, as nearly all are."""
    if result.is_error or result.extras is not None or result.cache_mark is not None:
        return False
    return len(result.parts) == 1 and is_plain(result.parts[0])


def _told_as_error(texts: list[Item]) -> list[Item]:
    if not texts:
        return [plain("Error: the tool failed without a word.")]
    first = texts[0]
    if text_of(first).lower().startswith(("error", "<tool_use_error>")) or not isinstance(first, dict):
        return texts
    return [{**first, "text": f"Error: {text_of(first)}"}, *texts[1:]]


def _call(call: ToolCall, sent: str, pen: Pen) -> Message:
    if call.cache_mark:
        pen.lose("cache_mark", "A tool call of this wire holds no cache mark.", "dropped")
    name = pen.names.sent(call.name)
    said: Message = {"id": sent, "type": "function", "function": {"name": name, "arguments": call.arguments or "{}"}}
    if call.form == "text" and not pen.free_text:
        arguments = wrapped_text(call.arguments)
        said = {"id": sent, "type": "function", "function": {"name": name, "arguments": arguments}}
    elif call.form == "text":
        said = {"id": sent, "type": "custom", "custom": {"name": name, "input": call.arguments}}
    if call.extras:
        said |= pen.kept(call.extras, "tool_call")
    return said


def _merged(messages: list[Message]) -> list[Message]:
    """The same with neighbours of one role made one, for servers that want user and assistant to alternate."""
    merged: list[Message] = []
    for message in messages:
        before = merged[-1] if merged else {}
        if before.get("role") != message["role"] or message["role"] == "tool" or "tool_calls" in before:
            merged.append(message)
            continue
        one, other = before["content"], message["content"]
        both: object = one or other
        if one and other:
            both = f"{one}{BETWEEN}{other}" if isinstance(one, str) and isinstance(other, str) else _listed(one, other)
        merged[-1] = {**before, **message, "content": both}
    return merged


def _listed(*contents: object) -> list[object]:
    """Contents of either form as one list of items."""
    items: list[object] = []
    for content in contents:
        items += content if isinstance(content, list) else [plain(str(content))]
    return items
