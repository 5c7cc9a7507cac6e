"""How much thinking is wished, in the words of each kind of upstream.

Source, read 2026-11-20: platform.openai.com (`reasoning_effort`); openrouter.ai, reasoning tokens (`reasoning`);
api-docs.deepseek.com and docs.z.ai (`thinking`); help.aliyun.com, Qwen (`enable_thinking`, `thinking_budget`).
"""

from __future__ import annotations

from dragoman.canon.request import Reasoning
from dragoman.dialects.efforts import effort_word, is_off
from dragoman.dialects.openai_chat.pen import Pen


def write_effort(reasoning: Reasoning, pen: Pen) -> dict[str, object]:
    """The members that tell the wished effort."""
    if reasoning.display is not None:
        pen.lose("reasoning.display", "This wire cannot be told how to show thinking.", "dropped")
    extras = pen.kept(reasoning.extras, "reasoning")
    if reasoning.mode is None and reasoning.effort is None and reasoning.budget is None:
        return dict(extras)
    match pen.habits.effort:
        case "reasoning_effort":
            return _told("reasoning_effort", effort_word(reasoning, pen))
        case "reasoning":
            return {"reasoning": _reasoning(reasoning, pen)}
        case "thinking":
            return _thinking(reasoning, pen)
        case "enable_thinking":
            return _enable_thinking(reasoning, pen)
    if pen.own:
        return dict(extras) or _told("reasoning_effort", reasoning.effort)
    pen.lose("reasoning", "The upstream cannot be told how much to think.", "dropped")
    return {}


def _told(member: str, word: str | None) -> dict[str, object]:
    return {} if word is None else {member: word}


def _reasoning(reasoning: Reasoning, pen: Pen) -> dict[str, object]:
    if is_off(reasoning):
        return {"enabled": False}
    if reasoning.budget is not None and reasoning.effort is None:
        return {"max_tokens": reasoning.budget}
    word = effort_word(reasoning, pen)
    return {"enabled": True} if word is None else {"effort": word}


def _thinking(reasoning: Reasoning, pen: Pen) -> dict[str, object]:
    """The on/off object; a word of effort beside it only where the habits name words, and never when off."""
    if is_off(reasoning):
        return {"thinking": {"type": "disabled"}}
    said: dict[str, object] = {"thinking": {"type": "enabled"}}
    if pen.habits.efforts:
        return said | _told("reasoning_effort", effort_word(reasoning, pen))
    _lose_degree(reasoning, pen)
    return said


def _enable_thinking(reasoning: Reasoning, pen: Pen) -> dict[str, object]:
    if is_off(reasoning):
        return {"enable_thinking": False}
    if reasoning.budget is not None:
        return {"enable_thinking": True, "thinking_budget": reasoning.budget}
    _lose_degree(reasoning, pen)
    return {"enable_thinking": True}


def _lose_degree(reasoning: Reasoning, pen: Pen) -> None:
    if reasoning.effort is not None:
        pen.lose("reasoning.effort", "The upstream can only be told whether to think, not how much.", "dropped")
    if reasoning.budget is not None:
        pen.lose("reasoning.budget", "The upstream can only be told whether to think, not how much.", "dropped")
