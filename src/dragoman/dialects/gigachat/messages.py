"""A conversation as messages that the vendor accepts.

Rules of the wire, each answered with 422 when broken: one system message at most, and it is the first; a call stands
alone in its message and its result follows at once; a result is a JSON object as text; no message list is empty.
Calls made in parallel are therefore told one after another, each with its result; what follows them comes after.
Source: developers.sber.ru, GigaChat API, errors, and working with functions, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from dragoman.canon.arguments import sent
from dragoman.canon.request import Part, Refusal, Request, Text, Thinking, ToolCall, ToolResult, Turn
from dragoman.dialects.gigachat.content import BETWEEN, Content, content_of
from dragoman.dialects.gigachat.names import is_made
from dragoman.dialects.gigachat.pen import Pen
from dragoman.dialects.gigachat.wire import STATE, Message
from dragoman.dialects.pairs import Slot, pair

BILLING_LINE = "x-anthropic-billing-header:"
"""Claude Code's first system block begins so. It changes from conversation to conversation, and only its own vendor
reads it: here it would break the cached prefix of each."""
INTERRUPTED = "The tool call was interrupted and gave no result."
BEGINNING = "Begin."
GO_ON = "Go on."
REPEATED = "This call was made {} times in a row with this same result. Do not make it again; take another step."
MOST_FILES = 10
"""Files that the vendor takes in one request. Source: developers.sber.ru, processing files, read 2026-11-20."""

_OBJECT = msgspec.json.Decoder(dict[str, Raw])


def write_messages(request: Request, pen: Pen, instruction: str = "") -> list[Message]:
    """The messages of a request; `instruction` is added to the system message."""
    return _Conversation(request, pen).write(instruction)


class _Conversation:
    """The messages of one request as they are written. Mutable: it gathers them."""

    def __init__(self, request: Request, pen: Pen) -> None:
        self._request = request
        self._pen = pen
        self._pairs = pair(request.turns)
        self._messages: list[Message] = []
        self._latest: object = None
        """The call made last, with its result."""
        self._repeated = 0

    def write(self, instruction: str) -> list[Message]:
        """All messages."""
        turns = self._request.turns
        first = next((place for place, turn in enumerate(turns) if turn.role != "system"), len(turns))
        first = 0 if self._pen.own else first
        self._head(turns[:first], instruction)
        for position in range(first, len(turns)):
            turn = turns[position]
            if turn.role == "assistant":
                self._assistant(turn, self._pairs.slots.get(position, []))
            elif turn.role == "user":
                self._user(turn)
            else:
                self._system(turn)
        if not self._pen.own:
            self._settle()
        return self._messages

    def _settle(self) -> None:
        """Lets somebody speak, the user last where that is demanded, and shows no more files than are taken."""
        pen, messages = self._pen, self._messages
        if all(message["role"] == "system" for message in messages):
            pen.lose("turns", "Somebody must speak; a word was put in the user's mouth.")
            messages.append({"role": "user", "content": BEGINNING})
        if messages[-1]["role"] == "assistant":
            pen.lose("prefill", "The upstream may begin a new answer instead of going on with the one begun.")
            if not pen.habits.prefill:
                messages.append({"role": "user", "content": GO_ON})
        bearing = [message for message in messages if "attachments" in message]
        for message in bearing[:-MOST_FILES]:
            pen.lose("attachments", f"The vendor takes {MOST_FILES} files in a request; older ones were left out.")
            del message["attachments"]
            message["content"] = _joined(str(message["content"]), "[A file was here; it is no longer shown.]")

    def _head(self, turns: tuple[Turn, ...], instruction: str) -> None:
        pen = self._pen
        parts = list(self._request.system)
        if parts and isinstance(parts[0], Text) and parts[0].text.startswith(BILLING_LINE) and not pen.own:
            del parts[0]
            pen.lose("system.billing_line", "Only its own vendor reads the billing line.", "dropped")
        for turn in turns:
            pen.kept(turn.extras, "turn")
        paragraphs = [
            content_of([part], pen).words for part in [*parts, *(part for turn in turns for part in turn.parts)]
        ]
        words = BETWEEN.join([each for each in (*paragraphs, instruction) if each])
        if words or (self._request.system and pen.own):
            self._messages.append({"role": "system", "content": words})

    def _system(self, turn: Turn) -> None:
        pen = self._pen
        extras = pen.kept(turn.extras, "turn")
        words = content_of(turn.parts, pen).words
        if pen.own:
            self._messages.append({"role": "system", "content": words, **extras})
        elif words:
            pen.lose("turn.system", "The wire takes no system message between others; it is sent as user text.")
            self._say(Content(f"<system-reminder>\n{words}\n</system-reminder>"))

    def _user(self, turn: Turn) -> None:
        pen = self._pen
        extras = pen.kept(turn.extras, "turn")
        placed = self._pairs.placed
        parts = [part for part in turn.parts if type(part) is not ToolResult or id(part) not in placed]
        if not parts and turn.parts:
            return
        content = content_of(parts, pen)
        if pen.own:
            self._messages.append({"role": "user", **_own(content), **extras})
        else:
            self._say(content)

    def _say(self, content: Content) -> None:
        """A user's words after those just said; each file but the last stands in a message of its own."""
        for place, file in enumerate(content.files[:-1], 1):
            self._messages.append({"role": "user", "content": f"[File {place}]", "attachments": [file]})
        last = self._messages[-1] if self._messages else {}
        if content.files:
            self._messages.append({"role": "user", "content": content.words, "attachments": [content.files[-1]]})
        elif content.words and last.get("role") == "user" and "attachments" not in last:
            last["content"] = _joined(str(last["content"]), content.words)
        elif content.words:
            self._messages.append({"role": "user", "content": content.words})

    def _assistant(self, turn: Turn, slots: list[Slot]) -> None:
        pen = self._pen
        extras = pen.kept(turn.extras, "turn")
        said = [part for part in turn.parts if not isinstance(part, ToolCall | Thinking)]
        content = content_of(_spaced(turn.parts), pen)
        if content.files and not pen.own:
            pen.lose("assistant.media", "Files that the model showed are not shown to it again.", "dropped")
        message: Message = {"role": "assistant", **(_own(content) if pen.own else {"content": content.words})}
        message |= self._thoughts(turn.parts)
        if not slots:
            if pen.own or content.words:
                self._messages.append(message | dict(extras))
            elif said or turn.parts:
                pen.lose("turn.empty", "An assistant message that says nothing is not sent.", "dropped")
            return
        self._calls(message | dict(extras), slots)

    def _thoughts(self, parts: Sequence[Part]) -> Message:
        """Earlier thinking, for the account that did it, where it wants it back."""
        pen = self._pen
        thoughts = [part for part in parts if isinstance(part, Thinking)]
        member = pen.habits.reasoning_echo or pen.version.echo or ("reasoning_content" if pen.own else "")
        own = [part for part in thoughts if pen.belongs(part.seal) and not part.redacted] if member else []
        if len(own) < len(thoughts):
            pen.lose(
                "thinking", "Earlier thinking is not sent to an upstream that did not do it or wants it.", "dropped"
            )
        return {member: "".join(part.text for part in own)} if own else {}

    def _note(self, slot: Slot) -> str:
        """What is said beside a result that the same call has given again and again, where a habit asks for it."""
        made = (slot.call.name, slot.call.arguments, tuple(result.parts for result in slot.results))
        self._repeated = self._repeated + 1 if made == self._latest else 1
        self._latest = made
        most = self._pen.habits.repeats
        if not most or self._repeated < most:
            return ""
        self._pen.lose("tool_calls.repeated", "The model repeats one call, and is told so beside the result.")
        return REPEATED.format(self._repeated)

    def _calls(self, message: Message, slots: list[Slot]) -> None:
        """Calls one after another, each with its result; files out of results come behind them all."""
        pen = self._pen
        joined = pen.version.joined
        is_one = len(slots) == 1 or (joined is not None and _were_one(slots, pen))
        if not is_one:
            pen.lose("tool_calls.parallel", "A message of this wire holds one call; several are told one by one.")
        files: list[str] = []
        first = len(self._messages)
        for slot in slots:
            call = slot.call
            pen.unmarked(call.cache_mark)
            told: Message = {"name": pen.named(call.name), "arguments": _arguments(call, pen)}
            message["function_call"] = told | dict(pen.kept(call.extras, "tool_call"))
            state = pen.state(call.seal)
            if state:
                message[STATE] = state
            result, shown = _result(slot, pen, self._note(slot))
            self._messages += [message, result] if result else [message]
            files += shown
            message = {"role": "assistant", "content": ""}
        if joined:
            pairs = self._messages[first:]
            rows = [(pairs, slots)] if is_one else [(pairs[2 * n : 2 * n + 2], [slot]) for n, slot in enumerate(slots)]
            self._messages[first:] = [message for row, whose in rows for message in joined(row, whose)]
        if files:
            pen.lose("tool_result.media", "A result of this wire holds only text; files follow as a user message.")
            self._say(Content("[Files from the results above]", tuple(files)))


def _were_one(slots: list[Slot], pen: Pen) -> bool:
    """Whether this account made these calls in one message, with ids of its own to tell them apart."""
    states = {slot.call.seal.blob if slot.call.seal and pen.belongs(slot.call.seal) else "" for slot in slots}
    ids = {slot.call.id for slot in slots}
    return states != {""} and len(states) == 1 and len(ids) == len(slots) and not any(map(is_made, ids))


def _spaced(parts: Sequence[Part]) -> list[Part]:
    """The parts that are words, with an empty one where something else stood between, so that they stay apart."""
    return [Refusal("") if isinstance(part, ToolCall | Thinking) else part for part in parts]


def _own(content: Content) -> Message:
    """Content of a client of this wire as it was."""
    said: Message = {"content": content.words}
    return said | {"attachments": list(content.files)} if content.files else said


def _joined(one: str, other: str) -> str:
    return f"{one}{BETWEEN}{other}" if one else other


def _arguments(call: ToolCall, pen: Pen) -> Raw:
    """The arguments as the object that this wire demands."""
    name = pen.named(call.name)
    text = sent(call.arguments, pen.lowered[name]) if name in pen.lowered else call.arguments
    if call.form == "text":
        return Raw(msgspec.json.encode({"input": text}))
    if not text.strip():
        return Raw(b"{}")
    try:
        raw = Raw(text.encode())
        _OBJECT.decode(raw)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        pen.lose("tool_call.arguments", "Arguments that are no JSON object are told as a text within one.")
        return Raw(msgspec.json.encode({"input": text}))
    return raw


def _result(slot: Slot, pen: Pen, note: str) -> tuple[Message, tuple[str, ...]]:
    """The message with a call's result, and files that it cannot hold; none where a client of this wire gave none."""
    name = pen.named(slot.call.name)
    if not slot.results:
        if pen.own:
            return {}, ()
        pen.lose("tool_result.missing", "A tool call had no result; one that says so was added.")
        return _function(name, INTERRUPTED, failed=True), ()
    if len(slot.results) > 1:
        pen.lose("tool_result.duplicate", "A tool call had several results; they are sent as one.")
    extras: Message = {}
    contents: list[Content] = []
    for result in slot.results:
        pen.unmarked(result.cache_mark)
        pen.state(result.seal)
        extras |= pen.kept(result.extras, "tool_result")
        contents.append(content_of(result.parts, pen))
    words = BETWEEN.join(content.words for content in contents if content.words)
    if pen.own:
        return {"role": "function", "name": name, "content": words, **extras}, ()
    files = tuple(file for content in contents for file in content.files)
    failed = any(result.is_error for result in slot.results)
    if failed:
        pen.lose("tool_result.is_error", "This wire has no mark for a failed call; it is told in words.")
    return _function(name, _told_as_error(words) if failed else words, failed=failed, note=note), files


def _function(name: str, words: str, *, failed: bool, note: str = "") -> Message:
    """A result as the object that this wire demands; what the tool said stays one text, whatever it looks like."""
    told: dict[str, object] = {"result": words}
    if failed:
        told["is_error"] = True
    if note:
        told["note"] = note
    return {"role": "function", "name": name, "content": msgspec.json.encode(told).decode()}


def _told_as_error(words: str) -> str:
    if words.lower().startswith(("error", "<tool_use_error>")):
        return words
    return f"Error: {words}" if words else "Error: the tool failed without a word."
