"""How the admin API reads and writes: strict JSON in, JSON out, and problems as RFC 9457 says (read 2026-11-20).

Theory: the descriptions of things are msgspec Structs, the very ones of the configuration file and the database. They
are read strictly (what is not known is refused, so nothing can be set by the way) and their JSON Schemas make the
OpenAPI document, so that none of the three can say something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from fastapi import Request, Response
from msgspec import Struct

from dragoman.shapes.hints import hint
from dragoman.store.ports import StoreTrouble

BODY_LIMIT = 1024 * 1024
"""Bytes of a request's body."""
JSON = "application/json"
PROBLEM = "application/problem+json"
STATUS: Mapping[str, int] = {
    "away": 503,
    "missing": 404,
    "taken": 409,
    "stale": 412,
    "in_use": 409,
    "unfit": 422,
    "last_admin": 409,
}
"""Statuses of the store's troubles; all others are 500."""

T = TypeVar("T")


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    """Stable; programs may rely on it."""
    detail: str
    faults: tuple[str, ...] = ()
    """Everything that is wrong with what was sent, where there is more to say."""


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the program
    """The request is answered with a problem. `code` is stable; programs may rely on it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        faults: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.faults = faults
        self.headers = headers or {}

    def response(self) -> Response:
        """The answer."""
        told = Problem("about:blank", HTTPStatus(self.status).phrase, self.status, self.code, str(self), self.faults)
        return Response(msgspec.json.encode(told), self.status, dict(self.headers), PROBLEM)


def refusal_of(trouble: StoreTrouble) -> Refusal:
    """What a trouble of the store is to a client of the API."""
    status = STATUS.get(trouble.kind, 500)
    return Refusal(status, trouble.kind, str(trouble), headers={"retry-after": "2"} if status == 503 else None)


async def body_of(request: Request, shape: type[T]) -> T:
    """The request's body, which must be just this. Raises `Refusal`.

    Only `application/json` is read: a page of another site cannot send that without asking first.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Refusal(415, "not_json", "The body was read but is not called JSON. Send content-type: application/json.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            raise Refusal(413, "too_large", f"The body was read but has more than {BODY_LIMIT} bytes. Send less.")
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as found:
        raise Refusal(422, "invalid", f"The body was read but {_words(found, shape)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as found:
        raise Refusal(400, "not_json", f"The body was read but is no JSON: {found}.") from None


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells this."""
    return Response(msgspec.json.encode(value), status, dict(headers or {}), JSON)


def nothing() -> Response:
    """The answer that all is done, and there is no more to say."""
    return Response(status_code=204)


def _words(found: msgspec.ValidationError, shape: Any) -> str:
    """msgspec's words as the rest of a sentence, and what would be right."""
    what, _, where = str(found).partition(" - at ")
    place = where.strip("`").removeprefix("$").lstrip(".")
    words = f"`{place}` is not right: {what}." if place else f"is not right: {what}."
    return f"{words} {hint(found, shape)}".rstrip()


def schemas_of(shapes: tuple[Any, ...]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """JSON Schemas of types, and those that they refer to, as OpenAPI 3.1 has them."""
    found, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    return list(found), components
