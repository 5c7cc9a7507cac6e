"""What tokens cost: prices as whole numbers, and the lines of a bill.

Rules. Money is whole billionths (nano) of a currency, never a fraction and never converted to another currency. A
price is nano per million tokens; each line of a bill is rounded once, half up, and the sum is the sum of the lines.
A count without a price of its own is charged as what it is part of: reads from and writes to a cache as input,
thinking as output. The size of the prompt chooses the tier, and that tier prices every token of the exchange.

What is not billed by tokens (searches, images, batches, faster service) is not priced.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from dragoman.canon.usage import Usage

MILLION = 1_000_000
Item = Literal["input", "cache_read", "cache_write_5m", "cache_write_1h", "output"]
ITEMS: tuple[Item, ...] = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
FALLBACK: dict[Item, Item] = {"cache_read": "input", "cache_write_5m": "input", "cache_write_1h": "cache_write_5m"}
"""As what an item is charged that has no price of its own."""
Doubt = Literal["", "no_price", "list_price"]
"""Why a cost is not what the provider charges for certain. `no_price`: none is known, so a dear one was taken.
`list_price`: it is what the model's maker charges, for the provider's own price is not known."""


class Rates(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Nano per million tokens; None where an item has no price of its own."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None

    def of(self, item: Item) -> int:
        """What the item is charged."""
        own: int | None = getattr(self, item)
        return self.of(FALLBACK[item]) if own is None else own


class Tier(Struct, frozen=True):
    """Rates for long prompts."""

    over: int
    """A prompt with more tokens than this is charged so."""
    rates: Rates


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of what one model costs."""

    id: str
    """Names this very version, so that a bill can be explained when prices have changed."""
    rates: Rates
    currency: str = "USD"
    tiers: tuple[Tier, ...] = ()
    """Shortest prompts first."""

    def rates_for(self, prompt_tokens: int) -> Rates:
        """The rates of a prompt of this size."""
        return next((tier.rates for tier in reversed(self.tiers) if prompt_tokens > tier.over), self.rates)


class CostLine(Struct, frozen=True, array_like=True):
    """One line of a bill."""

    item: Item
    tokens: int
    nano_per_million: int
    nano: int


class Cost(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The bill of one attempt."""

    currency: str
    nano: int
    lines: tuple[CostLine, ...]
    price: str
    """Id of the price it was made with."""
    doubt: Doubt = ""


DEAR = Price(id="unknown-model", rates=Rates(input=5 * 10**9, output=25 * 10**9))
"""What is taken for a model whose price nobody knows: $5 and $25 per million, so that budgets err on the safe side."""


def cost(usage: Usage, price: Price, doubt: Doubt = "") -> Cost | None:
    """The bill for these tokens; None where nothing was told of any."""
    counts = {item: getattr(usage, item) for item in ITEMS}
    if not any(counts.values()):
        return None
    rates = price.rates_for(usage.prompt)
    lines = tuple(_line(item, count, rates.of(item)) for item, count in counts.items() if count)
    return Cost(
        currency=price.currency,
        nano=sum(line.nano for line in lines),
        lines=lines,
        price=price.id,
        doubt=doubt,
    )


def _line(item: Item, tokens: int, nano_per_million: int) -> CostLine:
    return CostLine(item, tokens, nano_per_million, (tokens * nano_per_million + MILLION // 2) // MILLION)
