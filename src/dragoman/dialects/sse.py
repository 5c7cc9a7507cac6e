"""Server-sent events, both ways, as the HTML standard defines them (section 9.2.6, read 2026-11-20).

Any slicing of the bytes gives the same frames: LF, CR or CRLF, a byte order mark, comments, `data:` with or without
a blank, several data lines, and a last frame without its blank line (handed out by `close`).
"""

from __future__ import annotations

from msgspec import Struct

FRAME_LIMIT = 8 * 1024 * 1024
"""Bytes of one frame; a larger one is a fault of the upstream (F43)."""


class Frame(Struct, frozen=True, gc=False):
    """One event of a stream."""

    event: str
    """Its name; empty if it had none."""
    data: bytes


class Oversized(Exception):  # noqa: N818 - a finding about the upstream, caught by the readers
    """A frame grew past `FRAME_LIMIT`."""


class _Rest:
    """The bytes of an unfinished frame. Mutable: it grows piece by piece, and is put together only when it must be,
    or a large frame that comes in small reads would cost the square of its length."""

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def grow(self, data: bytes) -> bool:
        """Takes bytes in which no frame can end; False, and nothing taken, for all others."""
        if b"\n" in data or b"\r" in data:
            return False
        self._pieces.append(data)
        self.size += len(data)
        return True

    def taken(self, data: bytes = b"") -> bytes:
        """All of it and what follows; nothing remains."""
        if self._pieces:
            data = b"".join((*self._pieces, data))
            self._pieces, self.size = [], 0
        return data

    def keep(self, text: bytes) -> None:
        """Starts anew with this."""
        self._pieces, self.size = [text] if text else [], len(text)


class Frames:
    """Cuts bytes into frames. Mutable: it keeps an unfinished frame. Comments are counted, not kept."""

    def __init__(self) -> None:
        self._rest = _Rest()
        self._first = True
        self._after_cr = False
        self.comments = 0
        """Comment lines seen so far: signs of life without content."""

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by these bytes. Raises `Oversized`."""
        if data.endswith(b"\n\n") and not (self._first or self._rest.size or self._after_cr or b"\r" in data):
            return self._cut(data[:-2])  # whole frames alone, as in nearly every read
        return self._feed(data)

    def _feed(self, data: bytes) -> list[Frame]:
        if self._after_cr and data:
            self._after_cr = False
            if data[:1] == b"\n":
                data = data[1:]
        if self._rest.size and not self._first and self._rest.grow(data):
            if self._rest.size > FRAME_LIMIT:
                raise Oversized
            return []
        text = self._rest.taken(data)
        if self._first and text:
            if len(text) < 3 and b"\xef\xbb\xbf".startswith(text):
                self._rest.keep(text)
                return []
            self._first = False
            text = text.removeprefix(b"\xef\xbb\xbf")
        if b"\r" in text:
            self._after_cr = text.endswith(b"\r")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = text.rfind(b"\n\n")
        if end < 0:
            if text.startswith(b"\n"):
                text = text.lstrip(b"\n")
            self._rest.keep(text)
            if len(text) > FRAME_LIMIT:
                raise Oversized
            return []
        self._rest.keep(text[end + 2 :])
        if self._rest.size > FRAME_LIMIT:
            raise Oversized
        return self._cut(text[:end])

    def close(self) -> list[Frame]:
        """The last frame, if its blank line never came."""
        return self._cut(self._rest.taken())

    def _cut(self, text: bytes) -> list[Frame]:
        frames: list[Frame] = []
        for block in text.split(b"\n\n"):
            name, line_end, data = block.partition(b"\n")
            if not line_end and name.startswith(b"data: "):
                frames.append(Frame("", name[6:]))
            elif name.startswith(b"event: ") and data.startswith(b"data: ") and b"\n" not in data:
                frames.append(Frame(name[7:].decode("utf-8", "replace"), data[6:]))
            elif block:
                frame = self._parse(block)
                if frame:
                    frames.append(frame)
        return frames

    def _parse(self, block: bytes) -> Frame | None:
        event, data = "", []
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                data.append(value)
            elif name == b"event":
                event = value.decode("utf-8", "replace")
            elif not name and line:
                self.comments += 1
        return Frame(event, b"\n".join(data)) if data else None


class WholeFrames:
    """Passes a stream on byte for byte, but only up to its last whole frame. Mutable: it keeps the unfinished one.

    What broke off in the middle of a frame is never shown, so that an error can follow a clean frame border.
    """

    def __init__(self) -> None:
        self._rest = _Rest()

    def edit(self, data: bytes) -> bytes:
        """The bytes up to the end of the last whole frame."""
        if self._rest.size and self._rest.grow(data):
            return b""
        text = self._rest.taken(data)
        if text.endswith(b"\n\n"):
            return text
        end = max(
            (at + len(border) for border in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := text.rfind(border)) >= 0),
            default=0,
        )
        self._rest.keep(text[end:])
        return text[:end]

    def close(self) -> bytes:
        """The unfinished rest, for a stream that ended well without its last blank line."""
        return self._rest.taken()
