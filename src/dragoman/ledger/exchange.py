"""What happened to one client request, as facts that may be stored and logged: no content, no secrets."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.canon.request import Loss
from dragoman.canon.usage import NOTHING_SAID, Usage
from dragoman.ledger.price import Cost

Source = Literal["agent", "count", "test", "probe"]
"""Who asked: a client for an answer or for the size of a prompt, somebody who tries a channel, the gateway itself."""


class AttemptRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One upstream call made for an exchange."""

    n: int
    """Counts up from 1."""
    channel: str
    provider: str = ""
    """Id of the channel's catalog row."""
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
    cost: Cost | None = None
    """None where nothing was used, or it has not been priced yet."""
    losses: tuple[Loss, ...] = ()
    edits: tuple[str, ...] = ()
    """Members of a verbatim body that were changed."""


class Exchange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One client request and everything done for it, as far as it is known; `ended_ms` tells whether that is all."""

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
    interrupted: bool = False
    """Whether the gateway itself was killed while it ran; its counts are those of the last checkpoint."""
    effort: str | None = None
    """How hard the client wanted the model to think."""
    key_id: str = ""
    project: str = ""
    owner: str = ""
    """Login of the user whom the key belongs to."""
    client: str = ""
    """The client's network address."""
    version: int = 0
    """Of the configuration that it was answered with."""
    source: Source = "agent"

    @property
    def charged(self) -> AttemptRecord | None:
        """The attempt that the client's budgets pay for: the one that answered it, in part at least, or that it left.
        All others are the gateway's own cost, its overhead."""
        last = self.attempts[-1] if self.attempts and self.source == "agent" else None
        return last if last and (last.problem is None or last.first_content_ms is not None) else None

    @property
    def cost(self) -> Cost | None:
        """What the answer that the client got has cost; other attempts cost what they cost beside it."""
        return self.attempts[-1].cost if self.attempts else None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the client's request lost on its way to the last channel asked."""
        return self.attempts[-1].losses if self.attempts else ()


class Progress(Struct, frozen=True, array_like=True):
    """What a running attempt has come to: a checkpoint."""

    id: str
    """Of the exchange."""
    n: int
    """Of the attempt."""
    at_ms: int
    usage: Usage
    status: int | None = None
    """HTTP status of the upstream."""
    first_content_ms: int | None = None
    upstream_id: str = ""
    finish: str | None = None
    """Why the model stopped, where it has; then the usage is final."""


class Journal(Protocol):
    """Sees exchanges while they run, so that what was sent is known even if this process dies. Never raises."""

    def write(self, exchange: Exchange) -> None:
        """An attempt is about to be sent, or the exchange has ended. The last word on an exchange counts."""

    def checkpoint(self, progress: Progress) -> None:
        """A running attempt has come this far."""


class NoJournal:
    """A journal that keeps nothing, for a gateway that remembers nothing."""

    def write(self, exchange: Exchange) -> None:
        """Nothing."""

    def checkpoint(self, progress: Progress) -> None:
        """Nothing."""


def settled(exchange: Exchange, progress: Progress | None) -> Exchange:
    """The exchange that nobody ended because the gateway was killed, by the last that is known of it."""
    if not exchange.attempts or exchange.attempts[-1].ended_ms is not None:
        return replace(exchange, ended_ms=_latest_ms(exchange), interrupted=True)
    last = exchange.attempts[-1]
    seen = progress if progress is not None and progress.n == last.n else None
    guessed = Usage(input=exchange.prompt_estimate, exact=False)
    ended_ms = seen.at_ms if seen else last.started_ms
    usage = (seen.usage if seen.finish else replace(seen.usage, exact=False)) if seen else guessed
    attempt = replace(
        last,
        usage=usage,
        status=seen.status if seen else None,
        first_content_ms=seen.first_content_ms if seen else None,
        upstream_id=seen.upstream_id if seen else "",
        ended_ms=ended_ms,
        maybe_billed=True,
    )
    return replace(
        exchange,
        attempts=(*exchange.attempts[:-1], attempt),
        usage=usage,
        first_content_ms=attempt.first_content_ms,
        ended_ms=ended_ms,
        finish=seen.finish if seen else None,
        interrupted=True,
    )


def _latest_ms(exchange: Exchange) -> int:
    """The last moment that is known of an exchange between two attempts."""
    return max((attempt.ended_ms or 0 for attempt in exchange.attempts), default=exchange.started_ms)


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
