"""Two hundred requests at once: one request for a token, whether there was none yet or the one held has ended."""

from __future__ import annotations

import asyncio

import anthropic

from tests.clients.vendors import GIGACHAT_KEY
from tests.faults.gateway import ASKED, Served
from tests.sdks.house import channel
from tests.standin import StandIn

MANY = 200


def test_two_hundred_requests_after_a_token_s_end_cause_one_request_for_a_token() -> None:
    with Served() as gateway, StandIn(dialects=("gigachat",), api_key=GIGACHAT_KEY) as upstream:
        gateway.stand(channel("gigachat", upstream.url))
        assert asyncio.run(answers(gateway.url, 1)) == {"You said: 0"}
        assert len(upstream.office.issued) == 1
        upstream.office.expire()

        told = asyncio.run(answers(gateway.url, MANY))

        assert told == {f"You said: {number}" for number in range(MANY)}
        assert len(upstream.office.issued) == 2
        assert sum(seen.path.endswith("/oauth") for seen in upstream.side_requests) == 2


def test_two_hundred_requests_before_the_first_token_cause_one_request_for_a_token() -> None:
    with Served() as gateway, StandIn(dialects=("gigachat",), api_key=GIGACHAT_KEY) as upstream:
        gateway.stand(channel("gigachat", upstream.url))

        told = asyncio.run(answers(gateway.url, MANY))

        assert len(told) == MANY
        assert len(upstream.office.issued) == 1
        assert [seen.refused for seen in upstream.requests] == [None] * MANY


async def answers(url: str, many: int) -> set[str]:
    """What so many clients are told who ask at once."""
    async with anthropic.AsyncAnthropic(base_url=url, api_key="key", max_retries=0) as client:

        async def answer(number: int) -> str:
            message = await client.messages.create(
                model=ASKED, max_tokens=100, messages=[{"role": "user", "content": str(number)}]
            )
            return "".join(block.text for block in message.content if block.type == "text")

        return set(await asyncio.gather(*map(answer, range(many))))
