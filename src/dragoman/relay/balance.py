"""Asks one provider what is left of an account."""

from __future__ import annotations

import asyncio

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.net.transport import ERROR_LIMIT, Transport
from dragoman.providers.addresses import errand_url, host_url
from dragoman.providers.balance import BALANCES, Balance, BalanceSource
from dragoman.relay.outlet import Outlet
from dragoman.relay.scrub import scrubbed, secrets_in

PATIENCE_S = 20.0


def source_of(outlet: Outlet) -> BalanceSource | None:
    """How a channel's provider tells balances; None where it does not."""
    return BALANCES.get(outlet.provider.balance)


async def ask_balance(transport: Transport, outlet: Outlet) -> Balance:
    """What is left of an account. Raises `Trouble`."""
    source = source_of(outlet)
    if source is None:
        raise Trouble(problem(Kind.UNSUPPORTED, "The provider tells no balance. Look at its own pages."))
    channel = outlet.channel
    base = channel.base_url or outlet.provider.base_url
    url = (
        host_url(base, source.path)
        if source.from_host
        else errand_url(outlet.provider, base, outlet.dialect.path, source.path, channel.options, "")
    )
    headers = dict(outlet.headers({}, "", stream=False))
    if outlet.credential is None and (key := channel.api_key.reveal()):
        headers["authorization"] = f"Bearer {key}"
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await transport.send(outlet.call(url, headers, method="GET"))
            try:
                body = await answer.whole(ERROR_LIMIT)
            finally:
                answer.close()
    except TimeoutError:
        words = f"The provider was asked for a balance but did not answer within {PATIENCE_S:.0f} s."
        raise Trouble(problem(Kind.TIMEOUT, words)) from None
    if answer.status >= 300:
        found = outlet.dialect.read_problem(answer.status, answer.headers, body)
        raise Trouble(scrubbed(found, secrets_in(headers)))
    return source.read(body)
