"""Parts as this wire says them.

Source: ai.google.dev, API reference of `Content`, image, document and audio understanding, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw

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
from dragoman.dialects.gemini.pen import Pen
from dragoman.dialects.gemini.wire import AUDIO_TYPES, GROUNDING, IMAGE_TYPES, NAME, OTHER_NAMES

Wire: TypeAlias = "dict[str, object]"
"""An object on its way to JSON."""

BETWEEN = "\n\n"
"""What stands between texts that are joined."""
PDF = "application/pdf"
BY_ENDING = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": PDF,
}
"""Media types by the ending of an address; the vendor finds others out itself."""
ARTICLES = {"image": "An image", "file": "A document", "audio": "A sound recording"}

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def item(part: Part, pen: Pen) -> Wire | None:
    """The part that says this; None where there is nothing to say (a loss if there was something)."""
    pen.unmarked(part.cache_mark)
    said = _said(part, pen)
    if said is None:
        return None
    signature = pen.signature(part.seal)
    if signature:
        said["thoughtSignature"] = signature
    return said


def _said(part: Part, pen: Pen) -> Wire | None:
    match part:
        case Text() | Refusal():
            return _text(part, pen)
        case Thinking():
            return _thinking(part, pen)
        case Image():
            return _image(part, pen)
        case File():
            return _file(part, pen)
        case Audio():
            return _audio(part, pen)
        case ToolReference():
            pen.kept(part.extras, "tool_reference")
            return plain(f"The tool {pen.names.sent(part.name)} is now available.")
        case ServerTool() | Unknown():
            return _carried(part, pen)
        case ToolResult():
            pen.lose("tool_result.orphan", "A tool result answers no call; it is told as text.")
            return plain(f"[Result of an earlier tool call]\n{BETWEEN.join(words(part.parts, pen))}")
        case ToolCall():
            pen.lose("tool_call", "A tool call stands outside of an assistant turn; it is told as text.")
            return plain(f"[Call of tool {part.name}: {part.arguments}]")


def plain(text: str) -> Wire:
    """A text part."""
    return {"text": text}


def words(parts: Iterable[Part], pen: Pen) -> list[str]:
    """The texts among parts, media named in words."""
    said = [item(part, pen) for part in parts]
    return [str(each.get("text", "[media]")) for each in said if each is not None]


def _text(part: Text | Refusal, pen: Pen) -> Wire | None:
    if not part.text and not pen.own and not (part.seal and part.seal.blob and pen.belongs(part.seal)):
        return None
    return {"text": part.text, **pen.kept(part.extras, "text")}


def _thinking(part: Thinking, pen: Pen) -> Wire | None:
    if part.redacted or not pen.belongs(part.seal):
        pen.lose("thinking", "Earlier thinking is not sent to an upstream that did not do it.", "dropped")
        return None
    if not part.text and not (part.seal and part.seal.blob) and not pen.own:
        return None
    return {"text": part.text, "thought": True, **pen.kept(part.extras, "thinking")}


def with_media(part: Image | Audio | File, member: str, data: Wire, pen: Pen, what: str) -> Wire:
    """A part with media, and what else was said of it."""
    extras = dict(pen.kept(part.extras, what))
    more = extras.pop(member, None)
    return {member: {**(_MEMBERS.decode(more) if more is not None else {}), **data}, **extras}


def note(pen: Pen, what: str, why: str, words: str) -> Wire:
    """A line of text in place of what the upstream cannot be shown."""
    pen.lose(what, f"{why} A line of text stands in its place.")
    return plain(words)


def _image(part: Image, pen: Pen) -> Wire:
    if part.detail not in (None, "auto"):
        pen.lose("image.detail", "This wire has no such member for one picture.", "dropped")
    if not pen.habits.images:
        return note(pen, "image", "The upstream takes no images.", "[An image was here; this model cannot see images.]")
    source = part.source
    if isinstance(source, Inline):
        media_type = OTHER_NAMES.get(source.media_type, source.media_type)
        if media_type not in IMAGE_TYPES and not pen.own:
            why = f"The upstream takes no {media_type}."
            return note(pen, "image", why, f"[An image of type {media_type} was here; this model cannot see it.]")
        return with_media(part, "inlineData", {"mimeType": media_type, "data": source.base64}, pen, "image")
    return _linked(part, source, pen, "image")


def _linked(part: Image | Audio | File, source: Link | Stored | None, pen: Pen, what: str) -> Wire:
    """Media behind an address, or kept at this vendor."""
    match source:
        case Stored(dialect=dialect, id=stored) if dialect == NAME:
            return with_media(part, "fileData", {"fileUri": stored}, pen, what)
        case Link(url=url) if pen.habits.image_links or pen.own:
            ending = urlsplit(url).path.rpartition(".")[2].lower()
            media_type = "" if pen.own else BY_ENDING.get(ending, "")
            data: Wire = {"fileUri": url, **({"mimeType": media_type} if media_type else {})}
            return with_media(part, "fileData", data, pen, what)
        case Link(url=url):
            where = f" at {url}"
        case _:
            where = ""
    line = f"[{ARTICLES[what]} was here{where}; it was not read.]"
    return note(pen, f"{what}.source", "The upstream cannot fetch it.", line)


def _file(part: File, pen: Pen) -> Wire:
    if part.text is not None:
        return {**plain(titled(part, part.text)), **pen.kept(part.extras, "file")}
    source = part.source
    if not isinstance(source, Inline):
        return _linked(part, source, pen, "file")
    if source.media_type.startswith("text/") and not pen.own:
        return {**plain(titled(part, decoded(source))), **pen.kept(part.extras, "file")}
    readable = source.media_type == PDF or source.media_type.startswith("video/")
    if not pen.own and not (readable and pen.habits.documents):
        line = f"[A document of type {source.media_type} was here, named {part.name or 'document'}; it was not read.]"
        return note(pen, "file", f"The upstream cannot read {source.media_type}.", line)
    data: Wire = {"mimeType": source.media_type, "data": source.base64}
    if part.name is not None and pen.own:
        data["displayName"] = part.name
    elif part.name or part.context:
        pen.lose("file.name", "The name and the context of a document have no member on this wire.", "dropped")
    return with_media(part, "inlineData", data, pen, "file")


def _audio(part: Audio, pen: Pen) -> Wire:
    source = part.source
    if not isinstance(source, Inline):
        return _linked(part, source, pen, "audio")
    media_type = OTHER_NAMES.get(source.media_type, source.media_type)
    if media_type not in AUDIO_TYPES and not pen.own:
        line = "[A sound recording was here; this model cannot hear it.]"
        return note(pen, "audio", f"The upstream takes no {media_type}.", line)
    return with_media(part, "inlineData", {"mimeType": media_type, "data": source.base64}, pen, "audio")


def _carried(part: ServerTool | Unknown, pen: Pen) -> Wire | None:
    pen.kept(part.extras, part.kind)
    if part.dialect == NAME:
        return None if part.kind == GROUNDING else dict(_MEMBERS.decode(part.raw))
    if part.fallback is None:
        pen.lose(part.kind, "Only the client's own dialect has such a part.", "dropped")
        return None
    pen.lose(part.kind, "Only the client's own dialect has such a part; it is told as text.")
    return plain(part.fallback)
