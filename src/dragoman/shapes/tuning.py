"""How the settings of a running gateway are described, and what a type cannot say of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from dragoman.canon.patterns import unsound
from dragoman.canon.zones import fault_of_zone
from dragoman.shapes.budget import BudgetTable, faults_of_budgets
from dragoman.shapes.fields import BalanceUse, ErrorText, PlainName, Strategy, UpstreamErrors, Word
from dragoman.shapes.policy import BreakerPolicy, RetryPolicy


class RefusalTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `refuse_models` of the settings: models that nobody may ask for"""

    pattern: Word
    """A regular expression that a name must match whole, in large or small letters: the one asked for, or a channel's
    own name of the model."""
    message: str = ""
    """What a client is told."""


class TuningTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be set for the whole gateway while it runs; None where nothing is said"""

    bodies_days: Annotated[int, Meta(ge=0, le=3650)] | None = None
    """Days that requests and answers are kept; 0: not at all, but for keys that say so."""
    exchanges_days: Annotated[int, Meta(ge=1, le=36500)] | None = None
    """Days that exchanges are kept; sums by day stay for ever."""
    strategy: Strategy | None = None
    """How channels are put in order where neither a rule nor a profile says it."""
    zone: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$(?!\n)", max_length=64)] | None = None
    """The time zone in which days, weeks and months of budgets begin."""
    user_budgets: Annotated[tuple[BudgetTable, ...], Meta(max_length=20)] | None = None
    """What each user may spend by all keys together that belong to them."""
    refuse_models: Annotated[tuple[RefusalTable, ...], Meta(max_length=100)] | None = None
    """Models that nobody may ask for."""
    direct: bool | None = None
    """Whether a name that no rule takes may go to the channels that list it."""
    retry: RetryPolicy | None = None
    """How often and how soon is tried again."""
    breaker: BreakerPolicy | None = None
    """When a model of a channel is put to rest."""
    balances_minutes: Annotated[int, Meta(ge=1, le=1440)] | None = None
    """How often providers are asked what is left of accounts; nothing: they are not asked."""
    balances: BalanceUse | None = None
    """What becomes of an account that its provider says is used up."""
    proxies: dict[PlainName, Word] | None = None
    """Addresses of HTTP proxies by the names that channels may use for them."""
    upstream_errors: UpstreamErrors | None = None
    """What clients are told of an upstream's error."""
    upstream_error_text: ErrorText | None = None
    """What they are told where `upstream_errors` is `text`."""
    second_factor: Literal["optional", "required"] | None = None
    """Whether everybody who signs in with a password needs a second factor."""
    passwords_for: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=100)] | None = None
    """The only logins that may sign in with a password; the others come by an identity provider."""


WHERE_UNREAD: Mapping[str, object] = {
    "bodies_days": 0,
    "user_budgets": (BudgetTable(window="total", requests=0),),
    "refuse_models": (RefusalTable(pattern=".*", message="The setting refuse_models of this gateway cannot be read."),),
    "direct": False,
    "upstream_errors": "hidden",
    "second_factor": "required",
    "passwords_for": (),
}
"""What is in force where a stored value cannot be read and the usual one might allow more than it did."""


def faults_of_tuning(name: str, value: object) -> Iterator[str]:
    """What keeps a setting of the right type from being used, in sentences."""
    match name, value:
        case "refuse_models", tuple():
            yield from _faults_of_refusals(value)
        case "breaker", BreakerPolicy(rest_s=rest_s, longest_s=longest_s) if longest_s < rest_s:
            yield f"The longest rest, {longest_s:g} s, is shorter than the first, {rest_s:g} s."
        case "user_budgets", tuple():
            yield from faults_of_budgets(value)
        case "zone", str() if wrong := fault_of_zone(value):
            yield f"{wrong}."
        case _:
            pass


def _faults_of_refusals(refusals: tuple[RefusalTable, ...]) -> Iterator[str]:
    for refusal in refusals:
        if wrong := unsound(refusal.pattern):
            yield f"'{refusal.pattern}' {wrong}."
