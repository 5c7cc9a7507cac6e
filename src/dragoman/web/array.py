"""A stream as one JSON array, for clients that do not ask for server-sent events (`alt=sse`).

Source: ai.google.dev, `streamGenerateContent`, and SDK 3.3, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.dialects.sse import Frames
from dragoman.relay.delivery import Caller

JSON_TYPE = "application/json"


class InArray:
    """Passes an answer on to a caller, a stream's frames as elements of an array. Mutable: it knows whether it began.

    What is no stream, as an error with its own status, passes as it is.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._frames: Frames | None = None
        self._before = b"["

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends status and headers."""
        if not headers.get("content-type", "").startswith(JSON_TYPE):
            self._frames = Frames()
            headers = {**headers, "content-type": JSON_TYPE}
        await self._caller.start(status, headers)

    async def send(self, data: bytes) -> None:
        """Sends what these frames say."""
        await self._caller.send(data if self._frames is None else self._elements(self._frames, data))

    async def end(self, data: bytes = b"") -> None:
        """Sends the last elements and the array's end."""
        if self._frames is not None:
            last = self._elements(self._frames, data + b"\n\n")
            data = last + (b"[]" if self._before == b"[" else b"\n]")
        await self._caller.end(data)

    def drop(self) -> None:
        """Closes the connection without a proper end."""
        self._caller.drop()

    def _elements(self, frames: Frames, data: bytes) -> bytes:
        said = b""
        for frame in frames.feed(data):
            said += self._before + frame.data
            self._before = b",\r\n"
        return said
