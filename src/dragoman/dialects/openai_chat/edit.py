"""The few edits on an answer that otherwise passes word for word: the model's name and the seals."""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from dragoman.canon.problem import Trouble
from dragoman.canon.request import Seal
from dragoman.canon.seal import wrap
from dragoman.canon.splice import splice
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.openai_chat.thoughts import DETAILS
from dragoman.dialects.sse import WholeFrames

_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')
_DETAILS_MARK = b'"reasoning_details"'
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_CHOICES = msgspec.json.Decoder(list[dict[str, Raw]])
_ENTRIES = msgspec.json.Decoder(list[dict[str, object]])


class StreamEditor:
    """Edits whole frames. Mutable: it keeps the unfinished one, and learns from the first what the model is called.

    Every chunk of this wire names the model, so it is replaced in every one. Inside a text the quotes of the replaced
    words would be escaped, so that nothing but a member can match.
    """

    def __init__(self, hearing: Hearing, telling: Telling) -> None:
        self._hearing = hearing
        self._bare = telling.bare_seals
        self._model = msgspec.json.encode(telling.model)
        self._frames = WholeFrames()
        self._said: bytes | None = None
        """The member as the upstream writes it; empty if it needs no edit."""
        self._instead = b""

    def edit(self, data: bytes) -> bytes:
        """All whole frames now complete, edited."""
        return self._edited(self._frames.edit(data))

    def close(self) -> bytes:
        """What was kept back, edited."""
        return self._edited(self._frames.close())

    def _edited(self, text: bytes) -> bytes:
        if not text:
            return text
        if self._said is None:
            found = _MODEL.search(text)
            if found and found[1] != b'""':
                self._said = found[0] if found[1] != self._model else b""
                self._instead = found[0][: -len(found[1])] + self._model
        if self._said:
            text = text.replace(self._said, self._instead)
        if self._bare or _DETAILS_MARK not in text:
            return text
        return b"\n".join([self._line(line) for line in text.split(b"\n")])

    def _line(self, line: bytes) -> bytes:
        """One line of the stream with its seals wrapped."""
        if not line.startswith(b"data:") or _DETAILS_MARK not in line:
            return line
        head, body = line[:5], line[5:].strip()
        return head + b" " + wrapped_seals(body, self._hearing.origin) + (b"\r" if line.endswith(b"\r") else b"")


def edit_reply(body: bytes, hearing: Hearing, telling: Telling) -> bytes:
    """The same edits on a whole answer; one that cannot be read is left as it is."""
    try:
        edited = splice(body, {"model": msgspec.json.encode(telling.model)})
    except Trouble:
        return body
    return edited if telling.bare_seals else wrapped_seals(edited, hearing.origin)


def wrapped_seals(body: bytes, origin: str) -> bytes:
    """A chunk or an answer in which every signature names its issuer; untouched if there is none."""
    if _DETAILS_MARK not in body:
        return body
    try:
        choices = _CHOICES.decode(_MEMBERS.decode(body)["choices"])
        for choice in choices:
            for holder in choice.keys() & {"delta", "message"}:
                said = _MEMBERS.decode(choice[holder])
                if DETAILS in said:
                    entries = [_wrapped(entry, origin) for entry in _ENTRIES.decode(said[DETAILS])]
                    said[DETAILS] = Raw(msgspec.json.encode(entries))
                    choice[holder] = Raw(msgspec.json.encode(said))
        return splice(body, {"choices": msgspec.json.encode(choices)})
    except (msgspec.DecodeError, KeyError, RecursionError, Trouble):
        return body


def _wrapped(entry: dict[str, object], origin: str) -> dict[str, object]:
    for name in ("signature", "data"):
        value = entry.get(name)
        if isinstance(value, str) and value:
            return {**entry, name: wrap(Seal(origin, value))}
    return entry
