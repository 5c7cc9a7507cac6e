"""Things that are configured, all in one manner: listed, shown, added, changed, removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast

from fastapi import Response
from msgspec import Raw, Struct
from msgspec.structs import asdict

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
    force: bool = False
    """That it is archived or renamed though something names it, which is closed from then on."""


class Saved(Row[S], Generic[S], frozen=True, kw_only=True, omit_defaults=True):
    """What was added or changed."""

    warnings: tuple[str, ...] = ()
    """What does not keep it from being used, but is hardly meant."""


class CanBeUnread(Protocol):
    """A shelf, or the API keys."""

    async def unread(self) -> tuple[Row[Raw], ...]:
        """The rows that this version cannot read."""


class Kind(Struct, Generic[S], frozen=True, kw_only=True):
    """What is particular to one kind of things."""

    path: str
    spec: type[S]
    of: Callable[[Store], Shelf[S]]
    faults: Callable[[Call, S, S | None], Sequence[str]] = lambda _, __, ___: ()
    """What keeps a thing from being used, in words; given what it was before, if it was there."""
    remarks: Callable[[Call, S], Sequence[str]] = lambda _, __: ()
    """What is hardly meant, of one that can be used."""
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
    row, listed, saved = Row[spec], list[Row[spec]], Saved[spec]

    wide = kind.project_of is None

    @api.route("GET", kind.path, needs=kind.reads, wide=wide, tells=listed, query=("archived",))
    async def show_all(call: Call) -> Response:
        """All that one may see, by name; archived ones with `archived=true`. Last, with a `fault`: the unreadable."""
        shelf, archived = kind.of(call.store), call.query("archived") == "true"
        found = await shelf.all(archived=archived)
        lost = await unread(call, shelf, kind.reads, archived=archived)
        return answer([*(one for one in found if kind.shown(call, one.spec)), *lost])

    @api.route("POST", kind.path, needs=kind.writes, reads=New[spec], tells=saved, status=201)
    async def add(call: Call) -> Response:
        """Adds one."""
        said = await call.body(New[spec])
        _check(call, kind, said.spec)
        made = await kind.of(call.store).add(call.by, said.spec, state=said.state)
        return answer(_saved(call, kind, made), 201, {"location": f"/api/v1{kind.path}/{made.id}"})

    @api.route("GET", kind.path + "/{id}", needs=kind.reads, wide=wide, tells=row)
    async def show(call: Call) -> Response:
        """One of them."""
        shelf = kind.of(call.store)
        for lost in await unread(call, shelf, kind.reads):
            if lost.id == call.id:
                return answer(lost)
        found = await shelf.get(call.id)
        if not kind.shown(call, found.spec):
            raise Refusal(404, "missing", "There is no such thing.")
        return answer(found)

    @api.route("PATCH", kind.path + "/{id}", needs=kind.writes, reads=Change[spec], tells=saved)
    async def change(call: Call) -> Response:
        """Changes one: its description, its state or both."""
        said = await call.body(Change[spec])
        shelf = kind.of(call.store)
        await _consider(call, kind, said)
        changed = await shelf.change(
            call.by, call.id, said.revision, spec=said.spec, state=said.state, force=said.force
        )
        return answer(_saved(call, kind, changed))

    @api.route("DELETE", kind.path + "/{id}", needs=kind.writes, status=204, query=("revision", "force"))
    async def remove(call: Call) -> Response:
        """Removes one for good, with its secrets; with `force=true` also what something names."""
        await kind.of(call.store).remove(call.by, call.id, call.revision(), force=call.query("force") == "true")
        return nothing()


async def unread(call: Call, shelf: CanBeUnread, scope: Scope, *, archived: bool = True) -> list[Row[Raw]]:
    """The rows that this version cannot read, for whoever may see all of their kind: which project one is of, nobody
    knows."""
    if not call.who.may(scope):
        return []
    return [row for row in await shelf.unread() if archived or row.state != "archived"]


def _saved(call: Call, kind: Kind[S], row: Row[S]) -> Saved[S]:
    """What is told of a row that was added or changed."""
    remarks = kind.remarks(call, row.spec) if row.state == "enabled" else ()
    return Saved(**asdict(row), warnings=tuple(remarks))


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
    shelf = kind.of(call.store)
    if any(row.id == call.id for row in await shelf.unread()):
        # Nothing can be compared with what it was: it is as one that is added, and none of its secrets is kept.
        _check(call, kind, said.spec)
        return
    before = await shelf.get(call.id)
    if before.revision != said.revision:
        raise Refusal(412, "stale", "Somebody else has changed it meanwhile. Look at it again.")
    _check(call, kind, said.spec, before.spec)
    if kind.admit is not None:
        await kind.admit(call, said, before.spec)
