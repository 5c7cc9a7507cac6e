"""What a profile says, as requests are held against it: rules, their conditions, and their targets."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping

from msgspec import Struct, field

from dragoman.canon.patterns import LONGEST_TEXT
from dragoman.routing.bounds import Bounds
from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.fields import Strategy


class Override(Struct, frozen=True, kw_only=True):
    """What a target changes in the requests that go there; None leaves the client's wish."""

    effort: str | None = None
    """How hard the model thinks: a word of `canon.request.Effort`, or one made of the groups of the rule's pattern."""
    max_output: int | None = None
    """Output tokens at most."""
    addendum: str = ""
    """Words added to the system prompt."""


NO_OVERRIDE = Override()


class RuleTarget(Struct, frozen=True):
    """Where a rule sends a request; exactly one of `channel` and `tag` is set, and of `model` and `models`."""

    channel: str
    """A name; one with `*` means every channel of such a name that has the model."""
    model: str
    """The model to ask for; groups of the rule's pattern may stand in it, as `\\1` or `\\g<name>`."""
    tag: str = ""
    """Any channel with this tag."""
    weight: float | None = None
    """Share among the rule's targets; None takes the channel's."""
    override: Override = NO_OVERRIDE
    models: re.Pattern[str] | None = None
    """Each model that a channel lists and that this matches whole."""
    enabled: bool = True

    @property
    def named(self) -> str:
        """The model where it is one name; empty where it depends on what is asked for or listed, or is off."""
        return "" if self.models or "\\" in self.model or not self.enabled else self.model


class Hours(Struct, frozen=True):
    """A time of day; it may go over midnight."""

    start_min: int
    end_min: int
    """Minutes since midnight; the end is not part of it."""
    zone: datetime.tzinfo


class Dates(Struct, frozen=True, kw_only=True):
    """Days that count, where they are meant."""

    days: frozenset[int] = frozenset()
    """Days of the week, Monday being 0; none: any."""
    since: datetime.date | None = None
    until: datetime.date | None = None
    """The last one."""
    zone: datetime.tzinfo


class When(Struct, frozen=True, kw_only=True):
    """What must be true of a request beside its model's name. What is not set is not asked."""

    doors: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    """`main`, `subagent`, `background`."""
    min_tokens: int | None = None
    max_tokens: int | None = None
    """Bounds of the prompt, as estimated; both are part of the range."""
    images: bool | None = None
    min_images: int | None = None
    max_images: int | None = None
    documents: bool | None = None
    audio: bool | None = None
    video: bool | None = None
    tools: bool | None = None
    thinking: bool | None = None
    stream: bool | None = None
    hours: Hours | None = None
    outside: Hours | None = None
    """A time of day that it must not be."""
    dates: Dates | None = None
    headers: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """By name in lower case: what is found somewhere in the client's header."""
    reach: int = LONGEST_TEXT
    """So many of its first characters."""
    any: tuple[When, ...] = ()
    """One of these must hold."""
    all: tuple[When, ...] = ()
    """Each of these must."""
    not_: When | None = None
    """This must not."""


class Rule(Struct, frozen=True, kw_only=True):
    """One line of a profile; exactly one of `model` and `pattern` is set."""

    model: str | None = None
    pattern: re.Pattern[str] | None = None
    """Must match the whole name."""
    enabled: bool = True
    when: When | None = None
    """What else must hold; None: nothing."""
    targets: tuple[RuleTarget, ...] = ()
    """In order of preference; none refuses the request with `message`."""
    channels: Bounds | None = None
    """Which channels the targets may mean; None: all."""
    strategy: Strategy | None = None
    """How its targets are put in order; None takes the profile's."""
    message: str = ""
    inherited: str = ""
    """Its place in the profile that it comes from, in words; empty for a profile's own."""


class Profile(Struct, frozen=True):
    """Rules that turn the name a client asked for into targets; the first hit wins."""

    name: str
    rules: tuple[Rule, ...] = ()
    """Its own, then those of the profile that it extends."""
    strategy: Strategy | None = None
    """None: a rule's targets in their order, and equals of one priority drawn by weight."""
    channels: Bounds | None = None
    """Which channels it may use; None: all."""
    extends: str = ""
    """Name of the profile whose rules are read behind its own."""


class Project(Struct, frozen=True, kw_only=True):
    """What all keys of a project are held to, whatever their profiles say."""

    channels: Bounds | None = None
    models: tuple[str, ...] = ()
    """Names that may be asked for, `*` standing for any characters; none: all."""
    budgets: tuple[BudgetTable, ...] = ()
    """Of all its keys together."""


class Refusal(Struct, frozen=True):
    """Models that nobody may ask for."""

    pattern: re.Pattern[str]
    """Matches a name whole."""
    message: str = ""
