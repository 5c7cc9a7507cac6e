"""What something would cost, and why: a bill without an exchange."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct

from dragoman.canon.usage import Usage
from dragoman.ledger.price import Cost, Doubt, Price, cost
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.wire import Refusal, answer

Count = Annotated[int, Meta(ge=0, le=10**12)]
DOUBTS: dict[Doubt, str] = {
    "": "",
    "no_price": "Nobody's price is known, so a dear one is taken.",
    "list_price": "The provider's own price is not known; this is what the model's maker charges.",
}


class TokensUsed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens, as `Usage` tells them."""

    input: Count = 0
    cache_read: Count = 0
    cache_write_5m: Count = 0
    cache_write_1h: Count = 0
    output: Count = 0
    input_audio: Count = 0
    input_image: Count = 0
    output_audio: Count = 0
    output_image: Count = 0


class BillWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be charged."""

    model: Annotated[str, Meta(min_length=1, max_length=500)]
    """The provider's name of it."""
    channel: str = ""
    provider: str = ""
    """Id of a catalog row; empty: the channel's."""
    at_ms: Annotated[int, Meta(ge=0, le=4 * 10**12)] | None = None
    """Nothing: now."""
    usage: TokensUsed = TokensUsed(input=1_000_000, output=1_000_000)


class Bill(Struct, frozen=True, kw_only=True):
    """What it would cost."""

    price: Price
    cost: Cost | None
    """Nothing where nothing would be charged."""
    why: str
    """Whose price it is, in words."""
    doubt: str = ""
    """What is doubtful about it, in words."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("POST", "/prices/bill", needs="prices:read", reads=BillWanted, tells=Bill)
    async def bill(call: Call) -> Response:
        """What some tokens of a model would cost, line by line, and by which price; nothing is sent or kept."""
        asked = await call.body(BillWanted)
        channels = {channel.name: channel for channel in call.desk.snapshot.channels}
        if asked.channel and asked.channel not in channels:
            raise Refusal(422, "invalid", f"There is no channel '{asked.channel[:64]}'.")
        provider = asked.provider or (channels[asked.channel].provider if asked.channel else "")
        at_ms = call.desk.now_ms() if asked.at_ms is None else asked.at_ms
        price, doubt = call.desk.prices.find(asked.channel, provider, asked.model, at_ms)
        used = asked.usage
        usage = Usage(**{name: getattr(used, name) for name in used.__struct_fields__})
        made = cost(usage, price, doubt, answered=True)
        return answer(Bill(price=price, cost=made, why=_words(call, price.id), doubt=DOUBTS[doubt]))


def _words(call: Call, version: str) -> str:
    """Whose price a version is: what stands before `*` times the factors after it."""
    rows = call.desk.configured.prices if call.desk.configured else ()
    names = {f"{row.id}@{row.revision}": row.spec.name for row in rows}
    base, *factors = version.split("*")
    words = [_word(base, names), *(f"times the factor of {_word(factor, names)}" for factor in factors)]
    return ", ".join(words) + "."


def _word(version: str, names: dict[str, str]) -> str:
    row, _, number = version.partition("/")
    if row in names:
        return f"your price '{names[row]}'" + (f", by time {number} of it" if number else "")
    what, _, where = version.partition(":")
    return f"the price of {where} published in {what}" if where else f"the price '{version}'"
