"""The few edits on an answer that otherwise passes word for word: the model's name and the state ids.

Theory: arguments of a call are an object on this wire, which may have members of any name; so only members at their
own places are touched.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.problem import Trouble
from dragoman.canon.request import Seal
from dragoman.canon.seal import wrap
from dragoman.canon.splice import members, splice
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.gigachat.wire import STATE
from dragoman.dialects.sse import WholeFrames

_STATE_MARK = f'"{STATE}"'.encode()
_MODEL_MARK = b'"model"'
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_CHOICES = msgspec.json.Decoder(list[dict[str, Raw]])
_TEXT = msgspec.json.Decoder(str)


class StreamEditor:
    """Edits whole frames; every chunk of this wire names the model. Mutable: it keeps the unfinished one."""

    def __init__(self, hearing: Hearing, telling: Telling) -> None:
        self._hearing = hearing
        self._telling = telling
        self._frames = WholeFrames()

    def edit(self, data: bytes) -> bytes:
        """All whole frames now complete, edited."""
        return self._edited(self._frames.edit(data))

    def close(self) -> bytes:
        """What was kept back, edited."""
        return self._edited(self._frames.close())

    def _edited(self, text: bytes) -> bytes:
        return b"\n".join([self._line(line) for line in text.split(b"\n")]) if text else text

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:") or not (_MODEL_MARK in line or _STATE_MARK in line):
            return line
        body = line[5:].strip()
        return b"data: " + edit_reply(body, self._hearing, self._telling) + (b"\r" if line.endswith(b"\r") else b"")


def edit_reply(body: bytes, hearing: Hearing, telling: Telling) -> bytes:
    """The same edits on a whole answer or a chunk; one that cannot be read is left as it is."""
    try:
        found = members(body)
        edits: dict[str, bytes | None] = {"model": msgspec.json.encode(telling.model)} if "model" in found else {}
        if _STATE_MARK in body and not telling.bare_seals and "choices" in found:
            edits["choices"] = _with_wrapped_states(found["choices"], hearing.origin)
        return splice(body, edits)
    except (msgspec.DecodeError, RecursionError, Trouble):
        return body


def _with_wrapped_states(choices: Raw, origin: str) -> bytes:
    """The choices in which every state id names its issuer."""
    edited = _CHOICES.decode(choices)
    for choice in edited:
        for holder in choice.keys() & {"delta", "message"}:
            said = _MEMBERS.decode(choice[holder])
            if said.get(STATE, Raw(b"null")) != Raw(b"null"):
                said[STATE] = Raw(msgspec.json.encode(wrap(Seal(origin, _TEXT.decode(said[STATE])))))
                choice[holder] = Raw(msgspec.json.encode(said))
    return msgspec.json.encode(edited)
