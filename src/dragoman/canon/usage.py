"""Token counts that never overlap, whatever the provider's way of counting."""

from __future__ import annotations

from msgspec import Struct

COUNTS = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking"),
    *("input_audio", "input_image", "output_audio", "output_image"),
)

MOST = 2**53 - 1
"""Largest count that is believed; it is exact in every JSON reader and fits a database's integer."""


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of one reply; None where nothing was said. Disjoint, but for what is within `input` or `output`: thinking,
    sounds and pictures."""

    input: int | None = None
    """Prompt tokens that were neither read from nor written to a cache."""
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    """All tokens generated, thinking included."""
    thinking: int | None = None
    input_audio: int | None = None
    input_image: int | None = None
    """Of sounds and pictures, within `input`, where the provider told them apart."""
    output_audio: int | None = None
    output_image: int | None = None
    """The same within `output`."""
    exact: bool = True
    """False when any count is our estimate and not the provider's word."""

    @property
    def prompt(self) -> int:
        """All prompt tokens, cached or not."""
        return (self.input or 0) + (self.cache_read or 0) + (self.cache_write_5m or 0) + (self.cache_write_1h or 0)


NOTHING_SAID = Usage()


def merge(earlier: Usage, later: Usage) -> Usage:
    """The later word on each count, the earlier one where the later is silent. Providers report cumulatively."""
    if earlier is NOTHING_SAID:
        return later
    counts = {name: getattr(earlier, name) if getattr(later, name) is None else getattr(later, name) for name in COUNTS}
    return Usage(**counts, exact=earlier.exact and later.exact)


def count(value: object) -> int | None:
    """A provider's count as a whole number from 0 up to `MOST`; None for all else (strings, negatives, booleans)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MOST else None
