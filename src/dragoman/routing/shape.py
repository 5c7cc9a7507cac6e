"""How channels and profiles are described: every key, its type and its limits.

`docs/configuration.md` says what each key means. `dragoman.toml`, the database, what is exported and the admin
API share these tables, and so have one way of checking them. None stands for absent where the default is not the
table's own business.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0)]
Word = Annotated[str, Meta(min_length=1)]
ChannelName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""No slash, since `channel/model` names a channel; nothing that could not stand in a header."""


class TimeoutsTable(Struct, frozen=True, kw_only=True):
    """`timeouts` of a channel"""

    connect: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None


class CardTable(Struct, frozen=True, kw_only=True):
    """One of `cards` of a channel"""

    name: Word
    context: Count | None = None
    max_output: Count | None = None


class LimitsTable(Struct, frozen=True, kw_only=True):
    """`limits` of a channel"""

    simultaneous: Count | None = None


class ChannelTable(Struct, frozen=True, kw_only=True):
    """One of `[[channels]]`"""

    name: ChannelName
    provider: Word
    api_key: str = ""
    base_url: Word | None = None
    models: tuple[Word, ...] = ()
    cards: tuple[CardTable, ...] = ()
    priority: int = 0
    weight: Share = 1.0
    timeouts: TimeoutsTable = TimeoutsTable()
    headers: dict[str, str] = {}
    proxy: Word | None = None
    max_output: Count | None = None
    options: dict[str, str | bool | int | float] = {}
    limits: LimitsTable = LimitsTable()


class TargetTable(Struct, frozen=True, kw_only=True):
    """One of `targets` of a rule"""

    channel: Word
    model: Word


class RuleTable(Struct, frozen=True, kw_only=True):
    """One of `rules` of a profile"""

    model: Word | None = None
    pattern: str | None = None
    targets: tuple[TargetTable, ...] = ()
    message: str = ""


class ProfileTable(Struct, frozen=True, kw_only=True):
    """One of `[[profiles]]`"""

    name: Word
    rules: tuple[RuleTable, ...] = ()


class ProjectTable(Struct, frozen=True, kw_only=True):
    """A group of API keys"""

    name: Word
    note: str = ""


class KeyLimitsTable(Struct, frozen=True, kw_only=True):
    """`limits` of an API key"""

    rpm: Count | None = None
    tpm: Count | None = None
    simultaneous: Count | None = None


Window = Literal["minute", "hour", "day", "week", "month", "total"]
"""Calendar periods in UTC; a week begins on Monday."""


class BudgetTable(Struct, frozen=True, kw_only=True):
    """One of `budgets` of an API key; a request must fit into all of them"""

    window: Window
    requests: Count | None = None
    tokens: Count | None = None
    money: Annotated[str, Meta(pattern=r"^\d{1,9}(\.\d{1,9})?$")] | None = None
    """A decimal in `currency`, never a float: sums of floats drift."""
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "USD"


class KeyTable(Struct, frozen=True, kw_only=True):
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
