"""The judge of a cell: what the client was told, what was recorded, and how often the upstream was asked."""

from __future__ import annotations

import json
from typing import Any

from dragoman.canon.problem import Kind
from dragoman.canon.usage import Usage
from dragoman.ledger.exchange import Exchange
from tests.faults.client import Told as Answer
from tests.faults.gateway import ASKED, KEY
from tests.faults.heard import Heard, hear, meant
from tests.faults.table import Broken, Cell, Honest, Refused, Told
from tests.faults.vendor import ANSWER, USED
from tests.standin import Reply

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Anthropic's word for each status, as the fault catalogue gives it."""
CHAT_TYPES = {429: "rate_limit_error", **dict.fromkeys((500, 502, 504, 529), "server_error")}
"""OpenAI's; `invalid_request_error` for all others."""
GEMINI_WORDS = {
    400: ("INVALID_ARGUMENT",),
    401: ("UNAUTHENTICATED",),
    404: ("NOT_FOUND",),
    413: ("INVALID_ARGUMENT",),
    415: ("INVALID_ARGUMENT",),
    429: ("RESOURCE_EXHAUSTED",),
    500: ("INTERNAL",),
    502: ("INTERNAL", "UNAVAILABLE"),
    504: ("DEADLINE_EXCEEDED",),
    529: ("UNAVAILABLE",),
}
"""Google's."""
OPENAI = ("openai_chat", "openai_responses")
COMPACTS = ("prompt is too long", "input is too long", "input length and `max_tokens` exceed context limit")
"""The wordings that make Claude Code compact, or ask for less (measured 2026-11-20)."""


def claim(cell: Cell, told: Answer, exchange: Exchange) -> None:
    """The cell's outcome, and what is true of every cell."""
    assert KEY.encode() not in told.body, "the channel's key reached the client"
    assert told.headers["request-id"] == told.headers["x-request-id"] == exchange.id
    assert (exchange.door, exchange.stream, exchange.status) == (cell.door, cell.stream, told.status)
    assert not exchange.client_left
    assert told.proper, "the HTTP body did not end as it should"
    assert all(name not in told.headers for name in ("server", "set-cookie")), "the upstream's own headers came along"
    match cell.outcome:
        case Refused() as outcome:
            claim_refused(cell, outcome, told)
        case Broken() as outcome:
            claim_broken(cell, outcome, told)
        case Told() as outcome:
            claim_told(cell, outcome, told)
        case Honest() as outcome:
            claim_honest(cell, outcome, told)
    claim_record(cell, told, exchange)


def claim_refused(cell: Cell, outcome: Refused, told: Answer) -> None:
    """The status, words and headers by which clients decide what to do next."""
    assert told.status == status_at(cell.door, outcome.status, again=outcome.again), told
    assert told.headers["content-type"].startswith("application/json")
    error = error_in(cell.door, told.body)
    if not (cell.verbatim and cell.door in OPENAI and outcome.kind is Kind.PROMPT_TOO_LONG):
        claim_word(cell.door, outcome.status, error, again=outcome.again)
    assert outcome.words in error["message"], error
    assert "<html" not in error["message"].lower()
    claim_headers(outcome, told)


def status_at(door: str, status: int, *, again: bool = True) -> int:
    """The door's own status: only Anthropic has a 529, and a client that reads no headers is told by a 424 to stop."""
    if status >= 500 and not again and door == "gemini":
        return 424
    return 503 if status == 529 and door != "anthropic" else status


def claim_word(door: str, status: int, error: dict[str, Any], *, again: bool = True) -> None:
    """The dialect's own word for what a status means."""
    match door:
        case "anthropic":
            assert error["type"] == ERROR_TYPES[status], error
        case "gemini":
            assert error["status"] in GEMINI_WORDS[status], error
            assert error["code"] in (status, status_at(door, status), status_at(door, status, again=False)), error
        case _ if status >= 500 and not again:
            assert error["type"] == "upstream_error", error  # opencode asks again after any `server_error`
        case _:
            assert error["type"] == CHAT_TYPES.get(status, "invalid_request_error"), error


def claim_headers(outcome: Refused, told: Answer) -> None:
    """`retry-after` where a wait is known, `x-should-retry: false` where asking again is no use."""
    wait = told.headers.get("retry-after")
    if outcome.retry_after is None:
        assert wait is None
    else:
        least, most = outcome.retry_after
        assert wait is not None
        assert least <= int(wait) <= most
    assert told.headers.get("x-should-retry") == (None if outcome.again else "false")


def error_in(door: str, body: bytes) -> dict[str, Any]:
    """The error object of an error body, in the door's own envelope."""
    said = json.loads(body)
    if door == "anthropic":
        assert said["type"] == "error", said
    error = said["error"]
    assert isinstance(error, dict), said
    assert isinstance(error["message"], str), said
    return error


def claim_broken(cell: Cell, outcome: Broken, told: Answer) -> None:
    """What was shown is a beginning of the truth, the error is the last word, and what was cut stays open."""
    assert told.status == 200, told
    heard = hear(cell.door, told.body, stream=True)
    assert heard.error is not None, told.body
    if not (cell.verbatim and cell.key in VENDORS_OWN):
        claim_word(cell.door, outcome.whole.status, heard.error)
    assert heard.error["message"]
    claim_unfinished(heard)
    assert cell.verbatim or not heard.misnumbered
    assert heard.said, "what had come before the break was not shown"
    claim_beginning(heard, ANSWER)
    if outcome.cut and cell.door == "anthropic":
        assert not any(part.closed for part in heard.parts if part.kind == outcome.cut), "what was cut was closed"


VENDORS_OWN = frozenset({"F57.choice", "F57.failed", "F57.flat", "F57.words"})
"""Errors in a form of the vendor's own, which pass untouched to a client of the same dialect."""


def claim_unfinished(heard: Heard) -> None:
    """Nothing that a client could take for an ending."""
    assert heard.stop is None
    assert not heard.ended
    assert not heard.odd, heard.odd


def claim_beginning(heard: Heard, reply: Reply) -> None:
    """All that was shown is a beginning of what was meant."""
    shown, truth = heard.said, meant(reply)
    assert len(shown) <= len(truth)
    for (kind, name, text), (true_kind, true_name, true_text) in zip(shown, truth, strict=False):
        assert (kind, name) == (true_kind, true_name)
        assert true_text.startswith(text)
    for (_, _, text), (_, _, true_text) in zip(shown[:-1], truth, strict=False):
        assert text == true_text, "a later part was shown before an earlier one was whole"


def claim_told(cell: Cell, outcome: Told, told: Answer) -> None:
    """The truth, whole, with its stop reason and usage."""
    assert told.status == 200, told
    heard = hear(cell.door, told.body, stream=cell.stream)
    assert heard.error is None, heard.error
    reply = outcome.reply
    if cell.key.startswith("length."):
        claim_beginning(heard, ANSWER)
    else:
        assert heard.said == meant(reply)
    claim_stop(cell, heard, reply)
    if not (cell.verbatim and (cell.key in UNEDITED or cell.door == "gemini")):
        assert heard.model == ASKED
    calls = [part for part in heard.parts if part.kind == "call"]
    if not cell.verbatim:
        assert not heard.odd, heard.odd
        assert not heard.misnumbered
        assert all(part.id for part in calls)
        assert len({part.id for part in calls}) == len(calls)
    claim_usage(cell, outcome, heard)


UNEDITED = frozenset({"F42.cr", "F42.multiline"})
"""Framings that no vendor uses, in which the first frame of a verbatim stream keeps the upstream's model name; in
Gemini's all do, for its clients do not compare it."""


def claim_stop(cell: Cell, heard: Heard, reply: Reply) -> None:
    """The stop reason, and the wire's last word."""
    assert heard.stop == reply.reason
    if not cell.verbatim or cell.key != "F47.none":
        assert heard.ended


def claim_usage(cell: Cell, outcome: Told, heard: Heard) -> None:
    """What the client is told of the costs: the vendor's own counts, or nothing impossible."""
    if cell.verbatim and outcome.usage != "exact":
        return  # the vendor's own word, whatever it is worth
    if heard.usage is None:
        assert cell.door == "openai_chat"
        assert outcome.usage == "estimated", "the vendor's counts were not told"
        return
    counts = [count for count in heard.usage.values() if isinstance(count, int)]
    assert all(count >= 0 for count in counts)
    if outcome.usage == "exact":
        assert client_usage(cell.door, heard.usage) == (USED.input, USED.cache_read, USED.output)


def client_usage(door: str, usage: dict[str, Any]) -> tuple[int, int, int]:
    """Fresh input, cached input and output, as a client of this door reads them."""
    if door == "anthropic":
        return usage["input_tokens"], usage.get("cache_read_input_tokens") or 0, usage["output_tokens"]
    if door == "gemini":
        cached = usage.get("cachedContentTokenCount") or 0
        output = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        return usage["promptTokenCount"] - cached, cached, output
    if door == "openai_responses":
        cached = (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0
        return usage["input_tokens"] - cached, cached, usage["output_tokens"]
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return usage["prompt_tokens"] - cached, cached, usage["completion_tokens"]


def claim_honest(cell: Cell, outcome: Honest, told: Answer) -> None:
    """The truth, or an error; never an ending that was not meant."""
    if told.status != 200:
        assert told.status in (502, 503, 529), told
        return
    heard = hear(cell.door, told.body, stream=cell.stream)
    if heard.error is not None:
        assert not heard.ended
        if not cell.verbatim:
            claim_unfinished(heard)
            claim_beginning(heard, outcome.reply)
    elif not cell.verbatim:
        assert not heard.odd, heard.odd
        assert heard.said == meant(outcome.reply)
        assert heard.stop == outcome.reply.reason


def claim_record(cell: Cell, told: Answer, exchange: Exchange) -> None:
    """What is remembered: every attempt with its fault, and usage that says when it is an estimate."""
    assert {attempt.mode for attempt in exchange.attempts} == {"verbatim" if cell.verbatim else "translated"}
    assert [attempt.n for attempt in exchange.attempts] == list(range(1, len(exchange.attempts) + 1))
    for attempt in exchange.attempts:
        assert attempt.ended_ms is not None
        claim_counts(attempt.usage)
    # What an answer loses shows only after its headers have left.
    told_losses = [loss.what for loss in exchange.losses if not loss.what.startswith("answer.")]
    assert told.headers.get("x-dragoman-losses", "") == ",".join(dict.fromkeys(told_losses))
    problems = [attempt.problem for attempt in exchange.attempts]
    match cell.outcome:
        case Refused() as outcome:
            assert len(problems) == outcome.calls
            assert all(found in alike(outcome.kind) for found in problems), problems
            assert exchange.problem is not None
            assert exchange.finish is None
            assert exchange.first_content_ms is None or not cell.stream
        case Broken() as outcome:
            assert problems == [outcome.kind] == [exchange.problem]
            assert exchange.finish is None
            assert not exchange.usage.exact, "the cost of a part is an estimate"
            assert exchange.usage.prompt
            assert exchange.usage.output
            assert exchange.attempts[0].maybe_billed
        case Told() as outcome:
            assert problems == [None]
            assert exchange.problem is None
            assert exchange.finish is not None
            claim_recorded_usage(outcome, exchange.usage)
        case Honest():
            assert len(problems) in (1, 2)


def alike(kind: Kind) -> frozenset[Kind]:
    """Kinds that mean the same to client, routing and record; which of them fits is a matter of taste."""
    return ALIKE.get(kind, frozenset({kind}))


ALIKE = {
    Kind.CUT_SHORT: frozenset({Kind.CUT_SHORT, Kind.GARBLED, Kind.UNREACHABLE}),
    Kind.GARBLED: frozenset({Kind.CUT_SHORT, Kind.GARBLED}),
    Kind.REFUSED: frozenset({Kind.REFUSED, Kind.INVALID_REQUEST}),
    Kind.UPSTREAM_ERROR: frozenset({Kind.UPSTREAM_ERROR, Kind.CONFLICT}),
}


def claim_recorded_usage(outcome: Told, usage: Usage) -> None:
    """The record has the vendor's counts, or says that it has not."""
    match outcome.usage:
        case "exact":
            assert usage.exact
            assert (usage.input, usage.cache_read, usage.output) == (USED.input, USED.cache_read, USED.output)
        case "estimated":
            assert not usage.exact
            assert usage.prompt
            assert usage.output


def claim_counts(usage: Usage) -> None:
    """Counts that can be."""
    counts = (usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output, usage.thinking)
    assert all(count is None or count >= 0 for count in counts)
    if usage.thinking is not None:
        assert usage.output is not None
        assert usage.thinking <= usage.output
