"""Makes src/dragoman/ledger/prices.json from genai-prices (MIT, github.com/pydantic/genai-prices).

Kept are names, windows and prices by token for text; what is charged by search, page, picture or hour is not, nor are
prices of batches and of faster service.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint, TieredPrices, TimeOfDateConstraint

FILE = Path(__file__).resolve().parents[1] / "src" / "dragoman" / "ledger" / "prices.json"
NAMES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
}
"""Their names of what is charged by token, and ours."""
MAKERS = (
    "anthropic",
    "openai",
    "google",
    "deepseek",
    "mistral",
    "x-ai",
    "moonshotai",
    "zai",
    "minimax",
    "cohere",
    "meta",
)
"""Lists of those who make models."""
CLAUSES = ("equals", "starts_with", "ends_with", "contains", "regex")


def nano(price: Decimal) -> int:
    """Dollars as billionths."""
    return round(price * 10**9)


def rates(price: ModelPrice, prompt_tokens: int) -> dict[str, int]:
    """What each kind of token costs for a prompt of this size."""
    found = {}
    for theirs, ours in NAMES.items():
        amount = getattr(price, theirs)
        if isinstance(amount, TieredPrices):
            fitting = [tier.price for tier in amount.tiers if prompt_tokens > tier.start]
            amount = fitting[-1] if fitting else amount.base
        if amount is not None:
            found[ours] = nano(amount)
    return {"input": 0, "output": 0, **found}


def dated(price: ModelPrice, constraint: object) -> dict[str, Any]:
    """One price and when it holds."""
    starts = {
        tier.start
        for name in NAMES
        if isinstance(amount := getattr(price, name), TieredPrices)
        for tier in amount.tiers
    }
    told: dict[str, Any] = {"rates": rates(price, 0)}
    if starts:
        told["tiers"] = [{"over": start, "rates": rates(price, start + 1)} for start in sorted(starts)]
    match constraint:
        case StartDateConstraint():
            told["since"] = constraint.start_date.isoformat()
        case TimeOfDateConstraint(start_time=start, end_time=end):
            told |= {"from_minute": start.hour * 60 + start.minute, "until_minute": end.hour * 60 + end.minute}
    return told


def clause(match: Any) -> dict[str, Any]:
    """How a name is recognised; in small letters, but for expressions."""
    for several in ("or", "and"):
        if inner := getattr(match, f"{several}_", None):
            return {several: [clause(each) for each in inner]}
    name = next(name for name in CLAUSES if hasattr(match, name))
    text = getattr(match, name)
    return {name: text if name == "regex" else text.lower()}


def models(provider: Provider) -> Iterator[dict[str, Any]]:
    """The models that are charged by token."""
    for model in provider.models:
        prices = [(price, when) for price, when in prices_of(model) if price.input_mtok or price.output_mtok]
        if prices or free(model):
            told = [dated(*each) for each in prices or prices_of(model)]
            yield {"id": model.id, **known(model), "match": clause(model.match), "prices": told}


def known(model: ModelInfo) -> dict[str, Any]:
    """What is told of it beside its prices."""
    name = {"name": model.name} if model.name and model.name != model.id else {}
    return name | ({"context": model.context_window} if model.context_window else {})


def free(model: ModelInfo) -> bool:
    """Whether it is charged by token, at nothing."""
    return all(price.input_mtok == 0 or price.output_mtok == 0 for price, _ in prices_of(model))


def prices_of(model: ModelInfo) -> list[tuple[ModelPrice, object]]:
    """Its prices, each with when it holds."""
    if isinstance(model.prices, ModelPrice):
        return [(model.prices, None)]
    return [(each.prices, each.constraint) for each in model.prices]


def text(value: object) -> str:
    """As JSON on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def book() -> str:
    """The whole file, a model a line."""
    lists = []
    for provider in providers:
        lines = ",\n".join(map(text, models(provider)))
        lends = text(provider.fallback_model_providers or [])
        lists.append(f'{text(provider.id)}:{{"lends":{lends},"models":[\n{lines}]}}')
    name = text(f"genai-prices-{version('genai-prices')}")
    return f'{{"version":{name},"makers":{text(MAKERS)},"lists":{{\n{",".join(lists)}}}}}\n'


if __name__ == "__main__":
    FILE.write_text(book(), encoding="utf-8")
