"""One request on its way to one model, which quirks change until the model can take it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.request import Loss, Request


class Wish(Struct, frozen=True, kw_only=True):
    """One request on its way to one model, and how it will be said."""

    request: Request
    habits: Habits
    model: str
    """The upstream's name of the model."""
    dialect: str = ""
    """The provider's."""
    losses: tuple[Loss, ...] = ()

    @property
    def name(self) -> str:
        """The model's name in lower case, without an aggregator's prefix."""
        return self.model.lower().rpartition("/")[2]

    def is_one_of(self, *patterns: str) -> bool:
        """Whether the model's name matches one of these patterns (`*` stands for anything)."""
        return _is_one_of(self.name, patterns)

    def with_habits(self, **changes: Any) -> Wish:
        """The same wish, said another way."""
        return replace(self, habits=replace(self.habits, **changes))

    def changed(self, losses: Iterable[Loss], **changes: Any) -> Wish:
        """Another wish, since this one cannot be met."""
        return replace(self, request=replace(self.request, **changes), losses=(*self.losses, *losses))

    def without_sampling(self, names: Iterable[str], why: str) -> Wish:
        """The wish without these sampling parameters, each of those given recorded as a loss."""
        sampling = self.request.sampling
        given = [name for name in names if getattr(sampling, name) is not None]
        if not given:
            return self
        kept = replace(sampling, **dict.fromkeys(given))
        return self.changed([Loss(name, why, "dropped") for name in given], sampling=kept)


@lru_cache(maxsize=4096)
def _is_one_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


Quirk: TypeAlias = Callable[[Wish], Wish]
"""Gives the wish as one vendor can take it; the very same wish where that asks nothing."""

SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
"""The sampling parameters that are refused together."""
