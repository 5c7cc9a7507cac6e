"""What the admin API needs of the running gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from dragoman.ledger.book import PriceBook
from dragoman.net.call import Answer, Call
from dragoman.providers.headroom import Room
from dragoman.relay.probe import Finding, Test
from dragoman.relay.standing import Standing
from dragoman.routing.key import Key
from dragoman.routing.load import Load
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.shapes.access import ProjectTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import Sso
from dragoman.shapes.tuning import TuningTable
from dragoman.store.ports import Configured, Store


class Ailment(Struct, frozen=True, kw_only=True):
    """What is remembered against a channel in one scope: its host, its credential or one model."""

    scope: str
    is_open: bool
    """Whether it rests, or is tried by one request at a time."""
    kind: str
    """Kind of the last problem."""
    faults: int
    """In a row."""
    until_ms: int | None
    """When it is tried again (Unix time); None where it is not open."""
    is_limit: bool
    """Whether it is a limit of the provider's and no fault."""
    told: bool
    """Whether that moment is the provider's own word."""


USUAL = "default"
"""Source of what nobody has set."""


class Fixed(Struct, frozen=True, kw_only=True):
    """A value that is set where the API cannot change it."""

    name: str
    value: object
    """A secret is only told to be there."""
    source: str
    """As `dragoman.toml: server.port`, or `default`."""


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

    @property
    def fixed(self) -> Sequence[Fixed]:
        """What file, environment and flags say of the whole gateway."""

    @property
    def tuning(self) -> TuningTable:
        """What is in force of what may be set."""

    @property
    def usual(self) -> TuningTable:
        """What is in force where the database says nothing."""

    @property
    def sso(self) -> Sequence[Sso]:
        """The identity providers that people may sign in by now."""

    async def send(self, call: Call) -> Answer:
        """The answer of somebody elsewhere, once its headers have come. Raises `Trouble`."""

    def now_ms(self) -> int:
        """Unix time."""

    def key_of(self, text: str) -> Key | None:
        """The API key of this text; None where it is none of ours."""

    def faults_of_channel(self, table: ChannelTable, coming: Sequence[OverrideTable] = ()) -> Sequence[str]:
        """What keeps this channel from being used, in words; nothing: it can be. `coming` are sets of changes that will
        be there when it is."""

    def remarks_on_channel(self, table: ChannelTable) -> Sequence[str]:
        """What does not keep it from being used, but is hardly meant, as that it is called without a key."""

    def faults_of_overrides(self, table: OverrideTable) -> Sequence[str]:
        """The same for a set of changes."""

    def moved(self, before: ChannelTable, after: ChannelTable) -> Sequence[str]:
        """What of a change leads a channel elsewhere."""

    def faults_of_profile(
        self, table: ProfileTable, channels: Sequence[ChannelTable] = (), profiles: Sequence[ProfileTable] = ()
    ) -> Sequence[str]:
        """The same for a profile; `channels` and `profiles` come along with it."""

    def faults_of_project(self, table: ProjectTable, channels: Sequence[ChannelTable] = ()) -> Sequence[str]:
        """The same for a project."""

    def plan(self, ask: Ask) -> Plan | Refused:
        """Where a request would go, and why; nothing is sent or learned."""

    async def probe(self, channel: Channel, model: str, test: Test) -> Finding:
        """A real small call on a channel; nothing is learned from it."""

    async def models(self, channel: Channel) -> tuple[str, ...]:
        """The models that its provider lists. Raises `Trouble`."""

    def health(self, channel: Channel) -> Sequence[Ailment]:
        """What is remembered against a channel."""

    def loads(self, channel: Channel) -> Mapping[str, Load]:
        """How busy and quick it is, by model; only of targets that a strategy compares by that."""

    def standing(self, channel: Channel) -> Standing | None:
        """What its provider has told of its account; None where nobody asks."""

    def rooms(self, channel: Channel) -> Mapping[str, Room]:
        """What is left of the limits that its provider tells with answers, by model."""

    def heal(self, channel: Channel) -> None:
        """Forgets what is remembered against a channel: whoever mended it need not wait."""
