"""What a coding agent's turn becomes for each row of the Responses dialect: what its vendor documents, no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.dialects.anthropic.request import read_request
from dragoman.dialects.base import Target as Upstream
from dragoman.dialects.base import Written
from dragoman.dialects.openai_responses import DIALECT
from dragoman.providers.addresses import count_url, endpoint
from dragoman.providers.catalog import catalog
from dragoman.providers.quirks import fit
from tests.providers.coding import ACCOUNT, turn
from tests.providers.documented import documented
from tests.standin.check_responses import check_responses
from tests.standin.published import type_problems
from tests.standin.reply import Signer
from tests.standin.rules import Rules

Json = dict[str, Any]
ROWS = catalog()
OFF = {"thinking": {"type": "disabled"}, "output_config": None}
UNASKED = {"thinking": None, "output_config": None}
FORCED = {"tool_choice": {"type": "tool", "name": "Bash"}}
PLAYS = (
    ("openai-responses", "gpt-4.1"),
    ("openai-responses", "o3"),
    ("openai-responses", "gpt-5"),
    ("openai-responses", "gpt-5.6"),
    ("azure-responses", "my-gpt-5.1"),
    ("azure-responses", "gpt-4o"),
    ("responses-compatible", "some-model"),
    ("responses-compatible", "gpt-oss-120b"),
)


def written(row: str, model: str, changes: Json) -> tuple[Json, Written]:
    """The body for a row's upstream, and what is told beside it."""
    provider = ROWS[row]
    card = documented(provider, model)
    wish = fit(provider, read_request(turn(**changes)), model, max_output=card.max_output if card else None)
    target = Upstream(model=model, origin=ACCOUNT, native=provider.native, stream=True, habits=wish.habits)
    told = DIALECT.write_request(wish.request, target)
    return json.loads(told.body), told


@pytest.mark.parametrize("changes", [{}, OFF, UNASKED, FORCED], ids=["thinking", "off", "unasked", "forced"])
@pytest.mark.parametrize(("row", "model"), PLAYS)
def test_a_vendor_is_sent_nothing_it_refuses(row: str, model: str, changes: Json) -> None:
    body, told = written(row, model, changes)
    check_responses(body, Rules(), Signer())
    assert type_problems("openai_responses", body) == []
    assert (body["model"], body["store"]) == (model, False)
    assert [tool["name"] for tool in body["tools"]] == ["Bash", "Read"]
    assert "stop" not in body
    assert len(told.local_stops) == 6


@pytest.mark.parametrize(("row", "model"), PLAYS)
def test_what_is_the_native_vendors_stays_here(row: str, model: str) -> None:
    text = json.dumps(written(row, model, {})[0])
    for private in ("x-anthropic-billing-header", "/home/someone", "context_management", "device_id", "cache_control"):
        assert private not in text


@pytest.mark.parametrize(
    ("row", "model", "changes", "reasoning"),
    [
        ("openai-responses", "gpt-4.1", {}, None),
        ("openai-responses", "o3", {}, {"effort": "high", "summary": "auto"}),
        ("openai-responses", "gpt-5.6", {}, {"effort": "high", "summary": "auto"}),
        ("openai-responses", "gpt-5.6", OFF, {"effort": "none"}),
        ("openai-responses", "gpt-5", OFF, {"effort": "minimal"}),
        ("openai-responses", "gpt-5.6", UNASKED, None),
        ("azure-responses", "my-gpt-5.1", {}, {"effort": "high", "summary": "auto"}),
        ("responses-compatible", "some-model", {}, None),
        ("responses-compatible", "gpt-oss-120b", {}, {"effort": "high", "summary": "auto"}),
    ],
)
def test_thinking_is_asked_for_in_the_models_words(row: str, model: str, changes: Json, reasoning: Any) -> None:
    assert written(row, model, changes)[0].get("reasoning") == reasoning


def test_the_newest_models_think_and_call_tools_at_once() -> None:
    body, told = written("openai-responses", "gpt-5.6", {})
    assert body["tools"]
    assert body["reasoning"]["effort"] == "high"
    assert "reasoning" not in {loss.what for loss in told.losses}


@pytest.mark.parametrize(
    ("row", "base_url", "url"),
    [
        ("openai-responses", "", "https://api.openai.com/v1/responses"),
        ("azure-responses", "https://n.openai.azure.com", "https://n.openai.azure.com/openai/v1/responses"),
        ("responses-compatible", "http://127.0.0.1:9000/v1/responses", "http://127.0.0.1:9000/v1/responses"),
    ],
)
def test_each_row_is_asked_at_its_address(row: str, base_url: str, url: str) -> None:
    assert endpoint(ROWS[row], base_url, DIALECT.path, "m", {}) == url


def test_the_vendor_counts_tokens() -> None:
    url = count_url(ROWS["openai-responses"], "", DIALECT.path, {})
    assert url == f"https://api.openai.com/v1{DIALECT.count_path}"


def test_local_data_of_codex_go_to_the_vendor_whose_client_it_is_only() -> None:
    holders = [row.id for row in ROWS.values() if row.dialect == DIALECT.name]
    assert len(holders) >= 3
    for row in holders:
        assert ("client_metadata" in ROWS[row].habits.drop_members) is not ROWS[row].native
