"""What channel tests have found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

KEPT = 100
"""Findings that are kept of each channel; the oldest go first."""


class Tried(Struct, frozen=True, kw_only=True):
    """What one call of a channel test found, without the upstream's words."""

    at_ms: int
    by: str
    """Who tried it, by login; empty for the machine's owner."""
    test: str
    """`text`, `stream`, `tool` or `image`."""
    account: str
    """The channel, and which of its keys."""
    model: str
    ok: bool
    problem: str
    """Kind of the problem; empty if there was none."""
    status: int
    """HTTP status of the upstream's answer; 0 where none came."""
    took_ms: int


class Trials(Protocol):
    """The findings of all channels."""

    async def add(self, channel: str, found: Sequence[Tried]) -> None:
        """Keeps what a test found; of each channel the last `KEPT` stay."""

    async def of(self, channel: str) -> tuple[Tried, ...]:
        """What is kept of a channel, by its name, the latest first."""
