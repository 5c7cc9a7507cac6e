"""The routes of the admin API: each declares what it needs, reads and tells, and one place admits, answers and refuses.

Theory: a route is a function from a `Call` to a response. `Api.route` wraps it once, so that no route can forget to
ask who calls; what it declares is also what the OpenAPI document and the matrix of permissions are made of.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

import structlog
from fastapi import FastAPI, Request, Response
from msgspec import Struct
from msgspec.structs import fields

from dragoman import __version__
from dragoman.shapes.hints import near
from dragoman.store.ports import Actor, Note, Store, StoreTrouble
from dragoman.web.admin.access import SAFE, Need, Principal, address_of, check, check_origin, principal_of
from dragoman.web.admin.desk import Desk
from dragoman.web.admin.wire import PROBLEM, Problem, Refusal, body_of, refusal_of, schemas_of

PREFIX = "/api/v1"
LATEST_MS = 253_370_764_800_000
"""The beginning of the year 9999, the last that calendars know."""
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""On every answer: what it holds is for whoever asked, and no page."""

BESIDE = frozenset({"revision", "keep_secrets", "force"})
"""Members of a change that by themselves change nothing."""

T = TypeVar("T")
log = structlog.get_logger()


class Call(NamedTuple):
    """One admitted request."""

    request: Request
    desk: Desk
    store: Store
    principal: Principal | None
    """None only where a route needs nobody in particular."""

    @property
    def who(self) -> Principal:
        """Who asks. Raises `Refusal` where nobody says so."""
        check(self.principal, "signed_in")
        assert self.principal is not None  # noqa: S101 - checked above
        return self.principal

    @property
    def by(self) -> Actor:
        """Who asks, for the audit log."""
        if self.principal is None:
            return Actor(kind="anonymous", address=address_of(self.request))
        return self.principal.actor

    def noted(self, action: str, subject: str) -> Note:
        """Something that they did, for the audit log."""
        return Note(by=self.by, action=action, subject=subject)

    @property
    def id(self) -> str:
        """The id in the path."""
        found: str = self.request.path_params["id"]
        return found

    async def body(self, shape: type[T]) -> T:
        """The request's body. Raises `Refusal`."""
        said = await body_of(self.request, shape)
        if self.request.method == "PATCH":
            check_change(said)
        return said

    def query(self, name: str, default: str = "") -> str:
        """A member of the query."""
        return self.request.query_params.get(name, default)

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query, from 1 to the most. Raises `Refusal`."""
        text = self.query(name) or str(default)
        if not text.isdecimal() or len(text) > 20 or not 1 <= int(text) <= most:
            raise Refusal(422, "invalid", f"`{name}` is '{text[:40]}' but must be a whole number from 1 to {most}.")
        return int(text)

    def revision(self) -> int:
        """The revision, in the query, of what is to be removed. Raises `Refusal`."""
        if not self.query("revision"):
            raise Refusal(422, "invalid", "Say which `revision` you have seen, as `?revision=3`.")
        return self.number("revision", 1, 2**53)

    def moment(self, name: str) -> int | None:
        """Milliseconds of Unix time in the query; None where it is not there. Raises `Refusal`."""
        text = self.query(name)
        if not text:
            return None
        if not text.isdecimal() or int(text[:20]) > LATEST_MS:
            raise Refusal(422, "invalid", f"`{name}` is '{text[:40]}' but must be milliseconds of Unix time.")
        return int(text)


Handler: TypeAlias = Callable[[Call], Awaitable[Response]]


class Declared(NamedTuple):
    """What a route says of itself."""

    method: str
    path: str
    needs: Need
    wide: bool
    """Whether it is about the whole gateway, so that its scope has to be had everywhere and not in some project."""
    own: bool
    """Whether those who have not the scope get what is their own."""
    handler: Handler
    reads: Any
    """Type of the request's body; None: it has none."""
    tells: Any
    """Type of the answer's body; None: it has none."""
    status: int
    query: tuple[str, ...]

    @property
    def where(self) -> str:
        """Where the scope has to be had, in one word: everywhere, in the `project` that a thing belongs to, or there
        unless it is one's `own`; empty where none is needed."""
        if self.needs in ("anyone", "signed_in"):
            return ""
        return "everywhere" if self.wide else "own" if self.own else "project"


class Api:
    """Collects routes. Mutable while the application is built."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.declared: list[Declared] = []
        self.document: Mapping[str, Any] = {}
        """The OpenAPI document, once the application is made."""

    def route(
        self,
        method: str,
        path: str,
        *,
        needs: Need,
        wide: bool = True,
        own: bool = False,
        reads: Any = None,
        tells: Any = None,
        status: int = 200,
        query: tuple[str, ...] = (),
    ) -> Callable[[Handler], Handler]:
        """Declares a route; its documentation is the handler's docstring."""

        def declare(handler: Handler) -> Handler:
            self.declared.append(Declared(method, path, needs, wide, own, handler, reads, tells, status, query))
            return handler

        return declare

    def application(self) -> FastAPI:
        """The application with every route that was declared."""
        app = FastAPI(
            title="Dragoman",
            version=__version__,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        shapes = tuple(shape for one in self.declared for shape in (one.reads, one.tells) if shape is not None)
        schemas, components = schemas_of((*shapes, Problem))
        known = dict(zip(map(repr, shapes), schemas, strict=False))
        for one in self.declared:
            app.add_api_route(
                PREFIX + one.path,
                self._endpoint(one),
                methods=[one.method],
                operation_id=f"{one.method.lower()}_{one.path.strip('/').replace('/', '_').translate(BARE)}",
                summary=inspect.getdoc(one.handler),
                tags=[one.path.strip("/").partition("/")[0]],
                status_code=one.status,
                response_class=Response,
                openapi_extra=_described(one, known),
            )
        document = app.openapi()
        document.setdefault("components", {}).setdefault("schemas", {}).update(components)
        app.openapi_schema = document
        self.document = document
        for status in (404, 405):
            app.add_exception_handler(status, _nowhere)
        return app

    def _endpoint(self, one: Declared) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                found = await self._admitted(request, one)
            except Refusal as refusal:
                found = refusal.response()
            except StoreTrouble as trouble:
                found = refusal_of(trouble).response()
            except Exception as fault:  # the edge of the API: one request's fault must stay its own
                log.error("admin request failed", path=one.path, fault=type(fault).__name__, exc_info=True)
                found = Refusal(500, "internal", "The gateway failed on this request. Its log says why.").response()
            for name, value in HEADERS.items():
                found.headers.setdefault(name, value)
            return found

        return endpoint

    async def _admitted(self, request: Request, one: Declared) -> Response:
        store = self.desk.store
        if store is None:
            words = "The database is not open yet. Ask again in a moment."
            raise Refusal(503, "away", words, headers={"retry-after": "2"})
        if request.method not in SAFE:
            check_origin(request)
        principal = await principal_of(request, store, self.desk.now_ms())
        if principal is not None and one.needs != "anyone":
            check_means(principal.means, self.desk)
        check(principal, one.needs, wide=one.wide, own=one.own)
        check_query(request, one)
        return await one.handler(Call(request, self.desk, store, principal))


def check_query(request: Request, one: Declared) -> None:
    """Raises `Refusal` for a member of the query that the route does not heed. Where nobody needs to be known, programs
    of others may add what they like, as identity providers do."""
    for name in request.query_params if one.needs != "anyone" else ():
        if name not in one.query:
            words = f"The query has `{name[:40]}`, which is not known here."
            raise Refusal(422, "invalid", f"{words} {near(name[:40], one.query)}")


def check_change(said: object) -> None:
    """Raises `Refusal` where a change says nothing: it would leave a revision and a line in the log, of nothing."""
    members = [field for field in fields(said) if field.name not in BESIDE] if isinstance(said, Struct) else []
    if members and all(getattr(said, field.name) == field.default for field in members):
        names = ", ".join(f"`{field.encode_name}`" for field in members)
        raise Refusal(422, "invalid", f"The body was read but changes nothing. Say one of: {names}.")


def check_means(means: str, desk: Desk) -> None:
    """Raises `Refusal` where a session began by what does not open anything any more."""
    kind, _, provider = means.partition(":")
    if kind == "password" and desk.tuning.second_factor == "required":
        raise Refusal(401, "second_factor_missing", "A second factor is needed here. Sign in again.")
    if kind == "sso" and provider not in {one.name for one in desk.sso}:
        raise Refusal(401, "not_signed_in", f"The identity provider '{provider}' is not used any more. Sign in again.")


async def _nowhere(request: Request, fault: Exception) -> Response:
    """The answer where no route leads, or none by this method."""
    status, allowed = getattr(fault, "status_code", 404), getattr(fault, "headers", None) or {}
    words = (
        f"There is nothing at {request.url.path[:200]} for {request.method[:20]}. {PREFIX}/docs tells what there is."
    )
    found = Refusal(status, "no_method" if status == 405 else "no_route", words, headers=allowed).response()
    for name, value in HEADERS.items():
        found.headers.setdefault(name, value)
    return found


BARE = str.maketrans({"{": None, "}": None, "-": "_"})


def _described(one: Declared, known: Mapping[str, Any]) -> dict[str, Any]:
    """What OpenAPI is told of a route beside its path."""
    answer: dict[str, Any] = {"description": "Done"}
    if one.tells is not None:
        answer["content"] = {"application/json": {"schema": known[repr(one.tells)]}}
    problem = {"description": "Refused", "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    told: dict[str, Any] = {
        "responses": {str(one.status): answer, "default": problem},
        "x-needs": one.needs,
        "x-where": one.where,
    }
    if one.reads is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": known[repr(one.reads)]}}}
    places = (
        [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}] if "{id}" in one.path else []
    )
    told["parameters"] = [*places, *({"name": name, "in": "query", "schema": {"type": "string"}} for name in one.query)]
    return told
