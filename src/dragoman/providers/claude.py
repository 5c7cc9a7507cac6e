"""Quirks of Claude's generations. The rules are those of `providers.quirks`.

They concern requests that were written for another dialect or another model: what a client asks of the very model it
gets is the client's own, and goes through with the vendor's answer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec.structs import replace

from dragoman.canon.request import Loss, Reasoning, ToolChoice
from dragoman.providers.thinking import is_thinking_asked, is_thinking_off
from dragoman.providers.wish import Wish

NAME = re.compile(r"claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
SMALLEST_BUDGET = 1024
"""Tokens of thinking that the wire allows at least."""
ROOM = 32000
"""Tokens of output supposed where none are asked for; what agents ask for of models they do not know."""
BUDGETS = {"minimal": 1024, "low": 4096, "medium": 12000}
"""Budget for a word of effort; other words mean half of the room."""
WORDS = ((4096, "low"), (16384, "medium"))
"""Up to so many tokens of thinking mean this effort; more is `high`."""


class Generation(NamedTuple):
    """What the name of a Claude model tells of it."""

    family: str
    version: tuple[int, int]

    @property
    def is_adaptive(self) -> bool:
        """Whether the model decides itself how much to think, and is told effort. From 4.6 on."""
        return self.version >= (4, 6)

    @property
    def thinks_unasked(self) -> bool:
        """Whether it thinks where nothing is said of thinking. From 5 on."""
        return self.version >= (5, 0)

    @property
    def always_thinks(self) -> bool:
        """Whether thinking cannot be switched off. From 5.5 on, and the largest models."""
        return self.version >= (5, 5) or self.family in ("fable", "mythos")


def generation_of(wish: Wish) -> Generation | None:
    """The generation of the model; None for names that tell none, and where the client asked for this very model."""
    found = NAME.search(wish.name)
    if not found or (wish.request.dialect == wish.dialect and wish.request.model == wish.model):
        return None
    return Generation(found[1], (int(found[2]), int(found[3] or 0)))


def no_forced_tool_while_claude_thinks(wish: Wish) -> Wish:
    """A demanded tool call switches thinking off; where a model always thinks, the demand becomes a wish.

    Without it: 400 "Thinking may not be enabled when tool_choice forces tool use".
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking,
    https://platform.claude.com/docs/en/models/opus-5-5/migration-guide.
    """
    choice, claude = wish.request.tool_choice, generation_of(wish)
    if claude is None or choice is None or choice.mode not in ("any", "one"):
        return wish
    if claude.always_thinks:
        return wish.changed(
            [Loss("tool_choice", "The model always thinks, and then takes no demand for a tool call.")],
            tool_choice=ToolChoice("auto"),
        )
    thinking = wish.request.reasoning
    if is_thinking_off(thinking) or not (is_thinking_asked(thinking) or claude.thinks_unasked):
        return wish
    return wish.changed(
        [Loss("reasoning", "A tool call was demanded, which the vendor takes only with thinking switched off.")],
        reasoning=Reasoning(mode="off"),
    )


def thinking_of_claude(wish: Wish) -> Wish:
    """Thinking is asked for in the form of the model's generation: a budget before 4.6, effort from then on.

    Without it: 400 '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"' and the
    like for `disabled`. https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking,
    https://platform.claude.com/docs/en/models/opus-5-5/migration-guide.
    """
    thinking, claude = wish.request.reasoning, generation_of(wish)
    if claude is None:
        return wish
    if is_thinking_off(thinking):
        fitting = _off(claude)
    elif is_thinking_asked(thinking):
        fitting = _by_effort(thinking, claude) if claude.is_adaptive else _by_budget(thinking, wish.request.max_output)
    else:
        return wish
    if fitting == thinking:
        return wish
    loss = Loss("reasoning", "The model's generation is told in another way to think; the nearest was sent.")
    return wish.changed([loss], reasoning=fitting)


def _off(claude: Generation) -> Reasoning:
    if claude.always_thinks:
        return Reasoning(effort="low")
    return Reasoning(mode="off") if claude.thinks_unasked else Reasoning()


def _by_effort(thinking: Reasoning, claude: Generation) -> Reasoning:
    word = thinking.effort
    if word is None and thinking.budget is not None:
        word = next((word for most, word in WORDS if thinking.budget <= most), "high")
    if word in ("none", "minimal"):
        word = "low"
    if word == "xhigh" and claude.version < (4, 7):
        word = "high"
    return Reasoning(mode="adaptive", effort=word, display=thinking.display, extras=thinking.extras)


def _by_budget(thinking: Reasoning, max_output: int | None) -> Reasoning:
    room = max_output or ROOM
    if room <= SMALLEST_BUDGET:
        return Reasoning()
    wished = thinking.budget or BUDGETS.get(thinking.effort or "", room // 2)
    budget = max(SMALLEST_BUDGET, wished if wished < room else room // 2)
    return replace(thinking, mode="on", budget=budget, effort=None)


def sampling_refused_by_claude(wish: Wish) -> Wish:
    """No sampling parameters are sent from 4.7 on, nor those that older models refuse while they think.

    Without it: 400. https://platform.claude.com/docs/en/about-claude/models/migration-guide,
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking.
    """
    claude = generation_of(wish)
    if claude is None:
        return wish
    if claude.version >= (4, 7):
        return wish.without_sampling(("temperature", "top_p", "top_k"), "The model takes no sampling parameters.")
    if is_thinking_asked(wish.request.reasoning):
        return wish.without_sampling(("temperature", "top_k"), "The model takes no such parameter while it thinks.")
    return wish
