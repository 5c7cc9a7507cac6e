"""The names that a channel answers to, each with the model that is meant.

Rules. What is written exactly goes before what differs in case only; a model's own name before an alias, and an alias
before what is left of a name whose vendor was taken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from dragoman.shapes.fields import Listed


class Names(Struct, frozen=True):
    """The names of one channel."""

    exact: Mapping[str, str] = {}
    """Every name, with the model meant."""
    folded: Mapping[str, str] = {}
    """By each name in small letters, how it is written; empty where case counts."""

    def model(self, name: str) -> str:
        """The channel's own name of a model; empty where it knows none of this name."""
        return self.exact.get(name) or self.exact.get(self.spelled(name), "")

    def spelled(self, name: str) -> str:
        """A known name as it is written here; empty where none differs from it in case only."""
        return self.folded.get(name.casefold(), "") if self.folded else ""


def names_of(models: Iterable[str], aliases: Mapping[str, str], trim: Iterable[str], *, any_case: bool) -> Names:
    """The names of a channel with these models and aliases, those of some vendors also without the vendor."""
    own = tuple(models)
    exact = {model: model for model in own}
    for name, model in aliases.items():
        exact.setdefault(name, model)
    for vendor in trim:
        for model in own:
            if model.startswith(f"{vendor}/") and (rest := model.removeprefix(f"{vendor}/")):
                exact.setdefault(rest, model)
    folded: dict[str, str] = {}
    for name in exact if any_case else ():
        folded.setdefault(name.casefold(), name)
    return Names(exact, folded)


def listed_in(names: Names, listed: Listed) -> Iterator[str]:
    """The names that appear in lists of models."""
    for name, model in names.exact.items():
        if listed == "all" or listed == ("models" if name == model else "aliases"):
            yield name
