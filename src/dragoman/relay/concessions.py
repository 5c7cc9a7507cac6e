"""What an upstream has refused by name, and how it is spared that from then on.

Rule. What was refused of a request that was written anew says nothing of a client's own words, which may be right; and
the other way round. So each kind of request learns for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.dialects.base import Dialect

PUBLISHED = Habits()
"""What a dialect's published form is."""


class Conceded(NamedTuple):
    """What one target has refused, as `Dialect.concessions` names it."""

    anew: frozenset[str] = frozenset()
    """Of requests that were written anew."""
    verbatim: frozenset[str] = frozenset()
    """Of those in the client's own words."""

    def having(self, param: str, *, verbatim: bool) -> Conceded:
        """With this, too."""
        if verbatim:
            return self._replace(verbatim=self.verbatim | {param})
        return self._replace(anew=self.anew | {param})


NOTHING_CONCEDED = Conceded()


def concession(upstream: Dialect, habits: Habits, param: str | None) -> Mapping[str, object]:
    """The habits that may mend a refusal; none where a row, a quirk or a channel has set them otherwise already."""
    offered = upstream.concessions.get(param or "", {})
    return {name: value for name, value in offered.items() if getattr(habits, name) == getattr(PUBLISHED, name)}


def conceding(upstream: Dialect, habits: Habits, refused: frozenset[str]) -> Habits:
    """The habits with all that was refused conceded."""
    for param in sorted(refused):
        habits = replace(habits, **concession(upstream, habits, param))
    return habits
