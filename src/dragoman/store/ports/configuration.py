"""What the gateway works with: channels, profiles, projects, keys, prices and settings, under one version."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Raw, Struct

from dragoman.shapes.access import KeyTable, ProjectTable, RoleTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import SsoTable
from dragoman.store.ports.audit import Actor

S = TypeVar("S")
State = Literal["enabled", "disabled", "archived"]


class Row(Struct, Generic[S], frozen=True, kw_only=True, omit_defaults=True):
    """One configured thing."""

    id: str
    spec: S
    """Its description, with its name. Where a secret belongs, `sealed:` stands, with the last four characters."""
    state: State
    revision: int
    """Counts its changes; whoever changes it tells which one he saw."""
    created_ms: int
    updated_ms: int
    fault: str = ""
    """Why this version cannot read the description, which then stands as it was stored; empty: it can."""


class RowChange(Struct, Generic[S], frozen=True, kw_only=True):
    """What is to become of one row; what is None stays."""

    id: str
    revision: int
    """The one that was seen."""
    spec: S | None = None
    state: State | None = None
    remove: bool = False
    force: bool = False
    """Whether it is archived, renamed or removed though something names it."""


class Shelf(Protocol[S]):
    """All configured things of one kind. Names are unique among those that are not archived."""

    async def all(self, *, archived: bool = False) -> tuple[Row[S], ...]:
        """Every row that can be read, by name; archived ones only if wished."""

    async def unread(self) -> tuple[Row[Raw], ...]:
        """The rows whose description this version cannot read, each with its `fault`; archived ones, too. They can be
        removed, be given another state, or be written anew."""

    async def get(self, row_id: str) -> Row[S]:
        """One row. Trouble: missing, damaged."""

    async def add(self, by: Actor, spec: S, *, state: State = "enabled") -> Row[S]:
        """A new row. Trouble: taken."""

    async def change(
        self,
        by: Actor,
        row_id: str,
        revision: int,
        *,
        spec: S | None = None,
        state: State | None = None,
        force: bool = False,
    ) -> Row[S]:
        """The row with what is not None replaced; a secret left as `sealed:…` is kept.

        Trouble: missing, stale, taken, and in_use for one that is archived or renamed without `force`.
        """

    async def remove(self, by: Actor, row_id: str, revision: int, *, force: bool = False) -> None:
        """The row is gone, and its secrets are. What the ledger says of it stays. Trouble: missing, stale, and in_use
        without `force`."""

    async def change_all(self, by: Actor, changes: Sequence[RowChange[S]]) -> tuple[Row[S], ...]:
        """All of them at once, each with its entry in the log, or none; the rows that are left. Trouble: as for one."""

    async def copy(self, by: Actor, row_id: str, name: str, *, secrets: bool) -> Row[S]:
        """The same thing under another name, disabled; without its secrets, unless they are wished. Trouble: missing,
        taken."""


class Setting(Struct, frozen=True, forbid_unknown_fields=True):
    """One value of `system_settings`, or another small thing that is configured as JSON."""

    name: str
    value: Raw


class StoredKey(Struct, frozen=True, kw_only=True):
    """An API key as it is remembered: its secret cannot be had from it."""

    id: str
    public_id: str
    """The readable part of the key itself."""
    digest: bytes
    """HMAC-SHA-256 of the whole key under the pepper."""
    spec: KeyTable
    state: State
    expires_ms: int | None
    revision: int
    created_ms: int
    updated_ms: int


class Minted(Struct, frozen=True):
    """A new API key; the only time that its text is seen."""

    text: str
    key: StoredKey


class Keys(Protocol):
    """The API keys."""

    async def all(self, *, archived: bool = False) -> tuple[StoredKey, ...]:
        """Every key that can be read, by name."""

    async def unread(self) -> tuple[Row[Raw], ...]:
        """The keys whose description this version cannot read, as `Shelf.unread`."""

    async def get(self, row_id: str) -> StoredKey:
        """One key. Trouble: missing, damaged."""

    async def add(self, by: Actor, spec: KeyTable, *, expires_ms: int | None = None) -> Minted:
        """A new key. Trouble: taken."""

    async def change(
        self,
        by: Actor,
        row_id: str,
        revision: int,
        *,
        spec: KeyTable | None = None,
        state: State | None = None,
        expires_ms: int | None = None,
    ) -> StoredKey:
        """The key with what is not None replaced; 0 takes the expiry away. Trouble: missing, stale, taken."""

    async def rotate(self, by: Actor, row_id: str, revision: int) -> Minted:
        """The same key with a new text; the old text opens nothing from then on. Trouble: missing, stale."""


class Configured(Struct, frozen=True, kw_only=True):
    """The whole configuration at one version. Specs of channels hold their secrets here: never log it."""

    version: int
    channels: tuple[Row[ChannelTable], ...]
    profiles: tuple[Row[ProfileTable], ...]
    projects: tuple[Row[ProjectTable], ...]
    keys: tuple[StoredKey, ...]
    models: tuple[Row[ModelTable], ...] = ()
    overrides: tuple[Row[OverrideTable], ...] = ()
    prices: tuple[Row[Setting], ...]
    settings: Mapping[str, Raw]
    sso: tuple[Row[SsoTable], ...] = ()
    owners: frozenset[str] = frozenset()
    """Logins of the enabled users: a key that belongs to anybody else is off."""
    unread: Mapping[str, tuple[Row[Raw], ...]] = {}
    """By kind, the rows that this version cannot read: whatever depends on one stays closed."""


class Configuration(Protocol):
    """What the gateway works with."""

    @property
    def channels(self) -> Shelf[ChannelTable]:
        """The upstream accounts."""

    @property
    def overrides(self) -> Shelf[OverrideTable]:
        """The named sets of changes that channels take."""

    @property
    def profiles(self) -> Shelf[ProfileTable]:
        """The rules of routing."""

    @property
    def projects(self) -> Shelf[ProjectTable]:
        """The groups of keys."""

    @property
    def models(self) -> Shelf[ModelTable]:
        """What is known of models."""

    @property
    def prices(self) -> Shelf[Setting]:
        """Own rows of the price book."""

    @property
    def settings(self) -> Shelf[Setting]:
        """What is set for the whole gateway."""

    @property
    def sso(self) -> Shelf[SsoTable]:
        """The identity providers that people may sign in by."""

    @property
    def roles(self) -> Shelf[RoleTable]:
        """Roles of one's own."""

    @property
    def keys(self) -> Keys:
        """The API keys."""

    async def version(self) -> int:
        """Rises with every change, whichever replica made it."""

    async def load(self) -> Configured:
        """Everything that is not archived, as of one moment."""

    def watch(self, every_s: float = 1.0) -> AsyncIterator[int]:
        """The version now, and again whenever it has changed: at once for changes made here, else within `every_s`.
        While the store is away nothing comes."""

    def look(self) -> None:
        """`watch` looks at once, for another replica has told of a change."""

    def pepper(self) -> bytes:
        """What digests of keys and tokens are made with."""
