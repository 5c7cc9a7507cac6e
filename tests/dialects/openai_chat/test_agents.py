"""What real agents send, through to a strict chat server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.canon.problem import Kind, Trouble
from dragoman.dialects import anthropic
from dragoman.dialects.openai_chat import DIALECT
from tests.dialects.openai_chat.wire import SCENES, Json, losses, refusals, scene, target, write
from tests.standin.rules import Rules

CLAUDE_CODE = sorted(path.name for path in (SCENES / "from_claude_code").iterdir() if path.stem != "web_search")
OPENCODE = sorted(path.name for path in (SCENES / "from_opencode").iterdir())


def from_claude_code(name: str, **habits: Any) -> tuple[Json, list[str]]:
    request = anthropic.DIALECT.read_request(scene(f"from_claude_code/{name}"))
    body, written = write(request, **habits)
    return body, losses(written)


@pytest.mark.parametrize("name", CLAUDE_CODE)
def test_a_strict_server_takes_what_claude_code_asks(name: str) -> None:
    body, _ = from_claude_code(name)
    assert refusals(body) == []


@pytest.mark.parametrize("name", CLAUDE_CODE)
def test_a_strict_template_takes_what_claude_code_asks(name: str) -> None:
    body, _ = from_claude_code(name, system_midway=False, strict_roles=True, string_content=True)
    assert refusals(body, Rules(system_first=True, alternate=True)) == []


@pytest.mark.parametrize("name", OPENCODE)
def test_a_strict_server_takes_what_opencode_asks(name: str) -> None:
    body, written = write(DIALECT.read_request(scene(f"from_opencode/{name}")))
    assert refusals(body) == []
    assert losses(written) == []


@pytest.mark.parametrize("name", CLAUDE_CODE)
def test_pitfall_008_the_billing_line_goes_nowhere_else(name: str) -> None:
    body, lost = from_claude_code(name)
    assert "x-anthropic-billing-header" not in json.dumps(body)
    assert any("billing" in what for what in lost)


@pytest.mark.parametrize("name", CLAUDE_CODE)
def test_pitfall_009_the_user_s_identity_is_never_sent_raw(name: str) -> None:
    body, lost = from_claude_code(name)
    assert len(body["user"]) == 64
    assert "device_id" not in json.dumps(body)
    assert "user" in lost


def test_pitfall_051_a_tool_found_by_search_is_offered_and_named() -> None:
    body, lost = from_claude_code("tool_search.json")
    offered = [tool["function"]["name"] for tool in body["tools"]]
    said = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    assert "WebFetch" in offered
    assert "DeferredToolPlaceholder" not in offered
    assert "The tool WebFetch is now available." in said[0]
    assert lost.count("tools.deferred") == 1


def test_pitfall_070_pictures_of_results_follow_as_a_user_message() -> None:
    body, lost = from_claude_code("image_and_pdf.json")
    roles = [message["role"] for message in body["messages"]]
    last = body["messages"][-1]
    assert roles[-4:] == ["assistant", "tool", "tool", "user"]
    assert [item["type"] for item in last["content"]] == ["text", "image_url", "text", "file"]
    assert "base64" not in json.dumps(body["messages"][-3:-1])
    assert "tool_result.media" in lost


def test_pitfall_047_a_search_that_only_its_vendor_runs_is_refused_clearly() -> None:
    request = anthropic.DIALECT.read_request(scene("from_claude_code/web_search.json"))
    with pytest.raises(Trouble, match="web_search") as found:
        DIALECT.write_request(request, target())
    assert found.value.problem.kind is Kind.UNSUPPORTED


def test_pitfall_001_a_system_message_midway_stays_or_becomes_user_text() -> None:
    kept, _ = from_claude_code("tool_search.json")
    told, lost = from_claude_code("tool_search.json", system_midway=False)
    assert [message["role"] for message in kept["messages"]][:3] == ["system", "user", "system"]
    assert [message["role"] for message in told["messages"]][:3] == ["system", "user", "user"]
    assert told["messages"][2]["content"].startswith("<system-reminder>\n")
    assert "turn.system" in lost


def test_an_empty_system_message_is_left_out() -> None:
    body, lost = from_claude_code("per_turn_control.json")
    assert [message["role"] for message in body["messages"]] == [
        *("system", "user", "assistant", "user", "user", "system"),
    ]
    assert "turn.output_config" in lost


def test_pitfall_072_a_failed_tool_is_told_in_words() -> None:
    body, lost = from_claude_code("tool_errors.json")
    results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    assert all(result.lower().startswith(("error", "<tool_use_error>")) for result in results)
    assert "tool_result.is_error" in lost


def test_pitfall_079_thinking_goes_to_nobody_else() -> None:
    body, lost = from_claude_code("thinking.json")
    assert "reasoning" not in json.dumps(body["messages"])
    assert "signature" not in json.dumps(body["messages"])
    assert "thinking" in lost


def test_a_title_is_asked_for_by_schema() -> None:
    body, _ = from_claude_code("title.json")
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["title"]
    assert "tools" not in body


@pytest.mark.parametrize("in_result", [False, True])
def test_a_document_of_blocks_from_another_wire_shows_its_words_and_pictures(*, in_result: bool) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
    source = {"type": "content", "content": [{"type": "text", "text": "one"}, picture]}
    document: Json = {"type": "document", "title": "T", "source": source}
    messages: list[Json] = [{"role": "user", "content": [document]}]
    if in_result:
        call = {"type": "tool_use", "id": "t", "name": "Read", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "t", "content": [document]}
        messages = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()

    said, written = write(anthropic.DIALECT.read_request(body))

    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    assert shown in said["messages"][-1]["content"]
    assert "T\\none" in json.dumps(said)
    assert "document" in losses(written)
    assert not refusals(said)
