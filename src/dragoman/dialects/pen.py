"""What the parts of a request's writer share: the target, and the losses gathered on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Raw

from dragoman.canon.request import CacheMark, Extras, Loss, Seal
from dragoman.dialects.base import Target

_NOTHING: Mapping[str, Raw] = {}


class Pen:
    """Writes one request for one target in one dialect. Mutable: it gathers losses, each once.

    A dialect whose writer needs more to be shared has a pen of its own, made from this one.
    """

    def __init__(self, name: str, target: Target, dialect: str, losses: tuple[Loss, ...] = ()) -> None:
        self.name = name
        """The dialect that is written."""
        self.target = target
        self.habits = target.habits
        self.own = dialect == name
        """Whether the request was read from this dialect, so that its own forms are kept."""
        self.text_tools: set[str] = set()
        """Names as sent of tools of free text that became JSON tools."""
        self._losses: dict[str, Loss] = {loss.what: loss for loss in losses}

    @property
    def losses(self) -> tuple[Loss, ...]:
        """All losses so far, in the order they were found."""
        return tuple(self._losses.values())

    def lose(self, what: str, why: str, how: Literal["dropped", "changed"] = "changed") -> None:
        """Records a loss."""
        self._losses.setdefault(what, Loss(what, why, how))

    def kept(self, extras: Extras | None, where: str = "") -> Mapping[str, Raw]:
        """The members of this dialect's own extras; those of another are recorded as lost."""
        if extras is None:
            return _NOTHING
        if extras.dialect == self.name:
            return extras.members
        for name in extras.members:
            self.lose(f"{where}.{name}" if where else name, "Only the client's own dialect has this member.", "dropped")
        return _NOTHING

    def unmarked(self, mark: CacheMark | None) -> None:
        """Records that a cache mark has no place on this wire."""
        if mark is not None:
            self.lose("cache_mark", "The upstream takes no cache marks; it caches by itself.", "dropped")

    def belongs(self, seal: Seal | None) -> bool:
        """Whether what carries this seal may be sent back.

        Unsealed parts of this wire come from the client itself; an unmarked seal is of the vendor of the client's own
        wire.
        """
        if seal is None:
            return self.own
        return seal.origin == self.target.origin or (not seal.origin and self.target.native and self.own)
