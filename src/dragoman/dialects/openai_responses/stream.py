"""A streamed answer of an upstream, in any slices, as events."""

from __future__ import annotations

from dragoman.dialects.base import Hearing
from dragoman.dialects.framed import FramedReader
from dragoman.dialects.openai_responses.answer import Answer


class StreamReader(FramedReader):
    """Reads one stream."""

    def __init__(self, hearing: Hearing) -> None:
        super().__init__(Answer(hearing))
