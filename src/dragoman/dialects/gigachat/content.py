"""Parts as what a message of this wire holds: words, and files by their ids.

A message's content is one string; media stand beside it in `attachments`, as ids of files that were uploaded before
(`uploads`). Source: developers.sber.ru, processing files, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dragoman.canon.request import (
    Audio,
    File,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolReference,
    ToolResult,
    Unknown,
)
from dragoman.dialects.documents import decoded, titled
from dragoman.dialects.gigachat.pen import Pen
from dragoman.dialects.gigachat.wire import NAME

BETWEEN = "\n\n"
"""What stands between texts that are joined."""


class Content(NamedTuple):
    """What one message says."""

    words: str
    files: tuple[str, ...] = ()
    """Ids of uploaded files."""


def content_of(parts: Iterable[Part], pen: Pen) -> Content:
    """Words and files of these parts; texts that were neighbours are one text, others are paragraphs."""
    paragraphs: list[str] = []
    files: list[str] = []
    beside = False
    for part in parts:
        said = _said(part, pen)
        if isinstance(said, Content):
            files += said.files
            beside = False
        elif said and beside and type(part) is Text:
            paragraphs[-1] += said
        else:
            paragraphs += [said] if said else []
            beside = type(part) is Text and (beside or bool(said))
    return Content(BETWEEN.join(paragraphs), tuple(files))


def _said(part: Part, pen: Pen) -> str | Content:
    """The words that say a part, or the file that shows it; empty where there is nothing to say."""
    pen.unmarked(part.cache_mark)
    if not isinstance(part, ToolCall | Thinking):
        pen.state(part.seal)
    match part:
        case Text(text=text) | Refusal(text=text):
            pen.kept(part.extras, "text")
            return text
        case Image() | File() | Audio():
            return _media(part, pen)
        case ToolReference(name=name):
            pen.kept(part.extras, "tool_reference")
            return f"The tool {pen.named(name)} is now available."
        case ServerTool(kind=kind, fallback=fallback) | Unknown(kind=kind, fallback=fallback):
            return _told(kind, fallback, pen)
        case ToolResult():
            pen.lose("tool_result.orphan", "A tool result answers no call; it is told as text.")
            pen.kept(part.extras, "tool_result")
            inner = content_of(part.parts, pen)
            return f"[Result of an earlier tool call]\n{inner.words}"
        case ToolCall():
            pen.lose("tool_call", "A tool call stands outside of an assistant turn; it is told as text.")
            return f"[Call of tool {part.name}: {part.arguments}]"
        case Thinking():
            pen.lose("thinking", "Thinking stands outside of an assistant turn.", "dropped")
    return ""


def _told(kind: str, fallback: str | None, pen: Pen) -> str:
    how = "dropped" if fallback is None else "it is told as text"
    pen.lose(kind, f"Only the client's own dialect has such a part; {how}.", "changed" if fallback else "dropped")
    return fallback or ""


def _media(part: Image | File | Audio, pen: Pen) -> str | Content:
    kind = {Image: "image", File: "file", Audio: "audio"}[type(part)]
    pen.kept(part.extras, kind)
    taken = pen.habits.images if isinstance(part, Image) else pen.habits.documents
    match part.source:
        case Stored(dialect=dialect, id=stored) if dialect == NAME and (taken or pen.own):
            if isinstance(part, File) and part.context:
                pen.lose("file.context", "The context of a document has no member on this wire.", "dropped")
            return Content("", (stored,))
        case Inline(media_type=media_type) if isinstance(part, File) and media_type.startswith("text/"):
            return titled(part, decoded(part.source))
        case None if isinstance(part, File):
            return titled(part, part.text or "")
    pen.lose(kind, "Only files that were uploaded can be shown on this wire; a line of text stands in its place.")
    where = f" at {part.source.url}" if isinstance(part.source, Link) else ""
    noun = {"image": "An image", "file": "A document", "audio": "A sound recording"}[kind]
    named = f", named {part.name}" if isinstance(part, File) and part.name else ""
    return f"[{noun} was here{where}{named}; it cannot be shown to this model.]"
