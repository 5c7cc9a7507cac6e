"""How channels and profiles are described: every key, its type and its limits.

`docs/configuration.md` says what each key means. `dragoman.toml`, the database, what is exported and the admin
API share these tables, and so have one way of checking them. None stands for absent where the default is not the
table's own business.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from dragoman.routing.snapshot import Strategy

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0)]
Word = Annotated[str, Meta(min_length=1)]
ChannelName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""No slash, since `channel/model` names a channel; nothing that could not stand in a header."""


class TimeoutsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`timeouts` of a channel"""

    connect: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None


class CardTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `cards` of a channel"""

    name: Word
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


class BodyOperationTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `body` of a channel: a change of the bodies it is sent"""

    op: Literal["set", "default", "delete", "rename", "copy", "append", "prepend"]
    path: Word
    """Members joined by dots, places in lists as numbers: `messages.0.content`; `*` stands for every place."""
    value: Any = None
    to: Word | None = None
    """The path that `rename` and `copy` write."""


class HeaderOperationTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `header` of a channel: a change of the headers it is sent"""

    op: Literal["set", "delete", "rename", "copy"]
    name: Word
    value: str = ""
    to: Word | None = None


class SyncTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sync` of a channel: its provider is asked for its models, which join those written by hand"""

    pattern: str = ""
    """A regular expression that a name must match whole; empty: all are taken."""
    hours: Annotated[float, Meta(ge=1)] = 24.0


class ChannelTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[channels]]`"""

    name: ChannelName
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
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    tags: tuple[Word, ...] = ()
    cards: tuple[CardTable, ...] = ()
    priority: int = 0
    weight: Share = 1.0
    timeouts: TimeoutsTable = TimeoutsTable()
    headers: dict[str, str] = {}
    proxy: Word | None = None
    max_output: Count | None = None
    options: dict[str, str | bool | int | float] = {}
    limits: LimitsTable = LimitsTable()
    rests: tuple[RestTable, ...] = ()
    body: tuple[BodyOperationTable, ...] = ()
    header: tuple[HeaderOperationTable, ...] = ()


class TargetTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `targets` of a rule"""

    channel: Word | None = None
    tag: Word | None = None
    model: Word
    weight: Share | None = None
    effort: Word | None = None
    max_output: Count | None = None
    addendum: str = ""


class WhenTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`when` of a rule"""

    doors: tuple[Word, ...] = ()
    agents: tuple[Literal["main", "subagent", "background"], ...] = ()
    min_tokens: Count | None = None
    max_tokens: Count | None = None
    images: bool | None = None
    documents: bool | None = None
    tools: bool | None = None
    thinking: bool | None = None
    stream: bool | None = None
    hours: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")] | None = None
    """As `22:00-06:00`; it may go over midnight."""
    zone: Word = "UTC"
    """The time zone of `hours`, as `Europe/Moscow`."""
    headers: dict[str, str] = {}
    """By name, a regular expression to be found in the client's header."""


class RuleTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `rules` of a profile"""

    model: Word | None = None
    pattern: str | None = None
    when: WhenTable | None = None
    targets: tuple[TargetTable, ...] = ()
    strategy: Strategy | None = None
    message: str = ""


class ProfileTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[profiles]]`"""

    name: Word
    rules: tuple[RuleTable, ...] = ()
    strategy: Strategy | None = None
    channels: tuple[Word, ...] = ()
    """Names or tags of the channels it may use; none: all."""


class TuningTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be set for the whole gateway while it runs; None where nothing is said"""

    bodies_days: Annotated[int, Meta(ge=0, le=3650)] | None = None
    """Days that requests and answers are kept; 0: not at all, but for keys that say so."""
    exchanges_days: Annotated[int, Meta(ge=1, le=36500)] | None = None
    """Days that exchanges are kept; sums by day stay for ever."""
    strategy: Strategy | None = None
    """How channels are put in order where neither a rule nor a profile says it."""


class ProjectTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of API keys"""

    name: Word
    note: str = ""


class KeyLimitsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`limits` of an API key"""

    rpm: Count | None = None
    tpm: Count | None = None
    simultaneous: Count | None = None


Window = Literal["minute", "hour", "day", "week", "month", "total"]
"""Calendar periods in UTC; a week begins on Monday."""


class BudgetTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `budgets` of an API key; a request must fit into all of them"""

    window: Window
    requests: Count | None = None
    tokens: Count | None = None
    money: Annotated[str, Meta(pattern=r"^\d{1,9}(\.\d{1,9})?$")] | None = None
    """A decimal in `currency`, never a float: sums of floats drift."""
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "USD"


class KeyTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API key, but for its secret"""

    name: Word
    project: str = ""
    """Name of a project; empty: none."""
    profiles: tuple[Word, ...] = ()
    """Names of the profiles it may be switched to."""
    profile: str = ""
    """Name of the one in force; empty: the default one."""
    models: tuple[Word, ...] = ()
    """Names that may be asked for, `*` standing for any characters; none: all."""
    doors: tuple[Word, ...] = ()
    """Dialects that may be spoken; none: all."""
    addresses: tuple[Word, ...] = ()
    """Networks in CIDR form that it may be used from; none: all."""
    limits: KeyLimitsTable = KeyLimitsTable()
    budgets: tuple[BudgetTable, ...] = ()
    keep_bodies: bool | None = None
    """Whether the content of its requests and answers is kept; None: as the gateway does."""
