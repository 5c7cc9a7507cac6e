"""How those who come in are described: API keys, the projects they belong to, and roles of users."""

from __future__ import annotations

from msgspec import Struct

from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.fields import Count, Note, PlainName, Word
from dragoman.shapes.profile import Channels


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

    name: PlainName
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
