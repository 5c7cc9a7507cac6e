"""What the parts of a request's writer share: the target, the names, and the losses gathered on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Raw

from dragoman.canon.request import CacheMark, Extras, Loss, Seal
from dragoman.dialects.base import Target
from dragoman.dialects.openai_chat.names import ToolNames
from dragoman.dialects.openai_chat.wire import NAME

_NOTHING: Mapping[str, Raw] = {}


class Pen:
    """Writes one request for one target. Mutable: it gathers names and losses, each loss once."""

    def __init__(self, target: Target, dialect: str) -> None:
        self.target = target
        self.habits = target.habits
        self.own = dialect == NAME
        """Whether the request was read from this dialect, so that its own forms are kept."""
        self.names = ToolNames(target.habits.tool_name_limit)
        self.text_tools: set[str] = set()
        """Names as sent of tools of free text that became JSON tools."""
        self._losses: dict[str, Loss] = {}

    @property
    def losses(self) -> tuple[Loss, ...]:
        """All losses so far, in the order they were found."""
        return tuple(self._losses.values())

    @property
    def free_text(self) -> bool:
        """Whether tools of free text (`custom`) are sent as such: OpenAI knows them, or the client says so."""
        return self.own or self.target.native

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

    def cache_control(self, mark: CacheMark | None) -> dict[str, str] | None:
        """The cache mark as it is written; None if there is none or the upstream takes none, which is a loss."""
        if mark is None:
            return None
        if not self.habits.cache_marks:
            self.lose("cache_mark", "The upstream takes no cache marks; it may cache by itself.", "dropped")
            return None
        return {"type": "ephemeral"} if mark.ttl is None else {"type": "ephemeral", "ttl": mark.ttl}

    def belongs(self, seal: Seal | None) -> bool:
        """Whether what carries this seal may be sent back. Unsealed words of this wire come from the client itself."""
        if seal is None:
            return self.own
        return seal.origin == self.target.origin or (not seal.origin and self.target.native and self.own)
