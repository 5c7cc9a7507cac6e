"""Time zones by the names that operators write, as `Europe/Moscow`."""

from __future__ import annotations

from zoneinfo import ZoneInfo


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone of this name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def fault_of_zone(name: str) -> str:
    """What is wrong with a name, in a sentence without its full stop; empty where there is such a zone."""
    return "" if zone_named(name) else f"There is no time zone '{name}'; write it as Europe/Moscow, or UTC"
