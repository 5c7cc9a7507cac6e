"""Errors of an upstream as problems, and problems as error bodies for a client.

Rules: the status decides; the words are looked at only where one status means several things (400, 413, 422, and
the errors that come inside a 200). A body of the vendor's shape is kept to be passed on word for word, since Claude
Code matches wordings; not where it speaks of our credential or our account there.

Source: the vendor's page on errors and the SDK types 2.10, read 2026-11-20; the client's reactions, measured then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.canon.problem import Kind, Original, Problem, problem
from dragoman.dialects.anthropic.words import ERROR_TYPES, KINDS_BY_STATUS, KINDS_BY_TYPE, NAME


class _Error(Struct):
    type: str = ""
    message: str = ""


class _ErrorBody(Struct):
    error: _Error
    type: str = ""


class _OddErrorBody(Struct):
    error: str | dict[str, Raw] | None = None
    message: str = ""
    detail: str = ""
    msg: str = ""
    code: int | str = ""


_ERROR_BODY = msgspec.json.Decoder(_ErrorBody)
_ODD_ERROR_BODY = msgspec.json.Decoder(_OddErrorBody)

TOO_LONG: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"prompt is too long(?:.{0,20}?(?P<found>\d[\d,]*) tokens? > (?P<most>\d[\d,]*))?",
        r"capability_rejected: ?prompt_too_long",
        r"input is too long for requested model",
        r"maximum context length is (?P<most>\d[\d,]*) tokens?.{0,80}?(?:requested|resulted in|has|contains)"
        r"(?: about)? (?P<found>\d[\d,]*) tokens?",
        r"maximum context length",
        r"exceeded model token limit: (?P<most>\d+) \(requested: (?P<found>\d+)\)",
        r"range of input length should be",
        r"context_length_exceeded",
        r"context (?:window|length|size|limit).{0,40}?(?:exceed|too (?:long|large|small))",
        r"exceeds? (?:the )?(?:maximum )?(?:available )?context (?:window|length|size|limit)",
        r"input token count \(?(?P<found>\d[\d,]*)\)? exceeds the maximum number of tokens allowed "
        r"\(?(?P<most>\d[\d,]*)\)?",
        r"(?:prompt|input)(?: token)?s?(?: length| count)?.{0,30}?exceeds?.{0,40}?(?:limit|maximum|context|length)",
        r"(?:input|prompt|request).{0,20}? too (?:long|many tokens)",
        r"too many (?:input )?tokens",
        r"reduce the length of (?:the )?(?:messages|prompt|input)",
        r"tokens? in (?:the )?(?:prompt|request).{0,30}?(?:more than|above|over) the (?:limit|maximum)",
        r"превышен.{0,30}?(?:контекст|токен)",
    )
)
"""How vendors word that a prompt does not fit, with the tokens `found` and the `most` allowed where they tell.
Anthropic, its form on Bedrock and in its apps gateway, OpenAI and compatibles, Gemini, Groq, Mistral, DeepSeek,
Moonshot, Qwen, vLLM, llama.cpp, Ollama and GigaChat; collected 2026-11-20."""
OVER_BUDGET = re.compile(r"input length and `?max_tokens`? exceed context limit", re.IGNORECASE)
"""Not too long in itself: Claude Code asks again with a smaller `max_tokens` when it reads these words."""
UNDERSTOOD = re.compile(
    r"prompt is too long|input is too long|capability_rejected: ?prompt_too_long|" + OVER_BUDGET.pattern, re.IGNORECASE
)
"""Wordings on which Claude Code acts (measured 2026-11-20); all others are put into these."""
NO_CREDIT = re.compile(
    r"credit balance is too low|insufficient (?:balance|credit|quota)|plans & billing", re.IGNORECASE
)
NO_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)

AMBIGUOUS = frozenset({Kind.INVALID_REQUEST, Kind.TOO_LARGE})
"""Kinds that the words may refine."""
OURS_TO_KNOW = frozenset({Kind.UPSTREAM_CREDENTIAL, Kind.UPSTREAM_QUOTA, Kind.TLS, Kind.REDIRECTED})
"""Kinds whose original body is not for the client."""
ADVICE: dict[Kind, str] = {
    Kind.UPSTREAM_CREDENTIAL: "The provider refused the gateway's credential; ask whoever runs this gateway.",
    Kind.UPSTREAM_QUOTA: "The gateway's account at the provider has no credit left; ask whoever runs this gateway.",
    Kind.UPSTREAM_ERROR: "The provider failed; try again.",
    Kind.OVERLOADED: "The provider is overloaded; try again in a while.",
    Kind.RATE_LIMITED: "The provider limits the rate of requests; try again in a while.",
    Kind.TIMEOUT: "The provider took too long; try again.",
    Kind.REDIRECTED: "The provider's address points elsewhere; ask whoever runs this gateway.",
}
"""What to do, by kind; for the rest the provider's own words say it."""


def kind_of_status(status: int) -> Kind:
    """What a status means when nothing else is known."""
    if status in KINDS_BY_STATUS:
        return KINDS_BY_STATUS[status]
    if 300 <= status < 400:
        return Kind.REDIRECTED
    return Kind.INVALID_REQUEST if 400 <= status < 500 else Kind.UPSTREAM_ERROR


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """An upstream's answer with a status other than 2xx as a problem. Never raises."""
    error = _error_in(body)
    kind = kind_of_status(status)
    if status == 404 and not NO_MODEL.search(error.message):
        kind = Kind.NOT_FOUND
    if status == 429 and error.type == "billing_error":
        kind = Kind.UPSTREAM_QUOTA
    found = _problem(_refined(kind, error.message), status, error, body, wait_s(headers))
    return replace(found, retryable=False) if headers.get("x-should-retry") == "false" else found


def problem_in_answer(body: bytes) -> Problem:
    """An error that came inside an answer of status 200 as a problem; its type decides. Never raises."""
    error = _error_in(body)
    kind = _refined(KINDS_BY_TYPE.get(error.type, Kind.UPSTREAM_ERROR), error.message)
    return _problem(kind, 200, error, body, None)


def write_problem(problem: Problem, request_id: str) -> bytes:
    """An error body for a client; the upstream's own, byte for byte, where it is of this dialect."""
    original = problem.original
    if original is not None and original.dialect == NAME:
        return original.body
    error = {"type": ERROR_TYPES[problem.kind], "message": message_of(problem)}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def message_of(problem: Problem) -> str:
    """The words for the client. A prompt that is too long is told in those that make Claude Code compact."""
    message = problem.message
    if problem.kind is not Kind.PROMPT_TOO_LONG or OVER_BUDGET.search(message):
        return message
    return _compactable(message, problem.evidence)


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as `retry-after-ms` or `retry-after` (seconds or a date) say."""
    millis = _float(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    said = headers.get("retry-after")
    if said is None or (seconds := _float(said)) is not None:
        return seconds if said is not None else None
    try:
        return (parsedate_to_datetime(said) - parsedate_to_datetime(headers["date"])).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None


def _float(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _error_in(body: bytes) -> _Error:
    """The type and words of an error body of any usual shape."""
    try:
        return _ERROR_BODY.decode(body).error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        odd = _ODD_ERROR_BODY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _Error()
    if isinstance(odd.error, str):
        return _Error("", odd.error)
    if odd.error:
        words = odd.error.get("message") or odd.error.get("msg") or Raw(b'""')
        kind = odd.error.get("type") or Raw(b'""')
        return _Error(_text(kind), _text(words))
    return _Error("", odd.message or odd.detail or odd.msg)


def _text(raw: Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _refined(kind: Kind, words: str) -> Kind:
    """The kind that the words tell, where the status or type alone is ambiguous."""
    if kind not in AMBIGUOUS:
        return kind
    if NO_CREDIT.search(words):
        return Kind.UPSTREAM_QUOTA
    if any(pattern.search(words) for pattern in TOO_LONG):
        return Kind.PROMPT_TOO_LONG
    return kind


def _problem(kind: Kind, status: int, error: _Error, body: bytes, retry_after_s: float | None) -> Problem:
    vendors = error.type in KINDS_BY_TYPE and bool(error.message) and _is_published(body)
    words = error.message or f"status {status}"
    if kind is Kind.PROMPT_TOO_LONG:
        vendors = vendors and bool(UNDERSTOOD.search(words))
        message = words if OVER_BUDGET.search(words) else _compactable(words, "")
    else:
        message = f"The provider was asked for an answer and said: {words} {ADVICE.get(kind, '')}".rstrip()
    return problem(
        kind,
        message,
        retry_after_s=retry_after_s,
        upstream_status=status,
        evidence=error.message or body[:4096].decode("utf-8", "replace"),
        original=Original(NAME, status, body) if vendors and kind not in OURS_TO_KNOW else None,
    )


def _is_published(body: bytes) -> bool:
    """Whether the envelope is the vendor's own; compatible servers leave out its type."""
    try:
        return _ERROR_BODY.decode(body).type == "error"
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False


def _compactable(words: str, evidence: str) -> str:
    """Words on which Claude Code compacts, with the numbers where they are known."""
    if "prompt is too long" in words.lower():
        return words
    for pattern in TOO_LONG:
        for text in (words, evidence):
            numbers = (match := pattern.search(text)) and match.groupdict()
            if numbers and numbers.get("found") and numbers.get("most"):
                return f"prompt is too long: {_digits(numbers['found'])} tokens > {_digits(numbers['most'])} maximum"
    return f"prompt is too long: {words}"


def _digits(number: str) -> str:
    return number.replace(",", "")
