"""What the parts of a request's writer share: names, losses, and what this wire's servers differ in."""

from __future__ import annotations

from dragoman.canon.request import Part, Seal
from dragoman.dialects import pen
from dragoman.dialects.base import Target
from dragoman.dialects.names import ToolNames
from dragoman.dialects.openai_responses.wire import NAME


class Pen(pen.Pen):
    """Writes one request for one target. Mutable: it gathers names and losses, each loss once."""

    def __init__(self, target: Target, dialect: str) -> None:
        super().__init__(NAME, target, dialect)
        self.names = ToolNames(target.habits.tool_name_limit)

    @property
    def free_text(self) -> bool:
        """Whether tools of free text (`custom`) are sent as such: OpenAI knows them, or the client says so."""
        return self.own or self.target.native

    def unsealed(self, part: Part) -> None:
        """Records that the seal of a part other than thinking has no place on this wire."""
        if part.seal is not None:
            self.lose("seal", "The seal of this part has no place in the target's dialect.", "dropped")

    def blob(self, seal: Seal | None) -> str:
        """What goes back to the account that sealed it; empty for any other."""
        return seal.blob if seal is not None and self.belongs(seal) else ""
