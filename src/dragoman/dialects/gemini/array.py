"""A JSON array of objects in any slices, cut into its objects.

Without `alt=sse` the vendor streams its chunks as one array. Source: ai.google.dev, `streamGenerateContent`, read
2026-11-20.
"""

from __future__ import annotations

import re

from dragoman.dialects.sse import FRAME_LIMIT, Oversized

_MARKS = re.compile(rb'["{}\[\]\\]')


class Objects:
    """Cuts an array. Mutable: it keeps the unfinished object, and how deep in it the bytes stand."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._seen = 0
        self._depth = 0
        self._quoted = False

    def feed(self, data: bytes) -> list[bytes]:
        """Objects completed by these bytes. Raises `Oversized`."""
        rest = self._rest
        rest += data
        found: list[bytes] = []
        begin, position = 0, self._seen
        while mark := _MARKS.search(rest, position):
            position = mark.end()
            match mark[0]:
                case b"\\":
                    if position == len(rest):
                        position = mark.start()
                        break
                    position += 1
                case b'"':
                    self._quoted = not self._quoted
                case _ if self._quoted:
                    pass
                case b"{" | b"[":
                    self._depth += 1
                    if self._depth == 2:
                        begin = mark.start()
                case _:
                    self._depth -= 1
                    if self._depth == 1:
                        found.append(bytes(rest[begin:position]))
                        begin = position
        else:
            position = len(rest)
        if self._depth < 2:
            begin = position
        del rest[:begin]
        self._seen = position - begin
        if len(rest) > FRAME_LIMIT:
            raise Oversized
        return found
