"""Which changes of a channel lead its secrets elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.providers.base import SECRET_OPTIONS, Provider
from dragoman.shapes.channel import ChannelTable

LEADING = ("private", "provider", "base_url", "proxy", "ca_bundle")
"""Members that decide where it leads, or who may claim to stand there."""
MILD = frozenset({"addendum", "api", "api_version"})
"""Options of all rows that change what is said, and not to whom."""


def moved(before: ChannelTable, after: ChannelTable, rows: Mapping[str, Provider]) -> tuple[str, ...]:
    """What of a change leads elsewhere. An option does unless it is known to be a member of the body or a habit, so
    that one which is forgotten here is asked for too often, and never too seldom."""
    row = rows.get(after.provider)
    mild = {*SECRET_OPTIONS, *MILD, *(row.body_options if row else ()), *(row.habit_options if row else ())}
    options = sorted(name for name in before.options.keys() | after.options.keys() if name not in mild)
    return (
        *(name for name in LEADING if getattr(before, name) != getattr(after, name)),
        *(f"options.{name}" for name in options if before.options.get(name) != after.options.get(name)),
    )
