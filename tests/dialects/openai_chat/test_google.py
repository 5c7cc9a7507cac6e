"""Signatures where Google's servers put them: inside the call (`extra_content`)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.problem import Kind
from dragoman.canon.request import Extras, Seal, Thinking, ToolCall, ToolResult
from dragoman.canon.seal import wrap
from dragoman.dialects.openai_chat import DIALECT
from tests.dialects.openai_chat.wire import (
    ORIGIN,
    asked,
    assistant,
    call,
    calls,
    chunk,
    heard,
    losses,
    target,
    user,
    write,
)

ECHO = "extra_content"
SKIP = "skip_thought_signature_validator"
ENTRY = '{"type":"reasoning.encrypted","format":"google-gemini-v1","data":"EjQ="}'


def signed(piece: dict[str, Any], content: object) -> dict[str, Any]:
    """A call as Google's servers send it: whole, without an index."""
    return {name: value for name, value in piece.items() if name != "index"} | {"extra_content": content}


def signatures(body: dict[str, Any]) -> list[str | None]:
    made = next(message["tool_calls"] for message in body["messages"] if "tool_calls" in message)
    return [each.get("extra_content", {}).get("google", {}).get("thought_signature") for each in made]


def results(*ids: str) -> list[ToolResult]:
    return [ToolResult(call_id) for call_id in ids]


def test_the_signature_in_a_call_is_its_seal() -> None:
    first = signed(call(0, "a", "Read", "{}"), {"google": {"thought_signature": "EjQ="}})
    second = signed(call(1, "b", "Read", "{}"), {"google": {}})
    reply = heard(chunk(calls(first, second), "stop"), reasoning_echo=ECHO)
    assert [part.seal for part in reply.parts] == [Seal(ORIGIN, ENTRY), None]


def test_a_call_in_an_odd_shape_keeps_its_signature() -> None:
    odd = signed(call(0, "a", "Read", "{}"), {"google": {"thought_signature": "EjQ="}})
    odd["function"]["arguments"] = {"path": "x"}
    reply = heard(chunk(calls(odd), "stop"), reasoning_echo=ECHO)
    assert [part.seal for part in reply.parts] == [Seal(ORIGIN, ENTRY)]


@pytest.mark.parametrize("content", ["odd", {"google": 1}, {"vertex": {}}, None])
def test_extra_content_without_a_signature_seals_nothing(content: object) -> None:
    reply = heard(chunk(calls(signed(call(0, "a", "Read", "{}"), content)), "stop"), reasoning_echo=ECHO)
    assert [part.seal for part in reply.parts] == [None]


def test_upstreams_that_do_not_ask_for_signatures_have_theirs_passed_over() -> None:
    piece = signed(call(0, "a", "Read", "{}"), {"google": {"thought_signature": "EjQ="}})
    assert [part.seal for part in heard(chunk(calls(piece), "stop")).parts] == [None]


def test_signatures_go_back_into_their_calls() -> None:
    first = ToolCall("a", "Read", "{}", seal=Seal(ORIGIN, ENTRY))
    second = ToolCall("b", "Read", "{}")
    body, written = write(asked(assistant(first, second), user(*results("a", "b"))), reasoning_echo=ECHO)
    assert signatures(body) == ["EjQ=", None]
    assert losses(written) == []
    assert "reasoning_details" not in body["messages"][0]


def test_calls_of_another_model_bear_google_s_mark_for_none() -> None:
    foreign = [ToolCall(name, "Read", "{}", seal=Seal("elsewhere", ENTRY)) for name in "ab"]
    body, written = write(
        asked(assistant(Thinking("hm"), *foreign), user(*results("a", "b"))),
        reasoning_echo=ECHO,
    )
    assert signatures(body) == [SKIP, None]
    assert losses(written) == ["thinking", "tool_call.seal"]


def test_a_signature_that_a_client_kept_in_the_call_goes_back_as_it_is() -> None:
    kept = Extras("openai_chat", {"extra_content": Raw(b'{"google":{"thought_signature":"own"}}')})
    body, written = write(
        asked(assistant(ToolCall("a", "Read", "{}", extras=kept)), user(*results("a")), dialect="openai_chat"),
        reasoning_echo=ECHO,
    )
    assert signatures(body) == ["own"]
    assert losses(written) == []


def test_a_chat_client_carries_the_signature_as_an_entry() -> None:
    entry = {"type": "reasoning.encrypted", "id": "a", "format": "google-gemini-v1", "data": wrap(Seal(ORIGIN, "EjQ="))}
    made = {"id": "a", "type": "function", "function": {"name": "Read", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [made], "reasoning_details": [entry]}
    asking = {"model": "m", "messages": [message, {"role": "tool", "tool_call_id": "a", "content": "x"}]}
    request = DIALECT.read_request(json.dumps(asking).encode())
    body = json.loads(DIALECT.write_request(request, target(reasoning_echo=ECHO)).body)
    assert signatures(body) == ["EjQ="]


RPC = "type.googleapis.com/google.rpc."


def refusal(code: int, message: str, *details: dict[str, Any]) -> bytes:
    """An error as Google's address for this wire sends it: in a list, with its own details."""
    return json.dumps([{"error": {"code": code, "message": message, "status": "X", "details": details}}]).encode()


def test_the_wait_that_google_tells_in_a_body_is_kept() -> None:
    body = refusal(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]},
        {"@type": f"{RPC}Help", "links": []},
        {"@type": f"{RPC}RetryInfo", "retryDelay": "37.5s"},
    )
    found = DIALECT.read_problem(429, {}, body)
    assert (found.kind, found.retry_after_s) == (Kind.RATE_LIMITED, 37.5)
    assert DIALECT.read_problem(429, {"retry-after": "2"}, body).retry_after_s == 2


def test_a_quota_of_a_day_is_no_matter_of_seconds() -> None:
    violations = [7, {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]
    body = refusal(429, "You exceeded your current quota.", {"@type": f"{RPC}QuotaFailure", "violations": violations})
    assert DIALECT.read_problem(429, {}, body).kind is Kind.UPSTREAM_QUOTA


def test_a_key_that_google_does_not_know_is_our_matter_though_it_says_400() -> None:
    body = refusal(400, "API key not valid.", {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID"})
    found = DIALECT.read_problem(400, {}, body)
    assert found.kind is Kind.UPSTREAM_CREDENTIAL
    assert found.original is None
