"""A provider is a row of data: where it lives, how it wants its key, which dialect it speaks and its habits.

Rows stand in `catalog.toml`. A provider gets a file of its own only for behaviour a row cannot say, as Azure's
addresses; such a file is named in the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from dragoman.canon.habits import Habits
from dragoman.canon.models import Sort
from dragoman.providers.oauth import Office

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"]
"""How the key is sent: `Authorization: Bearer`, or a header of that name."""

MemberType = Literal["number", "whole", "boolean", "texts"]
"""What a member of the body holds; texts are parted by commas in an option."""

SECRET_OPTIONS = frozenset({"client_secret", "refresh_token", "key_password"})
"""Options of any row that are secrets: sealed in the database, and shown to nobody."""


class Card(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider documents of a model."""

    name: str
    """Exact name, or a pattern with `*`."""
    type: Sort | None = None
    """What it is for; None: for conversations, or not known."""
    context: int | None = None
    """Tokens of prompt and output together."""
    max_output: int | None = None


class Provider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the catalog."""

    id: str
    name: str
    dialect: str
    docs: str
    """Page of the vendor's documentation that the row was made from."""
    base_url: str = ""
    """Address as the vendor's own SDK takes it; empty: the user must give one."""
    hosts: tuple[str, ...] = ()
    """Hosts (`*` stands for anything), each with the beginning of a path where one host serves several rows, by which
    an address that a user brings is recognised as this provider's."""
    verified: bool = False
    """Whether scenes in the tests prove the row."""
    apis: Mapping[str, str] = field(default_factory=dict)
    """Other dialects that it speaks, by the values of the channel's option `api` that choose them."""
    native: bool = False
    """Whether this is the vendor whose own dialect it is."""
    auth: Auth = "bearer"
    key_optional: bool = False
    """Whether it may be used without a key, as a local server."""
    price_list: str = ""
    """Name of its list in the price book; `own-machine` where tokens cost nothing; empty where it has none."""
    address: str = ""
    """Name of a function in `providers.addresses` for addresses that are not base plus path; empty: they are."""
    models_path: str = "/models"
    """Path of the model list; empty: it has none."""
    count_path: str = ""
    """Path of the token count; empty: it has none."""
    balance: str = ""
    """Name in `balance.BALANCES` of how it tells what is left of an account; empty: its API does not."""
    check_path: str = ""
    """Path of the vendor's own check of a function's description; empty: it has none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with each request."""
    token: str = ""
    """Name in `catalog.TOKEN_SOURCES` of how its token is fetched; empty: the key itself is sent."""
    oauth: Office | None = None
    """Where it gives tokens to clients by OAuth 2.0, instead of taking a key; None: it does not."""
    session_header: str = ""
    """Header in which it wants the coding session's id, as for its prompt cache; empty: none."""
    forwards: tuple[str, ...] = ()
    """Prefixes of the client's headers that are passed on word for word, as `anthropic-`."""
    quirks: tuple[str, ...] = ()
    """Names of functions in `providers.quirks`, applied in order."""
    habits: Habits = Habits()
    cards: tuple[Card, ...] = ()
    first_content_s: float = 540.0
    options: Mapping[str, str] = field(default_factory=dict)
    """Options a channel may set, by name, with what each means."""
    body_options: Mapping[str, MemberType] = field(default_factory=dict)
    """Those of the options that are members of the body, by name, with what each holds."""
    habit_options: Mapping[str, MemberType] = field(default_factory=dict)
    """Those of the options that are habits, by name, with what each holds."""
    addendum: Mapping[str, str] = field(default_factory=dict)
    """What a model is told beside a foreign client's system prompt to serve as a coding agent, by name or pattern."""
    needed: tuple[str, ...] = ()
    """Options without which it cannot be reached where no `base_url` is given."""
    notes: str = ""
    """What a user should know before choosing it."""
