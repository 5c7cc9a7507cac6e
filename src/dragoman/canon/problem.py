"""What went wrong, said once, so that each dialect can say it in its own words.

A problem's kind decides its status, who may try again and what routing does next; all of that is in the one
table below. `Trouble` is the only exception this project raises on purpose.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct

Side = Literal["client", "gateway", "upstream"]
"""Who has to act: the caller, whoever runs this gateway, or the provider."""


class Kind(StrEnum):
    """Every kind of problem; `KINDS` tells what each means."""

    INVALID_REQUEST = "invalid_request"
    PROMPT_TOO_LONG = "prompt_too_long"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    BILLING = "billing"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    CONFLICT = "conflict"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REDIRECTED = "redirected"
    UPSTREAM_CREDENTIAL = "upstream_credential"
    UPSTREAM_QUOTA = "upstream_quota"
    UPSTREAM_ERROR = "upstream_error"
    GARBLED = "garbled"
    CUT_SHORT = "cut_short"
    REFUSED = "refused"
    INTERNAL = "internal"


class Meaning(NamedTuple):
    """What a kind means to a client that is still waiting for its status."""

    status: int
    """HTTP status given to the client."""
    retryable: bool
    """Whether the client may mend it by asking again; False is told to it as `x-should-retry: false`."""
    side: Side


KINDS: dict[Kind, Meaning] = {
    Kind.INVALID_REQUEST: Meaning(400, False, "client"),
    Kind.PROMPT_TOO_LONG: Meaning(400, False, "client"),
    Kind.TOO_LARGE: Meaning(413, False, "client"),
    Kind.UNSUPPORTED: Meaning(400, False, "client"),
    Kind.AUTHENTICATION: Meaning(401, False, "client"),
    Kind.PERMISSION: Meaning(403, False, "client"),
    Kind.BILLING: Meaning(429, False, "client"),
    Kind.NOT_FOUND: Meaning(404, False, "client"),
    Kind.MODEL_NOT_FOUND: Meaning(404, False, "client"),
    Kind.CONFLICT: Meaning(409, True, "upstream"),
    Kind.RATE_LIMITED: Meaning(429, True, "upstream"),
    Kind.OVERLOADED: Meaning(529, True, "upstream"),
    Kind.TIMEOUT: Meaning(504, True, "upstream"),
    Kind.UNREACHABLE: Meaning(502, True, "upstream"),
    Kind.TLS: Meaning(502, False, "upstream"),
    Kind.REDIRECTED: Meaning(502, False, "upstream"),
    Kind.UPSTREAM_CREDENTIAL: Meaning(502, False, "upstream"),
    Kind.UPSTREAM_QUOTA: Meaning(502, False, "upstream"),
    Kind.UPSTREAM_ERROR: Meaning(502, True, "upstream"),
    Kind.GARBLED: Meaning(502, True, "upstream"),
    Kind.CUT_SHORT: Meaning(502, True, "upstream"),
    Kind.REFUSED: Meaning(400, False, "client"),
    Kind.INTERNAL: Meaning(500, True, "gateway"),
}

EVIDENCE_LIMIT = 2048
"""Characters of an upstream's own words that are kept with a problem."""


class Original(Struct, frozen=True):
    """An upstream's error answer, kept so that a door of the same dialect can pass it on untouched."""

    dialect: str
    status: int
    body: bytes


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that went wrong, in neutral words."""

    kind: Kind
    message: str
    """For people: what was attempted, what was found, what to do. Free of secrets and prompts."""
    status: int
    """HTTP status for the client."""
    retryable: bool
    """Whether asking again may help."""
    side: Side
    retry_after_s: float | None = None
    """Seconds to wait, when the upstream or a limit of ours said so."""
    upstream_status: int | None = None
    """HTTP status the upstream answered with; None where none came."""
    evidence: str = ""
    """The upstream's own words, cut to `EVIDENCE_LIMIT` and scrubbed. For the trace."""
    original: Original | None = None
    """The upstream's error body, where a same-dialect client should get it word for word."""
    param: str | None = None
    """The member of the request that is at fault, where known."""


def problem(
    kind: Kind,
    message: str,
    *,
    retry_after_s: float | None = None,
    upstream_status: int | None = None,
    evidence: str = "",
    original: Original | None = None,
    param: str | None = None,
) -> Problem:
    """A problem with the status, side and retry meaning that `KINDS` gives its kind."""
    meaning = KINDS[kind]
    return Problem(
        kind=kind,
        message=message,
        status=meaning.status,
        retryable=meaning.retryable,
        side=meaning.side,
        retry_after_s=clamp_wait_s(retry_after_s),
        upstream_status=upstream_status,
        evidence=evidence[:EVIDENCE_LIMIT],
        original=original,
        param=param,
    )


def clamp_wait_s(wait_s: float | None) -> float | None:
    """A wait held within half a second and an hour; None for none and for what is not a number."""
    if wait_s is None or wait_s != wait_s:
        return None
    return min(max(wait_s, 0.5), 3600.0)


class Trouble(Exception):  # noqa: N818 - it carries a Problem and is no error of the program
    """The one exception of this project: a request cannot go on, and `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.kind}: {problem.message}")
        self.problem = problem


def refuse(kind: Kind, message: str, *, param: str | None = None) -> Trouble:
    """A `Trouble` ready to raise, for a problem found on our side of the upstream."""
    return Trouble(problem(kind, message, param=param))
