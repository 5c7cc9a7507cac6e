"""What the admin API needs of the running gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dragoman.ledger.book import PriceBook
from dragoman.relay.probe import Finding
from dragoman.routing.key import Key
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.routing.shape import ChannelTable, ProfileTable
from dragoman.routing.snapshot import Snapshot
from dragoman.store.ports import Configured, Store


class Desk(Protocol):
    """The running gateway, as whoever manages it sees it."""

    @property
    def store(self) -> Store | None:
        """What is remembered; None while it is not open."""

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""

    @property
    def configured(self) -> Configured | None:
        """What the database adds to it; None before it was read. Channels hold their secrets."""

    @property
    def prices(self) -> PriceBook:
        """What is charged now."""

    def now_ms(self) -> int:
        """Unix time."""

    def key_of(self, text: str) -> Key | None:
        """The API key of this text; None where it is none of ours."""

    def faults_of_channel(self, table: ChannelTable) -> Sequence[str]:
        """What keeps this channel from being used, in words; nothing: it can be."""

    def faults_of_profile(self, table: ProfileTable) -> Sequence[str]:
        """The same for a profile."""

    def plan(self, ask: Ask) -> Plan | Refused:
        """Where a request would go, and why; nothing is sent or learned."""

    async def probe(self, channel: str, model: str) -> Finding:
        """A real small call on a channel. Raises `KeyError` where there is none of that name."""
