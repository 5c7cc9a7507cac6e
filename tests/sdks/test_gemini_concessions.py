"""A server of Gemini's wire that takes less than the newest models is asked once more in its own manner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.faults.gateway import Served
from tests.sdks.house import ASKED, channel
from tests.sdks.stage import DOT
from tests.standin import StandIn
from tests.standin.rules import Rules

TOOL: Any = {"name": "Read", "input_schema": {"type": "object", "properties": {"$path": {"type": ["string", "null"]}}}}
SEARCH: Any = {"type": "web_search_20250305", "name": "web_search"}
PICTURE: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
CALL: Any = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"$path": "a"}}
HISTORY: Any = [
    {"role": "user", "content": "Go."},
    {"role": "assistant", "content": [CALL]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [PICTURE]}]},
]
REFUSED = {"schemas": "parametersJsonSchema", "ids": "id", "media_of_results": "parts", "mixed_tools": "mixed_tools"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_server_refuses_is_said_otherwise_and_remembered(gateway: Served, what: str) -> None:
    rules = Rules(refuse=frozenset({REFUSED[what]}))
    with (
        StandIn(dialects=("gemini",), rules=rules) as upstream,
        anthropic.Anthropic(base_url=gateway.url, api_key="key", max_retries=0) as client,
    ):
        gateway.stand(channel("gemini", upstream.url))
        for _ in range(2):
            client.messages.create(model=ASKED, max_tokens=100, messages=HISTORY, tools=[TOOL, SEARCH])

    assert [bool(seen.refused) for seen in upstream.requests] == [True, False, False]


def test_a_refusal_that_nothing_can_mend_is_told(gateway: Served) -> None:
    rules = Rules(refuse=frozenset({"parametersJsonSchema", "parameters"}))
    with (
        StandIn(dialects=("gemini",), rules=rules) as upstream,
        anthropic.Anthropic(base_url=gateway.url, api_key="key", max_retries=0) as client,
    ):
        gateway.stand(channel("gemini", upstream.url))
        with pytest.raises(anthropic.BadRequestError, match="Unknown name"):
            client.messages.create(model=ASKED, max_tokens=100, messages=HISTORY, tools=[TOOL])

    assert [bool(seen.refused) for seen in upstream.requests] == [True, True]
