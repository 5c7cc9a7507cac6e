"""Errors of this wire, both ways.

Theory: the status decides; the reason in the error's details comes next; words are consulted only for 400, 404, 413
and 429, for the vendor says most things with these. An error may stand in a list, as on a stream that is an array.
Source: google.rpc (Status, ErrorInfo, RetryInfo, QuotaFailure), ai.google.dev, troubleshooting, and the bodies that
users report, read 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.mend import whole_characters
from dragoman.canon.problem import Kind, Original, Problem, problem
from dragoman.dialects.error_kinds import ADVICE, QUOTED, TOLD
from dragoman.dialects.gemini.concessions import refused_member
from dragoman.dialects.gemini.wire import NAME


class Said(Struct):
    """What an error body says."""

    message: str = ""
    status: str = ""
    """The code's name, as `RESOURCE_EXHAUSTED`."""
    code: int = 0
    reason: str = ""
    quota: str = ""
    """Names of the quotas that are used up."""
    wait_s: float | None = None
    param: str | None = None
    is_published: bool = False
    """Whether the body has the vendor's own shape."""


BY_STATUS: Mapping[int, Kind] = {
    400: Kind.INVALID_REQUEST,
    401: Kind.UPSTREAM_CREDENTIAL,
    402: Kind.UPSTREAM_QUOTA,
    403: Kind.UPSTREAM_CREDENTIAL,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.CONFLICT,
    413: Kind.TOO_LARGE,
    415: Kind.INVALID_REQUEST,
    422: Kind.INVALID_REQUEST,
    429: Kind.RATE_LIMITED,
    499: Kind.UPSTREAM_ERROR,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
BY_NAME: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Status of each code's name, for errors inside an answer whose own status was 200."""
BY_REASON: Mapping[str, Kind] = {
    "API_KEY_INVALID": Kind.UPSTREAM_CREDENTIAL,
    "API_KEY_EXPIRED": Kind.UPSTREAM_CREDENTIAL,
    "API_KEY_SERVICE_BLOCKED": Kind.UPSTREAM_CREDENTIAL,
    "API_KEY_HTTP_REFERRER_BLOCKED": Kind.UPSTREAM_CREDENTIAL,
    "API_KEY_IP_ADDRESS_BLOCKED": Kind.UPSTREAM_CREDENTIAL,
    "SERVICE_DISABLED": Kind.UPSTREAM_CREDENTIAL,
    "CONSUMER_SUSPENDED": Kind.UPSTREAM_CREDENTIAL,
    "CONSUMER_INVALID": Kind.UPSTREAM_CREDENTIAL,
    "BILLING_DISABLED": Kind.UPSTREAM_QUOTA,
}
"""Kind of each reason in an `ErrorInfo`; a key that is not valid is told with status 400."""

TOO_LONG = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"token count \(?(?:of )?(?P<used>\d+)\)? exceeds the maximum number of tokens allowed \(?(?P<most>\d+)\)?",
        r"exceeds the maximum number of (?:input )?tokens",
        r"(?:prompt|input|context) is too long",
    )
)
TOO_BIG = re.compile(r"request payload size exceeds", re.IGNORECASE)
NO_MODEL = re.compile(r"models?/\S+ (?:is|was) not found|publisher model|model.{0,80}not (?:found|supported)", re.I)
BAD_KEY = re.compile(r"api[ _]key (?:not valid|expired|not found)|pass a valid api key", re.IGNORECASE)
BAD_PLACE = re.compile(r"user location is not supported", re.IGNORECASE)
REFUSED = re.compile(r"(?:prompt|content|request) (?:was |is )?blocked|responsible ai|usage guidelines", re.IGNORECASE)
SPENT = re.compile(
    r"per ?day|PerDay|credits? (?:are|is) depleted|spend(?:ing)? (?:cap|limit)|limit: 0\b", re.IGNORECASE
)
"""A quota that does not come back within minutes. "Check your plan and billing" stands in every 429 of this vendor."""
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_IN_WORDS = re.compile(r"retry in (\d+(?:\.\d+)?)s", re.IGNORECASE)
_SECRET = re.compile(r"\bAIza[\w-]{10,}|\bAQ\.[\w-]{10,}|\bya29\.[\w.-]{10,}|\b(?:Bearer|key)[ =][\w.-]{6,}")
_ANY = msgspec.json.Decoder()

STATUSES: Mapping[int, int] = {529: 503}
"""Statuses that this wire has no word for, with its own that mean the same."""
AS_WRITTEN: Mapping[Kind, str] = {
    Kind.INVALID_REQUEST: "INVALID_ARGUMENT",
    Kind.PROMPT_TOO_LONG: "INVALID_ARGUMENT",
    Kind.TOO_LARGE: "INVALID_ARGUMENT",
    Kind.UNSUPPORTED: "INVALID_ARGUMENT",
    Kind.AUTHENTICATION: "UNAUTHENTICATED",
    Kind.PERMISSION: "PERMISSION_DENIED",
    Kind.BILLING: "RESOURCE_EXHAUSTED",
    Kind.NOT_FOUND: "NOT_FOUND",
    Kind.MODEL_NOT_FOUND: "NOT_FOUND",
    Kind.CONFLICT: "ABORTED",
    Kind.RATE_LIMITED: "RESOURCE_EXHAUSTED",
    Kind.OVERLOADED: "UNAVAILABLE",
    Kind.TIMEOUT: "DEADLINE_EXCEEDED",
    Kind.UNREACHABLE: "UNAVAILABLE",
    Kind.TLS: "UNAVAILABLE",
    Kind.REDIRECTED: "UNAVAILABLE",
    Kind.UPSTREAM_CREDENTIAL: "INTERNAL",
    Kind.UPSTREAM_QUOTA: "INTERNAL",
    Kind.UPSTREAM_ERROR: "INTERNAL",
    Kind.GARBLED: "INTERNAL",
    Kind.CUT_SHORT: "INTERNAL",
    Kind.REFUSED: "INVALID_ARGUMENT",
    Kind.INTERNAL: "INTERNAL",
}
"""`status` of each kind, for a client of this wire."""


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """An upstream's answer with a status other than 2xx as a problem; never raises."""
    said = said_in(body)
    kind = _kind(status, said)
    original = Original(NAME, status, body) if kind in QUOTED and said.is_published else None
    wait_s = _number(headers.get("retry-after"))
    return _problem(kind, said, status, body, said.wait_s if wait_s is None else wait_s, original)


def problem_in_stream(raw: Raw) -> Problem:
    """The problem told by an `error` inside an answer whose status was 200; its own code decides."""
    body = b'{"error":%b}' % raw
    said = said_in(body)
    status = said.code if 300 <= said.code < 600 else BY_NAME.get(said.status, 500)
    return _problem(_kind(status, said), said, status, body, said.wait_s, None)


def _problem(
    kind: Kind, said: Said, status: int, body: bytes, retry_after_s: float | None, original: Original | None
) -> Problem:
    words = _SECRET.sub("…", said.message)[:1000]
    return problem(
        kind,
        _message(kind, words, status),
        retry_after_s=retry_after_s,
        upstream_status=status,
        evidence=_SECRET.sub("…", body[:4096].decode("utf-8", "replace")),
        original=original,
        param=(refused_member(said.message) if kind is Kind.INVALID_REQUEST else None) or said.param,
    )


def _kind(status: int, said: Said) -> Kind:
    if said.reason in BY_REASON:
        return BY_REASON[said.reason]
    words = said.message
    match status:
        case 400 | 413 | 422:
            return _worded(words, BY_STATUS[status])
        case 404 if NO_MODEL.search(words):
            return Kind.MODEL_NOT_FOUND
        case 429 if SPENT.search(f"{words} {said.quota}"):
            return Kind.UPSTREAM_QUOTA
        case _ if status in BY_STATUS:
            return BY_STATUS[status]
        case _ if 300 <= status < 400:
            return Kind.REDIRECTED
        case _:
            return Kind.INVALID_REQUEST if 400 <= status < 500 else Kind.UPSTREAM_ERROR


def _worded(words: str, otherwise: Kind) -> Kind:
    if any(pattern.search(words) for pattern in TOO_LONG):
        return Kind.PROMPT_TOO_LONG
    for pattern, kind in (
        (TOO_BIG, Kind.TOO_LARGE),
        (BAD_KEY, Kind.UPSTREAM_CREDENTIAL),
        (BAD_PLACE, Kind.UPSTREAM_CREDENTIAL),
        (NO_MODEL, Kind.MODEL_NOT_FOUND),
        (REFUSED, Kind.REFUSED),
    ):
        if pattern.search(words):
            return kind
    return otherwise


def _message(kind: Kind, words: str, status: int) -> str:
    if BAD_PLACE.search(words):
        return (
            "The provider was asked, but does not serve the place that this gateway asks from. Whoever runs this "
            "gateway must ask from another, or use another provider."
        )
    if kind in TOLD:
        return TOLD[kind]
    if kind is Kind.PROMPT_TOO_LONG:
        return _too_long(words)
    quoted = f'"{words}"' if words else f"status {status} without a word"
    return f"The provider was asked and answered: {quoted}. {ADVICE.get(kind, 'Try again later.')}"


def _too_long(words: str) -> str:
    """The wording that makes Claude Code compact its history, with the numbers where the provider told them."""
    found = TOO_LONG[0].search(words)
    if found:
        return f"prompt is too long: {found['used']} tokens > {found['most']} maximum"
    return f"prompt is too long: {words}"


def said_in(body: bytes) -> Said:
    """What an error body says: the vendor's shape, a list of it, or text. Never raises."""
    found = _decoded(body)
    if isinstance(found, list):
        found = found[0] if found else None
    inner = found.get("error", found) if isinstance(found, dict) else None
    if isinstance(inner, str):
        return Said(message=inner)
    if not isinstance(inner, dict):
        is_page = body.lstrip().startswith(b"<")
        return Said(message="" if is_page else body[:1000].decode("utf-8", "replace").strip())
    details = inner.get("details")
    said = _detailed(details if isinstance(details, list) else [])
    said.message = _text(inner.get("message")) or _text(inner.get("detail"))
    said.status = _text(inner.get("status"))
    code = inner.get("code")
    said.code = code if isinstance(code, int) else 0
    said.is_published = bool(said.message and said.status) and isinstance(found, dict) and inner is not found
    in_words = _IN_WORDS.search(said.message)
    if said.wait_s is None and in_words:
        said.wait_s = float(in_words[1])
    return said


def _detailed(details: list[Any]) -> Said:
    """What the details of an error say, each by the end of its type's name."""
    said = Said()
    for detail in details:
        match detail:
            case {"@type": str(kind), "reason": str(reason)} if kind.endswith("ErrorInfo"):
                said.reason = reason
            case {"@type": str(kind), "retryDelay": str(delay)} if kind.endswith("RetryInfo"):
                found = _SECONDS.fullmatch(delay)
                said.wait_s = float(found[1]) if found else None
            case {"@type": str(kind), "violations": list(violations)} if kind.endswith("QuotaFailure"):
                said.quota = " ".join(_text(each.get("quotaId")) for each in violations if isinstance(each, dict))
            case {"@type": str(kind), "fieldViolations": [{"field": str(field)}, *_]} if kind.endswith("BadRequest"):
                said.param = field
            case _:
                pass
    return said


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""


def _decoded(body: bytes) -> Any:
    for text in (body, whole_characters(body)):
        try:
            return _ANY.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def error_object(found: Problem) -> dict[str, object]:
    """The `error` object that says this problem."""
    code = STATUSES.get(found.status, found.status)
    said: dict[str, object] = {"code": code, "message": found.message, "status": AS_WRITTEN[found.kind]}
    if found.retry_after_s is not None:
        delay = f"{found.retry_after_s:g}s"
        said["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    return said


def write_problem(found: Problem, request_id: str) -> bytes:
    """An error body for a client; the upstream's own where it is of this wire and about the request."""
    if found.original and found.original.dialect == NAME:
        return found.original.body
    error = error_object(found)
    info = {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request_id}
    details = error.get("details")
    return msgspec.json.encode({"error": {**error, "details": [*(details if isinstance(details, list) else ()), info]}})
