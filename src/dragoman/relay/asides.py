"""The record of what is asked aside: tests and probes of channels, and sizes of prompts. No client pays for them."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

from msgspec import Struct

from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.usage import NOTHING_SAID, Usage
from dragoman.ledger.exchange import AttemptRecord, Exchange, Journal, Source
from dragoman.net.transport import ERROR_LIMIT, Transport
from dragoman.relay.outlet import Outlet
from dragoman.relay.prepare import Inquiry, prepare_count
from dragoman.relay.probe import NO_CALL_CODE, Finding
from dragoman.routing.plan import Step

COUNT_S = 3.0
"""Seconds a client waits for an upstream's own token count at most."""


class Said(Struct, frozen=True, kw_only=True):
    """What came of one call."""

    status: int | None = None
    """Of the upstream; None where none came."""
    problem: Kind | None = None
    usage: Usage = NOTHING_SAID


class Aside:
    """One call and when it began. Mutable: time goes by."""

    def __init__(self, source: Source, step: Step, inquiry: Inquiry | None = None) -> None:
        self._source, self._step, self._inquiry = source, step, inquiry
        self._started_ms = int(time.time() * 1000)

    def told(self, said: Said) -> Exchange:
        """The exchange, now that it has ended."""
        step, inquiry = self._step, self._inquiry
        key = inquiry.key if inquiry else None
        ended_ms = int(time.time() * 1000)
        attempt = AttemptRecord(
            n=1,
            channel=step.channel.name,
            provider=step.channel.provider,
            model=step.model,
            mode="verbatim" if inquiry and inquiry.door.name == step.channel.dialect else "translated",
            why=step.why,
            status=said.status,
            problem=said.problem,
            started_ms=self._started_ms,
            ended_ms=ended_ms,
            usage=said.usage,
        )
        return Exchange(
            id=inquiry.id if inquiry else f"dgm_{uuid4().hex[:24]}",
            started_ms=self._started_ms,
            ended_ms=ended_ms,
            door=inquiry.door.name if inquiry else step.channel.dialect,
            asked=inquiry.request.model[:200] if inquiry else step.model[:200],
            stream=False,
            session="",
            source=self._source,
            attempts=(attempt,),
            usage=said.usage,
            problem=said.problem,
            status=said.status,
            key_id=key.id if key else "",
            key_name=inquiry.key_name if inquiry else "",
            project=key.spec.project if key else "",
            owner=key.spec.owner if key else "",
            client=inquiry.client if inquiry else "",
        )


def said_by(found: Finding) -> Said:
    """What came of a test. That a model called no tool is no problem of the call."""
    problem = Kind(found.problem) if found.problem not in ("", NO_CALL_CODE) else None
    return Said(status=found.status or None, problem=problem, usage=found.usage)


async def counted_upstream(
    inquiry: Inquiry, step: Step, outlet: Outlet, transport: Transport, journal: Journal
) -> int | None:
    """The upstream's own count; None where it has none or gave none in time."""
    read = outlet.dialect.read_count
    try:
        call = prepare_count(inquiry, step, outlet)
    except Trouble:
        return None
    if call is None or read is None:
        return None
    aside, body = Aside("count", step, inquiry), b""
    try:
        async with asyncio.timeout(COUNT_S):
            answer = await transport.send(call)
            body = await answer.whole(ERROR_LIMIT)
            answer.close()
        said = Said(status=answer.status, problem=None if answer.status == 200 else Kind.UPSTREAM_ERROR)
    except Trouble as trouble:
        said = Said(problem=trouble.problem.kind)
    except TimeoutError:
        said = Said(problem=Kind.TIMEOUT)
    journal.write(aside.told(said))
    return read(body) if said.status == 200 else None
