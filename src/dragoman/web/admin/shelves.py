"""Things that are configured, all in one manner: listed, shown, added, changed, removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar, cast

from fastapi import Response
from msgspec import Struct

from dragoman.store.ports import Row, Shelf, State, Store
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.scopes import Scope
from dragoman.web.admin.wire import Refusal, answer, nothing

S = TypeVar("S", bound=Struct)


class New(Struct, Generic[S], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be added."""

    spec: S
    state: State = "enabled"


class Change(Struct, Generic[S], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    revision: int
    """The one that was seen; if somebody else has changed it meanwhile, nothing is changed."""
    spec: S | None = None
    """The whole description; a secret left as `sealed:…` is kept."""
    state: State | None = None
    keep_secrets: bool = False
    """Of channels: that secrets are kept although it leads elsewhere from now on. An admin's word."""


class Kind(Struct, Generic[S], frozen=True, kw_only=True):
    """What is particular to one kind of things."""

    path: str
    spec: type[S]
    of: Callable[[Store], Shelf[S]]
    faults: Callable[[Call, S, S | None], Sequence[str]] = lambda _, __, ___: ()
    """What keeps a thing from being used, in words; given what it was before, if it was there."""
    admit: Callable[[Call, Change[S], S], Awaitable[None]] | None = None
    """Raises `Refusal` where a change of what was there is not for whoever asks."""
    project_of: Callable[[S], str] | None = None
    """The project that a thing belongs to, whose members may see it; None: to the whole gateway."""

    @property
    def reads(self) -> Scope:
        """What seeing them needs."""
        return cast(Scope, f"{self.path.strip('/')}:read")

    @property
    def writes(self) -> Scope:
        """What changing them needs."""
        return cast(Scope, f"{self.path.strip('/')}:write")

    def shown(self, call: Call, said: S) -> bool:
        """Whether whoever asks may see this one."""
        return self.project_of is None or call.who.may(self.reads, self.project_of(said))


def routes(api: Api, kind: Kind[S]) -> None:
    """Declares the routes of one kind."""
    spec: Any = kind.spec
    row, listed = Row[spec], list[Row[spec]]

    wide = kind.project_of is None

    @api.route("GET", kind.path, needs=kind.reads, wide=wide, tells=listed, query=("archived",))
    async def show_all(call: Call) -> Response:
        """All that one may see, by name; archived ones with `archived=true`."""
        found = await kind.of(call.store).all(archived=call.query("archived") == "true")
        return answer([one for one in found if kind.shown(call, one.spec)])

    @api.route("POST", kind.path, needs=kind.writes, reads=New[spec], tells=row, status=201)
    async def add(call: Call) -> Response:
        """Adds one."""
        said = await call.body(New[spec])
        _check(call, kind, said.spec)
        made = await kind.of(call.store).add(call.by, said.spec, state=said.state)
        return answer(made, 201, {"location": f"/api/v1{kind.path}/{made.id}"})

    @api.route("GET", kind.path + "/{id}", needs=kind.reads, wide=wide, tells=row)
    async def show(call: Call) -> Response:
        """One of them."""
        found = await kind.of(call.store).get(call.id)
        if not kind.shown(call, found.spec):
            raise Refusal(404, "missing", "There is no such thing.")
        return answer(found)

    @api.route("PATCH", kind.path + "/{id}", needs=kind.writes, reads=Change[spec], tells=row)
    async def change(call: Call) -> Response:
        """Changes one: its description, its state or both."""
        said = await call.body(Change[spec])
        shelf = kind.of(call.store)
        await _consider(call, kind, said)
        return answer(await shelf.change(call.by, call.id, said.revision, spec=said.spec, state=said.state))

    @api.route("DELETE", kind.path + "/{id}", needs=kind.writes, status=204, query=("revision",))
    async def remove(call: Call) -> Response:
        """Removes one for good, with its secrets; what the ledger says of it stays."""
        await kind.of(call.store).remove(call.by, call.id, call.revision())
        return nothing()


def _check(call: Call, kind: Kind[S], said: S, before: S | None = None) -> None:
    """Raises `Refusal` for what cannot be used."""
    if faults := kind.faults(call, said, before):
        raise Refusal(422, "invalid", "It was read but cannot be used. " + " ".join(faults), tuple(faults))


async def _consider(call: Call, kind: Kind[S], said: Change[S]) -> None:
    """Raises `Refusal` for a change that cannot be made, or is not for whoever asks."""
    if said.keep_secrets and kind.admit is None:
        raise Refusal(422, "invalid", "`keep_secrets` is for channels, and for nothing else.")
    if said.spec is None:
        return
    before = await kind.of(call.store).get(call.id)
    if before.revision != said.revision:
        raise Refusal(412, "stale", "Somebody else has changed it meanwhile. Look at it again.")
    _check(call, kind, said.spec, before.spec)
    if kind.admit is not None:
        await kind.admit(call, said, before.spec)
