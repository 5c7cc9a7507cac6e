"""What the parts of a request's writer share: the target, the names, and the losses gathered on the way."""

from __future__ import annotations

from msgspec import Raw

from dragoman.canon.request import Loss, Seal
from dragoman.canon.schema import Lowered
from dragoman.dialects.base import Target
from dragoman.dialects.gigachat.names import FunctionNames
from dragoman.dialects.gigachat.wire import NAME, V1, Version
from dragoman.dialects.pen import Pen as SharedPen


class Pen(SharedPen):
    """Writes one request for one target. Mutable: it gathers names, schemas and losses, each loss once."""

    def __init__(self, target: Target, dialect: str, losses: tuple[Loss, ...] = (), version: Version = V1) -> None:
        super().__init__(NAME, target, dialect, losses)
        self.own = self.own and version is V1
        self.version = version
        self.names = FunctionNames(target.habits.tool_name_limit)
        self.lowered: dict[str, Lowered] = {}
        """Schemas that were lowered in a way that arguments must be brought back from, by the name as sent."""
        self.functions: dict[str, Raw] = {}
        """The schemas of the functions that are offered, by the name as sent."""

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
