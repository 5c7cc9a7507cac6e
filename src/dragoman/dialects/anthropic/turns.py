"""Turns as messages, and parts as content blocks.

Rules: tool results stand first in the user message that follows their calls, since the vendor refuses anything in
between (pitfall 55); thinking goes only to the account that signed it (pitfall 77); what cannot be said is said in
plain words if there are any, and is a loss in either case.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from hashlib import sha256

from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.mend import half_pairs_mended
from dragoman.canon.request import (
    Audio,
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Loss,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolReference,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.canon.seal import NATIVE
from dragoman.dialects.anthropic.conversation import Conversation, Wire
from dragoman.dialects.anthropic.pairs import paired
from dragoman.dialects.anthropic.reply import input_of
from dragoman.dialects.anthropic.words import NAME
from dragoman.dialects.base import Target

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")
_REMINDER = "<system-reminder>\n{}\n</system-reminder>"
"""How Claude Code itself says system text within a user message (seen 2026-11-20 with models that take no other)."""


class Losses:
    """Gathers losses, each once. Mutable."""

    def __init__(self, losses: Iterable[Loss] = ()) -> None:
        self._found: dict[Loss, None] = dict.fromkeys(losses)

    def dropped(self, what: str, why: str) -> None:
        """Something was left out."""
        self._found[Loss(what, why, "dropped")] = None

    def changed(self, what: str, why: str) -> None:
        """Something was said otherwise."""
        self._found[Loss(what, why)] = None

    def extras(self, what: str, extras: Extras | None) -> dict[str, Raw]:
        """Extras that may be sent; those of another dialect are losses."""
        if extras is None:
            return {}
        if extras.dialect == NAME:
            return extras.members
        for name in extras.members:
            self.dropped(f"{what}.{name}" if what else name, "The target's dialect has no such member.")
        return {}

    def all(self) -> tuple[Loss, ...]:
        """All of them, in the order they were found."""
        return tuple(self._found)


class Names:
    """Names and ids that this wire takes. Mutable: it remembers which names it changed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sent: dict[str, str] = {}
        self.changed: dict[str, str] = {}
        """Names as sent to the names the client knows."""

    def sent(self, name: str) -> str:
        """A tool's name as it is sent; changed ones end in a digest, so that none meet."""
        known = self._sent.get(name)
        if known is None:
            known = self._sent[name] = fitting(name, self._limit)
            if known != name:
                self.changed[known] = name
        return known


def fitting(text: str, limit: int = 10_000) -> str:
    """The text itself where it has only letters, digits, `_` and `-`; else a form of it that does, always the same."""
    if text and len(text) <= limit and not _UNFIT.search(text):
        return text
    digest = sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_UNFIT.sub('_', text)[: limit - 9]}_{digest}"


def _said_together(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns, with what the system says in several turns on end as one."""
    joined: list[Turn] = []
    for turn in turns:
        before = joined[-1] if joined else None
        if before is not None and before.role == turn.role == "system" and before.extras is turn.extras is None:
            joined[-1] = replace(before, parts=(*before.parts, *turn.parts), as_string=False)
        else:
            joined.append(turn)
    return tuple(joined)


def _has_spoken(turn: Turn) -> bool:
    """Whether the model has said its say in a turn, and waits for no result."""
    return turn.role == "assistant" and not any(type(part) is ToolCall for part in turn.parts)


class TurnsWriter:
    """Writes the messages of one request. Mutable: it gathers losses and the blocks that bear a cache mark."""

    def __init__(self, target: Target, losses: Losses, names: Names, *, ours: bool) -> None:
        self._target = target
        self._losses = losses
        self._names = names
        self._ours = ours
        self.marked: list[Wire] = []
        """Objects with a cache mark, in the order of the prompt."""
        self._role = ""
        """Who says the parts being written."""
        self._writers = {
            Text: self._text,
            Thinking: self._thinking,
            ToolCall: self._tool_call,
            ToolResult: self._tool_result,
            Image: self._image,
            File: self._file,
            Audio: self._audio,
            Refusal: self._refusal,
            ToolReference: self._tool_reference,
            ServerTool: self._carried,
            Unknown: self._carried,
        }

    def blocks(self, parts: Iterable[Part]) -> list[Wire | Raw]:
        """The blocks that say these parts."""
        written: list[Wire | Raw] = []
        for part in parts:
            self._writers[type(part)](part, written)  # type: ignore[operator] # each takes its own type
            if part.seal is not None and type(part) is not Thinking:
                self._losses.dropped("seal", "The seal of this part has no place in the target's dialect.")
        return written

    def content(self, parts: tuple[Part, ...], as_string: bool) -> str | list[Wire | Raw]:
        """The value of a `content` member."""
        if as_string and not parts:
            return ""
        if as_string and len(parts) == 1:
            part = parts[0]
            if type(part) is Text and part.cache_mark is None and part.extras is None and part.seal is None:
                return part.text
        return self.blocks(parts)

    def messages(self, turns: tuple[Turn, ...]) -> list[Wire]:
        """The messages that say these turns."""
        if self._ours:
            return Conversation(self._target.habits.strict_roles).of([self._message(turn) for turn in turns])
        turns = _said_together(paired(turns, self._losses.changed))
        befores = (None, *turns)
        messages = [self._message(turn, before) for turn, before in zip(turns, befores, strict=False)]
        return Conversation(self._target.habits.strict_roles).of(messages)

    def _message(self, turn: Turn, before: Turn | None = None) -> Wire:
        role = turn.role
        if role == "system" and not self._target.habits.system_midway:
            return self._reminder(turn, "The target takes no system message between others; it was said as user text.")
        if role == "system" and before is not None and _has_spoken(before):
            return self._reminder(
                turn, "The target takes a system message behind the user's only; it was said as such."
            )
        self._role = role
        content = self.content(turn.parts, turn.as_string)
        message: Wire = {"role": role, "content": content}
        if turn.extras is not None:
            message.update(self._losses.extras("turn", turn.extras))
        return message

    def _reminder(self, turn: Turn, why: str) -> Wire:
        """A system message for a target that takes none in this place. Its role is settled with its place."""
        self._losses.changed("turn.system", why)
        for name in self._losses.extras("turn", turn.extras):
            self._losses.dropped(f"turn.{name}", why)
        words = "\n\n".join(part.text for part in turn.parts if type(part) is Text and part.text.strip())
        return {"role": "reminder", "content": words and [{"type": "text", "text": _REMINDER.format(words)}]}

    def _text(self, part: Text, written: list[Wire | Raw]) -> None:
        if part.text and not part.text.isspace():
            block: Wire = {"type": "text", "text": part.text}
            written.append(block)
            if part.cache_mark is not None or part.extras is not None:
                self.adorn(block, part.cache_mark, part.extras, "text")
        elif part.cache_mark:
            self._losses.dropped("cache_mark", "It stood on a text without a visible character.")

    def adorn(self, block: Wire, mark: CacheMark | None, extras: Extras | None, what: str) -> None:
        """Adds the cache mark and the extras."""
        if mark is not None:
            block["cache_control"] = {"type": "ephemeral", "ttl": mark.ttl} if mark.ttl else {"type": "ephemeral"}
            self.marked.append(block)
        if extras is not None:
            block.update(self._losses.extras(what, extras))

    def _placeholder(self, what: str, why: str) -> Wire:
        self._losses.changed(what, f"{why} A note stands in its place.")
        return {"type": "text", "text": f"[{what} omitted: {why}]"}

    def _may_be_sent(self, seal: Seal) -> bool:
        """Whether the target's account or its vendor alone issued this seal; unmarked ones are of the client's wire."""
        return seal.origin == self._target.origin or (seal.origin == NATIVE and self._target.native and self._ours)

    def _thinking(self, part: Thinking, written: list[Wire | Raw]) -> None:
        seal = part.seal
        if seal is None or not self._may_be_sent(seal) or (part.redacted and not seal.blob):
            self._losses.dropped("thinking", "It was not signed by the target's account, which would refuse it.")
            return
        block: Wire = {"type": "thinking", "thinking": part.text, "signature": seal.blob}
        if part.redacted:
            block = {"type": "redacted_thinking", "data": seal.blob}
        written.append(block)
        self.adorn(block, part.cache_mark, part.extras, "thinking")

    def _tool_call(self, part: ToolCall, written: list[Wire | Raw]) -> None:
        if part.form == "json":
            arguments = self._arguments(part.arguments)
        else:
            arguments = {"input": part.arguments}  # type: ignore[assignment] # either is encoded
            self._losses.changed("tool_call.form", "The target knows JSON arguments only; the text went into 'input'.")
        block: Wire = {
            "type": "tool_use",
            "id": fitting(part.id),
            "name": self._names.sent(part.name),
            "input": arguments,
        }
        written.append(block)
        if part.cache_mark is not None or part.extras is not None:
            self.adorn(block, part.cache_mark, part.extras, "tool_call")

    def _arguments(self, text: str) -> Raw:
        arguments, whole = input_of(text)
        if whole:
            return arguments
        mended, whole = input_of(half_pairs_mended(text.encode("utf-8", "replace")).decode())
        if whole:
            self._losses.changed("text.surrogate", "Half a surrogate pair is no character; it was replaced by U+FFFD.")
            return mended
        self._losses.changed(
            "tool_call.arguments", "They are not a JSON object; they were put whole into '__unparsed'."
        )
        return arguments

    def _tool_result(self, part: ToolResult, written: list[Wire | Raw]) -> None:
        block: Wire = {"type": "tool_result", "tool_use_id": fitting(part.call_id)}
        content = self.content(part.parts, part.as_string)
        if content or part.as_string:
            block["content"] = content
        if part.is_error is not None:
            block["is_error"] = part.is_error
        written.append(block)
        if part.cache_mark is not None or part.extras is not None:
            self.adorn(block, part.cache_mark, part.extras, "tool_result")

    def _tool_reference(self, part: ToolReference, written: list[Wire | Raw]) -> None:
        if self._target.native:
            block: Wire = {"type": "tool_reference", "tool_name": self._names.sent(part.name)}
        else:
            why = "The target knows no tool references; the tool is offered and named in words."
            self._losses.changed("tool_reference", why)
            block = {"type": "text", "text": f"The tool {self._names.sent(part.name)} can be called now."}
        written.append(block)
        self.adorn(block, part.cache_mark, part.extras, "tool_reference")

    def _image(self, part: Image, written: list[Wire | Raw]) -> None:
        habits = self._target.habits
        source = self._source(part.source)
        if self._role == "assistant":
            block = self._placeholder("image", "The target takes none from the assistant.")
        elif not habits.images or (isinstance(part.source, Link) and not habits.image_links) or source is None:
            block = self._placeholder("image", "The target cannot see it.")
        elif isinstance(part.source, Inline) and part.source.media_type not in IMAGE_TYPES and not self._ours:
            block = self._jpeg_or_words(part.source)
        else:
            block = {"type": "image", "source": source}
        if part.detail is not None:
            self._losses.dropped("image.detail", "The target's dialect has no such member.")
        written.append(block)
        self.adorn(block, part.cache_mark, part.extras, "image")

    def _jpeg_or_words(self, source: Inline) -> Wire:
        if source.media_type == "image/jpg":
            return {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": source.base64}}
        return self._placeholder("image", f"The target takes no {source.media_type}.")

    def _source(self, source: Source) -> Wire | None:
        match source:
            case Inline(media_type=media_type, base64=data):
                return {"type": "base64", "media_type": media_type, "data": data}
            case Link(url=url) if self._ours or not url.startswith("data:"):
                return {"type": "url", "url": url}
            case Link():
                return None  # no address: media in a form other than base64
            case _:
                return {"type": "file", "file_id": source.id} if source.dialect == NAME else None

    def _file(self, part: File, written: list[Wire | Raw]) -> None:
        source = self._document_source(part)
        if self._role == "assistant":
            block = self._placeholder("document", "The target takes none from the assistant.")
        elif source is None or not (self._target.habits.documents or source["type"] == "text"):
            block = self._placeholder("document", "The target cannot read a document of this kind.")
        else:
            block = {"type": "document", "source": source}
            named = (("title", part.name), ("context", part.context))
            block |= {name: value for name, value in named if value is not None}
        written.append(block)
        self.adorn(block, part.cache_mark, part.extras, "document")

    def _document_source(self, part: File) -> Wire | None:
        if part.source is None:
            return {"type": "text", "media_type": "text/plain", "data": part.text or ""}
        source = part.source
        if not isinstance(source, Inline) or source.media_type == "application/pdf" or self._ours:
            return self._source(source)
        if source.media_type.startswith("text/"):
            try:
                text = b64decode(source.base64, validate=True).decode()
            except (Base64Error, ValueError):
                return None
            return {"type": "text", "media_type": "text/plain", "data": text}
        return None

    def _audio(self, part: Audio, written: list[Wire | Raw]) -> None:
        block = self._placeholder("audio", "The target cannot hear it.")
        written.append(block)
        self.adorn(block, part.cache_mark, part.extras, "audio")

    def _refusal(self, part: Refusal, written: list[Wire | Raw]) -> None:
        self._losses.changed("refusal", "The target's dialect has no refusals in its history; it was said as text.")
        self._text(Text(part.text, part.cache_mark, extras=part.extras), written)

    def _carried(self, part: ServerTool | Unknown, written: list[Wire | Raw]) -> None:
        if part.dialect == NAME and (self._target.native or part.kind != "billing"):
            written.append(part.raw)
        elif part.fallback and part.fallback.strip() and part.kind != "billing":
            self._losses.changed(part.kind, "The target does not know this part; it was said in plain words.")
            written.append({"type": "text", "text": part.fallback})
        else:
            self._losses.dropped(part.kind, "The target does not know this part, and it says nothing in plain words.")


def limit_marks(marked: list[Wire], limit: int, losses: Losses) -> None:
    """Takes cache marks away until the limit is kept: the earliest, since a later one covers what stands before it."""
    for holder in marked[: max(len(marked) - limit, 0)]:
        del holder["cache_control"]
        losses.dropped("cache_mark", f"The target takes {limit} at most.")
