"""The doors: which route speaks which dialect, and what each does with a request. Plain ASGI, no framework.

Rules. The path tells the dialect; where it names the model as well, path and body are one request. What fails before a
door is reached is still told in the nearest dialect. Every answer carries `request-id` and `x-request-id`; the exchange
is found under it in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import replace

from dragoman.canon import splice
from dragoman.canon.multipart import is_form
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.canon.request import Request
from dragoman.dialects.base import Dialect
from dragoman.dialects.openai_chat import COMPLETIONS
from dragoman.relay.delivery import Caller, in_words_of, problem_headers
from dragoman.relay.prepare import Errand, Inquiry
from dragoman.routing.key import forbidden
from dragoman.web import models
from dragoman.web.array import InArray
from dragoman.web.asgi import (
    AsgiCaller,
    Gone,
    Receive,
    Scope,
    Send,
    answer_bytes,
    headers_of,
    query_of,
    read_body,
    take_line,
)
from dragoman.web.edge import Line
from dragoman.web.errands import read_errand
from dragoman.web.guard import KEY_MEMBER, Guard
from dragoman.web.models import Shape
from dragoman.web.routes import Door, Route, Routes

DOORS: dict[str, Route] = {
    "POST /v1/messages": Route("anthropic"),
    "POST /v1/messages/count_tokens": Route("anthropic", "count"),
    "POST /v1/chat/completions": Route("openai_chat", instead="openai_responses"),
    "POST /chat/completions": Route("openai_chat", instead="openai_responses"),
    "POST /v1/responses": Route("openai_responses"),
    "POST /responses": Route("openai_responses"),
    "POST /v1/responses/input_tokens": Route("openai_responses", "count"),
    "POST /responses/input_tokens": Route("openai_responses", "count"),
    "POST /v1/responses/compact": Route("openai_responses", "errand", path="/responses/compact", reads=True),
    "POST /responses/compact": Route("openai_responses", "errand", path="/responses/compact", reads=True),
    "POST /v1/completions": Route("openai_completions"),
    "POST /completions": Route("openai_completions"),
    "POST /v1/embeddings": Route("openai_chat", "errand", path="/embeddings"),
    "POST /embeddings": Route("openai_chat", "errand", path="/embeddings"),
    "POST /v1/moderations": Route("openai_chat", "errand", path="/moderations", model="omni-moderation-latest"),
    "POST /v1/images/generations": Route("openai_chat", "errand", path="/images/generations", model="gpt-image-1"),
    "POST /v1/images/edits": Route("openai_chat", "errand", path="/images/edits", model="gpt-image-1"),
    "POST /v1/images/variations": Route("openai_chat", "errand", path="/images/variations", model="dall-e-2"),
    "POST /v1/audio/speech": Route("openai_chat", "errand", path="/audio/speech"),
    "POST /v1/audio/transcriptions": Route("openai_chat", "errand", path="/audio/transcriptions"),
    "POST /v1/audio/translations": Route("openai_chat", "errand", path="/audio/translations"),
    "POST /v1beta/models/{model}:generateContent": Route("gemini", stream=False),
    "POST /v1beta/models/{model}:streamGenerateContent": Route("gemini", stream=True),
    "POST /v1beta/models/{model}:countTokens": Route("gemini", "count", stream=False),
    "POST /v1beta/models/{model}:embedContent": Route(
        "gemini", "errand", path="/v1beta/models/{model}:embedContent", stream=False
    ),
    "POST /v1beta/models/{model}:batchEmbedContents": Route(
        "gemini", "errand", path="/v1beta/models/{model}:batchEmbedContents", stream=False
    ),
}
"""The door table: the only place that ties a route to a dialect."""

VENDORS = {
    "anthropic": "/anthropic",
    "openai_chat": "/openai",
    "openai_completions": "/openai",
    "openai_responses": "/openai",
    "gemini": "/gemini",
}
"""Behind whose name the doors of a dialect can be found as well."""

KIN = {"openai_chat": frozenset(("openai_chat", "openai_responses"))}
"""Dialects whose upstreams have the same endpoints beside that of conversations."""

DOOR_DIALECTS: tuple[Dialect, ...] = (COMPLETIONS,)
"""Dialects that are spoken by clients only."""

_OPENAI = Shape(("openai_chat", "openai_responses", "openai_completions"), models.openai_list, models.openai_entry)
SHAPES: dict[str, Shape] = {
    "anthropic": Shape(("anthropic",), models.anthropic_list, models.anthropic_entry, picker=True),
    "openai_chat": _OPENAI,
    "openai_responses": _OPENAI,
    "gemini": Shape(("gemini",), models.gemini_list, models.gemini_entry),
}
"""How the list of models looks in each dialect."""

MARKS = {"x-goog-api-key": "gemini", "anthropic-version": "anthropic"}
"""Headers by which a client outside the doors is known (measured 2026-11-20)."""
PLACES = {"/messages": "anthropic", "/responses": "openai_responses", "/v1beta": "gemini", "/v1alpha": "gemini"}
"""What stands in paths that only clients of one dialect ask for."""

ROUTES = Routes(DOORS, VENDORS)
ALT = "alt"
"""Member of the query by which a client of Gemini tells a stream's form: `sse`, else it is one JSON array."""


def dialect_for(path: str, headers: Mapping[str, str], query: str = "") -> str:
    """The dialect in which a client outside the doors most likely wants its answer."""
    vendor = ROUTES.place(path).vendor
    if vendor:
        return next(dialect for dialect, name in VENDORS.items() if name == vendor)
    told = [dialect for mark, dialect in PLACES.items() if mark in path]
    told += [dialect for header, dialect in MARKS.items() if header in headers]
    if any(name == KEY_MEMBER for name, _ in parse_qsl(query)):
        told.append("gemini")
    return told[0] if told else "openai_chat"


class Answering(Protocol):
    """What the doors need of the relay."""

    async def answer(self, inquiry: Inquiry, caller: Caller) -> None:
        """Answers the inquiry; never raises but for cancellation."""

    async def count(self, inquiry: Inquiry) -> tuple[int, str]:
        """Prompt tokens, and `upstream` or `estimate`. Raises `Trouble`."""


class Doors:
    """Takes requests in at the doors. Frozen after construction."""

    def __init__(
        self, dialects: Mapping[str, Dialect], guard: Guard, relay: Answering, new_id: Callable[[], str]
    ) -> None:
        self._dialects = {**dialects, **{dialect.name: dialect for dialect in DOOR_DIALECTS}}
        self._guard = guard
        self._relay = relay
        self._new_id = new_id

    async def enter(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request at a door."""
        exchange_id = self._new_id()
        common = {"request-id": exchange_id, "x-request-id": exchange_id}
        dialect = self._dialects[door.route.dialect]
        line = take_line(scope)
        try:
            inquiry = await self._inquire(exchange_id, door, scope, receive)
            if door.route.action == "count":
                tokens, how = await self._relay.count(inquiry)
                body = dialect.tell_count(tokens)
                await answer_bytes(send, 200, body, {**common, "x-dragoman-token-count": how})
                return
        except Gone:
            return
        except Trouble as trouble:
            found = in_words_of(dialect, trouble.problem)
            body = dialect.write_problem(found, exchange_id)
            await answer_bytes(send, found.status, body, {**common, **problem_headers(found)})
            return
        in_array = door.route.stream and dict(parse_qsl(query_of(scope))).get(ALT) != "sse"
        caller: Caller = AsgiCaller(send, common) if line is None else line
        caller = InArray(caller) if in_array else caller
        if line is None:
            await self._relay.answer(inquiry, caller)
            return
        line.common = common
        await self._answer(inquiry, line, caller)

    async def _inquire(self, exchange_id: str, door: Door, scope: Scope, receive: Receive) -> Inquiry:
        headers, query = headers_of(scope), query_of(scope)
        admitted = await self._guard.enter(headers, query, scope)
        body = await read_body(headers, receive)
        if door.model and door.route.stream is None:
            body = named(body, headers, door.model)
        dialect = self._dialects[spoken(door.route, body)]
        request, errand = self._read(door, dialect, headers, body)
        if admitted.key and (refusal := forbidden(admitted.key, dialect.name, request.model)):
            raise Trouble(refusal)
        return Inquiry(
            id=exchange_id,
            door=dialect,
            body=body,
            request=request,
            headers=headers,
            query=onward(query),
            errand=errand,
            key=admitted.key,
            key_name=admitted.name,
            client=self._guard.address(headers, scope),
            profile=admitted.key.profile if admitted.key else None,
        )

    def _read(
        self, door: Door, dialect: Dialect, headers: Mapping[str, str], body: bytes
    ) -> tuple[Request, Errand | None]:
        """What is asked; an errand where it is no conversation. Raises `Trouble` (invalid_request, unsupported)."""
        if door.route.action == "errand":
            return read_errand(door, dialect, KIN.get(dialect.name, frozenset((dialect.name,))), headers, body)
        splice.check_once(body)
        request = dialect.read_request(body)
        if door.route.stream is not None:
            request = replace(request, model=door.model, stream=door.route.stream)
        return request, None

    async def _answer(self, inquiry: Inquiry, line: Line, caller: Caller) -> None:
        """Runs the exchange; a client that leaves cancels it at once."""
        task = asyncio.current_task()
        if line.left or task is None:
            return
        line.leave = task.cancel
        try:
            await self._relay.answer(inquiry, caller)
        except asyncio.CancelledError:
            if not line.left:
                raise
        finally:
            line.leave = None


def spoken(route: Route, body: bytes) -> str:
    """The dialect of a body, which is the door's but for clients that mistake the door."""
    mistaken = route.instead and b'"messages"' not in body and b'"input"' in body
    return route.instead if mistaken else route.dialect


def named(body: bytes, headers: Mapping[str, str], model: str) -> bytes:
    """The body with the model that the path names. Raises `Trouble` (invalid_request)."""
    if is_form(headers.get("content-type", "")):
        return body
    return splice.splice(body, {"model": msgspec.json.encode(model)})


def onward(query: str) -> str:
    """The query without what was meant for us: a stream's form is ours, whatever the upstream is asked for."""
    return "&".join(each for each in query.split("&") if each.partition("=")[0] not in (ALT, KEY_MEMBER))


def refusal(dialect: Dialect, kind: Kind, message: str, request_id: str, status: int = 0) -> tuple[int, bytes]:
    """Status and body of a problem found outside the doors; `status` stands instead of the kind's own."""
    found = problem(kind, message)
    found = replace(found, status=status) if status else found
    return found.status, dialect.write_problem(found, request_id)
