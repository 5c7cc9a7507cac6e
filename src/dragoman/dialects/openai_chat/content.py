"""Parts as items of a message's content.

Source: Chat Completions reference (content parts `text`, `image_url`, `input_audio`, `file`), read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, TypeGuard

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
from dragoman.dialects.openai_chat.pen import Pen
from dragoman.dialects.openai_chat.wire import NAME

Item: TypeAlias = "dict[str, object] | Raw"
"""One content part as it is written; raw where it was never understood."""
Content: TypeAlias = "str | list[Item] | None"

BETWEEN = "\n\n"
"""What stands between texts that are joined."""

AUDIO_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


def item(part: Part, pen: Pen) -> Item | None:
    """The content part that says this part; None where there is nothing to say (a loss if there was something)."""
    match part:
        case Text():
            return _text(part, pen)
        case Image():
            return _image(part, pen)
        case File():
            return _file(part, pen)
        case Audio():
            return _audio(part, pen)
        case ToolReference():
            pen.kept(part.extras, "tool_reference")
            pen.cache_control(part.cache_mark)
            return plain(f"The tool {pen.names.sent(part.name)} is now available.")
        case ServerTool() | Unknown():
            return _carried(part, pen)
        case Refusal():
            return plain(part.text)
        case Thinking():
            pen.lose("thinking", "Thinking stands outside of an assistant turn.", "dropped")
        case ToolResult():
            return plain(orphan_text(part, pen))
        case ToolCall():
            pen.lose("tool_call", "A tool call stands outside of an assistant turn; it is told as text.")
            return plain(f"[Call of tool {part.name}: {part.arguments}]")
    return None


def is_plain(part: Part) -> TypeGuard[Text]:
    """Whether a part is words and nothing more, as nearly all are."""
    return type(part) is Text and part.extras is None and part.cache_mark is None


def plain(text: str) -> dict[str, object]:
    """A text item."""
    return {"type": "text", "text": text}


def _text(part: Text, pen: Pen) -> dict[str, object]:
    said: dict[str, object] = {"type": "text", "text": part.text}
    if part.cache_mark:
        control = pen.cache_control(part.cache_mark)
        if control:
            said["cache_control"] = control
    if part.extras:
        said.update(pen.kept(part.extras, "text"))
    return said


def _marked(said: dict[str, object], part: Image | Audio | File, kind: str, pen: Pen) -> dict[str, object]:
    control = pen.cache_control(part.cache_mark)
    if control:
        said["cache_control"] = control
    said.update(pen.kept(part.extras, kind))
    return said


def _image(part: Image, pen: Pen) -> dict[str, object]:
    url = ""
    match part.source:
        case Inline(media_type=media_type, base64=data):
            url = f"data:{media_type};base64,{data}"
        case Link(url=link) if pen.habits.image_links:
            url = link
        case Link() | Stored():
            pen.lose("image.source", "The upstream takes no image by address or id; it is named in text.")
            return plain(f"[An image that cannot be shown here: {_told(part.source)}]")
    if not pen.habits.images:
        pen.lose("image", "The upstream takes no images; a line of text stands in their place.")
        return plain("[An image was here; this model cannot see images.]")
    image: dict[str, object] = {"url": url}
    if part.detail:
        image["detail"] = part.detail
    return _marked({"type": "image_url", "image_url": image}, part, "image", pen)


def _told(source: Link | Stored) -> str:
    return source.url if isinstance(source, Link) else f"stored as {source.id}"


def _file(part: File, pen: Pen) -> dict[str, object]:
    if part.text is not None:
        return _marked(plain(titled(part, part.text)), part, "file", pen)
    file: dict[str, object] = {}
    match part.source:
        case Inline(media_type=media_type) if media_type.startswith("text/") and not pen.own:
            return _marked(plain(titled(part, decoded(part.source))), part, "file", pen)
        case Inline(media_type=media_type, base64=data) if pen.habits.documents:
            file = {"filename": part.name or "document.pdf", "file_data": f"data:{media_type};base64,{data}"}
        case Stored(dialect=dialect, id=stored) if dialect == NAME:
            file = {"file_id": stored, "filename": part.name} if part.name else {"file_id": stored}
    if not file:
        pen.lose("file", "The upstream takes no documents of this form; a line of text stands in their place.")
        source = part.source
        where = f" at {source.url}" if isinstance(source, Link) else ""
        return plain(f"[A document was here{where}, named {part.name or 'document'}; this model cannot read it.]")
    if part.context:
        pen.lose("file.context", "The context of a document has no member on this wire.", "dropped")
    return _marked({"type": "file", "file": file}, part, "file", pen)


def _audio(part: Audio, pen: Pen) -> dict[str, object]:
    source = part.source
    form = AUDIO_FORMATS.get(source.media_type) if isinstance(source, Inline) else None
    if isinstance(source, Inline) and form:
        return _marked(
            {"type": "input_audio", "input_audio": {"data": source.base64, "format": form}}, part, "audio", pen
        )
    pen.lose("audio", "The upstream takes sound as wav or mp3 only; a line of text stands in its place.")
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


def orphan_text(part: ToolResult, pen: Pen) -> str:
    """A result without its call, as words."""
    pen.lose("tool_result.orphan", "A tool result answers no call; it is told as text.")
    return f"[Result of an earlier tool call]\n{BETWEEN.join(words(part.parts, pen))}"


def words(parts: Iterable[Part], pen: Pen) -> list[str]:
    """The texts among parts, media named in words."""
    said = [item(part, pen) for part in parts]
    return [str(each.get("text", f"[{each.get('type')}]")) for each in said if isinstance(each, dict)]


def settle(items: list[Item], pen: Pen, *, as_string: bool = False) -> str | list[Item]:
    """Content in the plainest form that loses nothing: one string for one bare text, else the items."""
    if len(items) == 1 and (as_string or not pen.own) and is_bare(items[0]):
        return text_of(items[0])
    if pen.habits.string_content and items and all(isinstance(each, dict) and "text" in each for each in items):
        if not all(is_bare(each) for each in items):
            pen.lose("content.members", "The upstream takes content as one string only.", "dropped")
        return BETWEEN.join(text_of(each) for each in items)
    return items


def is_bare(said: Item) -> bool:
    """Whether an item is a text and nothing more."""
    return isinstance(said, dict) and len(said) == 2 and "text" in said


def text_of(said: Item) -> str:
    """The text of a text item."""
    return str(said["text"]) if isinstance(said, dict) else ""
