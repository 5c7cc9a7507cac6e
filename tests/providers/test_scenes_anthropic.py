"""What a coding agent's turn becomes for the rows of the Anthropic dialect: all of it for the vendor whose own the
dialect is, and for others what they document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.dialects.anthropic import DIALECT
from dragoman.dialects.base import Target
from dragoman.dialects.openai_chat import DIALECT as CHAT
from dragoman.providers.catalog import catalog
from dragoman.providers.credentials import forwarded_headers
from dragoman.providers.quirks import fit
from tests.providers.coding import ACCOUNT, TURN, turn
from tests.providers.documented import documented
from tests.standin.check_anthropic import check_anthropic
from tests.standin.reply import Signer
from tests.standin.rules import Rules

Json = dict[str, Any]
ROWS = catalog()
PLAIN = "anthropic-compatible"
FOREIGN = [row.id for row in ROWS.values() if row.dialect == DIALECT.name and not row.native and row.id != PLAIN]
SIGNER = Signer()
SIGNED = SIGNER.sign("I should read it.")
YOUNG = frozenset({"context_management", "safeguards", "container", "mcp_servers"})
OFF = {"thinking": {"type": "disabled"}}
MODELS = {
    "deepseek-anthropic": "deepseek-v4-pro",
    "moonshot-anthropic": "kimi-k2.6",
    "zai-anthropic": "glm-4.7",
    "minimax-anthropic": "MiniMax-M3",
    "qwen-anthropic": "qwen3-coder-plus",
}
BETAS = "context-management-2025-06-27,thinking-display-updates-2026-08-18,dangerous-tool-use-2026-09-03"
HEADERS = {"anthropic-beta": BETAS}


def written(row: str, model: str, body: bytes, door: Any = DIALECT) -> Json:
    """The body for a row's upstream, of a request that came in at a door."""
    provider = ROWS[row]
    card = documented(provider, model)
    wish = fit(provider, door.read_request(body), model, max_output=card.max_output if card else None)
    target = Target(model=model, origin=ACCOUNT, native=provider.native, stream=True, habits=wish.habits)
    told: Json = json.loads(DIALECT.write_request(wish.request, target).body)
    return told


def test_the_native_vendor_gets_every_member() -> None:
    body = written("anthropic", "claude-opus-5-5", turn(SIGNED))
    assert {name for name in TURN if name not in body} == set()
    for name in ("thinking", "context_management", "safeguards", "output_config", "metadata", "max_tokens"):
        assert body[name] == TURN[name]
    assert body["messages"][1] == TURN["messages"][1]
    assert body["system"][0] == TURN["system"][0]
    check_anthropic(body, forwarded_headers(ROWS["anthropic"], HEADERS), Rules(), SIGNER)


@pytest.mark.parametrize("changes", [{}, OFF], ids=["thinking", "off"])
@pytest.mark.parametrize("row", FOREIGN)
def test_another_vendor_gets_what_it_knows(row: str, changes: Json) -> None:
    body = written(row, MODELS[row], turn(SIGNED, **changes))
    check_anthropic(body, forwarded_headers(ROWS[row], HEADERS), Rules(refuse=YOUNG), SIGNER)
    text = json.dumps(body)
    assert "/home/someone" not in text
    assert "x-anthropic-billing-header" not in text
    assert "device_id" not in text
    assert {message["role"] for message in body["messages"]} == {"user", "assistant"}
    assert "<system-reminder>\\nToday is Friday.\\n</system-reminder>" in text
    assert [tool["name"] for tool in body["tools"]] == ["Bash", "Read"]
    if changes:
        assert body["thinking"] == {"type": "disabled"}
        assert "effort" not in body.get("output_config", {})
    else:
        assert body["thinking"]["type"] == "enabled"
        assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]


@pytest.mark.parametrize(("row", "effort"), [("deepseek-anthropic", "high"), ("moonshot-anthropic", "high")])
def test_effort_is_told_to_those_who_document_it(row: str, effort: str | None) -> None:
    body = written(row, MODELS[row], turn(SIGNED))
    assert body.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize("row", FOREIGN)
def test_a_vendor_gets_its_own_thinking_back(row: str) -> None:
    body = written(row, MODELS[row], turn(SIGNED))
    spoken = next(message for message in body["messages"] if message["role"] == "assistant")
    assert spoken["content"][0]["thinking"] == "I should read it."


def test_a_demanded_call_switches_thinking_off_where_the_two_exclude_each_other() -> None:
    body = written("deepseek-anthropic", "deepseek-v4-pro", turn(SIGNED, tool_choice={"type": "any"}))
    assert body["tool_choice"] == {"type": "any"}
    assert body["thinking"] == {"type": "disabled"}


CHAT_TURN: Json = {
    "model": "best",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
    "tools": [{"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}],
    "max_completion_tokens": 16000,
    "temperature": 0.2,
    "stream": True,
}


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5", "claude-opus-4-7", "claude-haiku-4-5"])
@pytest.mark.parametrize("effort", [None, "none", "minimal", "high", "xhigh"])
@pytest.mark.parametrize("choice", [None, "required"])
def test_a_chat_clients_wish_is_fit_for_every_generation(model: str, effort: str | None, choice: str | None) -> None:
    asked = CHAT_TURN | {"reasoning_effort": effort, "tool_choice": choice}
    body = json.dumps({name: value for name, value in asked.items() if value is not None}).encode()
    told = written("anthropic", model, body, CHAT)
    check_anthropic(told, forwarded_headers(ROWS["anthropic"], {}), Rules(), SIGNER)
    thinking = told.get("thinking", {}).get("type")
    forced = told.get("tool_choice", {}).get("type") == "any"
    assert (
        thinking
        in {
            "claude-opus-5-5": {None, "adaptive"},
            "claude-sonnet-5": {None, "adaptive", "disabled"},
            "claude-opus-4-7": {None, "adaptive", "disabled"},
            "claude-haiku-4-5": {None, "enabled", "disabled"},
        }[model]
    )
    assert not (forced and thinking in ("adaptive", "enabled"))
    assert forced is (choice is not None and model != "claude-opus-5-5")
    assert ("temperature" in told) is (model == "claude-haiku-4-5" and thinking != "enabled")
