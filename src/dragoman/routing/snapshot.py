"""The configuration that one request works with from beginning to end: frozen, and complete for deciding.

Fields that only the relay needs (address, secret, headers, options) are carried here untouched, so that a request
never meets half of an old and half of a new configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from dragoman.canon.habits import Habits
from dragoman.canon.operations import HeaderOperation, Operation
from dragoman.routing.cards import Known, ModelCard
from dragoman.routing.names import Names, names_of
from dragoman.routing.profile import Profile, Project, Refusal
from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.fields import BalanceUse, Listed, Strategy, UpstreamErrors, Wire
from dragoman.shapes.policy import USUAL_BREAKER, USUAL_RETRY, BreakerPolicy, RetryPolicy
from dragoman.shapes.secret import Secret


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long an attempt may take."""

    connect_s: float = 5.0
    """Name look-up, connection and TLS."""
    first_content_s: float = 540.0
    """From sending to the first content. Local models prefill slowly; pings keep the client meanwhile."""
    idle_s: float = 240.0
    """Between two reads of a stream that has begun."""


class RestRule(Struct, frozen=True, kw_only=True):
    """When a channel is to rest, beside what `routing.health` knows by itself."""

    status: int
    """HTTP status of the upstream."""
    times: int
    """In a row."""
    for_s: float


class RetryRule(Struct, frozen=True, kw_only=True):
    """A failure that is worth another attempt, whatever it means elsewhere; what is set must hold."""

    status: int | None = None
    """HTTP status of the upstream."""
    words: tuple[str, ...] = ()
    """Lower-case words of the upstream's, in this order."""


class Overrides(Struct, frozen=True):
    """A named set of changes, which channels take by its name."""

    name: str
    body: tuple[Operation, ...] = ()
    header: tuple[HeaderOperation, ...] = ()


class Sync(Struct, frozen=True):
    """That a provider is asked for its models now and then."""

    pattern: str
    """A regular expression that a name must match whole; empty: all are taken."""
    every_s: float


class Channel(Struct, frozen=True, kw_only=True):
    """One configured upstream account."""

    name: str
    provider: str
    """Id of the catalog row."""
    dialect: str
    base_url: str
    private: bool = False
    """Whether it may lead into a private network, where its address was entered while the gateway ran."""
    api_key: Secret = Secret("")
    enabled: bool = True
    """Whether it may be asked at all."""
    models: tuple[str, ...] = ()
    """Names it serves; empty: not known, any name may be sent."""
    sync: Sync | None = None
    """None: `models` are what was written by hand."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Further names that it answers to, each with the model meant."""
    trim: tuple[str, ...] = ()
    """Vendors that may be left out in front of its models' names."""
    any_case: bool = False
    """Whether its names are known in any case; the upstream is told the true one."""
    listed: Listed = "all"
    """Which of its names appear in lists of models."""
    prefix: str = ""
    """A word by which it may be named in front of a model, as by its own name."""
    tags: frozenset[str] = frozenset()
    """Words by which rules may mean several channels at once."""
    cards: tuple[ModelCard, ...] = ()
    """Its own words on its models, believed before all others."""
    described: tuple[ModelCard, ...] = ()
    """What the gateway says of models, on whatever channel."""
    documented: tuple[ModelCard, ...] = ()
    """What its provider's row knows of them."""
    priority: int = 0
    """Lower is tried first."""
    weight: float = 1.0
    """Share among equals of one priority."""
    timeouts: Timeouts = Timeouts()
    headers: Mapping[str, str] = field(default_factory=dict)
    proxy: str | None = None
    """Address of its proxy, which may hold a password; None: the environment's; empty: none."""
    named_proxy: bool = False
    """Whether an admin has named that proxy, who may choose where it stands."""
    ca_bundle: str = ""
    """Authorities it trusts beside the system's: path of a PEM file, or the text of one."""
    keepalive: bool = True
    """Whether its connections are used for several requests."""
    max_output: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    secret_options: Mapping[str, Secret] = field(default_factory=dict)
    """Those of the options that are secrets."""
    limits: Mapping[str, int] = field(default_factory=dict)
    budgets: tuple[BudgetTable, ...] = ()
    """What may be spent on it, by all its keys together."""
    rests: tuple[RestRule, ...] = ()
    retry: tuple[RetryRule, ...] = ()
    body: tuple[Operation, ...] = ()
    header: tuple[HeaderOperation, ...] = ()
    stream: Wire = "any"
    client_headers: tuple[str, ...] = ()
    """Headers of the client, by lower-case name, that travel on to it."""
    test_model: str = ""
    """The model that it is tried with; empty: one that it is configured for."""
    key_number: int = 0
    """Which of several keys this is; 0 where there is only one."""
    accounts: tuple[Channel, ...] = ()
    """Where there are several keys: the channel once with each of them."""
    native: bool = False
    """Whether the provider is the vendor whose own dialect this is."""
    habits: Habits = Habits()
    source: Literal["file", "environment", "demo", "database"] = "file"
    names: Names = Names()
    """Made of models, aliases, `trim` and `any_case`."""
    known: Known = Known()
    """Made of `cards`, `described` and `documented`."""

    def __post_init__(self) -> None:
        """Makes what is made of other fields."""
        names = names_of(self.models, self.aliases, self.trim, any_case=self.any_case)
        force_setattr(self, "names", names)
        force_setattr(self, "known", Known(self.cards, self.described, self.documented))

    @property
    def account(self) -> str:
        """The channel and which of its keys: what has health, limits and a prompt cache of its own."""
        return f"{self.name}#{self.key_number}" if self.key_number else self.name


def with_keys(channel: Channel, keys: Sequence[Secret]) -> Channel:
    """The channel with these keys, each an account of its own; they share its weight."""
    if len(keys) < 2:
        return replace(channel, api_key=keys[0] if keys else channel.api_key)
    share = channel.weight / len(keys)
    accounts = [replace(channel, api_key=key, key_number=number, weight=share) for number, key in enumerate(keys, 1)]
    return replace(channel, api_key=keys[0], accounts=tuple(accounts))


def with_models(channel: Channel, models: Iterable[str]) -> Channel:
    """The channel with further models, for each of its keys."""
    joined = (*channel.models, *(model for model in models if model not in channel.models))
    accounts = tuple(replace(account, models=joined) for account in channel.accounts)
    return replace(channel, models=joined, accounts=accounts)


def with_described(channel: Channel, cards: tuple[ModelCard, ...]) -> Channel:
    """The channel with what the gateway says of models, for each of its keys."""
    accounts = tuple(replace(account, described=cards) for account in channel.accounts)
    return replace(channel, described=cards, accounts=accounts)


class Mapping3(Struct, frozen=True):
    """The three model names of the OpenAI-style Claude Code proxies, used where no profile exists."""

    big: str
    """For opus, fable and unknown names."""
    middle: str
    """For sonnet."""
    small: str
    """For haiku."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything a request may need of the configuration."""

    channels: tuple[Channel, ...] = ()
    profiles: tuple[Profile, ...] = ()
    models: tuple[ModelCard, ...] = ()
    """What the gateway says of models, as the file does before the database."""
    mapping: Mapping3 | None = None
    projects: Mapping[str, Project] = field(default_factory=dict)
    """What the keys of each project are held to, by its name."""
    strategy: Strategy = "weighted"
    """How channels are put in order where neither a rule nor a profile says it."""
    refusals: tuple[Refusal, ...] = ()
    direct: bool = True
    """Whether a name that no rule takes may go to the channels that list it."""
    retry: RetryPolicy = USUAL_RETRY
    breaker: BreakerPolicy = USUAL_BREAKER
    overrides: Mapping[str, Overrides] = field(default_factory=dict)
    """The sets of changes that channels may name."""
    balances_s: float = 0.0
    """Pause between two looks at what is left of an account; 0: nobody looks."""
    balances: BalanceUse = "show"
    proxies: Mapping[str, Secret] = field(default_factory=dict)
    """Addresses of the proxies that channels may name."""
    upstream_errors: UpstreamErrors = "told"
    upstream_error_text: str = ""
    """Empty: the sentences of `hidden`."""
    version: int = 0
