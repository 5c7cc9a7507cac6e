"""How channels and profiles are described: every key, its type and its limits.

`docs/configuration.md` says what each key means. `dragoman.toml`, the database, what is exported and the admin
API share these tables, and so have one way of checking them. None stands for absent where the default is not the
table's own business.
"""

from __future__ import annotations

from typing import Annotated

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
