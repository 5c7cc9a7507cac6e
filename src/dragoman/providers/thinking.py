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
    """Thinking is switched by `thinking: {"type": "enabled"}` or `disabled` where the model has a switch.

    DeepSeek, Kimi K2.5 and K2.6, GLM: all think unless told otherwise.
    https://api-docs.deepseek.com/guides/thinking_mode, https://platform.kimi.ai/docs/api/chat,
    https://docs.z.ai/guides/capabilities/thinking-mode.
    """
    if wish.is_one_of(*ALWAYS_THINKING, *NEVER_THINKING):
        return wish
    if is_thinking_off(wish.request.reasoning):
        return wish.with_body(thinking={"type": "disabled"}).with_habits(effort="")
    return wish.with_body(thinking={"type": "enabled"}) if is_thinking_asked(wish.request.reasoning) else wish


def enable_thinking_switch(wish: Wish) -> Wish:
    """Thinking is switched by `enable_thinking`, its length told by `thinking_budget`.

    Qwen's hybrid models; without it they follow defaults that differ by model.
    https://www.alibabacloud.com/help/en/model-studio/deep-thinking.
    """
    thinking = wish.request.reasoning
    if wish.is_one_of(*ALWAYS_THINKING, *NEVER_THINKING):
        return wish
    if is_thinking_off(thinking):
        return wish.with_body(enable_thinking=False)
    if not is_thinking_asked(thinking):
        return wish
    members = {"enable_thinking": True} | ({"thinking_budget": thinking.budget} if thinking.budget else {})
    return wish.with_body(**members)


def effort_of_kimi(wish: Wish) -> Wish:
    """Kimi K3 is told effort in three words; the models before it have a switch and refuse the word beside it.

    Without it: 400 "cannot specify both 'thinking' and 'reasoning_effort'".
    https://platform.kimi.ai/docs/api/chat, https://github.com/HKUDS/nanobot/issues/3939.
    """
    if not wish.is_one_of("kimi-k3*"):
        return wish
    return wish.with_habits(effort="reasoning_effort", efforts=("low", "high", "max"))


def effort_of_glm(wish: Wish) -> Wish:
    """GLM is told effort from 5.2 on; the models before it only have a switch.

    https://docs.z.ai/guides/capabilities/thinking-mode.
    """
    if not wish.is_one_of("glm-5.[2-9]*", "glm-[6-9]*"):
        return wish
    return wish.with_habits(effort="reasoning_effort", efforts=("low", "high", "max"))


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
    https://api-docs.deepseek.com/guides/thinking_mode, https://platform.kimi.ai/docs/api/chat.
    """
    return wish.with_habits(reasoning_echo="reasoning_content") if thinks_by_default(wish) else wish
