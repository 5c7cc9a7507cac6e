"""Which channels somebody may use: by names and tags that they must have, all of them, or none of them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from msgspec import Struct

from dragoman.canon.wildcards import fits_any


class Bounds(Struct, frozen=True, kw_only=True):
    """Names, names with `*`, or tags. What is not said is not asked."""

    any: frozenset[str] = frozenset()
    """It is or has one of these."""
    all: frozenset[str] = frozenset()
    """It has each of these tags."""
    none: frozenset[str] = frozenset()
    """It neither is nor has any of these."""

    def breach(self, name: str, tags: AbstractSet[str]) -> str:
        """What keeps a channel of this name and these tags out, in words; empty where it may be used."""
        if self.any and not _is_one(name, tags, self.any):
            return "it is none of the channels that may be used"
        if not self.all <= tags:
            return f"it lacks the tag '{min(self.all - tags)}'"
        if self.none and _is_one(name, tags, self.none):
            return "it is excluded"
        return ""


def _is_one(name: str, tags: AbstractSet[str], words: frozenset[str]) -> bool:
    return not words.isdisjoint(tags) or fits_any(name, words)
