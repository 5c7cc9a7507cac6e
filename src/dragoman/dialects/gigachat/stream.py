"""A streamed answer of the vendor, in any slices, as events."""

from __future__ import annotations

from dragoman.dialects.base import Hearing
from dragoman.dialects.framed import FramedReader
from dragoman.dialects.gigachat.answer import Answer
from dragoman.dialects.gigachat.chunk import WIRE, Wire


class StreamReader(FramedReader):
    """Reads one stream. Mutable; see `FramedReader`."""

    def __init__(self, hearing: Hearing, wire: Wire = WIRE) -> None:
        super().__init__(Answer(hearing, wire))
