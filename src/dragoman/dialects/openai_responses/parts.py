"""The content of messages and results as parts.

Source: Responses reference, input and output content, and SDK types 3.51, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.request import (
    Audio,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Stored,
    Text,
    Unknown,
)
from dragoman.dialects.data_urls import source_of
from dragoman.dialects.openai_responses.wire import EMPTY, NAME
from dragoman.dialects.take import Members, first_byte, wrong

AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
EMPTY_LISTS = ("annotations", "logprobs")
"""Members of a text that are worth no word while they are empty."""


def content(holder: Members, member: str = "content") -> tuple[list[Part], bool]:
    """The parts of a message's content or of a result's output, and whether it was one string."""
    raw = holder.raw(member)
    if raw is None:
        return [], False
    match first_byte(raw):
        case b'"':
            holder.put_back(member, raw)
            return [Text(holder.text(member, ""))], True
        case b"[":
            holder.put_back(member, raw)
            return [part_of(each) for each in holder.objects(member) or ()], False
        case _:
            raise wrong(holder.where(member), "a string or a list of content items")


def part_of(item: Members) -> Part:
    """The part that a content item is. Raises `Trouble`."""
    kind = item.need("type", item.text("type"))
    match kind:
        case "refusal":
            return Refusal(item.text("refusal", ""), extras=item.rest(NAME))
        case "input_image":
            found = _image(item)
            return replace(found, extras=item.rest(NAME)) if isinstance(found, Image) else found
        case "input_file":
            file = _file(item)
            return replace(file, extras=item.rest(NAME))
        case "input_audio":
            inner = item.need("input_audio", item.members("input_audio"))
            form = inner.text("format", "wav")
            data = inner.need("data", inner.text("data"))
            return Audio(Inline(AUDIO_TYPES.get(form, f"audio/{form}"), data), extras=item.rest(NAME))
        case _ if kind in TEXTS:
            return Text(item.need("text", item.text("text")), extras=_beside_text(item))
    item.put_back("type", Raw(msgspec.json.encode(kind)))
    return Unknown(NAME, kind, item.whole_again())


def _beside_text(item: Members) -> Extras | None:
    for name in EMPTY_LISTS:
        value = item.raw(name)
        if value is not None and value != EMPTY:
            item.put_back(name, value)
    return item.rest(NAME)


def _image(item: Members) -> Part:
    detail = item.text("detail")
    url, stored = item.text("image_url"), item.text("file_id")
    if url is not None:
        return Image(source_of(url), detail)
    if stored is None:
        raise wrong(item.where("image_url"), "a string")
    return Image(Stored(NAME, stored), detail)


def _file(item: Members) -> File:
    name = item.text("filename")
    data, url, stored = item.text("file_data"), item.text("file_url"), item.text("file_id")
    if stored is not None:
        return File(Stored(NAME, stored), name=name)
    if data is not None:
        found = source_of(data)
        return File(found if isinstance(found, Inline) else Inline("application/pdf", data), name=name)
    if url is None:
        raise wrong(item.where("file_data"), "a string")
    return File(Link(url), name=name)
