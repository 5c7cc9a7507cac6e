"""How profiles are described: rules, conditions, targets, and which channels are meant."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from dragoman.shapes.fields import Count, Note, Share, Strategy, Word

TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$(?!\n)")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class BoundsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`channels` of a profile, a rule or a project, written as a table; a list means `any`"""

    any: tuple[Word, ...] = ()
    """Names, names with `*`, or tags; a channel must be or have one of them."""
    all: tuple[Word, ...] = ()
    """Tags; it must have each."""
    none: tuple[Word, ...] = ()
    """Names, names with `*`, or tags; it must be or have none."""


Channels: TypeAlias = tuple[Word, ...] | BoundsTable


def channels_within(said: Channels) -> set[str]:
    """Names of channels, or tags, that bounds are made of."""
    table = said if isinstance(said, BoundsTable) else BoundsTable(any=said)
    return {*table.any, *table.none}


class TargetTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `targets` of a rule"""

    channel: Word | None = None
    """A name; with `*` it means every channel of such a name that has the model."""
    tag: Word | None = None
    model: Word | None = None
    models: Word | None = None
    """Instead of `model`, a regular expression: each model that a channel lists and that it matches whole."""
    enabled: bool = True
    weight: Share | None = None
    effort: Word | None = None
    """A word of effort, or a group of the rule's pattern."""
    max_output: Count | None = None
    addendum: str = ""


class WhenTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`when` of a rule"""

    doors: tuple[Word, ...] = ()
    agents: tuple[Literal["main", "subagent", "background"], ...] = ()
    min_tokens: Count | None = None
    max_tokens: Count | None = None
    images: bool | None = None
    min_images: Count | None = None
    max_images: Count | None = None
    documents: bool | None = None
    audio: bool | None = None
    video: bool | None = None
    tools: bool | None = None
    thinking: bool | None = None
    stream: bool | None = None
    hours: TimeOfDay | None = None
    """As `22:00-06:00`; it may go over midnight."""
    outside: TimeOfDay | None = None
    """The same, and the time must not fall into it."""
    days: tuple[Weekday, ...] = ()
    since: datetime.date | None = None
    until: datetime.date | None = None
    """The last day that counts."""
    zone: Word | None = None
    """The time zone of all that, as `Europe/Moscow`; that of the conditions around it, else UTC."""
    headers: dict[str, str] = {}
    """By name, a regular expression to be found in the client's header."""
    any: Annotated[tuple[WhenTable, ...], Meta(min_length=1, max_length=50)] | None = None
    """Conditions of which one must hold."""
    all: Annotated[tuple[WhenTable, ...], Meta(min_length=1, max_length=50)] | None = None
    """Conditions that must each hold."""
    not_: WhenTable | None = field(default=None, name="not")
    """A condition that must not hold."""


class RuleTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `rules` of a profile"""

    model: Word | None = None
    pattern: str | None = None
    enabled: bool = True
    when: WhenTable | None = None
    targets: tuple[TargetTable, ...] = ()
    channels: Channels = ()
    """Which channels its targets may mean; none said: all."""
    strategy: Strategy | None = None
    message: str = ""


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


def channels_of_profile(said: ProfileTable) -> set[str]:
    """Names of channels, or tags, that a profile and its rules are made of."""
    targets = {target.channel or "" for rule in said.rules for target in rule.targets}
    return targets.union(channels_within(said.channels), *(channels_within(rule.channels) for rule in said.rules))
