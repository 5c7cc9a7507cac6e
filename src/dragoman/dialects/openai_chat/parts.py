"""A message's content as parts.

Source: Chat Completions reference (content parts), read 2026-11-20; `cache_control` as OpenRouter and others took it
over from another wire.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.request import (
    Audio,
    CacheMark,
    File,
    Image,
    Inline,
    Part,
    Refusal,
    Stored,
    Text,
    Unknown,
)
from dragoman.dialects.data_urls import source_of
from dragoman.dialects.openai_chat.wire import NAME
from dragoman.dialects.take import Members, first_byte, wrong

_TEXT = msgspec.json.Decoder(str)
AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def content(message: Members) -> tuple[list[Part], bool]:
    """The parts of a message's content, and whether it was one string."""
    raw = message.raw("content")
    if raw is None:
        return [], False
    match first_byte(raw):
        case b'"':
            message.put_back("content", raw)
            return [Text(message.text("content", ""))], True
        case b"[":
            message.put_back("content", raw)
            return [_part(each) for each in message.objects("content") or ()], False
        case _:
            raise wrong(message.where("content"), "a string or a list of content parts")


def _part(item: Members) -> Part:
    kind = item.need("type", item.text("type"))
    match kind:
        case "text":
            text = item.need("text", item.text("text"))
            return Text(text, cache_mark(item), extras=item.rest(NAME))
        case "refusal":
            return Refusal(item.text("refusal", ""), extras=item.rest(NAME))
        case "image_url" | "file" | "input_audio":
            found = _media(kind, item)
            if found is not None:
                return found
        case _:
            pass
    item.put_back("type", Raw(msgspec.json.encode(kind)))
    return Unknown(NAME, kind, item.whole_again())


def _media(kind: str, item: Members) -> Part | None:
    """A part with media; None if it has members that no part can hold, and nothing was taken."""
    raw = item.raw(kind)
    if raw is None:
        raise wrong(item.where(kind), "an object")
    if kind == "image_url" and first_byte(raw) == b'"':
        return Image(source_of(_TEXT.decode(raw)), cache_mark=cache_mark(item), extras=item.rest(NAME))
    inner = Members.of(raw, item.where(kind))
    part: Part
    match kind:
        case "image_url":
            url = inner.need("url", inner.text("url"))
            part = Image(source_of(url), inner.text("detail"))
        case "file":
            part = _file(inner)
        case _:
            form = inner.text("format", "wav")
            data = inner.need("data", inner.text("data"))
            part = Audio(Inline(AUDIO_TYPES.get(form, f"audio/{form}"), data))
    if inner.rest(NAME):
        item.put_back(kind, raw)
        return None
    return replace(part, cache_mark=cache_mark(item), extras=item.rest(NAME))


def _file(inner: Members) -> File:
    name, data, stored = inner.text("filename"), inner.text("file_data"), inner.text("file_id")
    if stored is not None:
        return File(Stored(NAME, stored), name=name)
    found = source_of(data or "")
    return File(found if isinstance(found, Inline) else Inline("application/pdf", data or ""), name=name)


def cache_mark(item: Members) -> CacheMark | None:
    """The cache mark of a part, as vendors of this wire took it over from another."""
    raw = item.raw("cache_control")
    if raw is None:
        return None
    control = Members.of(raw, item.where("cache_control"))
    kind, ttl = control.text("type"), control.text("ttl")
    if kind != "ephemeral" or control.rest(NAME):
        item.put_back("cache_control", raw)
        return None
    return CacheMark(ttl)
