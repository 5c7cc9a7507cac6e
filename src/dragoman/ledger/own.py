"""Prices of one's own: how they are written, checked when they are saved, and what they come to at a moment.

Rules. A row says amounts per million tokens, or a fee for each request, or both; or it is a factor on what would be
charged without it. Times within a row change it for some hours, days of the week or dates: of those that hold, the one
of the highest priority, and among equals the first. A night belongs to the day on which it began.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.canon.wildcards import fits
from dragoman.canon.zones import fault_of_zone
from dragoman.ledger.period import zone_of
from dragoman.ledger.price import ITEMS, MEDIA, Price, Priced, Rates, Tier

MOST = 10**9
"""The highest price per million tokens that is believed."""
MOST_REQUEST = 10**5
"""The highest fee of a request."""
MOST_FACTOR = 1000
AMOUNTS: tuple[Priced, ...] = (*ITEMS, *MEDIA)
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$(?!\n)"


class Amounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is charged, in units of a currency per million tokens. Without input and output, tokens cost nothing."""

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    input_audio: Decimal | None = None
    input_image: Decimal | None = None
    output_audio: Decimal | None = None
    output_image: Decimal | None = None
    """Of sounds and pictures, where the provider tells their tokens apart; else they are as other tokens."""

    @property
    def said(self) -> dict[str, Decimal]:
        """The amounts that are said."""
        amounts = ((item, getattr(self, item)) for item in AMOUNTS)
        return {item: amount for item, amount in amounts if amount is not None}

    @property
    def rates(self) -> Rates:
        """The amounts as whole nano."""
        return Rates(**{"input": 0, "output": 0, **{item: round(amount * 10**9) for item, amount in self.said.items()}})


class OwnTier(Amounts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices for long prompts, or for what goes beyond a bound."""

    over: Annotated[int, Meta(ge=0)]
    """A prompt with more tokens than this is charged so; where tiers are slices, the tokens above it."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for amounts that are none, or missing."""
        _check_amounts(self)
        _check_pair(self, "A tier")


class OwnTime(Amounts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other prices at some times. All that is said of the time must hold."""

    priority: int = 0
    """Of several that hold, the highest counts."""
    hours: Annotated[str, Meta(pattern=HOURS)] | None = None
    """As `22:00-06:00`; it may go over midnight."""
    weekdays: tuple[Day, ...] = ()
    since: date | None = None
    until: date | None = None
    """The first and the last day."""
    zone: str = "UTC"
    factor: Decimal | None = None
    """On the row's own prices, instead of other ones."""
    request: Decimal | None = None
    """For each request; None: as otherwise."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a time that is none, or amounts that are none, or missing."""
        _check_amounts(self)
        if self.hours is None and not self.weekdays and self.since is None and self.until is None:
            raise ValueError("A time says neither hours nor weekdays nor days: give it one, or change the row itself")
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"A time ends on {self.until}, before it begins on {self.since}")
        _check_zone(self.zone)
        if self.factor is not None:
            _check_factor(self)
        elif self.said or self.request is None:
            _check_pair(self, "A time")

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        local = at.astimezone(zone_of(self.zone))
        day = local.date()
        if self.hours is not None:
            start, _, end = self.hours.partition("-")
            minute, first, last = local.hour * 60 + local.minute, _minutes(start), _minutes(end)
            begun = minute >= first
            if not (begun or minute < last if last <= first else begun and minute < last):
                return False
            day -= timedelta(days=0 if begun else 1)
        return (
            (not self.weekdays or DAYS[day.weekday()] in self.weekdays)
            and (self.since is None or day >= self.since)
            and (self.until is None or day <= self.until)
        )


class OwnPrice(Amounts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of one's own: what a model costs."""

    model: Annotated[str, Meta(min_length=1)]
    """The provider's name of the model, or a pattern with `*`."""
    channel: str = ""
    """Only there; empty: everywhere."""
    provider: str = ""
    """Only on channels of this catalog row; empty: on all."""
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")] = "USD"
    """ISO 4217. Sums are kept by currency and never converted."""
    since: date | None = None
    """The first day, in UTC, on which it holds."""
    request: Decimal | None = None
    """For each request that was answered."""
    tiers: tuple[OwnTier, ...] = ()
    tiering: Literal["whole", "slices"] = "whole"
    """Whether a tier prices all tokens of a long prompt, or of each kind those above its bound."""
    times: tuple[OwnTime, ...] = ()
    factor: Decimal | None = None
    """On what would be charged without this row, instead of prices: a discount or a surcharge."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a row that could not be charged."""
        _check_amounts(self)
        if self.factor is not None:
            _check_factor(self)
            if self.tiers or self.times or self.request is not None:
                raise ValueError("A row with a factor has no prices of its own: take out tiers, times and request")
            return
        if self.said or self.request is None:
            _check_pair(self, "The row")
        if len({tier.over for tier in self.tiers}) < len(self.tiers):
            raise ValueError("Two tiers begin at the same bound")

    def price(self, version: str, at: datetime) -> Price:
        """The price that this row says for a moment, under the name of its version."""
        tiers = sorted(self.tiers, key=lambda tier: tier.over)
        price = Price(
            id=version,
            currency=self.currency,
            rates=self.rates,
            tiers=tuple(Tier(tier.over, tier.rates) for tier in tiers),
            slices=self.tiering == "slices",
            request=_nano(self.request or Decimal(0)),
        )
        holding = [(time.priority, -n) for n, time in enumerate(self.times) if time.holds(at)]
        if not holding:
            return price
        number = -max(holding)[1]
        return _at_time(price, self.times[number], f"{version}/{number + 1}")

    def applies(self, channel: str, provider: str, model: str, on: date) -> bool:
        """Whether it is about a model of a channel on a day."""
        return (
            self.channel in ("", channel)
            and self.provider in ("", provider)
            and fits(model.lower(), self.model.lower())
            and (self.since is None or on >= self.since)
        )


class OwnRow(Struct, frozen=True):
    """A row of one's own in force."""

    version: str
    """Names the row and its revision."""
    says: OwnPrice


def precedence(row: OwnRow) -> tuple[bool, bool, int, int]:
    """Sorts the row that wins first: the narrower place, the longer name, the later day."""
    says = row.says
    return (not says.channel, not says.provider, -len(says.model), -(says.since or date.min).toordinal())


def scaled(price: Price, factor: Decimal, version: str) -> Price:
    """A price times a factor, under another name."""
    return replace(
        price,
        id=version,
        rates=_scaled_rates(price.rates, factor),
        tiers=tuple(Tier(tier.over, _scaled_rates(tier.rates, factor)) for tier in price.tiers),
        request=round(price.request * factor),
    )


def _at_time(price: Price, time: OwnTime, version: str) -> Price:
    request = price.request if time.request is None else _nano(time.request)
    if time.factor is not None:
        return replace(scaled(price, time.factor, version), **({} if time.request is None else {"request": request}))
    if not time.said:
        return replace(price, id=version, request=request)
    return replace(price, id=version, rates=time.rates, tiers=(), slices=False, request=request)


def _scaled_rates(rates: Rates, factor: Decimal) -> Rates:
    amounts = ((item, getattr(rates, item)) for item in AMOUNTS)
    return Rates(**{item: round(amount * factor) for item, amount in amounts if amount is not None})


def _nano(amount: Decimal) -> int:
    return round(amount * 10**9)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _wrong(says: Amounts) -> Iterator[str]:
    for item, amount in says.said.items():
        if not (amount.is_finite() and 0 <= amount <= MOST):
            yield f"{item}: {amount} was given; a price per million tokens is a number from 0 to {MOST}"
    request: Decimal | None = getattr(says, "request", None)
    if request is not None and not (request.is_finite() and 0 <= request <= MOST_REQUEST):
        yield f"request: {request} was given; the fee of a request is a number from 0 to {MOST_REQUEST}"


def _check_amounts(says: Amounts) -> None:
    for wrong in _wrong(says):
        raise ValueError(wrong)


def _check_pair(says: Amounts, what: str) -> None:
    if says.input is None or says.output is None:
        raise ValueError(f"{what} has no price for input, or none for output: say both, 0 for what costs nothing")


def _check_factor(says: OwnTime | OwnPrice) -> None:
    factor = says.factor
    if factor is not None and not (factor.is_finite() and 0 <= factor <= MOST_FACTOR):
        raise ValueError(f"factor: {factor} was given; it is a number from 0 to {MOST_FACTOR}")
    if says.said:
        raise ValueError("Both a factor and prices were given: keep one of them")


def _check_zone(zone: str) -> None:
    if wrong := fault_of_zone(zone):
        raise ValueError(wrong)
