"""What the rows say of models, found as routing finds it."""

from __future__ import annotations

from dragoman.providers.base import Provider
from dragoman.routing.cards import ModelCard, card_in


def documented(row: Provider, model: str) -> ModelCard | None:
    """What a row says of a model; None where nobody documents it."""
    cards = (
        ModelCard(name=each.name, type=each.type, context=each.context, max_output=each.max_output)
        for each in row.cards
    )
    return card_in(tuple(cards), model)
