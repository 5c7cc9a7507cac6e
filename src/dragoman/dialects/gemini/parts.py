"""Parts of a content, as clients send them and as models answer with them.

Source: ai.google.dev, API reference of `Content`, and SDK 3.3, `Part`, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
from msgspec import Raw

from dragoman.canon.request import (
    Audio,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Part,
    Seal,
    ServerTool,
    Source,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.dialects.gemini.casing import inner, listed
from dragoman.dialects.gemini.seals import standard
from dragoman.dialects.gemini.wire import EMPTY_OBJECT, NAME, SERVER_PARTS
from dragoman.dialects.take import Members, first_byte

SealOf: TypeAlias = Callable[[str], tuple[Seal, bool]]
"""The seal that a signature says, and whether it stands for hidden thinking."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_TEXT = msgspec.json.Decoder(str)
PLAIN_RESULTS = ("output", "result", "content")
"""Members in which clients put what a tool said: the vendor's page, its SDK, opencode (measured 2026-11-20)."""
STORES = ("https://generativelanguage.googleapis.com/", "gs://", "files/")
"""How addresses of files begin that only the vendor's own stores know."""


def read_part(part: Members, seal_of: SealOf) -> Part:
    """A part. Ids that were not given are empty. Raises `Trouble` for what has the wrong type."""
    signature = part.text("thoughtSignature")
    thought = part.truth("thought") or False
    seal, redacted = seal_of(signature) if signature else (None, False)
    text = part.text("text")
    left = part.rest(NAME) if text is None else None
    if left is not None:
        if thought:
            part.put_back("thought", Raw(b"true"))
        return _wordless(part, list(left.members), seal)
    if thought:
        return Thinking(text or "", redacted, seal=seal, extras=part.rest(NAME))
    return Text(text or "", seal=seal, extras=part.rest(NAME))


def _wordless(part: Members, names: list[str], seal: Seal | None) -> Part:
    """A part that is no text."""
    for name, read in _READERS.items():
        found = inner(part, name)
        if found is not None:
            return read(found, seal, part)
    kinds = [name for name in names if name != "thought"]
    return _carried(next((name for name in kinds if name in SERVER_PARTS), kinds[0]), part, seal)


def _carried(kind: str, part: Members, seal: Seal | None) -> Part:
    """A part that is carried whole, but for its signature."""
    raw = part.whole_again()
    if kind in SERVER_PARTS:
        return ServerTool(NAME, kind, raw, plainly(raw), seal=seal)
    return Unknown(NAME, kind, raw, seal=seal)


def _extras(part: Members, name: str, left: Extras | None) -> Extras | None:
    """What is left of a part, and of the object in it under that object's name."""
    if left is not None:
        part.put_back(name, Raw(msgspec.json.encode(left.members)))
    return part.rest(NAME)


def _inline(blob: Members, seal: Seal | None, part: Members) -> Part:
    media_type = blob.text("mimeType", "application/octet-stream")
    source = Inline(media_type, standard(blob.need("data", blob.text("data"))))
    return _media(source, media_type, blob, "inlineData", seal, part)


def _linked(data: Members, seal: Seal | None, part: Members) -> Part:
    url = data.need("fileUri", data.text("fileUri"))
    media_type = data.text("mimeType")
    if media_type is not None:
        data.put_back("mimeType", Raw(msgspec.json.encode(media_type)))
    source = Stored(NAME, url) if url.startswith(STORES) else Link(url)
    return _media(source, media_type or "", data, "fileData", seal, part)


def _media(source: Source, media_type: str, data: Members, member: str, seal: Seal | None, part: Members) -> Part:
    match media_type.partition("/")[0]:
        case "image":
            return Image(source, seal=seal, extras=_extras(part, member, data.rest(NAME)))
        case "audio":
            return Audio(source, seal=seal, extras=_extras(part, member, data.rest(NAME)))
        case _:
            name = data.text("displayName")
            return File(source, name=name, seal=seal, extras=_extras(part, member, data.rest(NAME)))


def _call(call: Members, seal: Seal | None, part: Members) -> Part:
    name = call.need("name", call.text("name"))
    arguments = call.raw("args")
    return ToolCall(
        call.text("id", ""),
        name,
        str(arguments if arguments is not None else EMPTY_OBJECT, "utf-8"),
        seal=seal,
        extras=_extras(part, "functionCall", call.rest(NAME)),
    )


def _result(result: Members, seal: Seal | None, part: Members) -> Part:
    call_id, name = result.text("id", ""), result.text("name")
    response = result.raw("response")
    text, failed, is_plain = response_text(response)
    parts: list[Part] = [Text(text)] if text or response is not None else []
    parts += [read_part(each, _unsealed) for each in listed(result, "parts")]
    if response is not None and not is_plain:
        result.put_back("response", response)
    extras = _extras(part, "functionResponse", result.rest(NAME))
    return ToolResult(call_id, tuple(parts), True if failed else None, name, as_string=True, seal=seal, extras=extras)


def _unsealed(signature: str) -> tuple[Seal, bool]:
    return Seal("", signature), False


def response_text(response: Raw | None) -> tuple[str, bool, bool]:
    """What a tool said, whether it failed, and whether exactly this would be written for those two."""
    if response is None:
        return "", False, False
    try:
        members = _MEMBERS.decode(response)
        texts = {name: _TEXT.decode(value) for name, value in members.items() if first_byte(value) == b'"'}
    except (msgspec.DecodeError, RecursionError):
        return str(response, "utf-8"), False, False
    if list(texts) == list(members) == ["error"]:
        return texts["error"], True, True
    said = [name for name in PLAIN_RESULTS if name in texts]
    if len(said) == 1 and members.keys() <= {said[0], "name"}:
        return texts[said[0]], False, list(members) == ["output"]
    return str(response, "utf-8"), False, False


_READERS: Mapping[str, Callable[[Members, Seal | None, Members], Part]] = {
    "inlineData": _inline,
    "fileData": _linked,
    "functionCall": _call,
    "functionResponse": _result,
}


def plainly(raw: Raw) -> str | None:
    """What the vendor's own tools did, in plain words; None if there are none."""
    try:
        part = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    match part:
        case {"executableCode": {"code": str(code)}}:
            return f"[Code that was run]\n```\n{code}\n```"
        case {"codeExecutionResult": {"output": str(output)}}:
            return f"[What the code gave]\n```\n{output}\n```"
        case _:
            return None
