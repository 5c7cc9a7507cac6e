"""What is told of an offered name: only what is known, and prices as they are charged."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from dragoman.ledger.book import PriceBook
from dragoman.ledger.own import OwnPrice, OwnRow, OwnTier
from dragoman.ledger.price import Rates
from dragoman.routing.offer import Offer, offers
from dragoman.web.details import WORDS, Charged, details, pricing
from tests.routing.house import channel, snapshot


def offered(model: str) -> Offer:
    """A name that goes to the model itself."""
    (offer,) = offers(snapshot(channel("a", model)), ("door",))
    return offer


def test_ones_own_price_is_told_with_its_fee_and_tiers() -> None:
    tier = OwnTier(over=1000, input=Decimal(2), output=Decimal(4))
    row = OwnPrice(
        model="m", input=Decimal("0.15"), output=Decimal("0.6"), request=Decimal("0.01"), currency="EUR", tiers=(tier,)
    )
    told = details(offered("m"), "", PriceBook([OwnRow("r@1", row)], lists={}), ["pricing"])

    assert msgspec.json.decode(msgspec.json.encode(told)) == {
        "pricing": {
            "currency": "EUR", "input": "0.15", "output": "0.6", "request": "0.01",
            "tiers": [{"over": 1000, "input": "2", "output": "4"}],
        }
    }  # fmt: skip


def test_a_makers_price_is_marked_and_an_unknown_one_is_not_told() -> None:
    book = PriceBook([], lists={})
    known = pricing(offered("gpt-5.5").first, book)

    assert known
    assert known.by_maker
    assert pricing(offered("nobodys").first, book) is None
    assert details(offered("nobodys"), "nobodys (a)", book, WORDS) == {"name": "nobodys (a)"}


def test_every_kind_of_rate_can_be_told() -> None:
    assert {field.name for field in msgspec.structs.fields(Charged)} == set(Rates.__struct_fields__)
