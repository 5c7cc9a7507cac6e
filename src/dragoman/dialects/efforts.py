"""How much thinking is wished, as one word that an upstream knows."""

from __future__ import annotations

from dragoman.canon.request import EFFORTS, Reasoning
from dragoman.dialects.pen import Pen

USUAL = ("low", "medium", "high")
"""What an upstream is taken to know whose habits name no words."""
BUDGETS = ((4096, "low"), (16384, "medium"))
"""Up to so many tokens of thinking mean this effort; more is `high`. A budget has no exact word."""


def is_off(reasoning: Reasoning) -> bool:
    """Whether thinking is not wished at all."""
    return reasoning.mode == "off" or (reasoning.mode is None and reasoning.effort == "none")


def effort_word(reasoning: Reasoning, pen: Pen) -> str | None:
    """The word of effort that the upstream knows and that is nearest to the wish; None to leave it to the upstream."""
    known = pen.habits.efforts or USUAL
    if is_off(reasoning):
        word = next((word for word in ("none", "minimal") if word in known), None)
        if word != "none":
            pen.lose("reasoning.mode", "The upstream cannot be told not to think at all.")
        return word
    wished = reasoning.effort
    if wished is None and reasoning.budget is not None:
        wished = next((word for most, word in BUDGETS if reasoning.budget <= most), "high")
        pen.lose("reasoning.budget", "The upstream takes a word of effort instead of a number of tokens.")
    if wished is None or wished in known:
        return wished
    pen.lose("reasoning.effort", "The upstream does not know this word of effort; the nearest it knows was sent.")
    return nearest(wished, [word for word in known if word != "none"])


def nearest(wished: str, known: list[str]) -> str | None:
    """The strongest known word that is no stronger than the wish, else the weakest; the strongest for a new word."""
    if not known:
        return None
    if wished not in EFFORTS:
        return known[-1]
    strength = EFFORTS.index(wished)
    return next((word for word in reversed(known) if word in EFFORTS and EFFORTS.index(word) <= strength), known[0])
