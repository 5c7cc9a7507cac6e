"""The two edits of an answer that is otherwise passed on as it came: the model's name, and seals that are wrapped.

Rule: every byte that is not part of an edited value stays as it was. Source of the shapes: as in `reader`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

import msgspec
from msgspec import Raw

from dragoman.canon.problem import Trouble
from dragoman.canon.request import Seal
from dragoman.canon.seal import wrap
from dragoman.canon.splice import members, splice
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.sse import WholeFrames

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_DATA = re.compile(rb"(?:\A|(?<=[\r\n]))data: ?([^\r\n]+)")
_SEALED = (b"signature", b"redacted_thinking")
_EDITED = (b"message_start", *_SEALED)
_FAULTS = (Trouble, msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class StreamEditor:
    """Edits one stream. Mutable: it keeps an unfinished frame, and whether the first frame is still to come."""

    def __init__(self, hearing: Hearing, telling: Telling) -> None:
        self._hearing = hearing
        self._telling = telling
        self._frames = WholeFrames()
        self._begun = False

    def edit(self, data: bytes) -> bytes:
        """All whole frames now complete, edited; an unfinished frame is kept back."""
        return self._edited(self._frames.edit(data))

    def close(self) -> bytes:
        """What was kept back."""
        return self._edited(self._frames.close())

    def _edited(self, whole: bytes) -> bytes:
        """Whole frames, edited: up to the first of the answer each is looked at, after it only where seals may be."""
        pieces: list[bytes] = []
        while not self._begun and (found := whole.find(b"message_start")) >= 0:
            blank = _BLANK_LINE.search(whole, found)
            end = blank.end() if blank else len(whole)
            pieces.append(self._framewise(whole[:end]))
            whole = whole[end:]
        sealed_here = not self._telling.bare_seals and any(word in whole for word in _SEALED)
        pieces.append(self._framewise(whole) if sealed_here else whole)
        return b"".join(pieces)

    def _framewise(self, whole: bytes) -> bytes:
        starts = [0, *(match.end() for match in _BLANK_LINE.finditer(whole)), len(whole)]
        return b"".join([self._frame(whole[start:end]) for start, end in pairwise(starts)])

    def _frame(self, frame: bytes) -> bytes:
        found = _DATA.search(frame) if any(word in frame for word in _EDITED) else None
        if found is None:
            return frame
        return frame[: found.start(1)] + self._data(found[1]) + frame[found.end(1) :]

    def _data(self, data: bytes) -> bytes:
        try:
            event = members(data)
            match msgspec.json.decode(event.get("type", Raw(b'""'))):
                case "message_start":
                    self._begun = True
                    return _within(data, event, "message", {"model": msgspec.json.encode(self._telling.model)})
                case "content_block_start" | "content_block_delta" as kind if not self._telling.bare_seals:
                    name = "delta" if kind == "content_block_delta" else "content_block"
                    return _within(data, event, name, sealed(event[name], self._hearing.origin))
        except (*_FAULTS, KeyError):
            pass
        return data


def _within(data: bytes, event: Mapping[str, Raw], name: str, edits: Mapping[str, bytes | None]) -> bytes:
    return splice(data, {name: splice(bytes(event[name]), edits)}) if edits else data


def sealed(block: Raw, origin: str) -> dict[str, bytes | None]:
    """The edits that wrap the seals in a block or a delta."""
    found = members(bytes(block))
    names = ("data",) if bytes(found.get("type", b"")) == b'"redacted_thinking"' else ("signature",)
    blobs = {name: msgspec.json.decode(found[name]) for name in names if name in found}
    return {
        name: msgspec.json.encode(wrap(Seal(origin, blob)))
        for name, blob in blobs.items()
        if isinstance(blob, str) and blob
    }


def edit_reply(body: bytes, hearing: Hearing, telling: Telling) -> bytes:
    """The same edits on a whole answer; one that cannot be read is passed on as it is."""
    try:
        edits: dict[str, bytes | None] = {"model": msgspec.json.encode(telling.model)}
        content = members(body).get("content")
        if content is not None and not telling.bare_seals and any(word in bytes(content) for word in _SEALED):
            blocks = msgspec.json.decode(content, type=list[Raw])
            edited = [splice(bytes(block), sealed(block, hearing.origin)) for block in blocks]
            edits["content"] = b"[" + b",".join(edited) + b"]"
        return splice(body, edits)
    except _FAULTS:
        return body
