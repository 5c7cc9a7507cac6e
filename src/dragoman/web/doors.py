"""The doors: which route speaks which dialect, and what each does with a request. Plain ASGI, no framework.

Rules. The path tells the dialect, the query is ignored. What fails before a door is reached is still told in the
nearest dialect. Every answer carries `request-id` and `x-request-id`; the exchange is found under it in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from dragoman.canon import splice
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.dialects.base import Dialect
from dragoman.relay.delivery import Caller, problem_headers
from dragoman.relay.prepare import Inquiry
from dragoman.web.asgi import AsgiCaller, Gone, Receive, Scope, Send, answer_bytes, headers_of, read_body, take_line
from dragoman.web.edge import Line
from dragoman.web.guard import Guard


class Route(NamedTuple):
    """What a path is for."""

    dialect: str
    action: str
    """`answer`, or `count` for a prompt's tokens."""


DOORS: dict[str, Route] = {
    "POST /v1/messages": Route("anthropic", "answer"),
    "POST /anthropic/v1/messages": Route("anthropic", "answer"),
    "POST /v1/messages/count_tokens": Route("anthropic", "count"),
    "POST /anthropic/v1/messages/count_tokens": Route("anthropic", "count"),
    "POST /v1/chat/completions": Route("openai_chat", "answer"),
    "POST /openai/v1/chat/completions": Route("openai_chat", "answer"),
    "POST /chat/completions": Route("openai_chat", "answer"),
}
"""The door table: the only place that ties a route to a dialect."""


def dialect_for(path: str, headers: Mapping[str, str]) -> str:
    """The dialect in which a client outside the doors most likely wants its answer."""
    if path.startswith("/anthropic/") or "anthropic-version" in headers:
        return "anthropic"
    return "anthropic" if "/messages" in path else "openai_chat"


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
        self._dialects = dialects
        self._guard = guard
        self._relay = relay
        self._new_id = new_id

    async def enter(self, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request at a door."""
        exchange_id = self._new_id()
        common = {"request-id": exchange_id, "x-request-id": exchange_id}
        dialect = self._dialects[route.dialect]
        line = take_line(scope)
        try:
            inquiry = await self._inquire(exchange_id, dialect, scope, receive)
            if route.action == "count":
                tokens, how = await self._relay.count(inquiry)
                body = b'{"input_tokens":%d}' % tokens
                await answer_bytes(send, 200, body, {**common, "x-dragoman-token-count": how})
                return
        except Gone:
            return
        except Trouble as trouble:
            found = trouble.problem
            body = dialect.write_problem(found, exchange_id)
            await answer_bytes(send, found.status, body, {**common, **problem_headers(found)})
            return
        if line is None:
            await self._relay.answer(inquiry, AsgiCaller(send, common))
            return
        line.common = common
        await self._answer(inquiry, line)

    async def _inquire(self, exchange_id: str, dialect: Dialect, scope: Scope, receive: Receive) -> Inquiry:
        headers = headers_of(scope)
        key_name = self._guard.admit(headers)
        body = await read_body(headers, receive)
        splice.check_once(body)
        return Inquiry(
            id=exchange_id,
            door=dialect,
            body=body,
            request=dialect.read_request(body),
            headers=headers,
            query=scope.get("query_string", b"").decode("latin-1"),
            key_name=key_name,
        )

    async def _answer(self, inquiry: Inquiry, line: Line) -> None:
        """Runs the exchange; a client that leaves cancels it at once."""
        task = asyncio.current_task()
        if line.left or task is None:
            return
        line.leave = task.cancel
        try:
            await self._relay.answer(inquiry, line)
        except asyncio.CancelledError:
            if not line.left:
                raise
        finally:
            line.leave = None


def refusal(dialect: Dialect, kind: Kind, message: str, request_id: str) -> tuple[int, bytes]:
    """Status and body of a problem found outside the doors."""
    found = problem(kind, message)
    return found.status, dialect.write_problem(found, request_id)
