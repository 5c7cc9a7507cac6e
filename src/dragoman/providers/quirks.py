"""What vendors do otherwise than the dialect they speak, each as a small function named in the rows that need it.

Rules. A quirk takes a `Wish` and gives one. It changes habits where only the spelling is concerned, and the request
where the wish itself cannot be met; whatever it takes from the request it records as a `Loss`. A quirk that has
nothing to do gives back the very same request object, so that a body that can pass verbatim does.

Each quirk names the vendor, what happens without it, and the page it was read from. Vendors' pages were read on
2026-11-20; a quirk goes when its page no longer says so.
"""

from __future__ import annotations

from itertools import groupby

from msgspec.structs import replace

from dragoman.canon.request import Loss, Part, Request, Text, ToolChoice, ToolResult, Turn
from dragoman.providers.base import Provider
from dragoman.providers.claude import (
    ROOM,
    SMALLEST_BUDGET,
    no_forced_tool_while_claude_thinks,
    sampling_refused_by_claude,
    thinking_of_claude,
)
from dragoman.providers.gemini_models import gemini_in_chat, older_gemini, sampling_of_gemini, thinking_of_gemini
from dragoman.providers.openai_models import (
    effort_of_openai_models,
    max_completion_tokens,
    max_tokens_for_older_models,
    no_effort_beside_tools,
    sampling_refused_by_reasoning_models,
    stop_refused_by_reasoning_models,
)
from dragoman.providers.thinking import (
    effort_of_gigachat,
    effort_of_glm,
    effort_of_kimi,
    least_effort_instead_of_none,
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


BLIND = ("deepseek-*", "glm-*", "moonshot-v1*", "kimi-k2-*", "qwen*-coder*", "qwen-max*", "qwen3-max*", "qwen3.7-max*")
SEEING = ("*vision*", "*-vl*", "glm-[0-9]*v", "glm-[0-9]*v-*", "deepseek-flash*")


def text_only_models(wish: Wish) -> Wish:
    """Images are not sent to models that cannot see; the writer puts words in their place.

    Without it: 400 on every later turn too, since the image stays in the history.
    https://api-docs.deepseek.com/quick_start/pricing, https://docs.z.ai/guides/overview/overview,
    https://platform.kimi.ai/docs/models.
    """
    blind = wish.is_one_of(*BLIND) and not wish.is_one_of(*SEEING)
    return wish.with_habits(images=False) if blind else wish


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
    model = wish.model.lower().lstrip("~")
    return wish.with_habits(cache_marks=True) if model.startswith(("anthropic/", "google/", "qwen/")) else wish


COMMON_MEMBERS = frozenset({"metadata", "output_config", "thinking", "tool_choice", "mcp_servers"})
"""Members that the reader takes, of which it may leave a remainder; and one that a writer must refuse, not lose."""


def anthropic_subset(wish: Wish) -> Wish:
    """Members that are younger than the compatible servers' knowledge are left out of the body.

    Claude Code sends `context_management`, `safeguards` (which holds local paths) and others with each release; their
    halves in `anthropic-beta` are not passed on either. Servers ignore them at best.
    https://api-docs.deepseek.com/guides/anthropic_api lists what one of them knows.
    """
    extras = wish.request.extras
    unknown = extras.members.keys() - COMMON_MEMBERS if extras and extras.dialect == wish.dialect else set()
    if extras is None or not unknown:
        return wish
    kept = {name: value for name, value in extras.members.items() if name not in unknown}
    losses = [Loss(name, "Only the dialect's own vendor knows this member.", "dropped") for name in sorted(unknown)]
    return wish.changed(losses, extras=replace(extras, members=kept) if kept else None)


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


def effort_unknown(wish: Wish) -> Wish:
    """Effort is not told.

    It is younger than what most compatible servers know; strict ones answer 422 to members they do not know.
    https://platform.minimax.io/docs/api-reference/text-anthropic-api lists what one of them knows.
    """
    thinking = wish.request.reasoning
    if thinking.effort is None:
        return wish
    return wish.changed(
        [Loss("reasoning.effort", "The server does not know effort.", "dropped")],
        reasoning=replace(thinking, effort=None),
    )


def system_first_only(wish: Wish) -> Wish:
    """A system message between others becomes a user's, marked as a reminder; an empty one goes.

    Claude Code since 2.1.154 sends them. Without it: 400 or 422, "messages[1].role: unknown variant `system`"
    (DeepSeek, Qwen, GLM). https://github.com/deepseek-ai/awesome-deepseek-integration/issues/639,
    https://github.com/QwenLM/Qwen/issues/2244, https://github.com/zai-org/GLM-5/issues/74.
    """
    turns = wish.request.turns
    if all(turn.role != "system" for turn in turns):
        return wish
    return wish.changed(
        [Loss("turns.system", "The vendor takes system messages only at the beginning; it became a user's words.")],
        turns=_with_reminders(turns),
    )


def _with_reminders(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns with each system turn's words within the user's, behind the results of tools, which must come first."""
    told: list[Turn] = []
    for _, run in groupby(turns, key=lambda turn: turn.role == "assistant"):
        said = list(run)
        if all(turn.role != "system" for turn in said):
            told += said
            continue
        parts = [_reminder(part) if turn.role == "system" else part for turn in said for part in turn.parts]
        if parts:
            told.append(Turn("user", tuple(sorted(parts, key=lambda part: not isinstance(part, ToolResult)))))
    return tuple(told)


def _reminder(part: Part) -> Part:
    """Text marked as a reminder, as Claude Code itself does for models that take no system messages midway."""
    if not isinstance(part, Text):
        return part
    return replace(part, text=f"<system-reminder>\n{part.text}\n</system-reminder>")


__all__ = ["QUIRKS", "Wish", "fit"]

QUIRKS: dict[str, Quirk] = {
    quirk.__name__: quirk
    for quirk in (
        adaptive_thinking_unknown,
        anthropic_subset,
        cache_marks_for_some,
        clamp_output,
        effort_known_to_ollama,
        effort_of_gigachat,
        effort_of_glm,
        effort_of_kimi,
        effort_of_openai_models,
        effort_unknown,
        gemini_in_chat,
        least_effort_instead_of_none,
        max_completion_tokens,
        max_tokens_for_older_models,
        no_effort_beside_tools,
        no_effort_when_thinking_off,
        no_forced_tool_while_claude_thinks,
        no_forced_tool_while_thinking,
        older_gemini,
        only_auto_tool_choice,
        reasoning_echo_required,
        sampling_of_gemini,
        sampling_refused_by_claude,
        sampling_refused_by_kimi,
        sampling_refused_by_reasoning_models,
        stop_refused_by_reasoning_models,
        system_first_only,
        text_only_models,
        thinking_of_claude,
        thinking_of_gemini,
        thinking_switch,
    )
}
"""Every quirk by the name that rows give it."""
