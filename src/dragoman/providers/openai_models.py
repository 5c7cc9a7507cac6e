"""Quirks of OpenAI's models, wherever they are served. The rules are those of `providers.quirks`."""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec.structs import replace

from dragoman.canon.request import Loss
from dragoman.providers.thinking import is_thinking_off
from dragoman.providers.wish import SAMPLING, Wish

OPENAI_EFFORTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"(?<![a-z0-9])(?:{family})(?![a-z0-9])"), tuple(words.split()))
    for family, words in (
        (r"gpt-?[5-9][\d.]*-chat", ""),
        (r"gpt-?5-pro", "high"),
        (r"gpt-?5\.1-codex-max", "low medium high xhigh"),
        (r"gpt-?5\.1", "none low medium high"),
        (r"gpt-?5\.[2-5]", "none low medium high xhigh"),
        (r"gpt-?(?:5\.\d+|[6-9][\d.]*)", "none low medium high xhigh max"),
        (r"gpt-?5", "minimal low medium high"),
        (r"o[1-9]", "low medium high"),
        (r"gpt-oss", "low medium high"),
    )
)
"""Words of effort by family, the first that fits; none for models that do not reason. Names may be those of Azure
deployments. https://developers.openai.com/api/docs/guides/reasoning,
https://learn.microsoft.com/javascript/api/@azure/ai-projects/reasoningeffort."""


def openai_efforts(wish: Wish) -> tuple[str, ...]:
    """Words of effort that one of OpenAI's models knows; none if it does not reason or is not theirs."""
    return _efforts_of(wish.name)


@lru_cache(maxsize=1024)
def _efforts_of(name: str) -> tuple[str, ...]:
    return next((words for family, words in OPENAI_EFFORTS if family.search(name)), ())


def effort_of_openai_models(wish: Wish) -> Wish:
    """Effort is told to those of OpenAI's models that reason, in the words of their generation.

    Without it: 400 "Unrecognized request argument" from gpt-4o and gpt-4.1, 400 "Unsupported value" for a word that a
    generation lacks. https://developers.openai.com/api/docs/guides/reasoning.
    """
    words = openai_efforts(wish)
    return wish.with_habits(effort="reasoning_effort", efforts=words) if words else wish


def max_completion_tokens(wish: Wish) -> Wish:
    """The output limit of OpenAI's reasoning models is `max_completion_tokens`.

    Without it: 400 "Unsupported parameter: 'max_tokens' is not supported with this model".
    https://learn.microsoft.com/azure/foundry/openai/how-to/reasoning.
    """
    if not openai_efforts(wish) or wish.is_one_of("gpt-oss*"):
        return wish
    return wish.with_habits(max_output_member="max_completion_tokens")


OLDER = ("*gpt-3*", "*gpt-4*", "*gpt-oss*", "*deepseek*", "*grok*", "*llama*", "*mistral*", "*phi-*")


def max_tokens_for_older_models(wish: Wish) -> Wish:
    """The output limit of older families and of other vendors' models is `max_tokens`.

    Azure's older versions know no other name; every version knows it for these models.
    https://learn.microsoft.com/azure/foundry/openai/reference (`max_tokens`).
    """
    return wish.with_habits(max_output_member="max_tokens") if wish.is_one_of(*OLDER) else wish


def sampling_refused_by_reasoning_models(wish: Wish) -> Wish:
    """OpenAI's reasoning models get no temperature, top_p or penalties, unless their thinking is switched off.

    Without it: 400 "Unsupported value: 'temperature' does not support 0.7 with this model".
    https://learn.microsoft.com/azure/foundry/openai/how-to/reasoning ("not supported");
    https://developers.openai.com/api/docs/guides/latest-model (taken with effort `none`).
    """
    words = openai_efforts(wish)
    if not words or ("none" in words and is_thinking_off(wish.request.reasoning)):
        return wish
    return wish.without_sampling(SAMPLING, "Reasoning models of this vendor refuse it.")


def stop_refused_by_reasoning_models(wish: Wish) -> Wish:
    """OpenAI's reasoning models are told no stop sequences; they are enforced here.

    Without it: 400 "Unsupported parameter: 'stop' is not supported with this model".
    https://developers.openai.com/api/reference/resources/chat (`stop`).
    """
    return wish.with_habits(stop_limit=0) if openai_efforts(wish) else wish


TOOLS_WITHOUT_EFFORT = re.compile(r"(?<![a-z0-9])gpt-?(?:5\.(?:[4-9]|\d\d)|[6-9])")


def no_effort_beside_tools(wish: Wish) -> Wish:
    """From GPT-5.4 on, OpenAI's chat wire takes tools only with effort `none`, said explicitly.

    Without it: 400 "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions", from
    5.6 on even where no effort was asked for. https://github.com/BerriAI/litellm/pull/34569,
    https://github.com/openai/openai-openapi/issues/541.
    """
    request = wish.request
    if not request.tools or not TOOLS_WITHOUT_EFFORT.search(wish.name) or request.reasoning.effort == "none":
        return wish
    return wish.changed(
        [Loss("reasoning", "On this wire the vendor lets this model think or call tools, not both; tools were kept.")],
        reasoning=replace(request.reasoning, mode="off", effort="none", budget=None),
    )
