"""The vendor of a scene: the stand-in, waiting with its break until the client has heard the beginning."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from tests.faults.gateway import MODEL
from tests.standin import EVERY_KIND, Reply, Shape, StandIn, Usage
from tests.standin.acts import Act, Body, Pause
from tests.standin.routes import Route
from tests.standin.server import Seen

USED = Usage(input=120, cache_read=30, output=40, thinking=10)
"""What every true answer costs."""
FINELY = Shape(text="fragments", arguments="fragments")
ANSWER = Reply(EVERY_KIND.parts, usage=USED, shape=FINELY)
"""What the model means to say: it thinks, speaks and calls two tools."""
PATIENCE = 1000
"""Turns of 5 ms until the vendor no longer waits to be heard."""


class Vendor(StandIn):
    """A strict vendor with one model. Mutable like its base."""

    def __init__(self, *, paced: bool = False, **settings: Any) -> None:
        super().__init__(lambda _: ANSWER, models=(MODEL,), **settings)
        self._paced = paced
        self.heard = threading.Event()
        """Set when the client has heard the beginning; a break waits for it, so that it comes after content."""
        self.sent_bytes = 0
        """Bytes of bodies so far."""

    def _acts(self, route: Route, seen: Seen) -> Iterable[Act]:
        acts = self._counted(super()._acts(route, seen))
        return self._after_the_first(acts) if self._paced else acts

    def _counted(self, acts: Iterable[Act]) -> Iterator[Act]:
        for act in acts:
            yield act
            if isinstance(act, Body):
                self.sent_bytes += len(act.data)

    def _after_the_first(self, acts: Iterable[Act]) -> Iterator[Act]:
        waits = PATIENCE
        for act in acts:
            yield act
            if isinstance(act, Body) and act.of_model:
                while waits and not self.heard.is_set():
                    waits -= 1
                    yield Pause(0.005)

    @property
    def calls(self) -> int:
        """How often a model's answer was asked for."""
        return len(self.requests)
