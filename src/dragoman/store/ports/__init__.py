"""What is remembered, as the rest of the house sees it: its ports, and the values that go through them.

Rules: every method may raise `StoreTrouble` and nothing else on purpose. Times are milliseconds of Unix time, money
is whole billionths (nano) of a currency, ids are texts that the store makes. A method that takes `by` writes one
entry of the audit log, and one that changes the configuration raises its version, both in the same transaction as the
change itself.
"""

from __future__ import annotations

from typing import Protocol

from dragoman.store.ports.audit import SYSTEM, Actor, Audit, Entry, Note
from dragoman.store.ports.claim import Claim
from dragoman.store.ports.configuration import (
    Configuration,
    Configured,
    Keys,
    Minted,
    Row,
    RowChange,
    Setting,
    Shelf,
    State,
    StoredKey,
)
from dragoman.store.ports.ledger import Body, Grouping, Ledger, Page, Payer, Purged, Search, Spent, Total
from dragoman.store.ports.people import (
    Invitation,
    Invitations,
    LoginSession,
    NewInvitation,
    NewToken,
    People,
    Token,
    User,
    UserKind,
)
from dragoman.store.ports.sign_in import Factor, Pace, SignIn, Visit
from dragoman.store.ports.trials import Trials, Tried
from dragoman.store.ports.trouble import StoreTrouble, Trouble

__all__ = [
    "SYSTEM",
    "Actor",
    "Audit",
    "Body",
    "Claim",
    "Configuration",
    "Configured",
    "Entry",
    "Factor",
    "Grouping",
    "Invitation",
    "Invitations",
    "Keys",
    "Ledger",
    "LoginSession",
    "Minted",
    "NewInvitation",
    "NewToken",
    "Note",
    "Pace",
    "Page",
    "Payer",
    "People",
    "Purged",
    "Row",
    "RowChange",
    "Search",
    "Setting",
    "Shelf",
    "SignIn",
    "Spent",
    "State",
    "Store",
    "StoreTrouble",
    "StoredKey",
    "Token",
    "Total",
    "Trials",
    "Tried",
    "Trouble",
    "User",
    "UserKind",
    "Visit",
]


class Store(Protocol):
    """Everything that is remembered."""

    @property
    def configuration(self) -> Configuration:
        """What the gateway works with."""

    @property
    def ledger(self) -> Ledger:
        """What happened, and what it cost."""

    @property
    def people(self) -> People:
        """Who may use the admin API."""

    @property
    def sign_in(self) -> SignIn:
        """What has to be remembered while somebody signs in."""

    @property
    def trials(self) -> Trials:
        """What channel tests have found."""

    @property
    def audit(self) -> Audit:
        """Who did what."""

    async def ready(self) -> bool:
        """Whether it answers now, within two seconds."""
