"""How much thinking is wished, as a level or a budget of tokens.

A target's habit `effort` tells which: `thinking_level` (Gemini 3 and later), `thinking_budget` (before), or neither,
where each wish is told in its own form. `efforts` names the levels that the model knows.

Source: ai.google.dev, thinking (levels, budgets, thought summaries), read 2026-11-20.
"""

from __future__ import annotations

from dragoman.canon.request import Reasoning
from dragoman.dialects.gemini.content import Wire
from dragoman.dialects.gemini.pen import Pen

LEVELS = ("minimal", "low", "medium", "high", "xhigh")
"""Levels that the wire has words for, lowest first."""
USUAL = ("low", "medium", "high")
"""What a model is taken to know whose habits name no words."""
STRENGTHS = ("none", *LEVELS, "max")
BUDGETS = {"minimal": 512, "low": 2048, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
"""Tokens of thinking for a word of effort, where the upstream is told a budget; our choice."""
AS_LEVEL = ((1024, "minimal"), (4096, "low"), (16_384, "medium"))
"""Up to so many tokens of thinking mean this level; more is `high`. A budget has no exact word."""
BY_ITSELF = -1
"""Budget that leaves the amount to the model."""


def write_thinking(reasoning: Reasoning, pen: Pen) -> Wire:
    """The `thinkingConfig`; empty if nothing is wished."""
    extras = pen.kept(reasoning.extras, "reasoning")
    if pen.own:
        return {**_shown(reasoning.display), **_budgeted(reasoning), **_leveled(reasoning.effort), **extras}
    if reasoning.mode is None and reasoning.effort is None and reasoning.budget is None:
        return dict(extras)
    told = _told(reasoning, pen)
    if reasoning.display != "omitted" and (reasoning.mode in ("on", "adaptive") or reasoning.display):
        told["includeThoughts"] = True
    return {**told, **extras}


def is_off(reasoning: Reasoning) -> bool:
    """Whether thinking is not wished at all."""
    return reasoning.mode == "off" or (reasoning.mode is None and reasoning.effort == "none")


def _shown(display: str | None) -> Wire:
    return {} if display is None else {"includeThoughts": display != "omitted"}


def _budgeted(reasoning: Reasoning) -> Wire:
    match reasoning.mode:
        case "off":
            return {"thinkingBudget": 0}
        case "adaptive":
            return {"thinkingBudget": BY_ITSELF}
        case _:
            return {} if reasoning.budget is None else {"thinkingBudget": reasoning.budget}


def _leveled(effort: str | None) -> Wire:
    return {} if effort is None else {"thinkingLevel": effort.upper()}


def _told(reasoning: Reasoning, pen: Pen) -> Wire:
    if pen.habits.effort == "thinking_budget" or (not pen.habits.effort and reasoning.budget is not None):
        return _as_budget(reasoning, pen)
    return _as_level(reasoning, pen)


def _as_budget(reasoning: Reasoning, pen: Pen) -> Wire:
    if is_off(reasoning):
        return {"thinkingBudget": 0}
    if reasoning.budget is not None:
        return {"thinkingBudget": reasoning.budget}
    if reasoning.effort is None:
        return {"thinkingBudget": BY_ITSELF}
    pen.lose("reasoning.effort", "The upstream is told a number of tokens instead of a word of effort.")
    return {"thinkingBudget": BUDGETS.get(reasoning.effort, BY_ITSELF)}


def _as_level(reasoning: Reasoning, pen: Pen) -> Wire:
    known = pen.habits.efforts or USUAL
    if is_off(reasoning):
        if known[0] != "none":
            pen.lose("reasoning.mode", "The model cannot be told not to think; it was asked to think the least it can.")
        return _leveled(next((word for word in known if word in LEVELS), None))
    wished = reasoning.effort
    if reasoning.budget is not None and wished is None:
        wished = next((word for most, word in AS_LEVEL if reasoning.budget <= most), "high")
        pen.lose("reasoning.budget", "The upstream takes a word of effort instead of a number of tokens.")
    if wished is None:
        return {}
    nearest = _nearest(wished, [word for word in known if word in LEVELS])
    if nearest != wished:
        pen.lose("reasoning.effort", "The model does not know this word of effort; the nearest it knows was sent.")
    return _leveled(nearest)


def _nearest(wished: str, known: list[str]) -> str | None:
    """The strongest known word that is no stronger than the wish, else the weakest; the strongest for a new word."""
    if not known or wished in known:
        return wished if known else None
    if wished not in STRENGTHS:
        return known[-1]
    strength = STRENGTHS.index(wished)
    return next((word for word in reversed(known) if STRENGTHS.index(word) <= strength), known[0])
