"""What the parts of a request's writer share: names, losses, and what this wire's servers differ in."""

from __future__ import annotations

from dragoman.canon.request import CacheMark
from dragoman.dialects import pen
from dragoman.dialects.base import Target
from dragoman.dialects.names import ToolNames
from dragoman.dialects.openai_chat.wire import NAME


class Pen(pen.Pen):
    """Writes one request for one target. Mutable: it gathers names and losses, each loss once."""

    def __init__(self, target: Target, dialect: str) -> None:
        super().__init__(NAME, target, dialect)
        self.names = ToolNames(target.habits.tool_name_limit)

    @property
    def free_text(self) -> bool:
        """Whether tools of free text (`custom`) are sent as such: OpenAI knows them, or the client says so."""
        return self.own or self.target.native

    def cache_control(self, mark: CacheMark | None) -> dict[str, str] | None:
        """The cache mark as it is written; None if there is none or the upstream takes none, which is a loss."""
        if mark is None:
            return None
        if not self.habits.cache_marks:
            self.lose("cache_mark", "The upstream takes no cache marks; it may cache by itself.", "dropped")
            return None
        return {"type": "ephemeral"} if mark.ttl is None else {"type": "ephemeral", "ttl": mark.ttl}
