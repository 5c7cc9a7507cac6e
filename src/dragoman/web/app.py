"""The ASGI application: the doors first, then the small answers that clients and operators look for.

Rules: nothing here is slow or depends on an upstream, but `/test-connection`, which says so in its name. Unknown
paths answer in the nearest dialect, and never with a redirect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import structlog

from dragoman import __version__
from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.dialects.base import Dialect
from dragoman.ledger.book import PriceBook
from dragoman.relay.probe import Finding
from dragoman.relay.relay import OWN_FAULT
from dragoman.routing.match import bare
from dragoman.routing.offer import ANYBODY, Lists, offer_of
from dragoman.routing.snapshot import Snapshot
from dragoman.shapes.access import KeyTable
from dragoman.web import models
from dragoman.web.asgi import Receive, Scope, Send, answer_bytes, answer_json, headers_of, query_of
from dragoman.web.doors import DOORS, ROUTES, SHAPES, Doors, dialect_for, refusal
from dragoman.web.guard import Admitted, Guard
from dragoman.web.models import Shape
from dragoman.web.office import PREFIX, Office
from dragoman.web.pages import members_of
from dragoman.web.routes import MODELS

ONLY_OPERATORS = (
    "All channels would be tried here, which a key of the database is not for. Use the admin API "
    "(POST /api/v1/channels/test), `dragoman channel test`, or a key of the configuration file."
)
log = structlog.get_logger()


class Service(Protocol):
    """What the small answers need to know of the running gateway."""

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""

    @property
    def prices(self) -> PriceBook:
        """What is charged now."""

    @property
    def draining(self) -> bool:
        """Whether the gateway is shutting down."""

    @property
    def recording(self) -> bool:
        """Whether what happens reaches the database."""

    async def probe(self) -> list[Finding]:
        """A real small call on each channel."""


Small = Callable[[Scope, Send], Awaitable[None]]
MODEL_ROUTES = ("GET /v1/models", "GET /v1beta/models", "GET /models")
"""Where models are listed and, behind a slash, looked up."""


class App:
    """The gateway as an ASGI application. Frozen after construction."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        doors: Doors,
        guard: Guard,
        service: Service,
        new_id: Callable[[], str],
    ) -> None:
        self._dialects = dialects
        self._doors = doors
        self._guard = guard
        self._service = service
        self._new_id = new_id
        self._lists = Lists()
        self.office: Office | None = None
        """The way to the admin API; None: there is none."""
        self._small: dict[str, Small] = {
            "GET /": self._welcome,
            "HEAD /": self._quiet,
            "HEAD /api/hello": self._quiet,
            "GET /api/hello": self._quiet,
            "POST /api/event_logging/batch": self._quiet,
            "GET /livez": self._livez,
            "GET /readyz": self._readyz,
            "GET /health": self._health,
            "GET /healthz": self._livez,
            "GET /version": self._version,
            "GET /test-connection": self._test_connection,
        }

    @property
    def routes(self) -> list[str]:
        """Every route, as `METHOD /path`, for the documentation."""
        return [*DOORS, *MODEL_ROUTES, *(f"{route}/{{id}}" for route in MODEL_ROUTES), *self._small]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        method: str = scope["method"]
        if door := ROUTES.find(method, path):
            try:
                await self._doors.enter(door, scope, receive, send)
            except Exception as found:  # the ASGI edge: one request's fault must stay its own
                log.error("request failed inside the gateway", path=path, fault=type(found).__name__, exc_info=True)
                await self._tell(scope, send, Kind.INTERNAL, OWN_FAULT)
            return
        if path.startswith(PREFIX) and self.office:
            await self.office.enter(scope, receive, send)
        elif small := self._small_answer(method, path):
            await small(scope, send)
        else:
            await self._unknown(scope, send)

    def _small_answer(self, method: str, path: str) -> Small | None:
        """What answers outside the doors. To `HEAD` it is as to `GET`, for the server leaves the body out."""
        if small := self._small.get(f"{method} {path}"):
            return small
        if method == "HEAD":
            return self._small_answer("GET", path)
        if method == "GET" and MODELS.fullmatch(ROUTES.place(path).path):
            return self._models
        return None

    async def _tell(self, scope: Scope, send: Send, kind: Kind, message: str, status: int = 0, allow: str = "") -> None:
        """A problem in the nearest dialect. After the answer has begun, uvicorn refuses it and closes the line."""
        dialect = self._dialects[_dialect_of(scope)]
        exchange_id = self._new_id()
        told, body = refusal(dialect, kind, message, exchange_id, status)
        headers = {"request-id": exchange_id, "x-request-id": exchange_id}
        await answer_bytes(send, told, body, headers | ({"allow": allow} if allow else {}))

    async def _unknown(self, scope: Scope, send: Send) -> None:
        """A path that is none of ours, or one that is asked for by another method."""
        method, path = scope["method"], scope["path"]
        asked = f"{method} {path[:100]} was asked for but"
        plain = ":" not in path  # what stands behind a model's colon is wanted of it, and no name to be looked up
        taken = [
            other
            for other in ("GET", "POST")
            if ROUTES.find(other, path) or (plain and self._small_answer(other, path))
        ]
        if taken:
            message = f"{asked} this path takes {' and '.join(taken)}. Ask for it so."
            await self._tell(scope, send, Kind.NOT_FOUND, message, 405, ", ".join(taken))
            return
        await self._tell(
            scope,
            send,
            Kind.NOT_FOUND,
            f"{asked} is no route of this gateway. Agents need only its base address, as {_address(scope)}.",
        )

    async def _admitted(self, scope: Scope, send: Send) -> Admitted | None:
        """Who came in; answers if the client's key does not open."""
        try:
            return await self._guard.enter(headers_of(scope), query_of(scope), scope)
        except Trouble as trouble:
            await self._tell(scope, send, trouble.problem.kind, trouble.problem.message)
            return None

    async def _welcome(self, scope: Scope, send: Send) -> None:
        await answer_json(
            send,
            200,
            {
                "name": "dragoman",
                "version": __version__,
                "message": "Point an agent here: ANTHROPIC_BASE_URL=" + _address(scope),
                "doors": sorted({path for _, _, path in (door.partition(" ") for door in DOORS)}),
            },
        )

    async def _quiet(self, scope: Scope, send: Send) -> None:
        await answer_bytes(send, 200, b"{}" if scope["method"] != "HEAD" else b"")

    async def _livez(self, _: Scope, send: Send) -> None:
        await answer_json(send, 200, {"status": "ok"})

    async def _readyz(self, _: Scope, send: Send) -> None:
        ready = not self._service.draining
        await answer_json(send, 200 if ready else 503, {"status": "ok" if ready else "draining"})

    async def _health(self, _: Scope, send: Send) -> None:
        channels = self._service.snapshot.channels
        await answer_json(
            send,
            200,
            {
                "status": "healthy",
                "version": __version__,
                "timestamp": datetime.now(UTC).isoformat(),
                "channels": len(channels),
                "openai_api_configured": bool(channels),
                "api_key_valid": any(channel.api_key for channel in channels),
                "client_api_key_validation": not self._guard.open,
                "recording": "ok" if self._service.recording else "late",
            },
        )

    async def _version(self, _: Scope, send: Send) -> None:
        await answer_json(send, 200, {"version": __version__})

    async def _test_connection(self, scope: Scope, send: Send) -> None:
        if (admitted := await self._admitted(scope, send)) is None:
            return
        if admitted.key is not None:  # it may have bounds, limits and budgets, none of which a test of all heeds
            await self._tell(scope, send, Kind.PERMISSION, ONLY_OPERATORS)
            return
        findings = await self._service.probe()
        ok = bool(findings) and all(finding.ok for finding in findings)
        first = next((finding for finding in findings if not finding.ok), findings[0] if findings else None)
        body: dict[str, object] = {
            "status": "success" if ok else "failed",
            "message": first.message if first else "No channel is configured. Add one to dragoman.toml.",
            "model_used": first.model if first else None,
            "timestamp": datetime.now(UTC).isoformat(),
            "channels": findings,
        }
        if first and ok:
            body["response_id"] = first.response_id
        if first and not ok:
            body |= {"error_type": first.problem, "suggestions": [f.suggestion for f in findings if f.suggestion]}
        await answer_json(send, 200 if ok else 503, body)

    async def _models(self, scope: Scope, send: Send) -> None:
        """The list of models, or the one that was named, for this client and in its shape."""
        admitted = await self._admitted(scope, send)
        if admitted is None:
            return
        asked = MODELS.fullmatch(ROUTES.place(scope["path"]).path)
        key = admitted.key.spec if admitted.key else ANYBODY
        try:
            # It may take a while where there are many channels, and no answer shall wait for it.
            told = await asyncio.to_thread(
                self._models_of, SHAPES[_dialect_of(scope)], asked[2] if asked else None, key, query_of(scope)
            )
        except Trouble as trouble:
            await self._tell(scope, send, trouble.problem.kind, trouble.problem.message)
        else:
            await answer_json(send, 200, told)

    def _models_of(self, shape: Shape, name: str | None, key: KeyTable, query: str) -> dict[str, object]:
        """The list of models, or one of them. Raises `Trouble`."""
        snapshot = self._service.snapshot
        if name is None:
            offers = self._lists.offers(snapshot, shape.doors, key)
            return shape.listing(models.listed(offers, picker=shape.picker), members_of(query), self._service.prices)
        if found := offer_of(snapshot, bare(name), shape.doors, key):
            return shape.entry(models.Listed(name, found))
        words = f"Model '{name[:100]}' was looked up but is not offered here. GET /v1/models lists what is."
        raise refuse(Kind.MODEL_NOT_FOUND, words, param="model")


def _address(scope: Scope) -> str:
    """This gateway's address as its client calls it."""
    return "http://" + headers_of(scope).get("host", "127.0.0.1:8090")


def _dialect_of(scope: Scope) -> str:
    """The dialect that a client outside the doors most likely speaks."""
    return dialect_for(scope["path"], headers_of(scope), query_of(scope))
