"""Quirks of thinking: each vendor switches it, tells its effort and takes it back in its own way.

The rules are those of `providers.quirks`.
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.canon.request import Loss, Reasoning, ToolChoice
from dragoman.providers.wish import Wish

ALWAYS_THINKING = (
    "deepseek-reasoner*",
    "kimi-k3*",
    "kimi-k2.7*",
    "kimi-k2-thinking*",
    "glm-5.3*",
    "*-thinking*",
    "qwq*",
)
"""Models that cannot be told not to think."""
NEVER_THINKING = (
    "deepseek-chat*",
    "moonshot-v1*",
    "kimi-k2-0*",
    "kimi-k2-turbo*",
    "glm-4-*",
    "qwen*-coder*",
    "*-instruct*",
)


def is_thinking_off(thinking: Reasoning) -> bool:
    """Whether thinking was asked to be off."""
    return thinking.mode == "off" or (thinking.mode is None and thinking.effort == "none")


def is_thinking_asked(thinking: Reasoning) -> bool:
    """Whether thinking was asked to be on."""
    asked = thinking.effort is not None or thinking.budget is not None
    return thinking.mode in ("on", "adaptive") or (thinking.mode is None and asked and thinking.effort != "none")


def thinks_by_default(wish: Wish) -> bool:
    """Whether a model with thinking on by default will think, as far as its name and the request tell."""
    if wish.is_one_of(*ALWAYS_THINKING):
        return True
    return not wish.is_one_of(*NEVER_THINKING) and not is_thinking_off(wish.request.reasoning)


def thinking_switch(wish: Wish) -> Wish:
    """Models without a switch for thinking are not sent one; their effort is told by its word, where they know words.

    DeepSeek, Kimi K2.5 and K2.6, GLM up to 5.2 and Qwen have a switch, which their rows tell; K2.7, K3 and GLM-5.3
    always think. https://api-docs.deepseek.com/guides/thinking_mode, https://platform.kimi.ai/docs/api/chat,
    https://docs.z.ai/guides/capabilities/thinking-mode,
    https://www.alibabacloud.com/help/en/model-studio/deep-thinking.
    """
    if wish.is_one_of(*ALWAYS_THINKING):
        return wish.with_habits(effort="reasoning_effort" if wish.habits.efforts else "")
    return wish.with_habits(effort="", efforts=()) if wish.is_one_of(*NEVER_THINKING) else wish


def effort_of_gigachat(wish: Wish) -> Wish:
    """GigaChat's models that think are told effort in three words; the others are not told any.

    The member is documented for models with reasoning alone, which the third generation and those so named are.
    https://developers.sber.ru/docs/ru/gigachat/api/reference/rest/post-chat.
    """
    thinks = wish.is_one_of("gigachat-3*", "gigachat*-reasoning*")
    return wish.with_habits(effort="reasoning_effort") if thinks else wish


def effort_of_kimi(wish: Wish) -> Wish:
    """Kimi K3 is told effort in three words; the models before it have a switch and refuse the word beside it.

    Without it: 400 "cannot specify both 'thinking' and 'reasoning_effort'".
    https://platform.kimi.ai/docs/api/chat, https://github.com/HKUDS/nanobot/issues/3939.
    """
    return wish.with_habits(efforts=("low", "high", "max")) if wish.is_one_of("kimi-k3*") else wish


def effort_of_glm(wish: Wish) -> Wish:
    """GLM is told effort from 5.2 on; the models before it only have a switch.

    https://docs.z.ai/guides/capabilities/thinking-mode.
    """
    is_new = wish.is_one_of("glm-5.[2-9]*", "glm-[6-9]*")
    return wish.with_habits(efforts=("low", "high", "max")) if is_new else wish


def least_effort_instead_of_none(wish: Wish) -> Wish:
    """A model that cannot be told not to think is asked to think as little as it can.

    OpenAI's before 5.1, Kimi K3, GLM-5.3, Gemini 3: they refuse `none`, or take it and think at their default, which is
    the most for GLM. https://developers.openai.com/api/docs/guides/reasoning,
    https://docs.z.ai/guides/capabilities/thinking-mode.
    """
    habits = wish.habits
    if habits.effort != "reasoning_effort" or not habits.efforts or not is_thinking_off(wish.request.reasoning):
        return wish
    if "none" in habits.efforts:
        return wish
    return wish.changed(
        [Loss("reasoning.mode", "The model cannot be told not to think; it was asked to think the least it can.")],
        reasoning=Reasoning(effort=habits.efforts[0]),
    )


def no_effort_when_thinking_off(wish: Wish) -> Wish:
    """Effort is not told beside thinking that is switched off.

    DeepSeek's Anthropic address: 400 where `thinking` is disabled and `output_config.effort` present.
    https://github.com/anthropics/claude-code/issues/65863.
    """
    thinking = wish.request.reasoning
    if thinking.mode != "off" or thinking.effort is None:
        return wish
    return wish.changed(
        [Loss("reasoning.effort", "Thinking is off, and the vendor refuses effort beside that.", "dropped")],
        reasoning=replace(thinking, effort=None),
    )


def no_forced_tool_while_thinking(wish: Wish) -> Wish:
    """A demanded tool call switches thinking off; where a model always thinks, the demand becomes a wish.

    Without it: DeepSeek 400 "Thinking mode does not support this tool_choice", Kimi 400 "tool_choice 'required' is
    incompatible with thinking enabled", Qwen the like. https://github.com/deepseek-ai/DeepSeek-V3/issues/1376,
    https://github.com/UKGovernmentBEIS/inspect_ai/pull/5152.
    """
    choice = wish.request.tool_choice
    if choice is None or choice.mode not in ("any", "one") or not thinks_by_default(wish):
        return wish
    if wish.is_one_of(*ALWAYS_THINKING):
        return wish.changed(
            [Loss("tool_choice", "The model always thinks, and then takes no demand for a tool call.")],
            tool_choice=ToolChoice(mode="auto"),
        )
    return wish.changed(
        [Loss("reasoning", "A tool call was demanded, which the vendor takes only with thinking switched off.")],
        reasoning=replace(wish.request.reasoning, mode="off", effort=None, budget=None),
    )


def reasoning_echo_required(wish: Wish) -> Wish:
    """Earlier thinking is sent back as `reasoning_content` to a model that is thinking.

    Without it: DeepSeek 400 "The reasoning_content in the thinking mode must be passed back to the API", Kimi 400
    "thinking is enabled but reasoning_content is missing in assistant tool call message".
    GLM answers, but thinks worse. https://api-docs.deepseek.com/guides/thinking_mode,
    https://platform.kimi.ai/docs/api/chat, https://docs.z.ai/guides/capabilities/thinking-mode.
    """
    return wish.with_habits(reasoning_echo="reasoning_content") if thinks_by_default(wish) else wish
