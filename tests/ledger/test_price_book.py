"""The price book finds the same price as the library that its list was made from, and own rows win over it."""

from __future__ import annotations

import random
import runpy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from genai_prices.data import providers as oracle
from genai_prices.types import ModelInfo, ModelPrice, Provider
from genai_prices.types import Usage as Counts
from msgspec.structs import replace

from dragoman.canon.usage import Usage
from dragoman.ledger.book import OWN_MACHINE, PriceBook, published
from dragoman.ledger.exchange import AttemptRecord, Exchange
from dragoman.ledger.own import OwnPrice, OwnRow
from dragoman.ledger.price import DEAR, cost
from dragoman.providers.catalog import catalog

NOW_MS = 1_795_132_800_000
"""2026-11-20, noon UTC."""
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "prices.py"
LISTS = {row.id: row.price_list for row in catalog().values()}
BOOK = PriceBook(lists={provider.id: provider.id for provider in oracle})
UNLIKE = ("requests_kcount", "output_reasoning_mtok", "output_citation_mtok")
"""What the library charges beside the tokens we count."""


def prices_of(model: ModelInfo) -> list[ModelPrice]:
    return [model.prices] if isinstance(model.prices, ModelPrice) else [each.prices for each in model.prices]


def comparable(model: ModelInfo) -> bool:
    """Whether it is charged by token, and by nothing that we do not count."""
    prices = prices_of(model)
    by_token = any(price.input_mtok or price.output_mtok for price in prices)
    return by_token and not any(getattr(price, name) for price in prices for name in UNLIKE)


PRICED = [(provider, model) for provider in oracle for model in provider.models if comparable(model)]


def theirs(provider: Provider, name: str, usage: Usage, at: datetime) -> Decimal:
    """What the library says it costs, in dollars."""
    found = provider.find_model(name, all_providers=oracle)
    assert found is not None
    written = (usage.cache_write_5m or 0) + (usage.cache_write_1h or 0)
    counts = Counts(
        input_tokens=usage.prompt,
        cache_read_tokens=usage.cache_read or 0,
        cache_write_tokens=written,
        cache_write_5m_tokens=usage.cache_write_5m or 0,
        cache_write_1h_tokens=usage.cache_write_1h or 0,
        output_tokens=usage.output or 0,
    )
    return found.calc_price(counts, provider, genai_request_timestamp=at).total_price


def test_bills_are_those_of_the_library_that_the_list_comes_from() -> None:
    chance = random.Random(20261120)
    for provider, model in chance.sample(PRICED, 400):
        if provider.find_model(model.id, all_providers=oracle) is not model:
            continue  # its id means another model
        at = datetime(2026, 11, 20, tzinfo=UTC) - timedelta(minutes=chance.randrange(800 * 24 * 60))
        sizes = (0, 7, 150_000, 300_000)
        usage = Usage(
            input=chance.choice(sizes),
            cache_read=chance.choice(sizes),
            cache_write_5m=chance.choice((0, 0, 999)),
            cache_write_1h=chance.choice((0, 0, 777)),
            output=chance.choice(sizes),
        )
        price, doubt = BOOK.find("any", provider.id, model.id, int(at.timestamp() * 1000))
        made = cost(usage, price)
        expected = theirs(provider, model.id, usage, at) * 10**9

        assert not doubt
        assert abs((made.nano if made else 0) - expected) <= Decimal("2.5"), (provider.id, model.id, at, usage)


def test_the_list_is_what_the_library_publishes() -> None:
    script = runpy.run_path(str(SCRIPT))

    assert script["book"]() == script["FILE"].read_text(encoding="utf-8"), "run scripts/prices"


def test_every_price_list_named_in_the_catalog_exists() -> None:
    assert {name for name in LISTS.values() if name} - {OWN_MACHINE} <= published().lists.keys()


@pytest.mark.parametrize(
    ("provider", "model"),
    [("anthropic", "claude-sonnet-4-5-20250929"), ("openai", "gpt-5.2-20251211"), ("vertex", "claude-opus-4-1")],
)
def test_models_are_known_by_the_names_that_are_used_for_them(provider: str, model: str) -> None:
    price, doubt = PriceBook(lists=LISTS).find("c", provider, model, NOW_MS)

    assert doubt == ""
    assert price.rates.output > 0


def test_a_model_that_its_provider_does_not_list_is_charged_as_its_maker_does_and_flagged() -> None:
    book = PriceBook(lists=LISTS)
    maker, _ = book.find("c", "anthropic", "claude-sonnet-4-5", NOW_MS)

    assert book.find("c", "litellm", "anthropic/claude-sonnet-4-5", NOW_MS) == (maker, "list_price")


def test_a_model_that_nobody_knows_is_charged_dearly_and_flagged() -> None:
    assert PriceBook(lists=LISTS).find("c", "openai", "no-such-model", NOW_MS) == (DEAR, "no_price")
    assert (DEAR.rates.input, DEAR.rates.output) == (5_000_000_000, 25_000_000_000)


def test_tokens_of_ones_own_machine_cost_nothing() -> None:
    price, doubt = PriceBook(lists=LISTS).find("c", "ollama", "gpt-5", NOW_MS)

    assert (price.rates.input, price.rates.output, doubt) == (0, 0, "")


def own(version: str = "p1@1", **says: object) -> OwnRow:
    return OwnRow(version, msgspec.convert({"model": "m", "input": "1", "output": "2"} | says, OwnPrice))


def test_an_own_row_wins_and_keeps_its_currency() -> None:
    book = PriceBook([own(model="GigaChat-*", input="650.5", output="650.5", currency="RUB")], lists=LISTS)

    price, doubt = book.find("c", "gigachat", "gigachat-2-max", NOW_MS)

    assert (price.id, price.currency, price.rates.input, doubt) == ("p1@1", "RUB", 650_500_000_000, "")


def test_the_narrower_row_wins_then_the_longer_name() -> None:
    rows = [
        own("everywhere", model="claude-*"),
        own("longer", model="claude-opus-*"),
        own("provider", model="*", provider="anthropic"),
        own("channel", model="*", channel="work"),
    ]
    book = PriceBook(rows, lists=LISTS)

    def found(channel: str, provider: str, model: str) -> str:
        return book.find(channel, provider, model, NOW_MS)[0].id

    assert found("work", "anthropic", "claude-opus-5") == "channel"
    assert found("home", "anthropic", "claude-opus-5") == "provider"
    assert found("home", "litellm", "claude-opus-5") == "longer"
    assert found("home", "litellm", "claude-haiku-5") == "everywhere"


def test_a_row_holds_from_its_day_on() -> None:
    today = own("today", since="2026-11-20")
    book = PriceBook([own("before"), today], lists=LISTS)
    yesterday_ms = NOW_MS - 86_400_000

    assert today.says.since == date(2026, 11, 20)
    assert book.find("c", "p", "m", NOW_MS)[0].id == "today"
    assert book.find("c", "p", "m", yesterday_ms)[0].id == "before"


def test_own_tiers_hold_for_long_prompts_in_any_order() -> None:
    tiers = [{"over": 200, "input": 3, "output": 3}, {"over": 100, "input": 2, "output": 2}]
    price, _ = PriceBook([own(tiers=tiers)], lists=LISTS).find("c", "p", "m", NOW_MS)

    assert [price.rates_for(size).input // 10**9 for size in (100, 101, 201)] == [1, 2, 3]


@pytest.mark.parametrize(
    "wrong", [{"input": "-1"}, {"input": "NaN"}, {"currency": "usd"}, {"inptu": "1"}, {"input": "a"}]
)
def test_a_row_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        own("p", **wrong)


def test_every_attempt_of_an_exchange_gets_its_bill() -> None:
    failed = AttemptRecord(n=1, channel="a", provider="openai", model="gpt-5", mode="verbatim", started_ms=NOW_MS)
    answered = replace(failed, n=2, channel="b", usage=Usage(input=1_000_000, output=0))
    exchange = Exchange(
        id="x",
        started_ms=NOW_MS,
        door="d",
        asked="m",
        stream=True,
        session="",
        attempts=(failed, answered),
        usage=answered.usage,
    )

    priced = PriceBook([own(model="gpt-5", channel="b")], lists=LISTS).priced(exchange)

    assert priced.attempts[0].cost is None
    assert priced.cost is not None
    assert priced.cost.nano == 1_000_000_000


@pytest.mark.parametrize(
    ("provider", "model", "maker"),
    [
        ("deepseek", "deepseek-flash", "deepseek"),
        ("openrouter", "anthropic/claude-haiku-4-5", "anthropic"),
        ("openai-compatible", "gpt-5.5", "openai"),
        ("openai-compatible", "a-model-of-nobody", ""),
    ],
)
def test_who_made_a_model_is_known_wherever_it_is_served(provider: str, model: str, maker: str) -> None:
    book = PriceBook([], lists={row.id: row.price_list for row in catalog().values()})

    fact = book.fact(provider, model)
    assert fact.maker == maker
    assert book.fact(provider, model) is fact, "it is looked up once"
    assert (fact.name != "") == (maker != "")


def test_a_name_of_any_length_is_priced_dearly_and_not_kept() -> None:
    book = PriceBook([], lists={"openai": "openai"})

    assert book.find("a", "openai", "gpt-5" * 1_000_000, 0) == (DEAR, "no_price")
    assert book.fact("openai", "x" * 301).maker == ""
