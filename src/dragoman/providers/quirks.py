"""What vendors do otherwise than the dialect they speak, each as a small function named in the rows that need it.

Rules. A quirk takes a `Wish` and gives one. It changes habits where only the spelling is concerned, and the request
where the wish itself cannot be met; whatever it takes from the request it records as a `Loss`. A quirk that has
nothing to do gives back the very same request object, so that a body that can pass verbatim does.

Each quirk names the vendor, what happens without it, and the page it was read from. Vendors' pages were read on
2026-11-20; a quirk goes when its page no longer says so.
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.canon.request import Loss, Request, Text, ToolChoice, Turn
from dragoman.providers.base import Provider
from dragoman.providers.openai_models import (
    effort_of_openai_models,
    max_completion_tokens,
    no_effort_beside_tools,
    sampling_refused_by_reasoning_models,
    stop_refused_by_reasoning_models,
)
from dragoman.providers.thinking import (
    effort_of_glm,
    effort_of_kimi,
    enable_thinking_switch,
    no_effort_when_thinking_off,
    no_forced_tool_while_thinking,
    reasoning_echo_required,
    thinking_switch,
)
from dragoman.providers.wish import SAMPLING, Quirk, Wish


def fit(provider: Provider, request: Request, model: str, *, max_output: int | None = None) -> Wish:
    """The request as a provider can take it: its row's quirks in their order, then the limit of output.

    `max_output` is the model's or the channel's own limit, before which the row's gives way.
    """
    habits = provider.habits
    if max_output is not None:
        habits = replace(habits, max_output_limit=max_output)
    wish = Wish(request=request, habits=habits, model=model, dialect=provider.dialect)
    for name in provider.quirks:
        wish = QUIRKS[name](wish)
    return clamp_output(wish)


def clamp_output(wish: Wish) -> Wish:
    """A wish for more output than the model gives becomes what it gives, the thinking budget with it.

    Agents ask for up to 128000 tokens of every model; vendors answer 400 above their limit. A budget must stay below
    the output limit: https://platform.claude.com/docs/en/build-with-claude/extended-thinking.
    """
    limit = wish.habits.max_output_limit
    request = wish.request
    if limit is None or request.max_output is None or request.max_output <= limit:
        return wish
    losses = [Loss("max_output", f"The model writes {limit} tokens at most; {request.max_output} were asked for.")]
    thinking = request.reasoning
    if thinking.budget is not None and thinking.budget >= limit:
        thinking = replace(thinking, budget=limit // 2)
        losses.append(Loss("reasoning.budget", "The thinking budget must stay below the output limit."))
    return wish.changed(losses, max_output=limit, reasoning=thinking)


def sampling_refused_by_kimi(wish: Wish) -> Wish:
    """Kimi's K2 and K3 models take no sampling parameters; the vendor fixes them.

    Without it: 400 "invalid temperature: only 1 is allowed for this model".
    https://platform.kimi.ai/docs/api/chat.
    """
    if not wish.is_one_of("kimi-k[2-9].*", "kimi-k[3-9]*"):
        return wish
    return wish.without_sampling(SAMPLING, "The vendor fixes it for this model.")


def text_only_models(wish: Wish) -> Wish:
    """Images are not sent to models that cannot see; the writer puts words in their place.

    Without it: 400 on every later turn too, since the image stays in the history.
    https://api-docs.deepseek.com/quick_start/pricing, https://docs.z.ai/guides/overview/overview,
    https://platform.kimi.ai/docs/models.
    """
    sees = wish.is_one_of("*vision*", "glm-*v*", "*-vl*", "deepseek-flash*")
    blind = wish.is_one_of("deepseek-*", "glm-*", "moonshot-v1*", "kimi-k2-*")
    return wish.with_habits(images=False) if blind and not sees else wish


def only_auto_tool_choice(wish: Wish) -> Wish:
    """A demand for one tool becomes a choice left to the model; a ban on tools takes them away.

    GLM takes no other choice than `auto`. https://docs.z.ai/api-reference/llm/chat-completion (`tool_choice`).
    """
    choice = wish.request.tool_choice
    if choice is None or choice.mode == "auto":
        return wish
    if choice.mode == "none":
        loss = Loss("tool_choice", "The vendor cannot be told to call no tool, so none were offered.")
        return wish.changed([loss], tool_choice=None, tools=())
    loss = Loss("tool_choice", "The vendor leaves the choice of tools to the model.")
    return wish.changed([loss], tool_choice=ToolChoice(mode="auto"))


def effort_known_to_ollama(wish: Wish) -> Wish:
    """Effort is told to families that think.

    Ollama answers 400 "does not support thinking" for others. https://docs.ollama.com/capabilities/thinking.
    """
    if not wish.is_one_of("gpt-oss*", "qwen3*", "deepseek-r1*", "deepseek-v*", "magistral*", "glm-*", "kimi-*"):
        return wish
    return wish.with_habits(effort="reasoning_effort", efforts=("none", "low", "medium", "high"))


def cache_marks_for_some(wish: Wish) -> Wish:
    """Cache marks are sent for models whose vendors understand them.

    Without it prompts to Claude are never cached; with them, some others answer 400.
    https://openrouter.ai/docs/features/prompt-caching.
    """
    vendor = wish.model.lower().partition("/")[0].lstrip("~")
    return wish.with_habits(cache_marks=True) if vendor in ("anthropic", "google", "qwen") else wish


COMMON_MEMBERS = frozenset({"metadata", "service_tier", "stop_sequences", "temperature", "top_k", "top_p", "thinking"})
"""Members that are not taken by the reader as fields of their own and that these servers know."""


def anthropic_subset(wish: Wish) -> Wish:
    """Members that are younger than the compatible servers' knowledge are left out of the body.

    Claude Code sends `context_management`, `safeguards` (which holds local paths) and others with each release; their
    halves in `anthropic-beta` are not passed on either. Servers ignore them at best.
    https://api-docs.deepseek.com/guides/anthropic_api lists what one of them knows.
    """
    extras = wish.request.extras
    unknown = set(extras.members) - COMMON_MEMBERS if extras and extras.dialect == wish.dialect else set()
    if not unknown:
        return wish
    names = sorted(unknown)
    losses = tuple(Loss(name, "Only the dialect's own vendor knows this member.", "dropped") for name in names)
    kept = replace(wish, losses=(*wish.losses, *losses))
    return kept.with_habits(drop_members=(*wish.habits.drop_members, *names))


SMALLEST_BUDGET = 1024
"""Tokens of thinking that the dialect allows at least."""
ROOM = 32000
"""Tokens of output supposed where none are asked for; what agents ask for of models they do not know."""


def adaptive_thinking_unknown(wish: Wish) -> Wish:
    """Thinking that is left to the model becomes thinking that is on.

    Compatible servers know `enabled` and `disabled`. https://api-docs.deepseek.com/guides/anthropic_api.
    """
    thinking = wish.request.reasoning
    if thinking.mode != "adaptive":
        return wish
    room = wish.request.max_output or ROOM
    if room <= SMALLEST_BUDGET:
        enabled = replace(thinking, mode="off", budget=None, display=None)
    else:
        enabled = replace(thinking, mode="on", budget=max(room // 2, SMALLEST_BUDGET), display=None)
    return wish.changed([Loss("reasoning.mode", "The vendor knows thinking only as on or off.")], reasoning=enabled)


def system_first_only(wish: Wish) -> Wish:
    """A system message between others becomes a user's, marked as a reminder; an empty one goes.

    Claude Code since 2.1.154 sends them. Without it: 400 "messages[1].role: unknown variant `system`" (DeepSeek,
    Qwen). https://github.com/deepseek-ai/awesome-deepseek-integration/issues/639,
    https://github.com/QwenLM/Qwen/issues/2244.
    """
    turns = wish.request.turns
    if all(turn.role != "system" for turn in turns):
        return wish
    return wish.changed(
        [Loss("turns.system", "The vendor takes system messages only at the beginning; it became a user's message.")],
        turns=tuple(_as_reminder(turn) for turn in turns if turn.role != "system" or turn.parts),
    )


def _as_reminder(turn: Turn) -> Turn:
    """A system turn in the user's mouth; any other as it is."""
    if turn.role != "system":
        return turn
    parts = tuple(
        replace(part, text=f"<system-reminder>\n{part.text}\n</system-reminder>") if isinstance(part, Text) else part
        for part in turn.parts
    )
    return Turn("user", parts)


QUIRKS: dict[str, Quirk] = {
    quirk.__name__: quirk
    for quirk in (
        adaptive_thinking_unknown,
        anthropic_subset,
        cache_marks_for_some,
        clamp_output,
        effort_known_to_ollama,
        effort_of_glm,
        effort_of_kimi,
        effort_of_openai_models,
        enable_thinking_switch,
        max_completion_tokens,
        no_effort_beside_tools,
        no_effort_when_thinking_off,
        no_forced_tool_while_thinking,
        only_auto_tool_choice,
        reasoning_echo_required,
        sampling_refused_by_kimi,
        sampling_refused_by_reasoning_models,
        stop_refused_by_reasoning_models,
        system_first_only,
        text_only_models,
        thinking_switch,
    )
}
"""Every quirk by the name that rows give it."""
