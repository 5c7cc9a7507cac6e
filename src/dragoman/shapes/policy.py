"""How stubbornly the gateway tries, and how soon it lets a channel rest: numbers that may be set within sane bounds.

The budgets of `routing.retries` are in force whatever stands here: numbers that are too high cannot bury an upstream.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class RetryPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`retry` of the settings"""

    enabled: bool = True
    """Whether anything is tried again at all."""
    attempts: Annotated[int, Meta(ge=1, le=6)] = 3
    """Attempts of one request at most, on all channels together."""
    same_channel: Annotated[int, Meta(ge=0, le=2)] = 1
    """How often the same target is asked again where no other is left."""
    pause_ms: Annotated[int, Meta(ge=50, le=10_000)] = 500
    """Pause before that, less up to a quarter; doubled for the second time."""
    within_s: Annotated[int, Meta(ge=1, le=300)] = 110
    """No attempt starts later than this after the request came."""

    @property
    def most(self) -> int:
        """Attempts that are made at most."""
        return self.attempts if self.enabled else 1


class BreakerPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`breaker` of the settings"""

    failures: Annotated[int, Meta(ge=2, le=50)] = 5
    """Faults in a row that put a model of a channel to rest."""
    connecting: Annotated[int, Meta(ge=1, le=50)] = 3
    """The same where none of them even connected."""
    share: Annotated[float, Meta(ge=0.05, le=1.0)] = 0.3
    """Share of failing attempts of half a minute that does."""
    least: Annotated[int, Meta(ge=5, le=1000)] = 10
    """Attempts that must have been seen for that."""
    rest_s: Annotated[float, Meta(ge=1, le=60)] = 5.0
    """First rest after faults that pass by themselves; each further one is twice as long."""
    longest_s: Annotated[float, Meta(ge=1, le=600)] = 25.0
    """Longest of those rests."""
    successes: Annotated[int, Meta(ge=1, le=10)] = 2
    """Successes that make it well again."""


USUAL_RETRY = RetryPolicy()
USUAL_BREAKER = BreakerPolicy()
