"""What a replica learns while it runs: the health of channels and the sizes of prompts.

It is kept in memory; what replicas tell each other of it goes through `relay.sharing`.
"""

from __future__ import annotations

from collections import OrderedDict

from dragoman.canon.problem import Problem
from dragoman.ledger.tokens import Calibration, calibrate
from dragoman.relay.concessions import NOTHING_CONCEDED, Conceded
from dragoman.relay.retries import RetryBudgets
from dragoman.relay.standing import Told
from dragoman.routing.health import Health, Left, Outcome, Succeeded, begin, learn
from dragoman.routing.load import IDLE, Load, Loads, came_back, set_out, target_key
from dragoman.routing.plan import Step
from dragoman.shapes.policy import USUAL_BREAKER

FORETOLD = 256
"""Refusals that are kept for a repetition at most."""

BREAKS = 20
BREAKS_MS = 30_000
"""Answers of a session that may break off within so long; a client that asks on faster does so without end."""
SESSIONS = 1000
"""Sessions whose breaks are remembered at most."""
TARGETS = 1000
"""Targets whose load is remembered at most."""

CONCEDED = 1000
"""Targets whose taste is remembered at most."""


class Learned:
    """Health and calibration, replaced whole at each lesson."""

    def __init__(self) -> None:
        self.health = Health()
        self.policy = USUAL_BREAKER
        """How soon a channel is let to rest."""
        self.calibration = Calibration()
        self.retries = RetryBudgets()
        self._targets: dict[str, Load] = {}
        self.loads = Loads(self._targets)
        """Of targets whose load a strategy compares."""
        self.told = Told()
        self._conceded: dict[tuple[str, str], Conceded] = {}
        self._foretold: OrderedDict[str, Problem] = OrderedDict()
        self._breaks: OrderedDict[str, list[int]] = OrderedDict()

    def conceded(self, step: Step) -> Conceded:
        """What this target has refused."""
        return self._conceded.get((step.channel.name, step.model), NOTHING_CONCEDED)

    def concede(self, step: Step, param: str, *, verbatim: bool) -> None:
        """This target has refused something: from now on it is spared that at once, in requests of the same kind."""
        self._conceded[step.channel.name, step.model] = self.conceded(step).having(param, verbatim=verbatim)
        if len(self._conceded) > CONCEDED:
            del self._conceded[next(iter(self._conceded))]

    def set_out(self, step: Step, now_ms: int, *, measured: bool = False) -> None:
        """An attempt begins; `measured` where a strategy compares loads."""
        self.health = begin(self.health, step, now_ms)
        self.retries.set_out(step.channel.account)
        if measured:
            key = target_key(step.channel.account, step.model)
            self._targets[key] = set_out(self._targets.get(key, IDLE), now_ms)
            if len(self._targets) > TARGETS:
                del self._targets[next(iter(self._targets))]

    def learn(self, step: Step, outcome: Outcome, now_ms: int, dice: float, first_ms: int | None = None) -> None:
        """An attempt has ended; `first_ms` is what its first content took, where it came to any."""
        self.health = learn(self.health, step, outcome, now_ms, dice, self.policy)
        self.retries.came_back(step.channel.account)
        key = target_key(step.channel.account, step.model)
        if key in self._targets:
            ok = None if type(outcome) is Left else type(outcome) is Succeeded
            self._targets[key] = came_back(self._targets[key], now_ms, first_ms=first_ms, ok=ok)

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

    def broke(self, session: str, now_ms: int) -> None:
        """An answer of this session broke off after the client had some of it."""
        lately = [at_ms for at_ms in self._breaks.pop(session, []) if now_ms - at_ms < BREAKS_MS]
        self._breaks[session] = [*lately, now_ms]
        if len(self._breaks) > SESSIONS:
            self._breaks.popitem(last=False)

    def loops(self, session: str, now_ms: int) -> bool:
        """Whether a session asks on as fast as its answers break off; told once, then counted anew."""
        if not self._breaks:
            return False
        lately = [at_ms for at_ms in self._breaks.get(session, []) if now_ms - at_ms < BREAKS_MS]
        if len(lately) < BREAKS:
            return False
        del self._breaks[session]
        return True

    @property
    def foretells(self) -> bool:
        """Whether any refusal is kept."""
        return bool(self._foretold)
