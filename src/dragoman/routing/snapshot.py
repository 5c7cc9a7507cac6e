"""The configuration that one request works with from beginning to end: frozen, and complete for deciding.

Fields that only the relay needs (address, secret, headers, options) are carried here untouched, so that a request
never meets half of an old and half of a new configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.operations import Operation


class Secret:
    """A value that never shows itself: printing gives `***`; only `reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


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


class HeaderOperation(Struct, frozen=True, kw_only=True):
    """One change of the headers a channel is sent; names in lower case."""

    op: str
    name: str
    value: str = ""
    to: str = ""


class ModelCard(Struct, frozen=True, kw_only=True):
    """What is known of a model."""

    name: str
    """Exact name, or a pattern with `*`."""
    context: int | None = None
    """Tokens of prompt and output together."""
    max_output: int | None = None


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
    prefix: str = ""
    """A word by which it may be named in front of a model, as by its own name."""
    tags: frozenset[str] = frozenset()
    """Words by which rules may mean several channels at once."""
    cards: tuple[ModelCard, ...] = ()
    """What is known of its models, own words before the row's."""
    priority: int = 0
    """Lower is tried first."""
    weight: float = 1.0
    """Share among equals of one priority."""
    timeouts: Timeouts = Timeouts()
    headers: Mapping[str, str] = field(default_factory=dict)
    proxy: str | None = None
    max_output: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    rests: tuple[RestRule, ...] = ()
    body: tuple[Operation, ...] = ()
    header: tuple[HeaderOperation, ...] = ()
    key_number: int = 0
    """Which of several keys this is; 0 where there is only one."""
    accounts: tuple[Channel, ...] = ()
    """Where there are several keys: the channel once with each of them."""
    native: bool = False
    """Whether the provider is the vendor whose own dialect this is."""
    habits: Habits = Habits()
    source: Literal["file", "environment", "demo", "database"] = "file"

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


Strategy = Literal["failover", "weighted", "round_robin", "fastest", "adaptive"]
"""How candidates of equal standing are put in order; `docs/routing.md` says what each does."""


class Override(Struct, frozen=True, kw_only=True):
    """What a target changes in the requests that go there; None leaves the client's wish."""

    effort: str | None = None
    """How hard the model thinks: a word of `canon.request.Effort`."""
    max_output: int | None = None
    """Output tokens at most."""
    addendum: str = ""
    """Words added to the system prompt."""


NO_OVERRIDE = Override()


class RuleTarget(Struct, frozen=True):
    """Where a rule sends a request; exactly one of `channel` and `tag` is set."""

    channel: str
    model: str
    """The model to ask for; groups of the rule's pattern may stand in it, as `\\1` or `\\g<name>`."""
    tag: str = ""
    """Any channel with this tag."""
    weight: float | None = None
    """Share among the rule's targets; None takes the channel's."""
    override: Override = NO_OVERRIDE


class Hours(Struct, frozen=True):
    """A time of day; it may go over midnight."""

    start_min: int
    end_min: int
    """Minutes since midnight; the end is not part of it."""
    zone: tzinfo


class When(Struct, frozen=True, kw_only=True):
    """What must be true of a request beside its model's name. What is not set is not asked."""

    doors: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    """`main`, `subagent`, `background`."""
    min_tokens: int | None = None
    max_tokens: int | None = None
    """Bounds of the prompt, as estimated; both are part of the range."""
    images: bool | None = None
    documents: bool | None = None
    tools: bool | None = None
    thinking: bool | None = None
    stream: bool | None = None
    hours: Hours | None = None
    headers: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By name in lower case: what is found somewhere in the client's header."""


class Rule(Struct, frozen=True, kw_only=True):
    """One line of a profile; exactly one of `model` and `pattern` is set."""

    model: str | None = None
    pattern: re.Pattern[str] | None = None
    """Must match the whole name."""
    when: When | None = None
    """What else must hold; None: nothing."""
    targets: tuple[RuleTarget, ...] = ()
    """In order of preference; none refuses the request with `message`."""
    strategy: Strategy | None = None
    """How its targets are put in order; None takes the profile's."""
    message: str = ""


class Profile(Struct, frozen=True):
    """Rules that turn the name a client asked for into targets; the first hit wins."""

    name: str
    rules: tuple[Rule, ...] = ()
    strategy: Strategy | None = None
    """None: a rule's targets in their order, and equals of one priority drawn by weight."""
    channels: frozenset[str] | None = None
    """Names or tags of the channels it may use; None: all."""


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
    mapping: Mapping3 | None = None
    strategy: Strategy = "weighted"
    """How channels are put in order where neither a rule nor a profile says it."""
    version: int = 0
