"""What tokens cost: prices as whole numbers, and the lines of a bill.

Rules. Money is whole billionths (nano) of a currency, never a fraction and never converted to another currency. A
price is nano per million tokens; each line of a bill is rounded once, half up, and the sum is the sum of the lines.
A count without a price of its own is charged as what it is part of: reads from and writes to a cache as input,
thinking as output, sounds and pictures as the tokens that they are within. The size of the prompt chooses the tier, and
that tier prices every token of the exchange; or, where tiers are slices, those above its bound.

What is billed neither by token nor by request (searches, pages, batches, faster service) is not priced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.canon.usage import Usage

MILLION = 1_000_000
Item = Literal["input", "cache_read", "cache_write_5m", "cache_write_1h", "output"]
ITEMS: tuple[Item, ...] = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
Medium = Literal["input_audio", "input_image", "output_audio", "output_image"]
Priced: TypeAlias = Item | Medium
MEDIA: Mapping[Priced, Item] = {
    "input_audio": "input",
    "input_image": "input",
    "output_audio": "output",
    "output_image": "output",
}
"""Sounds and pictures, and within what they are counted and charged unless they have prices of their own."""
LineItem: TypeAlias = Priced | Literal["request"]
FALLBACK: dict[Priced, Item] = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    **MEDIA,
}
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
    input_audio: int | None = None
    input_image: int | None = None
    output_audio: int | None = None
    output_image: int | None = None

    def of(self, item: Priced) -> int:
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
    slices: bool = False
    """Whether a tier prices only the tokens above its bound, of each kind by itself, and not all of a long prompt."""
    request: int = 0
    """Nano for each request, whatever it uses."""

    def rates_for(self, prompt_tokens: int) -> Rates:
        """The rates of a prompt of this size."""
        return next((tier.rates for tier in reversed(self.tiers) if prompt_tokens > tier.over), self.rates)

    def parts_of(self, tokens: int, prompt_tokens: int) -> Iterator[tuple[int, Rates]]:
        """So many tokens of one kind in the parts that are charged alike, each with its rates."""
        if not self.slices:
            yield tokens, self.rates_for(prompt_tokens)
            return
        bounds, rates = [0, *(tier.over for tier in self.tiers)], [self.rates, *(tier.rates for tier in self.tiers)]
        for n, lower in enumerate(bounds):
            upper = bounds[n + 1] if n + 1 < len(bounds) else tokens
            if (part := min(tokens, upper) - lower) > 0:
                yield part, rates[n]


class CostLine(Struct, frozen=True, array_like=True):
    """One line of a bill."""

    item: LineItem
    tokens: int
    """Of `request`, how many requests."""
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


def cost(usage: Usage, price: Price, doubt: Doubt = "", *, answered: bool = False) -> Cost | None:
    """The bill for these tokens; None where nothing was told of any. `answered`: the request is charged even so."""
    counts = counts_of(usage)
    asked = price.request if counts or answered else 0
    if not counts and not asked:
        return None
    lines = [line for item, count in counts.items() for line in _lines(item, count, price, usage.prompt)]
    if asked:
        lines.append(_line("request", 1, asked * MILLION))
    return Cost(
        currency=price.currency,
        nano=sum(line.nano for line in lines),
        lines=tuple(lines),
        price=price.id,
        doubt=doubt,
    )


def counts_of(usage: Usage) -> Mapping[Priced, int]:
    """What there is to be charged, each token once: sounds and pictures are taken out of what they are within."""
    counts: dict[Priced, int] = {item: count for item in ITEMS if (count := getattr(usage, item))}
    for medium, within in MEDIA.items():
        part = min(getattr(usage, medium) or 0, counts.get(within, 0))
        if part:
            counts[medium] = part
            counts[within] -= part
    return {item: count for item, count in counts.items() if count}


def _lines(item: Priced, count: int, price: Price, prompt_tokens: int) -> Iterator[CostLine]:
    for part, rates in price.parts_of(count, prompt_tokens):
        yield _line(item, part, rates.of(item))


def _line(item: LineItem, tokens: int, nano_per_million: int) -> CostLine:
    return CostLine(item, tokens, nano_per_million, (tokens * nano_per_million + MILLION // 2) // MILLION)
