"""How long a model's answers are, nearly at most: what a request is expected to use before it is known.

Theory: for each model one number creeps towards the 95th percentile of its answers. An answer above it raises it by
19 steps where one below lowers it by one, so it rests where one in twenty is longer; a step is a share of the number.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

FIRST = 4_000
"""Tokens expected of a model that has not answered yet."""
STEP = 0.01
QUANTILE = 0.95
MODELS = 1000
"""Models that are remembered at most."""


class Expected(Struct, frozen=True):
    """Output tokens expected, by model."""

    by_model: Mapping[str, float] = field(default_factory=dict)

    def of(self, model: str, at_most: int | None) -> int:
        """Tokens that an answer will hardly exceed."""
        expected = int(self.by_model.get(model, FIRST))
        return expected if at_most is None else min(expected, at_most)

    def learned(self, model: str, output: int) -> Expected:
        """With one more answer."""
        before = self.by_model.get(model, float(FIRST))
        step = max(before * STEP, 1.0)
        after = before + 20 * step * QUANTILE if output > before else before - 20 * step * (1 - QUANTILE)
        kept = dict(self.by_model)
        if model not in kept and len(kept) >= MODELS:
            del kept[next(iter(kept))]
        return replace(self, by_model={**kept, model: max(after, 1.0)})
