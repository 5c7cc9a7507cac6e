"""The list of models, in the shape of whoever asks.

Claude Code's picker keeps ids that contain `claude` or `anthropic` (measured 2026-11-20), so to it every other model
is offered under `ALIAS` as well, a prefix that routing takes off again. What is known to be no model for conversations
is not offered to it at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from dragoman.canon.problem import Kind, refuse
from dragoman.ledger.book import PriceBook
from dragoman.routing.match import ALIAS
from dragoman.routing.offer import Offer
from dragoman.web.details import WORDS, details
from dragoman.web.pages import Page, page_after, page_by_token

CREATED = "2026-01-01"
"""A fixed date for models of which none is known, since upstreams differ in telling one and clients only sort by it."""
PICKED = re.compile("claude|anthropic")
ACTIVE = "active"
CHAT = (None, "chat")
EMBEDS = ("embedContent", "batchEmbedContents")
SPEAKS = ("generateContent", "streamGenerateContent", "countTokens")


class Listed(Struct, frozen=True):
    """One model under one of the names that clients may ask for."""

    id: str
    offer: Offer

    @property
    def title(self) -> str:
        """As people call it; where nobody has said it, its name and where it goes."""
        first = self.offer.first
        where = first.channel.name if first.model == self.offer.name else first.model
        return self.offer.card.title or f"{self.offer.name} ({where})"

    @property
    def created(self) -> str:
        """The day on which it came out, as RFC 3339 writes a moment."""
        day = self.offer.card.released or CREATED
        return f"{day}{'-01' * (2 - day.count('-'))}T00:00:00Z"


def listed(offers: Iterable[Offer], *, picker: bool) -> list[Listed]:
    """The models as they are listed, each name once; with aliases where Claude Code's picker needs them."""
    found: dict[str, Listed] = {}
    for offer in offers:
        if picker and offer.card.type not in CHAT:
            continue
        found.setdefault(offer.name, Listed(offer.name, offer))
        if picker and not PICKED.search(offer.name):
            found.setdefault(ALIAS + offer.name, Listed(ALIAS + offer.name, offer))
    return list(found.values())


def anthropic_list(models: Sequence[Listed], query: Mapping[str, str], _: PriceBook) -> dict[str, object]:
    """A page of the list as Anthropic gives it. Source: platform.claude.com, "List Models", read 2026-11-20. Where no
    limit is named, the page is as large as any may be, since not everybody turns pages. Whoever asks for retired
    models alone gets none. Raises `Trouble`."""
    models = models if ACTIVE in query.get("lifecycle", ACTIVE).split(",") else []
    page = page_after([model.id for model in models], query)
    shown = models[page.start : page.end]
    return {
        "data": [anthropic_entry(model) for model in shown],
        "has_more": page.more,
        "first_id": shown[0].id if shown else None,
        "last_id": shown[-1].id if shown else None,
    }


def anthropic_entry(model: Listed) -> dict[str, object]:
    """One model as Anthropic gives it."""
    limits = {"max_input_tokens": model.offer.card.context, "max_tokens": model.offer.card.max_output}
    known = {name: value for name, value in limits.items() if value}
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.title,
        "created_at": model.created,
        "lifecycle": ACTIVE,
        **known,
    }


def openai_list(models: Sequence[Listed], query: Mapping[str, str], book: PriceBook) -> dict[str, object]:
    """The list as OpenAI gives it, which has no pages; `include` asks for what is known of each model, by words of
    `WORDS` or `all`. Raises `Trouble`."""
    asked = [word.strip() for word in query.get("include", "").split(",") if word.strip()]
    wanted = frozenset(WORDS if "all" in asked else asked)
    if unknown := wanted - frozenset(WORDS):
        words = f"`include` names {', '.join(sorted(unknown))[:100]}, which is not known of models. Use: "
        raise refuse(Kind.INVALID_REQUEST, f"{words}all, {', '.join(WORDS)}.", param="include")
    entries = [openai_entry(model) for model in models]
    if wanted:
        for entry, model in zip(entries, models, strict=True):
            entry |= details(model.offer, model.title, book, wanted)
    return {"object": "list", "data": entries}


def openai_entry(model: Listed) -> dict[str, object]:
    """One model as OpenAI gives it."""
    created = int(datetime.fromisoformat(model.created).replace(tzinfo=UTC).timestamp())
    owner = model.offer.card.developer or "dragoman"
    return {"id": model.id, "object": "model", "created": created, "owned_by": owner}


def gemini_list(models: Sequence[Listed], query: Mapping[str, str], _: PriceBook) -> dict[str, object]:
    """A page of the list as Google gives it. Source: ai.google.dev, `models.list`, read 2026-11-20. Where no size is
    named, the page is as large as any may be. Raises `Trouble`."""
    page: Page = page_by_token([model.id for model in models], query)
    shown = [gemini_entry(model) for model in models[page.start : page.end]]
    return {"models": shown, "nextPageToken": page.token} if page.token else {"models": shown}


def gemini_entry(model: Listed) -> dict[str, object]:
    """One model as Google gives it."""
    card = model.offer.card
    limits = {"inputTokenLimit": card.context, "outputTokenLimit": card.max_output, "thinking": card.reasoning}
    known = {name: value for name, value in limits.items() if value is not None}
    return {
        "name": f"models/{model.id}",
        "version": "001",
        "displayName": model.title,
        **known,
        "supportedGenerationMethods": EMBEDS if card.type == "embedding" else SPEAKS if card.type in CHAT else (),
    }


class Shape(NamedTuple):
    """How the list of models looks to clients of some dialects."""

    doors: tuple[str, ...]
    """The dialects: a name is listed that may be asked for in one of them."""
    listing: Callable[[Sequence[Listed], Mapping[str, str], PriceBook], dict[str, object]]
    """The list that a query asks for."""
    entry: Callable[[Listed], dict[str, object]]
    picker: bool = False
    """Whether Claude Code's picker may be the one that asks."""
