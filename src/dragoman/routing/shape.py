"""How channels and profiles are described: every key, its type and its limits.

`docs/configuration.md` says what each key means. `dragoman.toml`, the database, what is exported and the admin
API share these tables, and so have one way of checking them. None stands for absent where the default is not the
table's own business.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from dragoman.canon.models import Medium, Sort
from dragoman.routing.budget import BudgetTable
from dragoman.routing.changes import BodyOperations, HeaderOperations, SetName
from dragoman.routing.names import Listed
from dragoman.routing.policy import BreakerPolicy, RetryPolicy
from dragoman.routing.profile import Strategy
from dragoman.routing.rule_shape import BoundsTable as BoundsTable
from dragoman.routing.rule_shape import Channels, Count, RefusalTable, Share
from dragoman.routing.rule_shape import RuleTable as RuleTable
from dragoman.routing.rule_shape import TargetTable as TargetTable
from dragoman.routing.rule_shape import WhenTable as WhenTable
from dragoman.routing.rule_shape import Word as Word
from dragoman.routing.snapshot import UpstreamErrors, Wire
from dragoman.routing.spare import BalanceUse

Seconds = Annotated[float, Meta(gt=0)]
ChannelName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""No slash, since `channel/model` names a channel; nothing that could not stand in a header."""
Note = Annotated[str, Meta(max_length=2000)]
"""Words for people."""


Vendor = Annotated[str, Meta(pattern=r"^[^/\s]+(/[^/\s]+)*$", max_length=200)]
"""What stands before a slash in front of a model's name."""
Day = Annotated[str, Meta(pattern=r"^(\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?)?$")]
"""A day, a month or a year, as `2026-11-20`."""


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
    trim: tuple[Vendor, ...] = ()
    any_case: bool = False
    listed: Listed = "all"
    tags: tuple[Word, ...] = ()
    cards: tuple[CardTable, ...] = ()
    priority: int = 0
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
    overrides: tuple[SetName, ...] = ()
    """Names of sets of changes, done in this order before its own."""
    stream: Wire = "any"
    """Whether it is asked to stream: as the client wishes, always, or never."""
    client_headers: tuple[Word, ...] = ()
    """Names of the client's headers that travel on to it."""
    test_model: Word | None = None
    """The model that it is tried with."""
    note: Note = ""


class ModelTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[models]]`: what is known of a model, for whoever chooses one and for routing"""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    """A provider's name of a model, one that clients ask for, or a pattern with `*`; letter case aside."""
    title: Annotated[str, Meta(max_length=200)] = ""
    developer: Annotated[str, Meta(max_length=200)] = ""
    group: Annotated[str, Meta(max_length=200)] = ""
    icon: Annotated[str, Meta(max_length=2000)] = ""
    type: Sort | None = None
    context: Count | None = None
    max_output: Count | None = None
    takes: tuple[Medium, ...] = ()
    gives: tuple[Medium, ...] = ()
    reasoning: bool | None = None
    tools: bool | None = None
    knowledge: Day = ""
    released: Day = ""


class ProfileTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[profiles]]`"""

    name: Word
    note: Note = ""
    extends: Word | None = None
    """Name of a profile whose rules are read behind one's own, and whose strategy and channels are taken where none are
    said here."""
    rules: tuple[RuleTable, ...] = ()
    strategy: Strategy | None = None
    channels: Channels = ()
    """Which channels it may use; none said: all."""


ErrorText = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Words for a client: one line."""


SEALED = "sealed:"
"""What begins the mark that stands for a secret of the database, where its description is looked at."""
ProxyName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class TuningTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be set for the whole gateway while it runs; None where nothing is said"""

    bodies_days: Annotated[int, Meta(ge=0, le=3650)] | None = None
    """Days that requests and answers are kept; 0: not at all, but for keys that say so."""
    exchanges_days: Annotated[int, Meta(ge=1, le=36500)] | None = None
    """Days that exchanges are kept; sums by day stay for ever."""
    strategy: Strategy | None = None
    """How channels are put in order where neither a rule nor a profile says it."""
    zone: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", max_length=64)] | None = None
    """The time zone in which days, weeks and months of budgets begin."""
    user_budgets: Annotated[tuple[BudgetTable, ...], Meta(max_length=20)] | None = None
    """What each user may spend by all keys together that belong to them."""
    refuse_models: Annotated[tuple[RefusalTable, ...], Meta(max_length=100)] | None = None
    """Models that nobody may ask for."""
    direct: bool | None = None
    """Whether a name that no rule takes may go to the channels that list it."""
    retry: RetryPolicy | None = None
    """How often and how soon is tried again."""
    breaker: BreakerPolicy | None = None
    """When a model of a channel is put to rest."""
    balances_minutes: Annotated[int, Meta(ge=1, le=1440)] | None = None
    """How often providers are asked what is left of accounts; nothing: they are not asked."""
    balances: BalanceUse | None = None
    """What becomes of an account that its provider says is used up."""
    proxies: dict[ProxyName, Word] | None = None
    """Addresses of HTTP proxies by the names that channels may use for them."""
    upstream_errors: UpstreamErrors | None = None
    """What clients are told of an upstream's error."""
    upstream_error_text: ErrorText | None = None
    """What they are told where `upstream_errors` is `text`."""
    second_factor: Literal["optional", "required"] | None = None
    """Whether everybody who signs in with a password needs a second factor."""
    passwords_for: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=100)] | None = None
    """The only logins that may sign in with a password; the others come by an identity provider."""


class ProjectTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of API keys"""

    name: Word
    note: str = ""
    channels: Channels = ()
    """Which channels its keys may use, whatever their profiles say; none said: all."""
    models: tuple[Word, ...] = ()
    """Names that its keys may ask for, `*` standing for any characters; none: all."""
    budgets: tuple[BudgetTable, ...] = ()
    """Of all its keys together."""


class RoleTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role of one's own: what users who have it may do"""

    name: ChannelName
    scopes: tuple[Word, ...] = ()
    """One that this version does not know allows nothing."""
    project: str = ""
    """Name of the only project that it may be given in; empty: any, or everywhere."""
    note: str = ""


class KeyLimitsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`limits` of an API key"""

    rpm: Count | None = None
    tpm: Count | None = None
    simultaneous: Count | None = None


class KeyTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API key, but for its secret"""

    name: Word
    note: Note = ""
    project: str = ""
    """Name of a project; empty: none."""
    owner: str = ""
    """Login of the user it belongs to, who may see it, and with whom it is switched off; empty: nobody's."""
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
