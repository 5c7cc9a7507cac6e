"""What happened and what it cost: exchanges, their contents, sums, and the audit log."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from fastapi import Response
from msgspec import Struct

from dragoman.ledger.exchange import Exchange
from dragoman.store.ports import Entry, Grouping, Page, Search, Total
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.scopes import Scope
from dragoman.web.admin.wire import Refusal, answer

SEARCHED = ("key_id", "project", "session", "trace", "channel", "model", "problem", "source")
BETWEEN = ("since_ms", "until_ms")
PAGED = (*SEARCHED, *BETWEEN, "running", "limit", "after")
SUMMED = ("key_id", "project", "channel", "model", *BETWEEN, "by")
"""Members of the queries."""
MOST = 200
"""Exchanges or entries in one answer at most."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run."""


class Content(Struct, frozen=True, kw_only=True):
    """What one side of an exchange or of one of its attempts said."""

    n: int
    """The attempt; 0 for what the client sent and got."""
    kind: str
    text: str
    """What is no UTF-8 is replaced."""
    expires_ms: int


class Log(Struct, frozen=True, kw_only=True):
    """A part of the audit log."""

    entries: tuple[Entry, ...]
    broken_at: int | None
    """Number of the first entry that was changed or removed; None where all are sound."""


def routes(api: Api) -> None:
    """Declares the routes."""
    _routes_of_exchanges(api)
    _routes_of_tables(api)
    _routes_of_audit(api)


def _routes_of_exchanges(api: Api) -> None:
    @api.route("GET", "/exchanges", needs="exchanges:read", wide=False, tells=Page, query=PAGED)
    async def exchanges(call: Call) -> Response:
        """Exchanges, newest first; `next` of a page is `after` of the following one."""
        found = await call.store.ledger.find(
            search_of(call), limit=call.number("limit", 50, MOST), after=call.query("after") or None
        )
        return answer(found)

    @api.route("GET", "/exchanges/{id}", needs="exchanges:read", wide=False, tells=Exchange)
    async def exchange(call: Call) -> Response:
        """One exchange, with its plan, its attempts, its losses and its bill."""
        return answer(await _mine(call, "exchanges:read"))

    @api.route("GET", "/exchanges/{id}/content", needs="contents:read", wide=False, tells=list[Content])
    async def content(call: Call) -> Response:
        """What was said, as long as it is kept. Each look is written into the audit log."""
        await _mine(call, "contents:read")
        found = await call.store.ledger.bodies(call.id)
        await call.store.audit.append(call.noted("exchange.read", call.id))
        return answer(
            [
                Content(
                    n=body.n, kind=body.kind, text=body.content.decode(errors="replace"), expires_ms=body.expires_ms
                )
                for body in found
            ]
        )


def _routes_of_tables(api: Api) -> None:
    @api.route("GET", "/totals", needs="exchanges:read", wide=False, tells=list[Total], query=SUMMED)
    async def totals(call: Call) -> Response:
        """Sums by `by`, a list by commas of `day`, `key_id`, `project`, `channel`, `model` and `currency`."""
        return answer(await call.store.ledger.totals(search_of(call), grouping_of(call)))

    @api.route("GET", "/totals.csv", needs="exchanges:read", wide=False, query=SUMMED)
    async def totals_csv(call: Call) -> Response:
        """The same sums as CSV."""
        found = await call.store.ledger.totals(search_of(call), grouping_of(call))
        await call.store.audit.append(call.noted("totals.export", ""))
        return as_csv("totals", Total.__struct_fields__, (msgspec.structs.astuple(total) for total in found))

    @api.route("GET", "/exchanges.csv", needs="exchanges:read", wide=False, query=PAGED)
    async def exchanges_csv(call: Call) -> Response:
        """A page of exchanges as CSV, without what was said."""
        page = await call.store.ledger.find(
            search_of(call), limit=call.number("limit", MOST, 1000), after=call.query("after") or None
        )
        await call.store.audit.append(call.noted("exchanges.export", ""))
        response = as_csv("exchanges", COLUMNS, (row_of(one) for one in page.exchanges))
        if page.next:
            response.headers["x-next"] = page.next
        return response


def _routes_of_audit(api: Api) -> None:
    @api.route("GET", "/audit", needs="audit:read", tells=Log, query=("action", "subject", "before", "limit"))
    async def audit(call: Call) -> Response:
        """Who did what, newest first, and whether the log is sound."""
        before = call.number("before", 2**53, 2**53) if call.query("before") else None
        entries = await call.store.audit.entries(
            before_n=before,
            limit=call.number("limit", 100, MOST),
            action=call.query("action"),
            subject=call.query("subject"),
        )
        return answer(Log(entries=entries, broken_at=await call.store.audit.verify()))


COLUMNS = (
    "id", "started_ms", "door", "asked", "channel", "model", "status", "finish", "problem", "stream", "session",
    "agent", "key", "project", "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "exact",
    "cost_nano", "currency", "first_content_ms", "ended_ms", "source",
)  # fmt: skip


def row_of(exchange: Exchange) -> tuple[object, ...]:
    """One line of the export."""
    last = exchange.attempts[-1] if exchange.attempts else None
    usage, cost = exchange.usage, exchange.cost
    return (
        exchange.id, exchange.started_ms, exchange.door, exchange.asked, last and last.channel, last and last.model,
        exchange.status, exchange.finish, exchange.problem, exchange.stream, exchange.session, exchange.agent,
        exchange.key_name, exchange.project, usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h,
        usage.output, usage.exact, cost and cost.nano, cost and cost.currency, exchange.first_content_ms,
        exchange.ended_ms, exchange.source,
    )  # fmt: skip


def search_of(call: Call) -> Search:
    """Which exchanges the query means, within what the caller may see. Raises `Refusal`."""
    given: dict[str, Any] = {name: call.query(name) for name in SEARCHED if call.query(name)}
    given |= {name: call.moment(name) for name in BETWEEN}
    if running := call.query("running"):
        given["running"] = running == "true"
    project = call.who.only_project("exchanges:read", given.get("project"))
    return Search(**{**given, "project": project} if project is not None else given)


def grouping_of(call: Call) -> tuple[Grouping, ...]:
    """What sums are grouped by. Raises `Refusal`."""
    names = [name.strip() for name in call.query("by", "day").split(",") if name.strip()]
    try:
        return msgspec.convert(names, tuple[Grouping, ...])
    except msgspec.ValidationError:
        words = f"`by` is '{','.join(names)[:40]}' but must be of {', '.join(get_args(Grouping))}."
        raise Refusal(422, "invalid", words) from None


def as_csv(name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    """A table for a spreadsheet, in which no cell is a formula: a quote stands before (OWASP, read 2026-11-20)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), 200, headers, "text/csv; charset=utf-8")


def _cell(value: object) -> object:
    if value is None:
        return ""
    text = str(value)
    return "'" + text if isinstance(value, str) and text.startswith(FORMULA) else value


async def _mine(call: Call, scope: Scope) -> Exchange:
    """The exchange in the path; one of a project that is not the caller's is not there. Trouble: missing."""
    found = await call.store.ledger.get(call.id)
    if not call.who.may(scope, found.project or None):
        raise Refusal(404, "missing", "There is no such exchange.")
    return found
