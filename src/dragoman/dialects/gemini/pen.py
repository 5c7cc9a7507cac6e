"""What the parts of a request's writer share: the target, the names, and the losses gathered on the way."""

from __future__ import annotations

from dragoman.canon.request import Loss, Seal
from dragoman.canon.schema import Lowered
from dragoman.dialects import pen
from dragoman.dialects.base import Target
from dragoman.dialects.gemini.names import ToolNames
from dragoman.dialects.gemini.wire import NAME


class Pen(pen.Pen):
    """Writes one request for one target. Mutable: it gathers names, lowered schemas and losses, each loss once."""

    def __init__(self, target: Target, dialect: str, losses: tuple[Loss, ...] = ()) -> None:
        super().__init__(NAME, target, dialect, losses)
        self.names = ToolNames(target.habits.tool_name_limit)
        self.lowered: dict[str, Lowered] = {}
        """Schemas that were lowered in a way that arguments must be brought back from, by the tool's name as sent."""

    def signature(self, seal: Seal | None) -> str:
        """The signature by which a part goes back to the account that signed it; empty for any other."""
        if seal is None or not seal.blob:
            return ""
        if self.belongs(seal):
            return seal.blob
        self.lose("seal", "A part's seal is not sent to an upstream that did not issue it.", "dropped")
        return ""
