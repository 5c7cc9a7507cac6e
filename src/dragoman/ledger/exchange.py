"""What happened to one client request, as facts that may be stored and logged: no content, no secrets."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from dragoman.canon.problem import Kind
from dragoman.canon.request import Loss
from dragoman.canon.usage import NOTHING_SAID, Usage


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """One upstream call made for an exchange."""

    n: int
    """Counts up from 1."""
    channel: str
    model: str
    mode: Literal["verbatim", "translated"]
    why: str = ""
    """Why the plan had it here."""
    status: int | None = None
    """HTTP status of the upstream; None where none came."""
    problem: Kind | None = None
    """None where the answer came whole."""
    started_ms: int
    """When it was sent; milliseconds of Unix time, as all times here."""
    first_content_ms: int | None = None
    ended_ms: int | None = None
    upstream_id: str = ""
    """The provider's id of the request, for asking its support."""
    maybe_billed: bool = False
    """Whether the provider may charge for it although the client has nothing of it."""
    usage: Usage = NOTHING_SAID
    losses: tuple[Loss, ...] = ()
    edits: tuple[str, ...] = ()
    """Members of a verbatim body that were changed."""


class Exchange(Struct, frozen=True, kw_only=True):
    """One client request and everything done for it."""

    id: str
    started_ms: int
    door: str
    """Dialect of the client."""
    asked: str
    """The model as the client named it."""
    stream: bool
    session: str
    agent: str = "main"
    trace_hint: str | None = None
    key_name: str = ""
    plan: tuple[str, ...] = ()
    """Lines of the plan; empty where none was made."""
    attempts: tuple[AttemptRecord, ...] = ()
    prompt_estimate: int = 0
    usage: Usage = NOTHING_SAID
    """What the answer that the client got has used."""
    finish: str | None = None
    """Why the model stopped; None where the answer did not end well."""
    problem: Kind | None = None
    """What the client was told went wrong."""
    status: int | None = None
    """HTTP status the client got."""
    first_content_ms: int | None = None
    ended_ms: int | None = None
    client_left: bool = False

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the client's request lost on its way to the last channel asked."""
        return self.attempts[-1].losses if self.attempts else ()


def line(exchange: Exchange) -> dict[str, object]:
    """The exchange for one line of a log, without what says nothing."""
    facts: dict[str, object] = {
        "exchange": exchange.id,
        "door": exchange.door,
        "asked": exchange.asked,
        "session": exchange.session,
        "agent": exchange.agent,
        "key": exchange.key_name,
        "stream": exchange.stream,
        "status": exchange.status,
        "finish": exchange.finish,
        "problem": exchange.problem and str(exchange.problem),
        "client_left": exchange.client_left,
        "attempts": [attempt_words(attempt) for attempt in exchange.attempts],
        "losses": [loss.what for loss in exchange.losses],
        "edits": list(exchange.attempts[-1].edits) if exchange.attempts else [],
        "usage": _said(exchange.usage),
        "first_content_ms": _since(exchange, exchange.first_content_ms),
        "duration_ms": _since(exchange, exchange.ended_ms),
    }
    return {name: value for name, value in facts.items() if value or type(value) is int}


def attempt_words(attempt: AttemptRecord) -> str:
    """One attempt in a few words, as `deepseek/deepseek-chat translated 429 rate_limited`."""
    status = "" if attempt.status is None else f" {attempt.status}"
    return f"{attempt.channel}/{attempt.model} {attempt.mode}{status} {attempt.problem or 'ok'}"


def _said(usage: Usage) -> dict[str, object]:
    """The counts that were told, and that they are not exact if they are not."""
    told: dict[str, object] = msgspec.to_builtins(usage)
    return told


def _since(exchange: Exchange, moment_ms: int | None) -> int | None:
    return None if moment_ms is None else moment_ms - exchange.started_ms
