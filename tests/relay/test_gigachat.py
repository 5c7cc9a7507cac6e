"""GigaChat behind the relay: refusals that are mended and remembered, and defects that only a whole exchange shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.canon.problem import KINDS, Kind
from dragoman.net.call import Tls
from dragoman.shapes.secret import Secret
from tests.relay.stage import ScriptedAnswer, Stage, channel, play, snapshot

TOOL = {"name": "Read", "description": "Reads.", "input_schema": {"type": "object", "properties": {"path": {}}}}


def body(**members: Any) -> bytes:
    """A streamed Messages body."""
    asked = {"model": "asked", "max_tokens": 32000, "stream": True, "messages": [{"role": "user", "content": "go"}]}
    return json.dumps(asked | members).encode()


def refusal(status: int, message: str, **headers: str) -> ScriptedAnswer:
    """An answer that refuses, in the vendor's form."""
    return ScriptedAnswer([json.dumps({"status": status, "message": message}).encode()], status, **headers)


def answer(*deltas: Any, finish: str = "stop") -> ScriptedAnswer:
    """A stream of these deltas; what is no delta is a pause or a frame."""
    script: list[bytes | float] = []
    for delta in deltas:
        if isinstance(delta, dict):
            delta = _frame({"choices": [{"index": 0, "delta": delta}], "model": "GigaChat:1", "created": 1})
        script.append(delta)
    usage = {"prompt_tokens": 17, "completion_tokens": 3, "precached_prompt_tokens": 2}
    last = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": finish}], "usage": usage}
    return ScriptedAnswer([*script, _frame(last), b"data: [DONE]\n\n"], content_type="text/event-stream")


def _frame(chunk: Any) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()


def giga(*answers: ScriptedAnswer, **changes: Any) -> Stage:
    """A stage with one channel, which gives these answers."""
    return Stage({"giga": answers}, channel("giga", "gigachat", **changes))


def sent(stage: Stage) -> list[dict[str, Any]]:
    """The bodies that the vendor was sent."""
    return [json.loads(call.body) for call in stage.transport.calls]


HELLO = {"role": "assistant", "content": "Привет"}

MENDED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a schema": ("Invalid params: functions[0].parameters: type is required", {"tools": [TOOL]}, "tool.schema"),
    "a limit of output": ("Invalid params: max_tokens must be less than 8193", {}, "max_output"),
}


@pytest.mark.parametrize("case", MENDED)
def test_what_a_model_refuses_is_spared_it_once_and_from_then_on(case: str) -> None:
    words, members, lost = MENDED[case]
    stage = giga(refusal(422, words), answer(HELLO), answer(HELLO))

    heard = [play(stage.ask(body(**members))) for _ in range(2)]

    first, second, third = sent(stage)
    assert first != second == third
    assert [each.status for each in heard] == [200, 200]
    assert len(stage.exchanges[0].attempts) == 2
    assert all(any(loss.what.startswith(lost) for loss in each.losses) for each in stage.exchanges)


def test_a_refusal_that_nothing_mends_is_told_at_once() -> None:
    stage = giga(refusal(422, "Invalid params: system message must be the first message"))

    heard = play(stage.ask(body()))

    assert heard.status == 400
    assert len(stage.transport.calls) == 1


def test_an_effort_that_a_model_does_not_know_is_left_out() -> None:
    stage = giga(refusal(422, "Invalid params: unknown field reasoning_effort"), answer(HELLO))
    asked = body(output_config={"effort": "high"}, model="asked")
    stage.relay.snapshot = snapshot(*stage.relay.snapshot.channels, model="GigaChat-3-Ultra")

    heard = play(stage.ask(asked))

    assert heard.status == 200
    assert [each.get("reasoning_effort") for each in sent(stage)] == ["high", None]


def test_h_a_client_is_told_the_size_of_its_prompt_at_the_start_and_the_truth_at_the_end() -> None:
    heard = play(giga(answer(HELLO)).ask(body()))
    frames = [json.loads(line[6:]) for line in heard.text.splitlines() if line.startswith("data: {")]
    assert frames[0]["message"]["usage"]["input_tokens"] > 0
    usage = frames[-2]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (15, 2, 3)


STATUSES = {
    401: (Kind.UPSTREAM_CREDENTIAL, "api_error"),
    402: (Kind.UPSTREAM_QUOTA, "api_error"),
    403: (Kind.UPSTREAM_CREDENTIAL, "api_error"),
    404: (Kind.MODEL_NOT_FOUND, "not_found_error"),
    413: (Kind.PROMPT_TOO_LONG, "invalid_request_error"),
    422: (Kind.INVALID_REQUEST, "invalid_request_error"),
}


@pytest.mark.parametrize("status", STATUSES)
def test_j_an_error_keeps_its_meaning_and_tells_nothing_of_the_address(status: int) -> None:
    words = {404: "No such model", 413: "Tokens limit exceeded: 140000 (max 131072)"}.get(status, "Refused")
    heard = play(giga(refusal(status, words)).ask(body()))
    error = json.loads(heard.text)["error"]
    kind, word = STATUSES[status]
    assert error["type"] == word
    # What is our own account's fault must not look like the client's: it would wait for a key to be mended.
    assert heard.status == KINDS[kind].status if KINDS[kind].side == "client" else heard.status not in (401, 402, 403)
    assert heard.headers["x-should-retry"] == "false"
    assert "127.0.0.1" not in heard.text
    assert "key-of-giga" not in heard.text
    if status == 413:
        assert "prompt is too long: 140000 tokens > 131072 maximum" in error["message"]


def test_j_a_limit_is_waited_for_and_then_told_with_its_time() -> None:
    refusals = [refusal(429, "Too many requests", retry_after="7") for _ in range(9)]
    stage = giga(*refusals)
    heard = play(stage.ask(body()))
    assert heard.status == 429
    assert heard.headers["retry-after"] == "7"
    assert stage.exchanges[0].problem is Kind.RATE_LIMITED


def test_j_an_error_for_a_first_chunk_keeps_its_status() -> None:
    stages = giga(*(answer(_frame({"status": 422, "message": "Invalid params: content"})) for _ in range(9)))
    heard = play(stages.ask(body()))
    assert heard.status == 400
    assert "Invalid params: content" in heard.text


def test_n_long_thinking_is_bridged_by_pings() -> None:
    stage = giga(answer(30.0, 30.0, {"role": "function_in_progress", "content": "…"}, 30.0, HELLO))
    heard = play(stage.ask(body()))
    assert heard.status == 200
    assert heard.text.count("event: ping") >= 5
    assert "Привет" in heard.text
    assert stage.exchanges[0].problem is None


def test_p_only_what_the_vendor_needs_is_sent_on() -> None:
    stage = giga(answer(HELLO))
    play(stage.ask(body(), x_secret="hidden", anthropic_beta="context-1m", user_agent="claude-cli", cookie="a=b"))
    headers = stage.transport.calls[0].headers
    assert not {"x-secret", "anthropic-beta", "cookie", "x-api-key"} & headers.keys()
    assert headers["user-agent"] == "dragoman/test"
    assert "hidden" not in str(headers)


def test_an_answer_of_the_wrong_type_is_no_answer() -> None:
    page = [ScriptedAnswer([b"<html>login</html>"], content_type="text/html") for _ in range(9)]
    heard = play(giga(*page).ask(body()))
    assert heard.status == 502
    assert "web page" in heard.text


def test_every_option_reaches_the_wire() -> None:
    options = {
        "scope": "GIGACHAT_API_CORP",
        "auth_url": "https://a.example/oauth",
        "ca_bundle": "/ca.pem",
        "certificate": "/c.pem",
        "key": "/k.pem",
        "verify": "false",
        "profanity_check": "false",
        "flags": "a,b",
        "update_interval": "0.5",
        "repetition_penalty": "1.1",
    }
    stage = giga(answer(HELLO), options=options, secret_options={"key_password": Secret("p")})
    play(stage.ask(body()))

    (call,) = stage.transport.calls
    assert call.tls == Tls(ca_bundle="/ca.pem", certificate="/c.pem", key="/k.pem", key_password="p", verify=False)
    assert call.credential is not None
    token = call.credential.source.ask(call.credential.account, "id", 0)
    assert (token.url, token.body) == ("https://a.example/oauth", b"scope=GIGACHAT_API_CORP")
    (told,) = sent(stage)
    wanted = {"profanity_check": False, "flags": ["a", "b"], "update_interval": 0.5, "repetition_penalty": 1.1}
    assert told.items() >= wanted.items()
