"""Errors of this wire, both ways.

Theory: the status decides; words are consulted only for 400, 413 and 422, from the short tables below. Bodies are
`{"status": N, "message": "…"}`; those of the token endpoint have `code` instead and are the provider's affair.
Source: developers.sber.ru, description of errors, and answers that users report, read 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from dragoman.canon.problem import Kind, Original, Problem, problem
from dragoman.dialects.gigachat.wire import NAME

BY_STATUS: Mapping[int, Kind] = {
    400: Kind.INVALID_REQUEST,
    401: Kind.UPSTREAM_CREDENTIAL,
    402: Kind.UPSTREAM_QUOTA,
    403: Kind.UPSTREAM_CREDENTIAL,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.CONFLICT,
    413: Kind.PROMPT_TOO_LONG,
    415: Kind.INVALID_REQUEST,
    422: Kind.INVALID_REQUEST,
    429: Kind.RATE_LIMITED,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
FUNCTIONS = "functions"
"""`Problem.param` of a refusal that is about the functions: plainer schemas may mend it."""
LIMIT = "max_tokens"
EFFORT = "reasoning_effort"
MEMBERS = (("max_tokens", LIMIT), ("reasoning", EFFORT))
"""Words of a refusal, with the `Problem.param` of the member that they name."""
DESCRIPTIONS = "functions.description"
"""`Problem.param` of a refusal because the functions are described at too great length."""

TOO_LONG = re.compile(
    r"(?:context|prompt|input)\s+(?:length|limit|window|size|is too)|too many tokens|too long|payload too large|"
    r"tokens? limit exceeded|exceeds? (?:the )?(?:context|token)",
    re.IGNORECASE,
)
TOOLS_TOO_LONG = re.compile(r"tokens? limit exceeded for index \d+", re.IGNORECASE)
"""Said when the functions' descriptions are too long for what ranks them; a shorter prompt does not help.
Source: users' reports of giga_agent, read 2026-11-20."""
NUMBERS = re.compile(r"(?P<used>\d+)(?: tokens)?\D{1,40}?(?P<most>\d{3,})")
NO_FUNCTIONS = re.compile(r"does not support functions|functions are not supported", re.IGNORECASE)
ABOUT_FUNCTIONS = re.compile(r"function|parameters|schema|propert", re.IGNORECASE)
NO_MODEL = re.compile(r"no such model|model\b.{0,60}(?:not found|not exist)", re.IGNORECASE)

TOLD: Mapping[Kind, str] = {
    Kind.UPSTREAM_CREDENTIAL: "The provider was asked with the gateway's credential and refused it. "
    "Whoever runs this gateway must renew it, or choose a model that its plan includes.",
    Kind.UPSTREAM_QUOTA: "The provider was asked, but the gateway's account there has no tokens of this model left. "
    "Whoever runs this gateway must buy more.",
}
"""Words for what must not be quoted to a client, for it speaks of our account."""
ADVICE: Mapping[Kind, str] = {
    Kind.INVALID_REQUEST: "Change the request accordingly.",
    Kind.TOO_LARGE: "Offer fewer tools, or describe them in fewer words.",
    Kind.UNSUPPORTED: "Choose a model that can call functions.",
    Kind.NOT_FOUND: "Whoever runs this gateway should check the provider's address.",
    Kind.MODEL_NOT_FOUND: "Choose a model that the provider offers.",
    Kind.REDIRECTED: "Whoever runs this gateway should check the provider's address.",
}
QUOTED = frozenset({Kind.INVALID_REQUEST, Kind.PROMPT_TOO_LONG, Kind.TOO_LARGE, Kind.UNSUPPORTED, Kind.MODEL_NOT_FOUND})
"""Kinds whose original body a client of this wire gets word for word: it is about the request, not about us."""
STATUSES: Mapping[Kind, int] = {Kind.PROMPT_TOO_LONG: 413, Kind.INVALID_REQUEST: 422, Kind.UNSUPPORTED: 422}
"""Statuses in the body where this wire has a better one than the problem's own."""

_ANYTHING = msgspec.json.Decoder()
_SECRET = re.compile(r"\b(?:Basic|Bearer)\s+[\w+/=.-]{6,}|\beyJ[\w.=-]{10,}")


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """An upstream's answer with a status other than 2xx as a problem; never raises."""
    words = _words_in(body)
    kind, param = _kind(status, words)
    original = Original(NAME, status, body) if kind in QUOTED and _is_ours(body) else None
    return _problem(kind, words, status, body, _wait_s(headers), original, param)


def problem_in_answer(body: bytes) -> Problem | None:
    """The problem told by a body or a frame of status 200 that is no answer; None if it does not look like an error."""
    found = _decoded(body)
    if not isinstance(found, dict) or not ({"status", "code", "error", "message"} & found.keys()):
        return None
    told = found.get("status") or found.get("code")
    status = told if isinstance(told, int) and 300 <= told < 600 else 500
    words = _words_in(body)
    kind, param = _kind(status, words)
    return _problem(kind, words, status, body, None, None, param)


def _problem(
    kind: Kind,
    words: str,
    status: int,
    body: bytes,
    retry_after_s: float | None,
    original: Original | None,
    param: str | None,
) -> Problem:
    words = _SECRET.sub("…", words)[:1000]
    return problem(
        kind,
        _message(kind, words, status),
        retry_after_s=retry_after_s,
        upstream_status=status,
        evidence=_SECRET.sub("…", body[:4096].decode("utf-8", "replace")),
        original=original,
        param=param,
    )


def _kind(status: int, words: str) -> tuple[Kind, str | None]:
    """The kind of a status and words, and the member at fault."""
    if TOOLS_TOO_LONG.search(words):
        return Kind.TOO_LARGE, DESCRIPTIONS
    if status in (400, 413, 422) and TOO_LONG.search(words):
        return Kind.PROMPT_TOO_LONG, None
    if status in (400, 404, 422) and NO_MODEL.search(words):
        return Kind.MODEL_NOT_FOUND, "model"
    if status == 422 and NO_FUNCTIONS.search(words):
        return Kind.UNSUPPORTED, FUNCTIONS
    kind = BY_STATUS.get(status)
    if kind is None:
        if 300 <= status < 400:
            return Kind.REDIRECTED, None
        kind = Kind.INVALID_REQUEST if 400 <= status < 500 else Kind.UPSTREAM_ERROR
    if kind is not Kind.INVALID_REQUEST:
        return kind, None
    member = next((param for word, param in MEMBERS if word in words), None)
    return kind, member or (FUNCTIONS if ABOUT_FUNCTIONS.search(words) else None)


def _message(kind: Kind, words: str, status: int) -> str:
    if kind in TOLD:
        return TOLD[kind]
    if kind is Kind.PROMPT_TOO_LONG:
        return _too_long(words)
    quoted = f'"{words}"' if words else f"status {status} without a word"
    return f"The provider was asked and answered: {quoted}. {ADVICE.get(kind, 'Try again later.')}"


def _too_long(words: str) -> str:
    """The wording that makes Claude Code compact its history, with the numbers where the provider told them."""
    found = NUMBERS.search(words)
    if found:
        return f"prompt is too long: {found['used']} tokens > {found['most']} maximum"
    return f"prompt is too long: {words}" if words else "prompt is too long"


def _decoded(body: bytes) -> object:
    try:
        return _ANYTHING.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_ours(body: bytes) -> bool:
    found = _decoded(body)
    return isinstance(found, dict) and isinstance(found.get("message"), str)


def _words_in(body: bytes) -> str:
    """What an error body says: the published shape, or text; nothing of a page."""
    found = _decoded(body)
    if not isinstance(found, dict):
        text = body[:1000].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text
    inner = found.get("error")
    words = found.get("message") or (inner.get("message") if isinstance(inner, dict) else inner) or ""
    return words if isinstance(words, str) else msgspec.json.encode(words).decode()


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, where the provider says so; it does seldom."""
    try:
        return float(headers["retry-after"])
    except (KeyError, ValueError):
        return None


def error_object(found: Problem) -> dict[str, object]:
    """The body that says this problem."""
    return {"status": STATUSES.get(found.kind, found.status), "message": found.message}


def write_problem(found: Problem, request_id: str) -> bytes:
    """An error body for a client; the upstream's own where it is of this wire and about the request."""
    if found.original and found.original.dialect == NAME:
        return found.original.body
    return msgspec.json.encode({**error_object(found), "request_id": request_id})
