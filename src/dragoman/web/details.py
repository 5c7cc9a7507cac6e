"""What a list of models tells of each beside its name, where that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from dragoman.canon.models import Medium
from dragoman.ledger.book import PriceBook
from dragoman.ledger.price import Rates
from dragoman.routing.cards import ModelCard, merged
from dragoman.routing.match import Candidate
from dragoman.routing.offer import Offer

NANO = 10**9


class Charged(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units of a currency per million tokens; what has no price of its own is charged as what it is part of."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    input_audio: Decimal | None = None
    input_image: Decimal | None = None
    output_audio: Decimal | None = None
    output_image: Decimal | None = None


class ChargedAbove(Charged, frozen=True, kw_only=True, omit_defaults=True):
    """What is charged where a prompt is longer."""

    over: int
    """Than so many tokens."""


class Pricing(Charged, frozen=True, kw_only=True, omit_defaults=True):
    """What a model costs now."""

    currency: str
    request: Decimal | None = None
    """Units for each request, whatever it uses."""
    tiers: tuple[ChargedAbove, ...] = ()
    by_maker: bool = False
    """Whether it is what the model's maker charges, for the provider's own price is not known."""


def described(offer: Offer, book: PriceBook) -> ModelCard:
    """All that is known of an offered name; what nobody here has said, as it is published."""
    first = offer.first
    fact = book.fact(first.channel.provider, first.model)
    published = ModelCard(name=first.model, title=fact.name, developer=fact.maker, context=fact.context)
    return merged(offer.card, published)


def pricing(candidate: Candidate, book: PriceBook) -> Pricing | None:
    """What is charged now; None where no price is known."""
    channel = candidate.channel
    price, doubt = book.find(channel.name, channel.provider, candidate.model, time.time_ns() // 1_000_000)
    if doubt == "no_price":
        return None
    return Pricing(
        currency=price.currency,
        request=_units(price.request) if price.request else None,
        tiers=tuple(ChargedAbove(over=tier.over, **_charged(tier.rates)) for tier in price.tiers),
        by_maker=doubt == "list_price",
        **_charged(price.rates),
    )


def _charged(rates: Rates) -> dict[str, Decimal]:
    return {name: _units(rate) for name, rate in msgspec.structs.asdict(rates).items() if rate is not None}


def _units(nano: int) -> Decimal:
    return Decimal(nano) / NANO


Teller = Callable[[ModelCard, Offer, PriceBook], object]


def _modalities(card: ModelCard, _: Offer, __: PriceBook) -> dict[str, tuple[Medium, ...]]:
    told = {"input": card.takes, "output": card.gives}
    return {name: media for name, media in told.items() if media}


def _capabilities(card: ModelCard, _: Offer, __: PriceBook) -> dict[str, bool]:
    vision = card.can_take("image") if card.takes else None
    told = {"reasoning": card.reasoning, "tools": card.tools, "vision": vision}
    return {name: value for name, value in told.items() if value is not None}


WORDS: Mapping[str, Teller] = {
    "name": lambda card, _, __: card.title,
    "developer": lambda card, _, __: card.developer,
    "group": lambda card, _, __: card.group,
    "icon": lambda card, _, __: card.icon,
    "type": lambda card, _, __: card.type,
    "context_length": lambda card, _, __: card.context,
    "max_output_tokens": lambda card, _, __: card.max_output,
    "modalities": _modalities,
    "capabilities": _capabilities,
    "knowledge": lambda card, _, __: card.knowledge,
    "released": lambda card, _, __: card.released,
    "pricing": lambda _, offer, book: pricing(offer.first, book),
}
"""What may be asked for in `include`, and how it is told; what is not known is left out."""


def details(offer: Offer, title: str, book: PriceBook, wanted: Collection[str]) -> dict[str, object]:
    """What is known of an offered name, as far as it is wanted."""
    card = described(offer, book)
    told = {word: tell(card, offer, book) for word, tell in WORDS.items() if word in wanted}
    if "name" in wanted:
        told["name"] = card.title or title
    return {word: msgspec.to_builtins(value) for word, value in told.items() if value not in (None, "", {}, ())}
