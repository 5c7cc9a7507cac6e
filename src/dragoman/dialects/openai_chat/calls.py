"""Pieces of tool calls put to the calls they belong to.

Theory. The published wire numbers parallel calls by `index`. Many servers do not: they give all calls index 0, or none,
tell them apart by id only, or by nothing but a new name. A piece belongs to the latest call of its index unless its id
is another call's, or its name begins a new one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from dragoman.dialects.names import digest
from dragoman.dialects.openai_chat.chunk import CallDelta

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Call:
    """One call while it arrives. Mutable: it grows."""

    __slots__ = ("entry", "form", "id", "index", "name", "part", "pieces", "position")

    def __init__(self, index: int, position: int) -> None:
        self.index = index
        self.position = position
        """Which call of the answer it is."""
        self.id = ""
        """As the wire gave it; empty as long as it did not."""
        self.name = ""
        self.form: Literal["json", "text"] = "json"
        self.pieces: list[str] = []
        self.entry: dict[str, object] | None = None
        """What its own `extra_content` says of the thinking behind it."""
        self.part: int | None = None
        """Index of its part; None while it is not open, for a call cannot be shown without its name."""

    @property
    def is_complete(self) -> bool:
        """Whether its arguments are a whole JSON object by now."""
        try:
            _OBJECT.decode("".join(self.pieces))
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


class Calls:
    """The calls of one answer. Mutable."""

    def __init__(self) -> None:
        self.all: list[Call] = []
        self._ids: set[str] = set()
        self._latest: dict[int, Call] = {}
        """The call of each index that was last addressed; nearly every piece belongs to it."""

    def place(self, piece: CallDelta, position: int) -> tuple[Call, str]:
        """The call that a piece belongs to, and the text it adds; `position` is its place within the chunk."""
        index = position if piece.index is None else piece.index
        said = piece.function or piece.custom
        if said is not None and not said.name and not piece.id and said.arguments and index in self._latest:
            call = self._latest[index]
            call.pieces.append(said.arguments)
            return call, said.arguments
        name = (said.name if said else None) or ""
        text = ((said.arguments or said.input) if said else None) or ""
        found = self._belonging(index, piece.id or "", name, text)
        if found is None:
            found = Call(index, len(self.all))
            self.all.append(found)
        call = self._latest[index] = found
        call.id = call.id or piece.id or ""
        call.name = call.name or name
        if piece.custom is not None:
            call.form = "text"
        if name and text and call.pieces and text == "".join(call.pieces):
            return call, ""  # the server repeats a whole call at the end of its stream
        if text:
            call.pieces.append(text)
        return call, text

    def _belonging(self, index: int, call_id: str, name: str, text: str) -> Call | None:
        latest = self._latest.get(index)
        if latest is None:
            return None
        if call_id and latest.id and call_id != latest.id:
            return next((call for call in self.all if call.id == call_id and call.index == index), None)
        if not name or not latest.name:
            return latest
        if name != latest.name and not (call_id and call_id == latest.id):
            return None
        if text and text != "".join(latest.pieces) and latest.pieces and latest.is_complete:
            return None
        return latest

    def client_id(self, call: Call, seed: str) -> str:
        """The id for the client: the wire's own, or one made from `seed` where it gave none or one twice."""
        chosen = call.id
        if not chosen or chosen in self._ids:
            chosen = f"call_{digest(f'{seed}#{call.position}#{call.id}', 24)}"
        self._ids.add(chosen)
        return chosen
