"""The few edits on an answer that otherwise passes word for word: the model's name and the seals.

Theory: the model stands in the answer's object, which few frames hold; seals stand in that object's items and in the
frames that tell an item. All others pass untouched, found by the words they would have to hold.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.problem import Trouble
from dragoman.canon.request import Seal
from dragoman.canon.seal import wrap
from dragoman.canon.splice import splice
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.openai_responses.wire import NULL
from dragoman.dialects.sse import WholeFrames

_ANSWER = b'"response":'
_SEAL = b'"encrypted_content"'
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_ITEMS = msgspec.json.Decoder(list[Raw])


class StreamEditor:
    """Edits whole frames. Mutable: it keeps the unfinished one."""

    def __init__(self, hearing: Hearing, telling: Telling) -> None:
        self._origin = "" if telling.bare_seals else hearing.origin
        self._model = msgspec.json.encode(telling.model)
        self._frames = WholeFrames()

    def edit(self, data: bytes) -> bytes:
        """All whole frames now complete, edited."""
        return self._edited(self._frames.edit(data))

    def close(self) -> bytes:
        """What was kept back, edited."""
        return self._edited(self._frames.close())

    def _edited(self, text: bytes) -> bytes:
        if _ANSWER not in text and _SEAL not in text:
            return text
        return b"\n".join([self._line(line) for line in text.split(b"\n")])

    def _line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:") or (_ANSWER not in line and _SEAL not in line):
            return line
        head, body = line[:5], line[5:].strip()
        edited = self._event(body)
        if edited is body:
            return line
        return head + b" " + edited + (b"\r" if line.endswith(b"\r") else b"")

    def _event(self, body: bytes) -> bytes:
        try:
            members = _MEMBERS.decode(body)
            if "response" in members:
                answer = edited_answer(bytes(members["response"]), self._model, self._origin)
                return body if answer == members["response"] else splice(body, {"response": answer})
            if "item" in members and self._origin:
                item = _wrapped(members["item"], self._origin)
                return body if item == members["item"] else splice(body, {"item": bytes(item)})
        except (msgspec.DecodeError, RecursionError, Trouble):
            pass
        return body


def edit_reply(body: bytes, hearing: Hearing, telling: Telling) -> bytes:
    """The same edits on a whole answer; one that cannot be read is left as it is."""
    try:
        return edited_answer(body, msgspec.json.encode(telling.model), "" if telling.bare_seals else hearing.origin)
    except (msgspec.DecodeError, RecursionError, Trouble):
        return body


def edited_answer(answer: bytes, model: bytes, origin: str) -> bytes:
    """An answer's object with the client's name of the model, and with seals that name `origin` unless that is empty.

    Raises `Trouble`, or what msgspec does.
    """
    members = _MEMBERS.decode(answer)
    edits: dict[str, bytes | None] = {}
    if members.get("model", NULL) not in (NULL, Raw(model)):
        edits["model"] = model
    if origin and _SEAL in answer and "output" in members:
        items = [_wrapped(item, origin) for item in _ITEMS.decode(members["output"])]
        edits["output"] = msgspec.json.encode(items)
    return splice(answer, edits) if edits else answer


def _wrapped(item: Raw, origin: str) -> Raw:
    """An item whose seal names its issuer; the very same where it has none."""
    members = _MEMBERS.decode(item)
    sealed = members.get("encrypted_content", NULL)
    if sealed == NULL:
        return item
    wrapped = wrap(Seal(origin, msgspec.json.decode(sealed, type=str)))
    return Raw(splice(bytes(item), {"encrypted_content": msgspec.json.encode(wrapped)}))
