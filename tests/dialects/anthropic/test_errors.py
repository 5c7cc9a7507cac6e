"""What an upstream's refusals mean, and how problems are told to a client."""

from __future__ import annotations

import json

import pytest

from dragoman.canon.problem import Kind, Original, Problem, problem
from dragoman.dialects.anthropic import DIALECT


def vendors(kind: str, message: str) -> bytes:
    """An error body as the vendor writes it."""
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


def found(status: int, body: bytes = b"", **headers: str) -> Problem:
    """The problem that an answer is."""
    return DIALECT.read_problem(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, vendors("invalid_request_error", "messages: roles must alternate"), Kind.INVALID_REQUEST),
        (400, vendors("invalid_request_error", "Your credit balance is too low"), Kind.UPSTREAM_QUOTA),
        (401, vendors("authentication_error", "invalid x-api-key"), Kind.UPSTREAM_CREDENTIAL),
        (402, vendors("billing_error", "pay"), Kind.UPSTREAM_QUOTA),
        (403, vendors("permission_error", "no"), Kind.UPSTREAM_CREDENTIAL),
        (404, vendors("not_found_error", "model: claude-9"), Kind.MODEL_NOT_FOUND),
        (404, b"<html>nginx</html>", Kind.NOT_FOUND),
        (408, b"", Kind.TIMEOUT),
        (409, b"", Kind.CONFLICT),
        (413, vendors("request_too_large", "Request exceeds the maximum size"), Kind.TOO_LARGE),
        (413, b'{"message":"Prompt is too long"}', Kind.PROMPT_TOO_LONG),
        (418, b"", Kind.INVALID_REQUEST),
        (422, b'{"detail":"bad thinking"}', Kind.INVALID_REQUEST),
        (425, b"", Kind.CONFLICT),
        (429, vendors("rate_limit_error", "slow down"), Kind.RATE_LIMITED),
        (429, vendors("billing_error", "spend limit"), Kind.UPSTREAM_QUOTA),
        (302, b"", Kind.REDIRECTED),
        (500, vendors("api_error", "Internal server error"), Kind.UPSTREAM_ERROR),
        (502, b"<html>Bad gateway</html>", Kind.UPSTREAM_ERROR),
        (503, b"", Kind.OVERLOADED),
        (504, b"", Kind.TIMEOUT),
        (529, vendors("overloaded_error", "Overloaded"), Kind.OVERLOADED),
        (520, b"", Kind.UPSTREAM_ERROR),
        (200, b"", Kind.UPSTREAM_ERROR),
    ],
)
def test_pitfall_127_the_status_decides(status: int, body: bytes, kind: Kind) -> None:
    problem = found(status, body)
    assert (problem.kind, problem.upstream_status) == (kind, status)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("prompt is too long: 213000 tokens > 200000 maximum", "prompt is too long: 213000 tokens > 200000 maximum"),
        ("capability_rejected: prompt_too_long", None),
        ("Input is too long for requested model.", None),
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens.",
            "prompt is too long: 131072 tokens > 128000 maximum",
        ),
        (
            "This model's maximum context length is 65,536 tokens. However, you requested 70,000 tokens (60 in the ...",
            "prompt is too long: 70000 tokens > 65536 maximum",
        ),
        (
            "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
            "prompt is too long: 1048577 tokens > 1048576 maximum",
        ),
        ("Your input exceeds the context window of this model. Please adjust your input and try again.", None),
        ("Please reduce the length of the messages or completion.", None),
        ("the request exceeds the available context size, try increasing it", None),
        ("Prompt contains 40000 tokens, which is too large for model with 32768 maximum context length", None),
        ("Range of input length should be [1, 98304]: input length exceeds the maximum", None),
        ("Invalid request: Your request exceeded model token limit: 131072 (context_length_exceeded)", None),
        ("prompt too long; exceeded max context length by 1200 tokens", None),
        ("Превышено максимальное количество токенов контекста", None),
    ],
)
def test_pitfall_126_a_prompt_that_is_too_long_is_told_so_that_claude_code_compacts(
    words: str, told: str | None
) -> None:
    problem = found(400, json.dumps({"error": {"message": words}}).encode())
    assert problem.kind is Kind.PROMPT_TOO_LONG
    body = json.loads(DIALECT.write_problem(problem, "req"))
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"] == (told or f"prompt is too long: {words}")


@pytest.mark.parametrize(
    "words",
    [
        "messages.3.content: Input should be a valid list",
        "tools.0.name: string too long",
        "max_tokens: 64000 > 32000, which is the maximum allowed number of output tokens",
    ],
)
def test_other_words_do_not_mean_a_long_prompt(words: str) -> None:
    assert found(400, vendors("invalid_request_error", words)).kind is Kind.INVALID_REQUEST


def test_words_that_make_claude_code_ask_for_less_are_left_alone() -> None:
    words = "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease input length"
    problem = found(400, vendors("invalid_request_error", words))
    assert json.loads(DIALECT.write_problem(problem, "r"))["error"]["message"] == words
    told = json.loads(DIALECT.write_problem(DIALECT.read_problem(400, {}, json.dumps({"error": words}).encode()), "r"))
    assert words in told["error"]["message"]


def test_fault_31_a_refusal_of_the_vendors_shape_is_passed_on_byte_for_byte() -> None:
    body = b'{"type": "error",\n "error": {"type": "invalid_request_error", "message": "messages: x"}}'
    problem = found(400, body)
    assert problem.original == Original("anthropic", 400, body)
    assert DIALECT.write_problem(problem, "ours") == body


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"error":"x"}', b'{"error":{"message":"x"}}', b"\xff\xfe", b"[" * 90_000]
)
def test_fault_26_other_bodies_never_reach_the_client_as_they_are(body: bytes) -> None:
    problem = found(500, body)
    assert problem.original is None
    told = json.loads(DIALECT.write_problem(problem, "req_9"))
    assert (told["type"], told["error"]["type"], told["request_id"]) == ("error", "api_error", "req_9")


def test_fault_28_words_about_our_credential_are_not_the_clients() -> None:
    problem = found(401, vendors("authentication_error", "invalid x-api-key"))
    assert (problem.original, problem.status, problem.retryable) == (None, 502, False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":"the words"}',
        b'{"error":{"message":"the words","code":"x"}}',
        b'{"error":{"msg":"the words","type":7}}',
        b'{"error":{"message":"the words","type":"api_error"},"type":7}',
        b'{"message":"the words"}',
        b'{"detail":"the words"}',
        b'{"msg":"the words","code":3}',
    ],
)
def test_the_words_are_found_in_bodies_of_every_shape(body: bytes) -> None:
    problem = found(422, body)
    assert "the words" in problem.message
    assert problem.evidence == "the words"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry_after": "20"}, 20.0),
        ({"retry_after": "0"}, 0.5),
        ({"retry_after": "1e9"}, 3600.0),
        ({"retry_after": "nan"}, None),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9.0),
        ({"retry_after": "Fri, 20 Nov 2026 12:00:30 GMT", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"retry_after": "Fri, 20 Nov 2026 12:00:30 GMT"}, None),
        ({"retry_after": "soon", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_pitfall_128_the_wait_is_read_and_held_in_bounds(headers: dict[str, str], wait_s: float | None) -> None:
    assert found(429, b"", **headers).retry_after_s == wait_s


def test_pitfall_128_an_upstreams_word_on_retrying_is_kept() -> None:
    assert found(429, b"").retryable
    assert not found(429, b"", x_should_retry="false").retryable


@pytest.mark.parametrize("kind", Kind)
def test_pitfall_125_every_problem_has_the_vendors_shape(kind: Kind) -> None:
    told = json.loads(DIALECT.write_problem(problem(kind, "It went wrong."), "req_1"))
    assert set(told) == {"type", "error", "request_id"}
    assert told["error"]["type"].endswith(("_error", "_too_large"))
    assert "It went wrong." in told["error"]["message"]


def test_numbers_of_a_long_prompt_are_found_in_the_evidence_too() -> None:
    told = problem(
        Kind.PROMPT_TOO_LONG, "Too long.", evidence="maximum context length is 100 tokens, requested 120 tokens"
    )
    message = json.loads(DIALECT.write_problem(told, "r"))["error"]["message"]
    assert message == "prompt is too long: 120 tokens > 100 maximum"


def test_an_original_of_another_dialect_is_not_passed_on() -> None:
    foreign = problem(Kind.OVERLOADED, "Busy.", original=Original("foreign", 503, b"<busy>"))
    assert b"<busy>" not in DIALECT.write_problem(foreign, "r")
