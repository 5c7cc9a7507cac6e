"""The list of models, in the shape of whoever asks.

Claude Code's picker keeps ids that contain `claude` or `anthropic` (measured 2026-11-20), so to it every other model
is offered under `ALIAS` as well, a prefix that routing takes off again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct

from dragoman.routing.match import ALIAS
from dragoman.routing.snapshot import Channel, Snapshot

CREATED = "2026-01-01T00:00:00Z"
CREATED_S = 1767225600
"""A fixed date, since upstreams differ in telling one and clients only sort by it."""
PICKED = re.compile("claude|anthropic")


class Listed(Struct, frozen=True):
    """One model as clients may ask for it."""

    id: str
    name: str
    context: int | None = None
    max_output: int | None = None


def offered(snapshot: Snapshot, *, picker: bool) -> list[Listed]:
    """All names that can be asked for, each once; with aliases where Claude Code's picker needs them."""
    listed: dict[str, Listed] = {}
    for model in _names(snapshot):
        listed.setdefault(model.id, model)
        if picker and not PICKED.search(model.id):
            alias = Listed(ALIAS + model.id, model.name, model.context, model.max_output)
            listed.setdefault(alias.id, alias)
    return list(listed.values())


def _names(snapshot: Snapshot) -> Iterator[Listed]:
    for profile in snapshot.profiles:
        for rule in profile.rules:
            if rule.model and rule.targets:
                target = rule.targets[0]
                yield Listed(rule.model, f"{rule.model} ({target.model})")
    if snapshot.mapping and not snapshot.profiles:
        for tier, model in zip(("opus", "sonnet", "haiku"), _mapped(snapshot), strict=True):
            yield Listed(f"claude-{tier}", f"{model} (for {tier})")
        for model in dict.fromkeys(_mapped(snapshot)):
            yield Listed(model, model)
    for channel in snapshot.channels:
        for model in channel.models:
            card = next((card for card in channel.cards if card.name == model), None)
            context, max_output = (card.context, card.max_output) if card else (None, None)
            yield Listed(model, _title(channel, model), context, max_output)


def _mapped(snapshot: Snapshot) -> tuple[str, str, str]:
    mapping = snapshot.mapping
    return (mapping.big, mapping.middle, mapping.small) if mapping else ("", "", "")


def _title(channel: Channel, model: str) -> str:
    return f"{model} ({channel.name})"


def anthropic_list(models: list[Listed]) -> dict[str, object]:
    """The list as Anthropic gives it."""
    entries = [anthropic_entry(model) for model in models]
    return {
        "data": entries,
        "has_more": False,
        "first_id": models[0].id if models else None,
        "last_id": models[-1].id if models else None,
    }


def anthropic_entry(model: Listed) -> dict[str, object]:
    """One model as Anthropic gives it."""
    limits = {"max_input_tokens": model.context, "max_tokens": model.max_output}
    known = {name: value for name, value in limits.items() if value}
    return {"type": "model", "id": model.id, "display_name": model.name, "created_at": CREATED, **known}


def openai_list(models: list[Listed]) -> dict[str, object]:
    """The list as OpenAI gives it."""
    return {"object": "list", "data": [openai_entry(model) for model in models]}


def openai_entry(model: Listed) -> dict[str, object]:
    """One model as OpenAI gives it."""
    return {"id": model.id, "object": "model", "created": CREATED_S, "owned_by": "dragoman"}


def gemini_list(models: list[Listed]) -> dict[str, object]:
    """The list as Google gives it, on one page."""
    return {"models": [gemini_entry(model) for model in models]}


def gemini_entry(model: Listed) -> dict[str, object]:
    """One model as Google gives it. Source: ai.google.dev, `models.list`, read 2026-11-20."""
    limits = {"inputTokenLimit": model.context, "outputTokenLimit": model.max_output}
    known = {name: value for name, value in limits.items() if value}
    return {
        "name": f"models/{model.id}",
        "version": "001",
        "displayName": model.name,
        **known,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }


class Shape(NamedTuple):
    """How the list of models looks to clients of one dialect."""

    listing: Callable[[list[Listed]], dict[str, object]]
    entry: Callable[[Listed], dict[str, object]]
    picker: bool = False
    """Whether Claude Code's picker may be the one that asks."""


ANTHROPIC = Shape(anthropic_list, anthropic_entry, picker=True)
OPENAI = Shape(openai_list, openai_entry)
GEMINI = Shape(gemini_list, gemini_entry)
