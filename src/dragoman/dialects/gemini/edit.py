"""The one edit on an answer that otherwise passes word for word: seals that must name their issuer.

The model's name in an answer is the vendor's own version of it, which no client of this wire compares; it stays.
Known ugliness: the member is found by its name wherever it stands, so that arguments of a tool that takes a
`thoughtSignature` would be changed too; none is known.
"""

from __future__ import annotations

import re

from dragoman.canon.request import Seal
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.gemini.seals import signature_of
from dragoman.dialects.sse import WholeFrames

_SIGNATURE = re.compile(rb'("thought(?:S|_s)ignature"\s*:\s*)"([^"\\]+)"')


class StreamEditor:
    """Edits whole frames. Mutable: it keeps the unfinished one."""

    def __init__(self, hearing: Hearing, telling: Telling) -> None:
        self._hearing = hearing
        self._telling = telling
        self._frames = WholeFrames()

    def edit(self, data: bytes) -> bytes:
        """All whole frames now complete, edited."""
        return edit_reply(self._frames.edit(data), self._hearing, self._telling)

    def close(self) -> bytes:
        """What was kept back, edited."""
        return edit_reply(self._frames.close(), self._hearing, self._telling)


def editor(hearing: Hearing, telling: Telling) -> StreamEditor | None:
    """The editor of a verbatim stream; None where seals leave as they are."""
    return None if telling.bare_seals else StreamEditor(hearing, telling)


def edit_reply(body: bytes, hearing: Hearing, telling: Telling) -> bytes:
    """The same edit on a whole answer."""
    if telling.bare_seals:
        return body

    def wrapped(found: re.Match[bytes]) -> bytes:
        seal = Seal(hearing.origin, found[2].decode("utf-8", "replace"))
        return b'%b"%b"' % (found[1], signature_of(seal, bare=False).encode())

    return _SIGNATURE.sub(wrapped, body)
