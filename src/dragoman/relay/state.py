"""What a replica learns while it runs: the health of channels and the sizes of prompts.

It is kept in memory: what replicas share for seconds will live on a board behind the same methods.
"""

from __future__ import annotations

from collections import OrderedDict

from dragoman.canon.problem import Problem
from dragoman.ledger.tokens import Calibration, calibrate
from dragoman.routing.health import Health, Outcome, begin, learn
from dragoman.routing.plan import Step

FORETOLD = 256
"""Refusals that are kept for a repetition at most."""

PLAIN = 1000
"""Targets whose taste in schemas is remembered at most."""


class Learned:
    """Health and calibration, replaced whole at each lesson."""

    def __init__(self) -> None:
        self.health = Health()
        self.calibration = Calibration()
        self._plain: dict[tuple[str, str], None] = {}
        self._foretold: OrderedDict[str, Problem] = OrderedDict()

    def takes_plain(self, step: Step) -> bool:
        """Whether this target has refused schemas as they are."""
        return (step.channel.name, step.model) in self._plain

    def learn_plain(self, step: Step) -> None:
        """This target has refused schemas as they are: from now on it gets plain ones at once."""
        self._plain[step.channel.name, step.model] = None
        if len(self._plain) > PLAIN:
            del self._plain[next(iter(self._plain))]

    def set_out(self, step: Step, now_ms: int) -> None:
        """An attempt begins."""
        self.health = begin(self.health, step, now_ms)

    def learn(self, step: Step, outcome: Outcome, now_ms: int, dice: float) -> None:
        """An attempt has ended."""
        self.health = learn(self.health, step, outcome, now_ms, dice)

    def measured(self, model: str, estimated: int, reported: int) -> None:
        """A provider told how many tokens a prompt really had."""
        self.calibration = calibrate(self.calibration, model, estimated, reported)

    def foretell(self, key: str, found: Problem) -> None:
        """A refusal came after the status was sent: the same request will be refused at once, with its status."""
        self._foretold[key] = found
        if len(self._foretold) > FORETOLD:
            self._foretold.popitem(last=False)

    def foretold(self, key: str) -> Problem | None:
        """The refusal kept for this request, once."""
        return self._foretold.pop(key, None)

    @property
    def foretells(self) -> bool:
        """Whether any refusal is kept."""
        return bool(self._foretold)
