"""What is known of models, told by several: who stands first is believed, member by member.

Theory: a channel's own words stand before the gateway's (`[[models]]`), and those before what the provider documents.
Of one list only one card speaks of a model, an exact name before a pattern; so a narrow card without members keeps a
wide one silent.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from dragoman.canon.models import Medium, Sort
from dragoman.canon.wildcards import fits

REMEMBERED = 1000
"""Models whose cards are kept at hand at most."""
LONGEST = 300
"""Characters of a name of which anything can be known: names come from clients, and are kept here."""


class ModelCard(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a model. Empty and None: not known."""

    name: str
    """Exact name, or a pattern with `*`; letter case aside."""
    title: str = ""
    """As people call it."""
    developer: str = ""
    group: str = ""
    icon: str = ""
    """A word or an address for whoever draws it; it is never fetched here."""
    type: Sort | None = None
    context: int | None = None
    """Tokens of prompt and output together."""
    max_output: int | None = None
    takes: tuple[Medium, ...] = ()
    gives: tuple[Medium, ...] = ()
    reasoning: bool | None = None
    tools: bool | None = None
    knowledge: str = ""
    """Until when it knows the world."""
    released: str = ""

    def can_take(self, medium: Medium) -> bool:
        """Whether nothing is known against a prompt that holds this."""
        return not self.takes or medium in self.takes


SILENT = ModelCard(name="")
"""A card that says nothing."""


class Known:
    """What several lists of cards say of models. Mutable: it keeps what it has looked up."""

    __slots__ = ("_found", "_lists")

    def __init__(self, *lists: Sequence[ModelCard]) -> None:
        self._lists = tuple(one for one in lists if one)
        self._found: dict[str, ModelCard] = {}

    def of(self, model: str) -> ModelCard:
        """What is known of a model, under its own name."""
        if len(model) > LONGEST:
            return ModelCard(name=model)
        found = self._found.get(model)
        if found is None:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            said = (card for cards in self._lists if (card := card_in(cards, model)))
            found = self._found[model] = merged(ModelCard(name=model), *said)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and other._lists == self._lists

    def __hash__(self) -> int:
        return hash(self._lists)


def card_in(cards: Sequence[ModelCard], model: str) -> ModelCard | None:
    """The card that speaks of a model: the one of its name, else the first whose pattern it matches."""
    wanted = model.lower()
    exact = next((card for card in cards if card.name.lower() == wanted), None)
    return exact or next((card for card in cards if fits(wanted, card.name.lower())), None)


def merged(first: ModelCard, *others: ModelCard) -> ModelCard:
    """The first card with what it does not say taken from the others, in their order."""
    said = {}
    for member in ModelCard.__struct_fields__:
        values = (getattr(card, member) for card in (first, *others))
        said[member] = next((value for value in values if value != getattr(SILENT, member)), getattr(SILENT, member))
    return ModelCard(**said)
