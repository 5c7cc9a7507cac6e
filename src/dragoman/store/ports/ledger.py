"""What happened, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from dragoman.ledger.exchange import Exchange


class Search(Struct, frozen=True, kw_only=True):
    """Which exchanges are meant. What is None is not asked; `until_ms` itself is not within."""

    since_ms: int | None = None
    until_ms: int | None = None
    key_id: str | None = None
    project: str | None = None
    session: str | None = None
    trace: str | None = None
    channel: str | None = None
    """Of the last attempt."""
    model: str | None = None
    """Of the last attempt."""
    problem: str | None = None
    """A kind of problem; `any` for all that went wrong."""
    running: bool | None = None
    source: str | None = None
    """Who asked, as `Exchange.source`."""


class Page(Struct, frozen=True):
    """Some exchanges, newest first."""

    exchanges: tuple[Exchange, ...]
    next: str | None
    """Where the next page begins; None after the last."""


Grouping = Literal["day", "key_id", "project", "channel", "model", "currency"]


class Total(Struct, frozen=True, kw_only=True):
    """Sums over exchanges that have ended. A column that was not grouped by is empty."""

    day: str = ""
    """UTC, as `2026-11-20`; an exchange belongs to the day that it started on."""
    key_id: str = ""
    project: str = ""
    channel: str = ""
    model: str = ""
    currency: str = ""
    exchanges: int = 0
    attempts: int = 0
    failures: int = 0
    """Exchanges that told their client of a problem."""
    estimates: int = 0
    """Attempts whose counts are not the provider's word."""
    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    thinking: int = 0
    cost_nano: int = 0
    overhead_tokens: int = 0
    overhead_nano: int = 0
    """What no client pays for of tokens and cost: attempts that were lost, tests, counts."""

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h + self.output


SPENDING_DAYS = 40
"""Days for which it is known when something was spent."""


class Payer(Struct, frozen=True):
    """Whose budgets they are."""

    kind: Literal["key", "user", "project", "channel"]
    name: str
    """Of a key, its id; of a user, the login."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class Spent(Struct, frozen=True, kw_only=True):
    """What was used for budgets to count, since some moment or in one step from there."""

    start_ms: int = 0
    requests: int = 0
    """Of a channel, the attempts at it."""
    tokens: int = 0
    cost_nano: Mapping[str, int]
    """By currency."""


class Body(Struct, frozen=True, kw_only=True):
    """The content of one side of an exchange or of one of its attempts."""

    exchange_id: str
    n: int
    """The attempt; 0 for what the client sent and got."""
    kind: Literal["request", "reply"]
    content: bytes
    expires_ms: int


class Purged(Struct, frozen=True):
    """How much was forgotten."""

    bodies: int
    exchanges: int


class Ledger(Protocol):
    """What happened, and what it cost."""

    async def put(self, exchanges: Sequence[Exchange]) -> int:
        """Remembers exchanges, running ones and such that have ended, in one transaction; how many of them are now
        known to have ended that were not before. In whatever order and however often they are put: what has ended
        stays as it ended first, and is counted once. Trouble: away; then nothing of them was remembered."""

    async def get(self, exchange_id: str) -> Exchange:
        """One exchange. Trouble: missing."""

    async def find(self, search: Search, *, limit: int = 50, after: str | None = None) -> Page:
        """Exchanges, newest first; `after` is `next` of the page before."""

    async def totals(self, search: Search, by: Sequence[Grouping]) -> tuple[Total, ...]:
        """Sums by whole days: those between `since_ms` and `until_ms`, and of key, project, channel and model."""

    async def spent(
        self, payer: Payer, since_ms: int, *, step_ms: int = 0, models: Sequence[str] = ()
    ) -> tuple[Spent, ...]:
        """What was used in exchanges started since then, and in nothing that has not ended: by steps of a multiple of
        five minutes, or in one sum. Clients' budgets do not count what they do not pay for, a channel's count it all.
        `models` are patterns of what clients asked for; of a channel, of what the channel was asked for.

        `since_ms` is taken to the five minutes it falls into. What is older than `SPENDING_DAYS` is known only as of
        the beginning of time."""

    async def put_bodies(self, bodies: Sequence[Body]) -> None:
        """Remembers contents, compressed and sealed. One that is known already stays as it is."""

    async def bodies(self, exchange_id: str) -> tuple[Body, ...]:
        """The contents of an exchange that are still kept."""

    async def purge(self, now_ms: int, *, exchanges_before_ms: int | None = None) -> Purged:
        """Forgets expired contents without leaving a byte of them, and exchanges older than that where given; totals
        stay. Works in small steps, so that nobody waits for it."""
