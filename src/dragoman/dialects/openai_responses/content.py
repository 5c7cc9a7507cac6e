"""Parts as items of a message's or a result's content.

Source: Responses reference, input content, and SDK types 3.51, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

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
from dragoman.dialects.openai_responses.pen import Pen
from dragoman.dialects.openai_responses.wire import NAME

Item: TypeAlias = "dict[str, object] | Raw"
"""One item of content, or of the input, as it is written; raw where it was never understood."""

BETWEEN = "\n\n"
"""What stands between texts that are joined."""
IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
AUDIO_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


def item(part: Part, pen: Pen) -> Item | None:
    """The content item that says this part; None where there is nothing to say (a loss if there was something)."""
    pen.unmarked(part.cache_mark)
    if not isinstance(part, Thinking | ToolCall):
        pen.unsealed(part)
    match part:
        case Text():
            return {"type": "input_text", "text": part.text, **pen.kept(part.extras, "text")}
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
        case Refusal():
            pen.kept(part.extras, "refusal")
            return plain(part.text)
        case Thinking():
            pen.lose("thinking", "Thinking stands outside of an assistant turn.", "dropped")
        case ToolResult():
            pen.lose("tool_result.orphan", "A tool result answers no call; it is told as text.")
            return plain(f"[Result of an earlier tool call]\n{BETWEEN.join(words(part.parts, pen))}")
        case ToolCall():
            pen.lose("tool_call", "A tool call stands outside of an assistant turn; it is told as text.")
            return plain(f"[Call of tool {part.name}: {part.arguments}]")
    return None


def items(parts: Iterable[Part], pen: Pen) -> list[Item]:
    """Content items; what is empty is left out, but for what came on this wire."""
    said: list[Item] = []
    for part in parts:
        if type(part) is Text and not part.text and not pen.own:
            pen.unmarked(part.cache_mark)
            pen.kept(part.extras, "text")
            continue
        found = item(part, pen)
        if found is not None:
            said.append(found)
        if type(part) is Unknown and part.dialect != NAME:
            said += items(part.pictures, pen)
    return said


def plain(text: str) -> dict[str, object]:
    """A text item."""
    return {"type": "input_text", "text": text}


def is_bare(said: Item) -> bool:
    """Whether an item is a text and nothing more."""
    return isinstance(said, dict) and len(said) == 2 and "text" in said


def text_of(said: Item) -> str:
    """The text of a text item."""
    return str(said.get("text", "")) if isinstance(said, dict) else ""


def words(parts: Iterable[Part], pen: Pen) -> list[str]:
    """The texts among parts, media named in words."""
    said = [item(part, pen) for part in parts]
    return [str(each.get("text", f"[{each.get('type')}]")) for each in said if isinstance(each, dict)]


def settle(said: list[Item], pen: Pen, *, as_string: bool = False) -> str | list[Item]:
    """Content in the plainest form that loses nothing: one string for one bare text, else the items."""
    if len(said) == 1 and (as_string or not pen.own) and is_bare(said[0]):
        return text_of(said[0])
    return said


def _image(part: Image, pen: Pen) -> dict[str, object]:
    extras = pen.kept(part.extras, "image")
    if not pen.habits.images:
        pen.lose("image", "The upstream takes no images; a line of text stands in their place.")
        return plain("[An image was here; this model cannot see images.]")
    said: dict[str, object] = {"type": "input_image", "detail": part.detail or "auto"}
    match part.source:
        case Inline(media_type=media_type, base64=data) if pen.own or media_type in IMAGE_TYPES:
            said["image_url"] = f"data:{media_type};base64,{data}"
        case Link(url=url) if pen.habits.image_links:
            said["image_url"] = url
        case Stored(dialect=dialect, id=stored) if dialect == NAME:
            said["file_id"] = stored
        case _:
            pen.lose("image.source", "The upstream takes no such image, or none from there; it is named in text.")
            where = part.source.url if isinstance(part.source, Link) else "of a type or from a place unknown"
            return plain(f"[An image that cannot be shown here: {where}]")
    if pen.own and part.detail is None:
        del said["detail"]
    return {**said, **extras}


def _file(part: File, pen: Pen) -> dict[str, object]:
    extras = pen.kept(part.extras, "file")
    source = part.source
    if part.text is not None:
        return {**plain(titled(part, part.text)), **extras}
    if isinstance(source, Inline) and source.media_type.startswith("text/") and not pen.own:
        return {**plain(titled(part, decoded(source))), **extras}
    said: dict[str, object] = {"type": "input_file"}
    match source:
        case Inline(media_type=media_type, base64=data) if pen.habits.documents:
            if part.name or not pen.own:
                said["filename"] = part.name or "document.pdf"
            said["file_data"] = f"data:{media_type};base64,{data}"
        case Link(url=url) if pen.habits.documents:
            said["file_url"] = url
        case Stored(dialect=dialect, id=stored) if dialect == NAME:
            said["file_id"] = stored
        case _:
            pen.lose("file", "The upstream takes no documents of this form; a line of text stands in their place.")
            where = f" at {source.url}" if isinstance(source, Link) else ""
            return plain(f"[A document was here{where}, named {part.name or 'document'}; this model cannot read it.]")
    if part.name and pen.own:
        said["filename"] = part.name
    if part.context:
        pen.lose("file.context", "The context of a document has no member on this wire.", "dropped")
    return {**said, **extras}


def _audio(part: Audio, pen: Pen) -> dict[str, object]:
    extras = pen.kept(part.extras, "audio")
    source = part.source
    form = AUDIO_FORMATS.get(source.media_type) if isinstance(source, Inline) else None
    if isinstance(source, Inline) and form and pen.own:
        return {"type": "input_audio", "input_audio": {"data": source.base64, "format": form}, **extras}
    pen.lose("audio", "This wire has no sound; a line of text stands in its place.")
    return plain("[A sound recording was here; this model cannot hear it.]")


def _carried(part: ServerTool | Unknown, pen: Pen) -> Item | None:
    pen.kept(part.extras, part.kind)
    if part.dialect == NAME:
        return part.raw
    if part.fallback is None:
        pen.lose(part.kind, "Only the client's own dialect has such a part.", "dropped")
        return None
    pen.lose(part.kind, "Only the client's own dialect has such a part; it is told as text.")
    return plain(part.fallback)
