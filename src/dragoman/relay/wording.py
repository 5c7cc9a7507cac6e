"""What a client is told of an upstream's error: its own words, a sentence of ours, or one of the operator's.

Rules. Only words are changed: kind, status, wait and request id stay, for agents act by them. So do the wordings of
a prompt that is too long, and of thinking that is refused, on which Claude Code mends its request. What the gateway
itself has found (silence, a cut, no connection) is no word of an upstream's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from dragoman.canon.problem import Kind, Problem
from dragoman.shapes.fields import UpstreamErrors

COMPACTABLE = re.compile(
    r"prompt is too long: [\d,]+ tokens > [\d,]+ maximum"
    r"|input length and `?max_tokens`? exceed context limit: \d+ \+ \d+ > \d+",
    re.IGNORECASE,
)
"""The wordings, and their numbers, by which Claude Code compacts, or asks for less output (read 2026-11-20)."""
TOO_LONG = "prompt is too long"
"""The same where the provider told no numbers."""
HEEDED = re.compile(r"\bthinking\b|\bsignature\b|\bmid-conversation\b|\brole\b.{0,20}\bsystem\b", re.IGNORECASE)
"""Refusals that Claude Code mends by itself, by their wording: of thinking, its signature, a later system message
(read 2026-11-20)."""

SEE = "Whoever runs this gateway finds the provider's words under the request id."
SENTENCES: Mapping[Kind, str] = {
    Kind.INVALID_REQUEST: f"The provider was asked but does not accept the request as it is. {SEE}",
    Kind.TOO_LARGE: "The provider was asked but takes no request of this size. Ask with less.",
    Kind.UNSUPPORTED: "The provider was asked but cannot do what the request wants. Choose another model.",
    Kind.NOT_FOUND: f"The provider was asked but has nothing under this address. {SEE}",
    Kind.MODEL_NOT_FOUND: "The provider was asked but does not offer this model. Choose another one.",
    Kind.RATE_LIMITED: "The provider was asked but limits the rate of requests. Try again in a while.",
    Kind.OVERLOADED: "The provider was asked but is overloaded. Try again in a while.",
    Kind.TIMEOUT: "The provider was asked but took too long. Try again.",
    Kind.UPSTREAM_CREDENTIAL: "The provider was asked but refused the gateway's key. Ask whoever runs this gateway.",
    Kind.UPSTREAM_QUOTA: "The provider was asked but the gateway's account is used up. Ask whoever runs this gateway.",
    Kind.GARBLED: "The provider was asked but its answer cannot be read. Try again.",
    Kind.CUT_SHORT: "The provider was answering but its answer broke off. Try again.",
    Kind.REFUSED: "The provider was asked but declined the request for its content. Change the request.",
}
FAILED = f"The provider was asked but failed. Try again. {SEE}"
"""For all other kinds."""


def reworded(policy: UpstreamErrors, text: str, found: Problem) -> Problem:
    """The problem as a client is told it; the very same one where its words may be told."""
    if policy == "told" or not said_by_upstream(found) or _heeded(found):
        return found
    if found.kind is Kind.PROMPT_TOO_LONG:
        numbers = COMPACTABLE.search(found.message)
        words = numbers[0] if numbers else TOO_LONG
    else:
        words = (text if policy == "text" else "") or SENTENCES.get(found.kind, FAILED)
    return replace(found, message=words, evidence="", original=None, param=None)


def said_by_upstream(found: Problem) -> bool:
    """Whether a problem is told in an upstream's words, and not in ours."""
    return bool(found.upstream_status is not None or found.evidence or found.original)


def _heeded(found: Problem) -> bool:
    return found.kind is Kind.INVALID_REQUEST and HEEDED.search(found.message) is not None
