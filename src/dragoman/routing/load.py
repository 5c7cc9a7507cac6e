"""How busy and how quick targets are, as far as one replica sees it: what the balancing strategies compare.

The speed is a peak-sensitive moving average of the time to the first content: a slow answer counts at once and in
full, and is forgotten within some half minutes. Only strategies that ask for it have it measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.canon.wildcards import fits_any
from dragoman.routing.spare import NOTHING_SPARED, Spared

SPEED_S = 30.0
"""Time constant in which a quicker answer is believed."""
SERVED_S = 300.0
"""Time constant in which past turns are forgotten."""
LESSON = 0.1
"""Weight of one outcome in the share of successes."""


class Load(Struct, frozen=True, kw_only=True):
    """What is known of one target."""

    under_way: int = 0
    """Attempts that run now."""
    served: float = 0.0
    """Attempts lately, older ones counting less."""
    served_ms: int = 0
    first_ms: float | None = None
    """Time to the first content, averaged; None before the first answer."""
    measured_ms: int = 0
    success: float = 1.0
    """Share of attempts that came to content, the last ones counting most."""


class Loads(Struct, frozen=True):
    """The loads that are known, by target, and the channels that can take no more for now."""

    targets: Mapping[str, Load] = field(default_factory=dict)
    full: Mapping[str, str] = field(default_factory=dict)
    """By account of a channel, why it can take no more."""
    spared: Spared = NOTHING_SPARED
    full_for: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]] = field(default_factory=dict)
    """The same of some models only: patterns of their names, and why."""

    def why_full(self, account: str, model: str) -> str:
        """Why a target can take no more; empty: it can."""
        for patterns, why in self.full_for.get(account, ()):
            if fits_any(model, patterns):
                return why
        return self.full.get(account, "")

    def of(self, account: str, model: str) -> Load:
        """The load of a target; an idle one where nothing is known."""
        return self.targets.get(target_key(account, model), IDLE)


IDLE = Load()
NO_LOADS = Loads()


def target_key(account: str, model: str) -> str:
    """The name under which a target's load is kept."""
    return f"{account}\x1f{model}"


def set_out(load: Load, now_ms: int) -> Load:
    """The load once an attempt has begun."""
    return replace(load, under_way=load.under_way + 1, served=served(load, now_ms) + 1, served_ms=now_ms)


def came_back(load: Load, now_ms: int, *, first_ms: int | None, ok: bool | None) -> Load:
    """The load once an attempt has ended; `ok` is None where its end says nothing of the target."""
    success = load.success if ok is None else load.success + LESSON * (float(ok) - load.success)
    under_way = max(0, load.under_way - 1)
    if first_ms is None:
        return replace(load, under_way=under_way, success=success)
    return replace(
        load, under_way=under_way, success=success, first_ms=_averaged(load, first_ms, now_ms), measured_ms=now_ms
    )


def served(load: Load, now_ms: int) -> float:
    """Attempts lately, as of now."""
    return load.served * math.exp(-max(0, now_ms - load.served_ms) / (SERVED_S * 1000)) if load.served else 0.0


def _averaged(load: Load, first_ms: int, now_ms: int) -> float:
    before = load.first_ms
    if before is None or first_ms > before:
        return float(first_ms)
    share = 1 - math.exp(-max(0, now_ms - load.measured_ms) / (SPEED_S * 1000))
    return before + share * (first_ms - before)
