"""Errors of the wires that say them as OpenAI does, in an `error` object, both ways.

Theory: the status decides; the error's own code comes next; words are consulted only for 400, 413 and 422, from the
short tables in `error_kinds`. The wires differ in nothing but their names, which come first among the arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from dragoman.canon.problem import Kind, Original, Problem, problem
from dragoman.dialects.error_kinds import (
    ADVICE,
    AS_WRITTEN,
    BY_CODE,
    BY_STATUS,
    DECISIVE,
    NO_MODEL,
    NO_MONEY,
    QUOTED,
    REFUSALS,
    TOLD,
    TOO_LONG,
)


class Said(Struct):
    """What an error body says, whoever wrote it."""

    message: str = ""
    code: str = ""
    type: str = ""
    param: str | None = None
    status: int | None = None
    """A status given inside the body."""
    wait_s: float | None = None
    """A wait given inside the body."""


_ANYTHING = msgspec.json.Decoder()
_WAIT = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_SECRET = re.compile(r"\b(?:sk|pk|gsk|xai|key|Bearer)[-_ ][\w*.-]{6,}|\bAIza[\w-]{10,}")
_AGAIN_IN = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s)\b", re.IGNORECASE)
_MARKUP = re.compile(rb"\s*<")


def read_problem(dialect: str, status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """An upstream's answer with a status other than 2xx as a problem; never raises."""
    said = said_in(body)
    kind = _kind(status, said)
    original = Original(dialect, status, body) if kind in QUOTED and _is_ours(body) else None
    told_s = wait_s(headers)
    return _problem(kind, said, status, body, said.wait_s if told_s is None else told_s, original)


def problem_in_stream(raw: bytes) -> Problem:
    """The problem told by an `error` inside an answer whose status was 200; its own code and words decide."""
    said = said_in(b'{"error":%b}' % raw)
    status = said.status if said.status is not None and said.status >= 300 else None
    if status is None:
        kind = BY_CODE.get(said.code) or BY_CODE.get(said.type) or Kind.UPSTREAM_ERROR
        status = 400 if kind is Kind.INVALID_REQUEST else 500
        kind = _kind(400, said) if kind is Kind.INVALID_REQUEST else kind
    else:
        kind = _kind(status, said)
    return _problem(kind, said, status, raw, said.wait_s, None)


def problem_in_answer(body: bytes) -> Problem | None:
    """The problem told by a body of status 200 that is no answer; None if it does not look like an error."""
    found = _decoded(body)
    if not isinstance(found, dict):
        return None
    if not (found.get("object") == "error" or {"error", "message", "detail", "msg"} & found.keys()):
        return None
    return problem_in_stream(msgspec.json.encode(found.get("error") or found))


def _problem(
    kind: Kind, said: Said, status: int, body: bytes, retry_after_s: float | None, original: Original | None
) -> Problem:
    words = _SECRET.sub("…", said.message)[:1000]
    return problem(
        kind,
        _message(kind, words, status),
        retry_after_s=_wait_in(said.message, kind) if retry_after_s is None else retry_after_s,
        upstream_status=status,
        evidence=_SECRET.sub("…", memoryview(body)[:4096].tobytes().decode("utf-8", "replace")),
        original=original,
        param=said.param,
    )


def _kind(status: int, said: Said) -> Kind:
    """The status decides, the code refines it, words only where nothing else tells."""
    kind = BY_STATUS.get(status)
    if kind is None:
        if 300 <= status < 400:
            return Kind.REDIRECTED
        kind = Kind.INVALID_REQUEST if 400 <= status < 500 else Kind.UPSTREAM_ERROR
    decisive = DECISIVE.get(status, frozenset())
    for word in (said.code, said.type):
        named = BY_CODE.get(word)
        if named in decisive:
            return named
    if status in (400, 413, 422):
        return _worded(said.message, kind)
    if status == 404 and NO_MODEL.search(said.message):
        return Kind.MODEL_NOT_FOUND
    return kind


def _wait_in(message: str, kind: Kind) -> float | None:
    """Seconds to wait as OpenAI says them in words, where an answer that failed has no headers to say it in."""
    found = _AGAIN_IN.search(message) if kind is Kind.RATE_LIMITED else None
    return None if found is None else float(found[1]) / (1000 if found[2].lower() == "ms" else 1)


def _worded(message: str, otherwise: Kind) -> Kind:
    if any(pattern.search(message) for pattern in TOO_LONG):
        return Kind.PROMPT_TOO_LONG
    for pattern, kind in ((REFUSALS, Kind.REFUSED), (NO_MONEY, Kind.UPSTREAM_QUOTA), (NO_MODEL, Kind.MODEL_NOT_FOUND)):
        if pattern.search(message):
            return kind
    return otherwise


def _message(kind: Kind, words: str, status: int) -> str:
    if kind in TOLD:
        return TOLD[kind]
    if kind is Kind.PROMPT_TOO_LONG:
        return _too_long(words)
    quoted = f'"{words}"' if words else f"status {status} without a word"
    return f"The provider was asked and answered: {quoted}. {ADVICE.get(kind, 'Try again later.')}"


def _too_long(words: str) -> str:
    """The wording that makes Claude Code compact its history, with the numbers where the provider told them."""
    for pattern in TOO_LONG:
        found = pattern.search(words)
        numbers = found.groupdict() if found else {}
        if numbers.get("used") and numbers.get("most"):
            return f"prompt is too long: {numbers['used']} tokens > {numbers['most']} maximum"
    return f"prompt is too long: {words}" if words else "prompt is too long"


def _is_ours(body: bytes) -> bool:
    """Whether the body has the published shape, so that a client of this wire can read it."""
    found = _decoded(body)
    return isinstance(found, dict) and isinstance(found.get("error"), dict)


def said_in(body: bytes) -> Said:
    """What an error body says: the published shape, a list of it, vLLM's flat one, FastAPI's `detail`, or text."""
    if _MARKUP.match(body):
        return Said()
    found = _decoded(body)
    if isinstance(found, list) and found:
        found = found[0]
    if isinstance(found, str):
        return Said(message=found)
    if not isinstance(found, dict):
        return Said(message=body[:1000].decode("utf-8", "replace").strip())
    inner = found.get("error")
    if isinstance(inner, dict):
        return _said(inner)
    if isinstance(inner, str):
        return Said(message=inner, code=_word(found.get("code")), type=_word(found.get("type")))
    return _said(found)


def _said(found: Mapping[str, object]) -> Said:
    detail = found.get("detail")
    words = found.get("message") or found.get("msg") or found.get("error") or detail or ""
    if not isinstance(words, str):
        words = msgspec.json.encode(words).decode()
    raw = _raw_words(found.get("metadata"))
    code = found.get("code")
    status = next((each for each in (code, found.get("status")) if isinstance(each, int) and 300 <= each < 600), None)
    if status is None and isinstance(code, str) and code.isdigit():
        status = int(code)
    inner = found.get("innererror")
    finer = _word(inner.get("code")) if isinstance(inner, dict) else ""
    param = found.get("param")
    reason, told_s = _detailed(found.get("details"))
    return Said(
        message=f"{words} {raw}".strip() if raw else words,
        code=finer or _word(code) or reason,
        type=_word(found.get("type")),
        param=param if isinstance(param, str) else None,
        status=status,
        wait_s=told_s,
    )


def _detailed(details: object) -> tuple[str, float | None]:
    """The code and the wait in the details of Google's errors, which its address for this wire sends too.

    Source: google.rpc (ErrorInfo, QuotaFailure, RetryInfo), read 2026-11-20.
    """
    code, told_s = "", None
    for detail in details if isinstance(details, list) else ():
        match detail:
            case {"@type": str(kind), "retryDelay": str(delay)} if kind.endswith("RetryInfo"):
                told_s = _duration(delay)
            case {"@type": str(kind), "reason": str(reason)} if kind.endswith("ErrorInfo"):
                code = code or reason
            case {"@type": str(kind), "violations": list(violations)} if kind.endswith("QuotaFailure"):
                if any(isinstance(each, dict) and "PerDay" in _word(each.get("quotaId")) for each in violations):
                    code = "quota_exceeded"
            case _:
                pass
    return code, told_s


def _raw_words(metadata: object) -> str:
    """OpenRouter's own message only says that a provider failed; the provider's words stand in `metadata.raw`."""
    if not isinstance(metadata, dict):
        return ""
    raw = metadata.get("raw")
    if isinstance(raw, str):
        return said_in(raw.encode("utf-8", "replace")).message
    return msgspec.json.encode(raw).decode() if raw else ""


def _word(found: object) -> str:
    return found if isinstance(found, str) else ""


def _decoded(body: bytes) -> object:
    try:
        return _ANYTHING.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the headers say, the most exact first; dates are ignored, for there is no clock here."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _number(headers.get("retry-after"))
    if seconds is not None:
        return seconds
    waits = [
        _duration(headers.get(f"x-ratelimit-reset-{of}", ""))
        for of in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{of}", "0") == "0"
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _duration(text: str) -> float | None:
    """Seconds of a duration such as `6m0s` or `20ms`, or of a plain number of seconds."""
    found = _WAIT.fullmatch(text.strip()) if text.strip() else None
    if found is None:
        seconds = _number(text)
        return seconds if seconds is not None and seconds < 1e6 else None
    hours, minutes, seconds, milliseconds = (float(each or 0) for each in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def error_object(problem: Problem) -> dict[str, object]:
    """The `error` object that says this problem."""
    kind, code = AS_WRITTEN[problem.kind]
    return {"message": problem.message, "type": kind, "param": problem.param, "code": code}


def write_problem(dialect: str, problem: Problem, request_id: str) -> bytes:
    """An error body for a client; the upstream's own where it is of this wire and about the request."""
    if problem.original and problem.original.dialect == dialect:
        return problem.original.body
    return msgspec.json.encode({"error": error_object(problem), "request_id": request_id})
