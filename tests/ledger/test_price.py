"""A bill adds up: whole nanos, one rounding a line, the tier by the prompt, and every token charged once."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.canon.usage import MOST, Usage
from dragoman.ledger.price import ITEMS, Cost, Item, Price, Rates, Tier, cost

COUNT = st.none() | st.integers(0, 10**9) | st.just(MOST)
USAGES = st.builds(Usage, input=COUNT, cache_read=COUNT, cache_write_5m=COUNT, cache_write_1h=COUNT, output=COUNT)
AMOUNT = st.integers(0, 10**12)
RATES = st.builds(
    Rates,
    input=AMOUNT,
    output=AMOUNT,
    cache_read=st.none() | AMOUNT,
    cache_write_5m=st.none() | AMOUNT,
    cache_write_1h=st.none() | AMOUNT,
)
SONNET = Price(
    id="v1",
    rates=Rates(
        input=3 * 10**9, output=15 * 10**9, cache_read=3 * 10**8, cache_write_5m=375 * 10**7, cache_write_1h=6 * 10**9
    ),
    tiers=(Tier(200_000, Rates(input=6 * 10**9, output=225 * 10**8)),),
)


def bill(usage: Usage, price: Price = SONNET) -> Cost:
    made = cost(usage, price)
    assert made is not None
    return made


def test_each_kind_of_token_has_its_line() -> None:
    made = bill(Usage(input=10, cache_read=1000, cache_write_5m=100, cache_write_1h=10, output=20))

    assert [(line.item, line.tokens, line.nano) for line in made.lines] == [
        ("input", 10, 30_000),
        ("cache_read", 1000, 300_000),
        ("cache_write_5m", 100, 375_000),
        ("cache_write_1h", 10, 60_000),
        ("output", 20, 300_000),
    ]
    assert (made.nano, made.currency, made.price, made.doubt) == (1_065_000, "USD", "v1", "")


def test_thinking_is_part_of_the_output_and_charged_once() -> None:
    assert bill(Usage(output=20, thinking=15)) == bill(Usage(output=20))


def test_a_long_prompt_is_charged_by_its_tier_cached_tokens_counted() -> None:
    just_short = bill(Usage(input=100_000, cache_read=100_000, output=1))
    long = bill(Usage(input=100_000, cache_read=100_001, output=1))

    assert [line.nano_per_million for line in just_short.lines] == [3 * 10**9, 3 * 10**8, 15 * 10**9]
    assert [line.nano_per_million for line in long.lines] == [6 * 10**9, 6 * 10**9, 225 * 10**8]


def test_what_has_no_price_of_its_own_is_charged_as_what_it_is_part_of() -> None:
    price = Price(id="p", rates=Rates(input=7, output=9, cache_write_5m=8))

    lines = bill(Usage(cache_read=1, cache_write_5m=1, cache_write_1h=1), price).lines

    assert [line.nano_per_million for line in lines] == [7, 8, 8]


def test_nothing_used_is_no_bill_and_not_a_bill_of_nothing() -> None:
    assert cost(Usage(), SONNET) is None
    assert cost(Usage(input=0, output=0), SONNET) is None


def test_what_is_free_is_a_bill_of_nothing() -> None:
    assert bill(Usage(input=5), Price(id="free", rates=Rates(input=0, output=0))).nano == 0


def test_half_a_nano_is_rounded_up() -> None:
    price = Price(id="p", rates=Rates(input=500_000, output=499_999))

    made = bill(Usage(input=1, output=1), price)

    assert [line.nano for line in made.lines] == [1, 0]


@settings(max_examples=100)
@given(usage=USAGES, rates=RATES)
def test_a_bill_is_the_sum_of_its_lines_and_each_is_within_half_a_nano(usage: Usage, rates: Rates) -> None:
    made = cost(usage, Price(id="p", rates=rates))
    counts = {item: getattr(usage, item) or 0 for item in ITEMS}

    if made is None:
        assert not any(counts.values())
        return
    assert made.nano == sum(line.nano for line in made.lines)
    assert {line.item: line.tokens for line in made.lines} == {item: count for item, count in counts.items() if count}
    for line in made.lines:
        exact = Fraction(line.tokens * line.nano_per_million, 10**6)
        assert abs(exact - line.nano) <= Fraction(1, 2)


@settings(max_examples=60)
@given(usage=USAGES, more=st.integers(1, 10**6), rates=RATES, item=st.sampled_from(ITEMS))
def test_more_tokens_never_cost_less(usage: Usage, more: int, rates: Rates, item: Item) -> None:
    counts: dict[str, int | None] = {name: getattr(usage, name) for name in ITEMS}
    price = Price(id="p", rates=rates)
    before, after = (
        cost(usage, price),
        cost(msgspec.convert({**counts, item: (counts[item] or 0) + more}, Usage), price),
    )

    assert after is not None
    assert after.nano >= (before.nano if before else 0)
