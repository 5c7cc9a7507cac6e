"""Errors of upstreams as problems, and problems in the words of this wire."""

from __future__ import annotations

import json

import openai
import pytest

from dragoman.canon.problem import Kind, Original, problem
from dragoman.dialects.openai_chat import DIALECT

TOO_LONG = [
    (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens. "
        "Please reduce the length of the messages.",
        "130001 tokens > 128000 maximum",
    ),
    (
        "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens (30000 in the "
        "messages, 10000 in the completion).",
        "40000 tokens > 32768 maximum",
    ),
    (
        "This endpoint's maximum context length is 200000 tokens. However, you requested about 210000 tokens (200000 "
        "of text input, 10000 in the output).",
        "210000 tokens > 200000 maximum",
    ),
    ("prompt is too long: 210000 tokens > 200000 maximum", "210000 tokens > 200000 maximum"),
    (
        "Prompt contains 50000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "50000 tokens > 32768 maximum",
    ),
    (
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
        "1048577 tokens > 1048576 maximum",
    ),
    (
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        "140000 tokens > 131072 maximum",
    ),
    (
        "the request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
        "9000 tokens > 8192 maximum",
    ),
    ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens", "5000 tokens > 4096 maximum"),
    (
        "You passed 33000 input tokens and requested 100 output tokens. However, the model's context length is only "
        "32768 tokens, so the maximum input length is 32668.",
        "33000 tokens > 32668 maximum",
    ),
    ("prompt token count of 140000 exceeds the limit of 128000", "140000 tokens > 128000 maximum"),
    ("Range of input length should be [1, 129024]", "Range of input length should be [1, 129024]"),
    (
        "Invalid request: Your request exceeded model token limit: 131072",
        "Your request exceeded model token limit: 131072",
    ),
    ("Please reduce the length of your prompt.", "Please reduce the length of your prompt."),
    ("Input is too long for requested model.", "Input is too long for requested model."),
]


@pytest.mark.parametrize(("words", "told"), TOO_LONG)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_pitfall_126_every_wording_of_too_long_starts_a_compaction(words: str, told: str, status: int) -> None:
    body = json.dumps({"error": {"message": words, "type": "invalid_request_error"}}).encode()
    found = DIALECT.read_problem(status, {}, body)
    assert found.kind is Kind.PROMPT_TOO_LONG
    assert found.message.startswith("prompt is too long: ")
    assert told in found.message
    assert found.status == 400


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error":{"message":"bad tools","type":"invalid_request_error","param":"tools"}}', Kind.INVALID_REQUEST),
        (400, '{"error":{"message":"x","code":"context_length_exceeded"}}', Kind.PROMPT_TOO_LONG),
        (400, '{"error":{"message":"x","code":400,"type":"exceed_context_size_error"}}', Kind.PROMPT_TOO_LONG),
        (
            400,
            '{"error":{"message":"The response was filtered","code":"content_filter",'
            '"innererror":{"code":"ResponsibleAIPolicyViolation"}}}',
            Kind.REFUSED,
        ),
        (400, '{"error":{"message":"Content Exists Risk"}}', Kind.REFUSED),
        (400, '{"error":{"message":"Your credit balance is too low"}}', Kind.UPSTREAM_QUOTA),
        (400, '{"error":{"message":"gpt-x is not a valid model ID","code":400}}', Kind.MODEL_NOT_FOUND),
        (400, '{"code":"Arrearage","message":"Access denied"}', Kind.UPSTREAM_QUOTA),
        (401, '{"error":{"message":"Incorrect API key provided: sk-abc123***xyz"}}', Kind.UPSTREAM_CREDENTIAL),
        (402, '{"error":{"message":"Insufficient Balance"}}', Kind.UPSTREAM_QUOTA),
        (403, '{"error":{"message":"Country not supported"}}', Kind.UPSTREAM_CREDENTIAL),
        (403, '{"error":{"message":"x","code":"insufficient_quota"}}', Kind.UPSTREAM_QUOTA),
        (404, '{"error":{"message":"x","code":"model_not_found"}}', Kind.MODEL_NOT_FOUND),
        (404, '{"error":{"message":"model \\"x\\" not found, try pulling it first"}}', Kind.MODEL_NOT_FOUND),
        (404, '{"object":"error","message":"The model `x` does not exist.","code":404}', Kind.MODEL_NOT_FOUND),
        (404, '{"error":{"code":"DeploymentNotFound","message":"gone"}}', Kind.MODEL_NOT_FOUND),
        (404, '{"detail":"Not Found"}', Kind.NOT_FOUND),
        (408, "", Kind.TIMEOUT),
        (409, "", Kind.CONFLICT),
        (413, "too big", Kind.TOO_LARGE),
        (418, "", Kind.INVALID_REQUEST),
        (422, '{"detail":[{"loc":["body"],"msg":"field required"}]}', Kind.INVALID_REQUEST),
        (429, '{"error":{"message":"slow","code":"rate_limit_exceeded"}}', Kind.RATE_LIMITED),
        (429, '{"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}}', Kind.UPSTREAM_QUOTA),
        (429, '{"error":{"message":"x","type":"engine_overloaded_error"}}', Kind.OVERLOADED),
        (500, '{"error":{"message":"x","type":"server_error"}}', Kind.UPSTREAM_ERROR),
        (500, '[{"error":{"message":"x","code":500}}]', Kind.UPSTREAM_ERROR),
        (502, "<html>bad gateway</html>", Kind.UPSTREAM_ERROR),
        (503, "", Kind.OVERLOADED),
        (503, '{"error":"busy","code":"rate_limit_exceeded"}', Kind.RATE_LIMITED),
        (504, '"gone"', Kind.TIMEOUT),
        (529, "3", Kind.OVERLOADED),
        (307, "", Kind.REDIRECTED),
    ],
)
def test_pitfall_127_the_status_decides_and_the_code_refines(status: int, body: str, kind: Kind) -> None:
    found = DIALECT.read_problem(status, {}, body.encode())
    assert found.kind is kind
    assert found.upstream_status == status


def test_the_provider_s_own_words_are_quoted() -> None:
    found = DIALECT.read_problem(400, {}, b'{"error":{"message":"bad tools","param":"tools"}}')
    assert '"bad tools"' in found.message
    assert found.param == "tools"


def test_openrouter_s_inner_words_are_read() -> None:
    raw = json.dumps({"error": {"message": "prompt is too long: 3 tokens > 2 maximum"}})
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "x"}}
    found = DIALECT.read_problem(400, {}, json.dumps({"error": error}).encode())
    assert found.message == "prompt is too long: 3 tokens > 2 maximum"
    other = {**error, "metadata": {"raw": {"odd": 1}}}
    assert "odd" in DIALECT.read_problem(400, {}, json.dumps({"error": other}).encode()).message


def test_f28_our_own_credential_is_no_business_of_the_client() -> None:
    body = b'{"error":{"message":"Incorrect API key provided: sk-abc123***xyz","code":"invalid_api_key"}}'
    found = DIALECT.read_problem(401, {}, body)
    assert (found.status, found.retryable, found.original) == (502, False, None)
    assert "sk-abc" not in found.message + found.evidence


def test_f31_an_error_about_the_request_is_kept_word_for_word() -> None:
    body = b'{"error":{"message":"bad tools","type":"invalid_request_error","param":"tools","code":null}}'
    found = DIALECT.read_problem(400, {}, body)
    assert found.original == Original("openai_chat", 400, body)
    assert DIALECT.write_problem(found, "req_1") == body
    assert DIALECT.read_problem(400, {}, b"plain").original is None


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"x-ratelimit-reset-requests": "1m30s", "x-ratelimit-remaining-requests": "0"}, 90.0),
        ({"x-ratelimit-reset-tokens": "250ms"}, 0.5),
        ({"x-ratelimit-reset-tokens": "2h", "x-ratelimit-remaining-tokens": "5"}, None),
        ({"x-ratelimit-reset-tokens": "12.5"}, 12.5),
        ({"x-ratelimit-reset-tokens": "1763600000000"}, None),
        ({"x-ratelimit-reset-tokens": "soon"}, None),
        ({}, None),
    ],
)
def test_pitfall_128_the_wait_is_read(headers: dict[str, str], wait_s: float | None) -> None:
    assert DIALECT.read_problem(429, headers, b"").retry_after_s == wait_s


@pytest.mark.parametrize("kind", Kind)
def test_pitfall_125_every_problem_has_the_published_shape(kind: Kind) -> None:
    body = json.loads(DIALECT.write_problem(problem(kind, "Words.", param="tools"), "req_1"))
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["error"]["message"] == "Words."
    assert body["request_id"] == "req_1"


def test_a_prompt_too_long_is_known_to_clients_by_its_code() -> None:
    body = json.loads(DIALECT.write_problem(problem(Kind.PROMPT_TOO_LONG, "prompt is too long"), "r"))
    assert body["error"]["code"] == "context_length_exceeded"


def test_the_vendor_s_sdk_understands_our_errors() -> None:
    body = json.loads(DIALECT.write_problem(problem(Kind.RATE_LIMITED, "Slow down."), "r"))
    found = openai.APIError("x", request=None, body=body["error"])  # type: ignore[arg-type]
    assert (found.code, found.type) == ("rate_limit_exceeded", "rate_limit_error")
