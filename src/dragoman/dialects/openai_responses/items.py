"""The items of an answer on their way to a client, and the numbered events that tell them.

Source: Responses reference, streaming events, and SDK types 3.51, read 2026-11-20.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from dragoman.canon.request import Part

Wire = dict[str, Any]

_encode = msgspec.json.encode


class Mould(NamedTuple):
    """What stands before and after the number of an event that tells more of a text."""

    before: bytes
    after: bytes


def mould(event: str, members: Wire) -> Mould:
    """The mould of an event with these members."""
    head = _encode({"type": event, **members})[:-1]
    return Mould(b'event: %b\ndata: %b,"sequence_number":' % (event.encode(), head), b',"delta":')


class Item:
    """One item while it is open. Mutable: contents are added to it."""

    __slots__ = ("group", "place", "wire")

    def __init__(self, wire: Wire, place: int, group: str | None) -> None:
        self.wire = wire
        self.place = place
        self.group = group

    @property
    def where(self) -> Wire:
        """What an event about it says of its place."""
        return {"item_id": self.wire["id"], "output_index": self.place}


class Items:
    """The row of items. Mutable: it counts events and items, and gathers those that are complete."""

    def __init__(self, exchange_id: str) -> None:
        self._exchange_id = exchange_id
        self._number = 0
        self._made = 0
        """Items begun so far."""
        self.complete: list[Wire | Raw] = []
        self.open: Item | None = None

    def frame(self, kind: str, **members: Any) -> bytes:
        """One event."""
        said = {"type": kind, "sequence_number": self._number, **members}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(said))

    def grown(self, shape: Mould, text: str) -> bytes:
        """One event that tells more of a text."""
        number = self._number
        self._number += 1
        return shape.before + b"%d" % number + shape.after + _encode(text) + b"}\n\n"

    def new_id(self, prefix: str, group: str | None = None) -> str:
        """The id of the next item: the upstream's own, if it has one of this wire."""
        if group and group.startswith(f"{prefix}_"):
            return group
        return f"{prefix}_{self._exchange_id}_{self._made}"

    def joins(self, head: Part, kind: str) -> bool:
        """Whether a part belongs to the open item."""
        item = self.open
        return item is not None and item.wire["type"] == kind and head.group is not None and item.group == head.group

    def begin(self, wire: Wire, group: str | None) -> tuple[Item, bytes]:
        """A new item, after the open one is complete."""
        said = self.close()
        item = self.open = Item(wire, self._made, group)
        self._made += 1
        return item, said + self.frame("response.output_item.added", output_index=item.place, item=wire)

    def close(self) -> bytes:
        """The open item is complete."""
        item, self.open = self.open, None
        if item is None:
            return b""
        if "status" in item.wire:
            item.wire["status"] = "completed"
        self.complete.append(item.wire)
        return self.frame("response.output_item.done", output_index=item.place, item=item.wire)

    def whole(self, wire: Wire | Raw) -> bytes:
        """An item that comes at once."""
        said = self.close()
        place = self._made
        self._made += 1
        self.complete.append(wire)
        said += self.frame("response.output_item.added", output_index=place, item=wire)
        return said + self.frame("response.output_item.done", output_index=place, item=wire)
