"""Content blocks of a request as parts.

Theory: nearly every block a client sends is one of a few closed shapes, so a strict typed decode of all messages at
once is tried first; it fails on the first member it does not know. Only then is the odd block read openly, member by
member, with what is not taken kept as extras. Both ways give the same part for the same block.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.problem import Trouble
from dragoman.canon.request import (
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Part,
    ServerTool,
    Source,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolReference,
    ToolResult,
    Unknown,
)
from dragoman.canon.seal import unwrap
from dragoman.dialects.anthropic.plain import plainly
from dragoman.dialects.anthropic.words import NAME
from dragoman.dialects.carrier import reunite
from dragoman.dialects.take import Members, first_byte


class _Closed(Struct, tag_field="type", forbid_unknown_fields=True, gc=False):
    """A block whose every member is known. Held for a moment only, so never a matter for the garbage collector."""


class CacheControl(_Closed, tag="ephemeral"):
    """A cache mark as it is on the wire."""

    ttl: str | None = None


class _LooseCacheControl(Struct):
    type: Literal["ephemeral"]
    ttl: str | None = None


class _Base64(_Closed, tag="base64"):
    media_type: str
    data: str


class _Url(_Closed, tag="url"):
    url: str


class _FileId(_Closed, tag="file"):
    file_id: str


class _PlainText(_Closed, tag="text"):
    data: str
    media_type: Literal["text/plain"]


class _Text(_Closed, tag="text"):
    text: str
    cache_control: CacheControl | None = None


class _Image(_Closed, tag="image"):
    source: _Base64 | _Url | _FileId
    cache_control: CacheControl | None = None


class _Document(_Closed, tag="document"):
    source: _Base64 | _Url | _FileId | _PlainText
    title: str | None = None
    context: str | None = None
    cache_control: CacheControl | None = None


class _Blocks(Struct):
    content: list[Raw]


class _DocumentOfBlocks(Struct):
    source: _Blocks


class _Thinking(_Closed, tag="thinking"):
    thinking: str
    signature: str | None = None


class _Redacted(_Closed, tag="redacted_thinking"):
    data: str


class _ToolUse(_Closed, tag="tool_use"):
    id: str
    name: str
    input: Raw
    cache_control: CacheControl | None = None


class _ToolReference(_Closed, tag="tool_reference"):
    tool_name: str
    cache_control: CacheControl | None = None


class _ToolResult(_Closed, tag="tool_result"):
    tool_use_id: str
    content: str | list[_Text | _Image | _Document | _ToolReference] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


Block: TypeAlias = _ToolUse | _ToolResult | _Text | _Thinking | _Redacted | _Image | _Document | _ToolReference
"""A block of closed shape."""


_BLOCK = msgspec.json.Decoder(Block)
_CACHE_CONTROL = msgspec.json.Decoder(CacheControl)
_LOOSE_CACHE_CONTROL = msgspec.json.Decoder(_LooseCacheControl)
_DOCUMENT_OF_BLOCKS = msgspec.json.Decoder(_DocumentOfBlocks)
_SOURCE = msgspec.json.Decoder(_Base64 | _Url | _FileId | _PlainText)
FAULTS = (msgspec.DecodeError, RecursionError)
"""What a decoder raises for input that is not of its shape."""


def parts_of(blocks: list[Block]) -> tuple[Part, ...]:
    """The parts of blocks of closed shape. Done in place for the kinds of which a long history consists."""
    parts: list[Part] = []
    thoughtful = False
    for block in blocks:
        if type(block) is _ToolUse:
            mark = None if block.cache_control is None else CacheMark(block.cache_control.ttl)
            parts.append(ToolCall(block.id, block.name, str(block.input, "utf-8"), "json", mark))
        elif type(block) is _ToolResult and type(block.content) is str:
            mark = None if block.cache_control is None else CacheMark(block.cache_control.ttl)
            said = (Text(block.content),) if block.content else ()
            parts.append(ToolResult(block.tool_use_id, said, block.is_error, None, "json", True, mark))
        elif type(block) is _Text:
            parts.append(Text(block.text, None if block.cache_control is None else CacheMark(block.cache_control.ttl)))
        else:
            parts.append(_SHUT[type(block)](block))
            thoughtful = thoughtful or type(block) is _Thinking
    return reunite(parts) if thoughtful else tuple(parts)


def open_parts(items: list[Raw], path: str) -> tuple[Part, ...]:
    """The parts of any blocks. Raises `Trouble` for one that is not an object, or lacks what its type needs."""
    return reunite([open_part(item, f"{path}[{position}]") for position, item in enumerate(items)])


def open_part(raw: Raw, path: str) -> Part:
    """The part of any block. Raises `Trouble`."""
    try:
        block = _BLOCK.decode(raw)
    except FAULTS:
        return _open(raw, path)
    return _SHUT[type(block)](block)


def mark_of(control: CacheControl | None) -> CacheMark | None:
    """The cache mark that a member of closed shape is."""
    return None if control is None else CacheMark(control.ttl)


def _source(source: _Base64 | _Url | _FileId) -> Source:
    match source:
        case _Base64():
            return Inline(source.media_type, source.data)
        case _Url():
            return Link(source.url)
        case _FileId():
            return Stored(NAME, source.file_id)


def _shut_text(block: _Text) -> Part:
    return Text(block.text, mark_of(block.cache_control))


def _shut_tool_use(block: _ToolUse) -> Part:
    return ToolCall(block.id, block.name, str(block.input, "utf-8"), cache_mark=mark_of(block.cache_control))


def _shut_tool_result(block: _ToolResult) -> Part:
    content = block.content
    mark = mark_of(block.cache_control)
    if type(content) is str:
        return ToolResult(
            block.tool_use_id, (Text(content),) if content else (), block.is_error, None, "json", True, mark
        )
    parts = tuple([_SHUT[type(item)](item) for item in content or ()])
    return ToolResult(block.tool_use_id, parts, block.is_error, cache_mark=mark)


def _shut_thinking(block: _Thinking) -> Part:
    return Thinking(block.thinking, seal=unwrap(block.signature) if block.signature else None)


def _shut_redacted(block: _Redacted) -> Part:
    return Thinking("", redacted=True, seal=unwrap(block.data))


def _shut_image(block: _Image) -> Part:
    return Image(_source(block.source), cache_mark=mark_of(block.cache_control))


def _shut_document(block: _Document) -> Part:
    mark = mark_of(block.cache_control)
    if isinstance(block.source, _PlainText):
        return File(text=block.source.data, name=block.title, context=block.context, cache_mark=mark)
    return File(_source(block.source), name=block.title, context=block.context, cache_mark=mark)


def _shut_tool_reference(block: _ToolReference) -> Part:
    return ToolReference(block.tool_name, mark_of(block.cache_control))


_SHUT: dict[type, Callable[..., Part]] = {
    _Text: _shut_text,
    _ToolUse: _shut_tool_use,
    _ToolResult: _shut_tool_result,
    _Thinking: _shut_thinking,
    _Redacted: _shut_redacted,
    _Image: _shut_image,
    _Document: _shut_document,
    _ToolReference: _shut_tool_reference,
}


def _open(raw: Raw, path: str) -> Part:
    block = Members.of(raw, path)
    kind = block.need("type", block.text("type"))
    if kind in _OPEN:
        found = _OPEN[kind](block)
        if found is not None:
            return found
    elif kind.endswith(("_tool_use", "_tool_result")):
        return ServerTool(NAME, kind, raw, plainly(raw))
    return Unknown(NAME, kind, raw, plainly(raw), pictures=_pictures(raw) if kind == "document" else ())


def _pictures(raw: Raw) -> tuple[Image, ...]:
    """The pictures in a document that is made of blocks; none where it is of any other shape."""
    try:
        found = open_parts(_DOCUMENT_OF_BLOCKS.decode(raw).source.content, "document")
    except (*FAULTS, Trouble):
        return ()
    return tuple(part for part in found if isinstance(part, Image))


def open_mark(members: Members) -> CacheMark | None:
    """The cache mark among these members. One with more than a lifetime in it stays with them, to be an extra."""
    control = members.raw("cache_control")
    if control is None:
        return None
    try:
        return CacheMark(_CACHE_CONTROL.decode(control).ttl)
    except FAULTS:
        members.put_back("cache_control", control)
    try:
        return CacheMark(_LOOSE_CACHE_CONTROL.decode(control).ttl)
    except FAULTS:
        return None


def _open_source(block: Members) -> Source | str | None:
    """Where a block's media is: a source, the text itself, or None for a source of unknown shape."""
    raw = block.need("source", block.raw("source"))
    try:
        source = _SOURCE.decode(raw)
    except FAULTS:
        return None
    return source.data if isinstance(source, _PlainText) else _source(source)


def _open_text(block: Members) -> Part:
    return Text(block.need("text", block.text("text")), open_mark(block), extras=_extras(block))


def _open_tool_use(block: Members) -> Part:
    return ToolCall(
        block.need("id", block.text("id")),
        block.need("name", block.text("name")),
        str(block.need("input", block.raw("input")), "utf-8"),
        cache_mark=open_mark(block),
        extras=_extras(block),
    )


def _open_tool_result(block: Members) -> Part:
    call_id = block.need("tool_use_id", block.text("tool_use_id"))
    parts, as_string = open_content(block)
    return ToolResult(
        call_id,
        parts,
        block.truth("is_error"),
        as_string=as_string,
        cache_mark=open_mark(block),
        extras=_extras(block),
    )


def open_content(members: Members, name: str = "content") -> tuple[tuple[Part, ...], bool]:
    """The parts of a member that is a string or a list of blocks, and whether it was a string. Raises `Trouble`."""
    content = members.raw(name)
    if content is None:
        return (), False
    members.put_back(name, content)
    if first_byte(content) == b'"':
        text = members.text(name)
        return ((Text(text),) if text else ()), True
    return open_parts(members.items(name) or [], members.where(name)), False


def _open_thinking(block: Members) -> Part:
    text = block.need("thinking", block.text("thinking"))
    signature = block.text("signature")
    mark = open_mark(block)
    return Thinking(text, cache_mark=mark, seal=unwrap(signature) if signature else None, extras=_extras(block))


def _open_redacted(block: Members) -> Part:
    seal = unwrap(block.need("data", block.text("data")))
    return Thinking("", redacted=True, cache_mark=open_mark(block), seal=seal, extras=_extras(block))


def _open_image(block: Members) -> Part | None:
    source = _open_source(block)
    if source is None or isinstance(source, str):
        return None
    return Image(source, cache_mark=open_mark(block), extras=_extras(block))


def _open_document(block: Members) -> Part | None:
    source = _open_source(block)
    if source is None:
        return None
    text = source if isinstance(source, str) else None
    return File(
        None if isinstance(source, str) else source,
        text,
        block.text("title"),
        block.text("context"),
        open_mark(block),
        extras=_extras(block),
    )


def _open_tool_reference(block: Members) -> Part:
    return ToolReference(block.need("tool_name", block.text("tool_name")), open_mark(block), extras=_extras(block))


def _extras(block: Members) -> Extras | None:
    return block.rest(NAME)


_OPEN: dict[str, Callable[[Members], Part | None]] = {
    "text": _open_text,
    "tool_use": _open_tool_use,
    "tool_result": _open_tool_result,
    "thinking": _open_thinking,
    "redacted_thinking": _open_redacted,
    "image": _open_image,
    "document": _open_document,
    "tool_reference": _open_tool_reference,
}
