"""What the parts of a request's writer share: the target, the names, and the losses gathered on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Raw

from dragoman.canon.request import CacheMark, Extras, Loss, Seal
from dragoman.canon.schema import Lowered
from dragoman.dialects.base import Target
from dragoman.dialects.gigachat.names import FunctionNames
from dragoman.dialects.gigachat.wire import NAME, V1, Version

_NOTHING: Mapping[str, Raw] = {}


class Pen:
    """Writes one request for one target. Mutable: it gathers names, lowered schemas and losses, each loss once."""

    def __init__(self, target: Target, dialect: str, losses: tuple[Loss, ...] = (), version: Version = V1) -> None:
        self.target = target
        self.version = version
        self.habits = target.habits
        self.own = dialect == NAME and version is V1
        """Whether the request was read from this dialect, so that its own forms are kept."""
        self.names = FunctionNames(target.habits.tool_name_limit)
        self.lowered: dict[str, Lowered] = {}
        """Schemas that were lowered in a way that arguments must be brought back from, by the name as sent."""
        self.functions: dict[str, Raw] = {}
        """The schemas of the functions that are offered, by the name as sent."""
        self.text_tools: set[str] = set()
        """Names as sent of tools that take free text."""
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
        if extras.dialect == NAME:
            return extras.members
        for name in extras.members:
            self.lose(f"{where}.{name}" if where else name, "Only the client's own dialect has this member.", "dropped")
        return _NOTHING

    def unmarked(self, mark: CacheMark | None) -> None:
        """Records that a cache mark has no place on this wire."""
        if mark is not None:
            self.lose("cache_mark", "The upstream takes no cache marks; it caches by itself.", "dropped")

    def named(self, name: str) -> str:
        """The name to send; a client of this wire means the vendor's own functions where it names them."""
        return name if self.own else self.names.sent(name)

    def state(self, seal: Seal | None) -> str:
        """The state id that a seal holds, for the account that issued it; empty for any other."""
        if seal is None or not seal.blob:
            return ""
        if self.belongs(seal):
            return seal.blob
        self.lose("seal", "A part's seal is not sent to an upstream that did not issue it.", "dropped")
        return ""

    def belongs(self, seal: Seal | None) -> bool:
        """Whether what carries this seal may be sent back.

        Unsealed parts of this wire come from the client itself; an unmarked seal is of the vendor of the client's own
        wire.
        """
        if seal is None:
            return self.own
        return seal.origin == self.target.origin or (not seal.origin and self.target.native and self.own)
