"""Quirks of Gemini's models: each generation thinks, samples and refuses in its own way.

The rules are those of `providers.quirks`. A model whose name tells no generation, as `gemini-flash-latest`, is taken
for one of the newest.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from dragoman.canon.request import Loss, Seal, ToolCall, Turn
from dragoman.providers.thinking import is_thinking_off
from dragoman.providers.wish import Wish

THOUGHTLESS = ("gemini-1.*", "gemini-2.0*", "gemma*", "learnlm*")
"""Models that do not think."""
BEFORE_3 = ("gemini-2.5*", *THOUGHTLESS)
GO_ON = (*BEFORE_3, "gemini-3-*", "gemini-3.1-*", "gemini-3.5-flash", "gemini-3.5-flash-0*", "gemini-pro-latest")
"""Models that go on with an answer begun; since Gemini 3.5 Flash-Lite and 3.6 all others answer 400.
https://ai.google.dev/gemini-api/docs/latest-model, https://github.com/pipecat-ai/pipecat/pull/5821."""
FIXED_SAMPLING = ("gemini-3.5-flash-lite*", "gemini-3.[6-9]*", "gemini-[4-9]*", "gemini-flash-l*-latest")
"""Models that pass over temperature, top_p and top_k. https://ai.google.dev/gemini-api/docs/latest-model."""

LEVELS = (
    (("gemini-3-pro*",), ("low", "high")),
    (("gemini-3.1-pro*", "gemini-4*", "gemini-3.8*"), ("low", "medium", "high")),
    (("gemini-3*flash*", "gemini-flash*"), ("minimal", "low", "medium", "high")),
)
"""Levels of thinking that a model knows; others are taken to know low, medium and high.
https://ai.google.dev/gemini-api/docs/thinking."""
WORDS = ("low", "medium", "high")
"""Words of effort that every thinking model knows but Gemini 3 Pro."""


class Range(NamedTuple):
    """Tokens of thinking that a model takes."""

    least: int
    most: int
    stops: bool
    """Whether thinking can be switched off."""


BUDGETS = (
    (("gemini-2.5-pro*",), Range(128, 32_768, stops=False)),
    (("gemini-2.5-flash-lite*",), Range(512, 24_576, stops=True)),
    (("gemini-2.5*",), Range(1, 24_576, stops=True)),
)
"""https://ai.google.dev/gemini-api/docs/thinking."""


def thinking_of_gemini(wish: Wish) -> Wish:
    """Gemini 2.5 is told a number of tokens, 3 and later a level; those before do not think.

    Without it: 400 "You can only set only one of thinking budget and thinking level", "Thinking level is not supported
    for this model", "Budget 0 is invalid. This model only works in thinking mode".
    https://ai.google.dev/gemini-api/docs/thinking.
    """
    if wish.is_one_of(*THOUGHTLESS):
        return _without_thinking(wish)
    budgets = next((budgets for names, budgets in BUDGETS if wish.is_one_of(*names)), None)
    if budgets is not None:
        return _in_range(wish.with_habits(effort="thinking_budget", efforts=(), reasoning_echo=""), budgets)
    levels = next((levels for names, levels in LEVELS if wish.is_one_of(*names)), WORDS)
    return wish.with_habits(effort="thinking_level", efforts=levels)


def _without_thinking(wish: Wish) -> Wish:
    thinking = wish.request.reasoning
    wish = wish.with_habits(effort="thinking_budget", efforts=(), reasoning_echo="")
    if thinking.mode is None and thinking.effort is None and thinking.budget is None:
        return wish
    nothing = replace(thinking, mode=None, budget=None, effort=None, display=None)
    losses = [] if is_thinking_off(thinking) else [Loss("reasoning", "The model does not think.", "dropped")]
    return wish.changed(losses, reasoning=nothing)


def _in_range(wish: Wish, budgets: Range) -> Wish:
    """The wish with a budget that the model takes."""
    thinking = wish.request.reasoning
    if is_thinking_off(thinking):
        if budgets.stops:
            return wish
        loss = Loss("reasoning.mode", "The model cannot be told not to think; it was asked to think the least it can.")
        return wish.changed([loss], reasoning=replace(thinking, mode="on", budget=budgets.least, effort=None))
    if thinking.budget is None or budgets.least <= thinking.budget <= budgets.most:
        return wish
    budget = min(max(thinking.budget, budgets.least), budgets.most)
    loss = Loss("reasoning.budget", f"The model takes from {budgets.least} to {budgets.most} tokens of thinking.")
    return wish.changed([loss], reasoning=replace(thinking, budget=budget))


def gemini_in_chat(wish: Wish) -> Wish:
    """Google's address for OpenAI's dialect knows fewer members than OpenAI, and passes effort on to the model.

    Without it: 400 "Unknown name \"frequency_penalty\": Cannot find field", "Invalid reasoning_effort: minimal. Valid
    values are: high, low, medium, none". https://ai.google.dev/gemini-api/docs/openai,
    https://github.com/n4ze3m/page-assist/issues/418, https://discuss.ai.google.dev/t/118724.
    """
    unknown = ("frequency_penalty", "presence_penalty", "seed")
    wish = wish.without_sampling(unknown, "Google's address for OpenAI's dialect does not know it.")
    if wish.is_one_of(*GO_ON):
        wish = wish.with_habits(prefill=True)
    if wish.is_one_of(*THOUGHTLESS):
        return _without_thinking(wish).with_habits(effort="")
    budgets = next((budgets for names, budgets in BUDGETS if wish.is_one_of(*names)), None)
    if budgets is not None:
        words = ("none", *WORDS) if budgets.stops else WORDS
        return wish.with_habits(reasoning_echo="", efforts=words)
    return _all_calls_sealed(wish.with_habits(efforts=("low", "high") if wish.is_one_of("gemini-3-pro*") else WORDS))


def _all_calls_sealed(wish: Wish) -> Wish:
    """The wish with a seal of nobody on calls without one, so that Google's mark for none is written there.

    Without it: 400 "Function call is missing a thought_signature". https://ai.google.dev/gemini-api/docs/thought-signatures.
    """
    turns = tuple(map(_with_first_call_sealed, wish.request.turns))
    if all(before is after for before, after in zip(wish.request.turns, turns, strict=True)):
        return wish
    return wish.changed([], turns=turns)


def _with_first_call_sealed(turn: Turn) -> Turn:
    place = next((place for place, part in enumerate(turn.parts) if isinstance(part, ToolCall)), None)
    if place is None:
        return turn
    call = turn.parts[place]
    if call.seal is not None or (call.extras is not None and "extra_content" in call.extras.members):
        return turn
    return replace(turn, parts=(*turn.parts[:place], replace(call, seal=Seal("", "")), *turn.parts[place + 1 :]))


def older_gemini(wish: Wish) -> Wish:
    """Models before Gemini 3 take less within a request; some after it still go on with an answer begun.

    Without it: 400 "Tool use with function calling is unsupported", "Function calling with a response mime type:
    'application/json' is unsupported", and for pictures within a function response.
    https://ai.google.dev/gemini-api/docs/function-calling, https://github.com/symfony/ai/issues/803,
    https://github.com/google-gemini/gemini-cli/pull/16137.
    """
    if wish.is_one_of(*GO_ON):
        wish = wish.with_habits(prefill=True)
    if wish.is_one_of(*BEFORE_3):
        wish = wish.with_habits(result_media=False, mixed_tools=False)
    if wish.is_one_of(*THOUGHTLESS):
        wish = wish.with_habits(json_schema=False, image_links=False)
    return wish


def sampling_of_gemini(wish: Wish) -> Wish:
    """Models that think take no penalties, and the newest no sampling at all.

    Without it: 400 "Penalty is not enabled for this model". https://ai.google.dev/gemini-api/docs/latest-model.
    """
    if wish.is_one_of(*FIXED_SAMPLING):
        return wish.without_sampling(
            ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty"),
            "The model samples in its own way.",
        )
    if wish.is_one_of(*THOUGHTLESS):
        return wish
    return wish.without_sampling(("frequency_penalty", "presence_penalty"), "The model takes no penalties.")
