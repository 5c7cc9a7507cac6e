"""How channels are described.

`docs/configuration.md` says what each key means. `dragoman.toml`, the database, what is exported and the admin
API share the tables of this room, and so have one way of checking them. None stands for absent where the default is
not the table's own business.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dragoman.canon.models import Sort
from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.changes import BodyOperations, HeaderOperations
from dragoman.shapes.fields import Count, Listed, Note, PlainName, Rank, Seconds, Share, Vendor, Wire, Word


class TimeoutsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`timeouts` of a channel"""

    connect: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None


class CardTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `cards` of a channel"""

    name: Word
    type: Sort | None = None
    context: Count | None = None
    max_output: Count | None = None


class LimitsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`limits` of a channel; each of several keys has its own"""

    simultaneous: Count | None = None
    rpm: Count | None = None
    """Requests a minute."""
    tpm: Count | None = None
    """Tokens a minute, prompt and output."""
    queue: Count | None = None
    """Requests that may wait for a place; more go elsewhere."""
    queue_s: Seconds | None = None


class RestTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `rests` of a channel: so many answers of this status in a row put it to rest"""

    status: Annotated[int, Meta(ge=400, le=599)]
    times: Count = 1
    minutes: Seconds = 10.0


class RetryTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `retry` of a channel: failures that are worth another attempt, whatever they mean elsewhere"""

    status: Annotated[int, Meta(ge=400, le=599)] | None = None
    text: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Words of the upstream's, in large or small letters, `*` standing for any."""


class SyncTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sync` of a channel: its provider is asked for its models, which join those written by hand"""

    pattern: str = ""
    """A regular expression that a name must match whole; empty: all are taken."""
    hours: Annotated[float, Meta(ge=1, le=366 * 24)] = 24.0


class ChannelTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[channels]]`"""

    name: PlainName
    provider: Word
    enabled: bool = True
    api_key: str = ""
    api_keys: tuple[str, ...] = ()
    """Several keys of one kind of account, instead of `api_key`."""
    base_url: Word | None = None
    private: bool = False
    """Whether a channel of the database may lead into a private network, or by plain HTTP. An admin's word."""
    models: tuple[Word, ...] = ()
    sync: SyncTable | None = None
    aliases: dict[str, Word] = {}
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")] | None = None
    trim: tuple[Vendor, ...] = ()
    any_case: bool = False
    listed: Listed = "all"
    tags: tuple[Word, ...] = ()
    cards: tuple[CardTable, ...] = ()
    priority: Rank = 0
    weight: Share = 1.0
    timeouts: TimeoutsTable = TimeoutsTable()
    headers: dict[str, str] = {}
    proxy: Word | None = None
    """`environment`, `none`, the name of one of the gateway's proxies, or an address."""
    ca_bundle: Word | None = None
    """Authorities it trusts beside the system's; a path only in the file."""
    keepalive: bool = True
    max_output: Count | None = None
    options: dict[str, str | bool | int | float] = {}
    limits: LimitsTable = LimitsTable()
    budgets: tuple[BudgetTable, ...] = ()
    """What may be spent on it; beyond that it is passed over."""
    rests: tuple[RestTable, ...] = ()
    retry: tuple[RetryTable, ...] = ()
    body: BodyOperations = ()
    header: HeaderOperations = ()
    overrides: tuple[PlainName, ...] = ()
    """Names of sets of changes, done in this order before its own."""
    stream: Wire = "any"
    """Whether it is asked to stream: as the client wishes, always, or never."""
    client_headers: tuple[Word, ...] = ()
    """Names of the client's headers that travel on to it."""
    test_model: Word | None = None
    """The model that it is tried with."""
    note: Note = ""
