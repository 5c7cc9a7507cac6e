"""Errors of the vendor as problems, and problems as a client of this wire reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import errors
from msgspec import Raw

from dragoman.canon.problem import KINDS, Kind, Original, problem
from dragoman.dialects.gemini import DIALECT
from dragoman.dialects.gemini.errors import AS_WRITTEN, problem_in_stream
from tests.dialects.gemini.stage import Json

RPC = "type.googleapis.com/google.rpc."


def said(code: int, status: str, message: str = "words", *details: Json) -> bytes:
    """An error as the vendor says it."""
    return json.dumps(
        {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    ).encode()


def info(reason: str) -> Json:
    return {"@type": f"{RPC}ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def wait(delay: str) -> Json:
    return {"@type": f"{RPC}RetryInfo", "retryDelay": delay}


def quota(name: str) -> Json:
    return {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": name}, 5]}


TOO_LONG = said(
    400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
)
BAD_KEY = said(400, "INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID"))
PER_DAY = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
CASES: dict[str, tuple[int, bytes, Kind]] = {
    "argument": (400, said(400, "INVALID_ARGUMENT"), Kind.INVALID_REQUEST),
    "bad key": (
        400,
        said(400, "INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID")),
        Kind.UPSTREAM_CREDENTIAL,
    ),
    "bad key in words": (400, said(400, "INVALID_ARGUMENT", "API key expired."), Kind.UPSTREAM_CREDENTIAL),
    "bad place": (
        400,
        said(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        Kind.UPSTREAM_CREDENTIAL,
    ),
    "too long": (
        400,
        said(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        Kind.PROMPT_TOO_LONG,
    ),
    "too long in words": (400, said(400, "INVALID_ARGUMENT", "The prompt is too long."), Kind.PROMPT_TOO_LONG),
    "too large": (
        400,
        said(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
        Kind.TOO_LARGE,
    ),
    "413": (413, b"<html>", Kind.TOO_LARGE),
    "blocked": (400, said(400, "INVALID_ARGUMENT", "The prompt was blocked."), Kind.REFUSED),
    "401": (401, said(401, "UNAUTHENTICATED"), Kind.UPSTREAM_CREDENTIAL),
    "403": (403, said(403, "PERMISSION_DENIED", "x", info("SERVICE_DISABLED")), Kind.UPSTREAM_CREDENTIAL),
    "no billing": (403, said(403, "PERMISSION_DENIED", "x", info("BILLING_DISABLED")), Kind.UPSTREAM_QUOTA),
    "no model": (
        404,
        said(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta, or is not supported."),
        Kind.MODEL_NOT_FOUND,
    ),
    "no path": (404, b"<html>404</html>", Kind.NOT_FOUND),
    "rate": (
        429,
        said(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
            quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
            wait("34.074824224s"),
        ),
        Kind.RATE_LIMITED,
    ),
    "daily": (
        429,
        said(429, "RESOURCE_EXHAUSTED", "quota", PER_DAY, wait("3s")),
        Kind.UPSTREAM_QUOTA,
    ),
    "500": (500, said(500, "INTERNAL"), Kind.UPSTREAM_ERROR),
    "503": (503, said(503, "UNAVAILABLE", "The model is overloaded."), Kind.OVERLOADED),
    "504": (504, said(504, "DEADLINE_EXCEEDED"), Kind.TIMEOUT),
    "302": (302, b"", Kind.REDIRECTED),
    "418": (418, b"", Kind.INVALID_REQUEST),
    "502": (502, b"<html>", Kind.UPSTREAM_ERROR),
    "list": (400, b"[" + TOO_LONG + b"]", Kind.PROMPT_TOO_LONG),
    "empty list": (503, b"[]", Kind.OVERLOADED),
    "words": (400, b"plain words", Kind.INVALID_REQUEST),
    "string": (400, b'{"error": "model x not found"}', Kind.MODEL_NOT_FOUND),
    "bare": (400, b'{"detail": "no", "details": 5, "code": "x"}', Kind.INVALID_REQUEST),
}


@pytest.mark.parametrize("name", CASES)
def test_the_vendor_s_errors_mean(name: str) -> None:
    status, body, kind = CASES[name]
    found = DIALECT.read_problem(status, {}, body)
    assert found.kind is kind
    assert found.upstream_status == status


def test_waits_are_read_wherever_they_stand() -> None:
    def waited(body: bytes, **headers: str) -> float | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return DIALECT.read_problem(429, named, body).retry_after_s

    assert waited(said(429, "RESOURCE_EXHAUSTED", "x", wait("34.5s"))) == 34.5
    assert waited(said(429, "RESOURCE_EXHAUSTED", "Please retry in 12.25s.")) == 12.25
    assert waited(said(429, "RESOURCE_EXHAUSTED", "x", wait("34s")), retry_after="2") == 2
    assert waited(said(429, "RESOURCE_EXHAUSTED", "x", wait("soon")), retry_after="soon") is None
    assert waited(said(429, "RESOURCE_EXHAUSTED", "x", {"@type": 5}, wait("1s"))) == 1


def test_pitfall_126_a_prompt_too_long_is_told_in_words_on_which_agents_compact() -> None:
    found = DIALECT.read_problem(*(CASES["too long"][0], {}, CASES["too long"][1]))
    assert found.message == "prompt is too long: 1200000 tokens > 1048576 maximum"
    found = DIALECT.read_problem(*(CASES["too long in words"][0], {}, CASES["too long in words"][1]))
    assert found.message.startswith("prompt is too long: ")


def test_what_is_at_fault_is_named() -> None:
    detail = {"@type": f"{RPC}BadRequest", "fieldViolations": [{"field": "contents[0]", "description": "x"}]}
    assert DIALECT.read_problem(400, {}, said(400, "INVALID_ARGUMENT", "x", detail)).param == "contents[0]"


def test_keys_and_accounts_are_not_told() -> None:
    key = "AIzaSyA1234567890abcdef"
    found = DIALECT.read_problem(400, {}, said(400, "INVALID_ARGUMENT", f"bad value {key}"))
    assert key not in found.message + found.evidence
    assert "location" not in DIALECT.read_problem(400, {}, CASES["bad place"][1]).message
    assert DIALECT.read_problem(403, {}, CASES["403"][1]).original is None


def test_a_client_of_this_wire_gets_the_vendor_s_own_words() -> None:
    status, body, _ = CASES["argument"]
    found = DIALECT.read_problem(status, {}, body)
    assert found.original == Original("gemini", status, body)
    assert DIALECT.write_problem(found, "req_1") == body


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 503, "message": "busy", "status": "UNAVAILABLE"}, Kind.OVERLOADED),
        ({"status": "RESOURCE_EXHAUSTED", "message": "x"}, Kind.RATE_LIMITED),
        ({"code": 3, "message": "x"}, Kind.UPSTREAM_ERROR),
        ("words", Kind.UPSTREAM_ERROR),
    ],
)
def test_errors_inside_an_answer_mean(error: Any, kind: Kind) -> None:
    assert problem_in_stream(Raw(json.dumps(error).encode())).kind is kind


@pytest.mark.parametrize("kind", Kind)
def test_every_problem_is_told_so_that_the_sdk_reads_it(kind: Kind) -> None:
    found = problem(kind, "words", retry_after_s=3)
    body = json.loads(DIALECT.write_problem(found, "req_1"))
    read = errors.APIError(found.status, body)
    assert (read.code, read.message, read.status) == (KINDS[kind].status, "words", AS_WRITTEN[kind])
    assert [detail["@type"] for detail in body["error"]["details"]] == [f"{RPC}RetryInfo", f"{RPC}RequestInfo"]
    without = json.loads(DIALECT.write_problem(problem(kind, "words"), "req_1"))
    assert without["error"]["details"] == [{"@type": f"{RPC}RequestInfo", "requestId": "req_1"}]


@pytest.mark.parametrize(
    ("words", "param"),
    [
        (
            "Invalid JSON payload received. Unknown name \"parametersJsonSchema\" at 'tools[0]': Cannot find field.",
            "functionDeclarations",
        ),
        (
            "GenerateContentRequest.tools[0].function_declarations[3].parameters.properties: missing.",
            "functionDeclarations",
        ),
        ("The specified schema produces a constraint that has too many states for serving.", "functionDeclarations"),
        ("Unknown name \"id\" at 'contents[1].parts[0].function_call': Cannot find field.", "functionCall.id"),
        ("Unknown name \"parts\" at 'contents[2].parts[0].function_response'", "functionResponse.parts"),
        ("Built-in tools and Function Calling cannot be combined in the same request.", "tools"),
        ("Please ensure that the number of function response parts is equal to the number of calls.", None),
        ("Function calling config is set without function_declarations.", None),
        ("Unable to submit request because it must have a text parameter.", None),
    ],
)
def test_a_refusal_that_may_be_mended_names_the_member(words: str, param: str | None) -> None:
    body = json.dumps({"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}).encode()
    assert DIALECT.read_problem(400, {}, body).param == param
    assert param is None or param in DIALECT.concessions
