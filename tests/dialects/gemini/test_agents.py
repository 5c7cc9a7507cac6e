"""What real agents send, through to a strict vendor, and what clients of this wire send, read and written again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dragoman.canon.habits import Habits
from dragoman.canon.request import ToolCall, ToolResult
from dragoman.dialects import anthropic, openai_chat
from dragoman.dialects.gemini import DIALECT
from tests.dialects.gemini.stage import NEW, OLD, OWN, SCENES, Json, losses, read, strictly, target, write

CHAT = SCENES / "openai_chat"
AGENTS: Mapping[str, Path] = {path.parent.name + "/" + path.stem: path for path in sorted(CHAT.glob("from_*/*.json"))}
CLAUDE_CODE = sorted(path.stem for path in (CHAT / "from_claude_code").iterdir())
GEMINI_CLI = sorted(path.stem for path in (OWN / "from_gemini_cli").iterdir())
MODELS = {"new": NEW, "old": OLD}


def from_agent(name: str, habits: Habits = NEW) -> tuple[Json, list[str]]:
    dialect = openai_chat.DIALECT if "opencode" in name else anthropic.DIALECT
    request = dialect.read_request(AGENTS[name].read_bytes())
    body, written = write(request, habits, reasoning_echo="thoughtSignature", prefill=False)
    return body, losses(written)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", AGENTS)
def test_the_vendor_takes_what_agents_ask(name: str, model: str) -> None:
    body, _ = from_agent(name, MODELS[model])
    strictly(body)


@pytest.mark.parametrize("name", CLAUDE_CODE)
def test_pitfall_008_the_billing_line_goes_nowhere_else(name: str) -> None:
    body, lost = from_agent(f"from_claude_code/{name}")
    assert "x-anthropic-billing-header" not in json.dumps(body)
    assert any("billing" in what for what in lost)


@pytest.mark.parametrize("name", CLAUDE_CODE)
def test_pitfall_009_the_user_s_identity_is_never_sent(name: str) -> None:
    body, lost = from_agent(f"from_claude_code/{name}")
    assert "device_id" not in json.dumps(body)
    assert "user" in lost


def test_pitfall_051_a_tool_found_by_search_is_offered_and_named() -> None:
    body, _ = from_agent("from_claude_code/tool_search")
    names = [each["name"] for each in body["tools"][0]["functionDeclarations"]]
    assert "WebFetch" in names
    assert "DeferredToolPlaceholder" not in names
    assert "The tool WebFetch is now available." in json.dumps(body["contents"])


def test_pitfall_001_a_system_message_midway_becomes_a_reminder_behind_the_results() -> None:
    body, lost = from_agent("from_claude_code/thinking")
    texts = [part["text"] for content in body["contents"] for part in content["parts"] if "text" in part]
    assert any(text.startswith("<system-reminder>") for text in texts)
    assert "turn.system" in lost


def test_a_search_of_claude_code_s_is_made_by_the_vendor_s_own_search() -> None:
    body, lost = from_agent("from_claude_code/web_search")
    assert body["tools"] == [{"googleSearch": {}}]
    assert "toolConfig" not in body
    assert "tools.web_search_20250305" in lost


def test_thinking_of_another_vendor_is_not_sent_and_its_calls_are_marked_unsigned() -> None:
    body, lost = from_agent("from_claude_code/thinking")
    parts = [part for content in body["contents"] for part in content["parts"]]
    assert not [part for part in parts if part.get("thought")]
    marks = {part["thoughtSignature"] for part in parts if "thoughtSignature" in part}
    assert marks == {"skip_thought_signature_validator"}
    assert {"thinking", "tool_call.seal"} <= set(lost)


@pytest.mark.parametrize("name", GEMINI_CLI)
def test_law_4_what_gemini_cli_sends_is_written_as_it_came(name: str) -> None:
    original = (OWN / "from_gemini_cli" / f"{name}.json").read_bytes()
    written = DIALECT.write_request(read(original), target())
    expected = json.loads(original)
    expected.get("systemInstruction", {}).pop("role", None)
    for tool in expected.get("tools", ()):
        for declared in tool["functionDeclarations"]:
            declared["parametersJsonSchema"] = declared.pop("parametersJsonSchema")
    assert json.loads(written.body) == expected
    assert written.losses == ()


def test_calls_and_results_of_gemini_cli_belong_together() -> None:
    request = read((OWN / "from_gemini_cli" / "run_with_calls.json").read_bytes())
    parts = [part for turn in request.turns for part in turn.parts]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    results = [part for part in parts if isinstance(part, ToolResult)]
    assert results
    assert {result.call_id for result in results} <= {call.id for call in calls}
    assert all(call.seal is not None for call in calls)


def test_what_gemini_cli_sends_is_taken_by_other_dialects() -> None:
    request = read((OWN / "from_gemini_cli" / "run_with_calls.json").read_bytes())
    for dialect in (anthropic.DIALECT, openai_chat.DIALECT):
        body = json.loads(dialect.write_request(request, target(Habits(), native=False)).body)
        assert len(body["tools"]) == 15
        assert len(body["messages"]) >= 4
