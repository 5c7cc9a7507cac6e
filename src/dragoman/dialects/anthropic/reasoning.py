"""Wishes for thinking, in the words of this wire.

Theory: the native vendor is told an effort and decides itself when to think; its lookalikes know only the older form,
a budget of tokens. What a client of this dialect said is passed on as it was.

Source: the vendor's pages on extended and adaptive thinking and on effort, read 2026-11-20.
"""

from __future__ import annotations

from dragoman.canon.request import Reasoning
from dragoman.dialects.anthropic.conversation import Wire
from dragoman.dialects.anthropic.turns import Losses
from dragoman.dialects.base import Target

BUDGET_LEAST = 1024
"""Tokens of thinking the wire takes at least."""
LADDER = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Words of effort of all wires, lowest first."""
EFFORTS = LADDER[1:]
"""Those that the native vendor knows."""
BUDGETS = {"minimal": 4_096, "low": 4_096, "medium": 10_000, "high": 24_000, "xhigh": 32_000, "max": 32_000}
"""Tokens of thinking for an effort, where the upstream is told a budget; our choice."""
DISPLAYS = ("summarized", "omitted")
"""Words for what is shown that the published form knows."""


def thinking_of(reasoning: Reasoning, max_tokens: int, target: Target, losses: Losses, *, ours: bool) -> Wire | None:
    """The value of `thinking`; None where nothing is wished, or cannot be granted, which is then a loss."""
    if reasoning.mode is None:
        return None if ours else _by_effort(reasoning, max_tokens, target, losses)
    extras = losses.extras("reasoning", reasoning.extras)
    if reasoning.mode == "off":
        return {"type": "disabled"} | extras
    wire: Wire = {"type": "adaptive"}
    if reasoning.mode == "on" and (reasoning.budget is not None or not target.native):
        wish = reasoning.budget or BUDGETS.get(reasoning.effort or "", BUDGETS["medium"])
        budget = _budget(wish, max_tokens, losses)
        if budget is None:
            return None
        wire = {"type": "enabled", "budget_tokens": budget}
    return wire | _display(reasoning, losses, ours=ours) | extras


def _by_effort(reasoning: Reasoning, max_tokens: int, target: Target, losses: Losses) -> Wire | None:
    """Other dialects ask for thinking by an effort alone; in this one an effort alone asks for none."""
    if reasoning.effort is None:
        return None
    if reasoning.effort == "none":
        return {"type": "disabled"}
    if target.native:
        return {"type": "adaptive"} | _display(reasoning, losses, ours=False)
    budget = _budget(BUDGETS.get(reasoning.effort, BUDGETS["medium"]), max_tokens, losses)
    if budget is None:
        return None
    losses.changed("reasoning.effort", f"The target is told a budget of thinking instead: {budget} tokens.")
    return {"type": "enabled", "budget_tokens": budget}


def _display(reasoning: Reasoning, losses: Losses, *, ours: bool) -> Wire:
    if reasoning.display is None:
        return {}
    if not ours and reasoning.display not in DISPLAYS:
        losses.dropped("reasoning.display", "The target does not know this word.")
        return {}
    return {"display": reasoning.display}


def _budget(wish: int, max_tokens: int, losses: Losses) -> int | None:
    """A budget that is at least 1024 and less than `max_tokens`; None where there is none (pitfall 26)."""
    if max_tokens <= BUDGET_LEAST:
        losses.dropped("reasoning", f"The output limit of {max_tokens} leaves no room for thinking.")
        return None
    budget = min(max(wish, BUDGET_LEAST), max_tokens - 1)
    if budget != wish:
        losses.changed("reasoning.budget", f"It must be at least {BUDGET_LEAST} and below the output limit.")
    return budget


def effort_of(reasoning: Reasoning, target: Target, losses: Losses, *, ours: bool) -> str | None:
    """The value of `output_config.effort`, the nearest word the upstream knows; None where it is not to be told."""
    effort, known = reasoning.effort, target.habits.efforts
    if effort is None or (ours and not known):
        return effort
    if effort == "none" or not (ours or target.native):
        return None
    nearest = _nearest(effort, known or EFFORTS)
    if nearest is None:
        losses.dropped("reasoning.effort", "The target does not know this word.")
    elif nearest != effort:
        losses.changed("reasoning.effort", f"The target's nearest word is '{nearest}'.")
    return nearest


def _nearest(effort: str, known: tuple[str, ...]) -> str | None:
    """The known word closest on the ladder, the lower of two; None for a word that is not on it."""
    if effort in known:
        return effort
    rungs = [word for word in known if word in LADDER]
    if effort not in LADDER or not rungs:
        return None
    return min(rungs, key=lambda word: (abs(LADDER.index(word) - LADDER.index(effort)), LADDER.index(word)))
