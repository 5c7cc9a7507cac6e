"""The configuration that one request works with from beginning to end: frozen, and complete for deciding.

Fields that only the relay needs (address, secret, headers, options) are carried here untouched, so that a request
never meets half of an old and half of a new configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from dragoman.canon.habits import Habits


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


class ModelCard(Struct, frozen=True, kw_only=True):
    """What is known of a model."""

    name: str
    """Exact name, or a pattern with `*`."""
    context: int | None = None
    """Tokens of prompt and output together."""
    max_output: int | None = None


class Channel(Struct, frozen=True, kw_only=True):
    """One configured upstream account."""

    name: str
    provider: str
    """Id of the catalog row."""
    dialect: str
    base_url: str
    api_key: Secret = Secret("")
    models: tuple[str, ...] = ()
    """Names it serves; empty: not known, any name may be sent."""
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
    native: bool = False
    """Whether the provider is the vendor whose own dialect this is."""
    habits: Habits = Habits()
    source: Literal["file", "environment", "demo", "database"] = "file"


class RuleTarget(Struct, frozen=True):
    """Where a rule sends a request."""

    channel: str
    model: str


class Rule(Struct, frozen=True, kw_only=True):
    """One line of a profile; exactly one of `model` and `pattern` is set."""

    model: str | None = None
    pattern: re.Pattern[str] | None = None
    """Must match the whole name."""
    targets: tuple[RuleTarget, ...] = ()
    """In order of preference; none refuses the request with `message`."""
    message: str = ""


class Profile(Struct, frozen=True):
    """Rules that turn the name a client asked for into targets; the first hit wins."""

    name: str
    rules: tuple[Rule, ...] = ()


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
    version: int = 0
