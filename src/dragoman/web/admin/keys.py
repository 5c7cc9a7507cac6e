"""API keys: made, shown once, changed, rotated, and what they have used."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct

from dragoman.ledger.period import Window, period
from dragoman.routing.key import networks_of
from dragoman.routing.shape import KeyTable
from dragoman.store.keys import PATTERN, is_well_formed, public_id
from dragoman.store.ports import Configured, Spent, State, StoredKey
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.wire import Refusal, answer

Moment = Annotated[int, Meta(ge=0, le=2**53)]


class ShownKey(Struct, frozen=True, kw_only=True):
    """An API key, but for what opens the doors."""

    id: str
    public_id: str
    """The readable part of its text."""
    spec: KeyTable
    state: State
    expires_ms: int | None
    revision: int
    created_ms: int
    updated_ms: int


class MintedKey(Struct, frozen=True, kw_only=True):
    """A key just made: the only time that its text is told."""

    text: str
    key: ShownKey


class NewKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be made."""

    spec: KeyTable
    expires_ms: Moment | None = None


class ChangeKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    revision: int
    spec: KeyTable | None = None
    state: State | None = None
    expires_ms: Moment | None = None
    """0 takes the expiry away."""


class Revision(Struct, frozen=True, forbid_unknown_fields=True):
    """Which revision was seen."""

    revision: int


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """A text that may be a key."""

    text: Annotated[str, Meta(max_length=1000)]


class WhoseKey(Struct, frozen=True, kw_only=True):
    """What a text is, for scanners of secrets."""

    is_key: bool
    """Whether it has the form of a key, checksum included."""
    pattern: str = PATTERN.pattern
    public_id: str = ""
    name: str = ""
    state: State | None = None


class Used(Struct, frozen=True, kw_only=True):
    """What a key has used in one period that is not over."""

    window: Window
    since_ms: int
    until_ms: int
    spent: Spent


def routes(api: Api) -> None:
    """Declares the routes."""
    _routes_of_all(api)
    _routes_of_one(api)


def _routes_of_all(api: Api) -> None:
    @api.route("GET", "/keys", needs="viewer", wide=False, tells=list[ShownKey], query=("archived",))
    async def show_all(call: Call) -> Response:
        """All keys by name; archived ones with `archived=true`."""
        found = await call.store.configuration.keys.all(archived=call.query("archived") == "true")
        return answer([_shown(key) for key in found if call.who.sees(key.spec.project)])

    @api.route("POST", "/keys", needs="operator", wide=False, reads=NewKey, tells=MintedKey, status=201)
    async def add(call: Call) -> Response:
        """Makes a key. Its text is told only in this answer."""
        said = await call.body(NewKey)
        _check(call, said.spec)
        made = await call.store.configuration.keys.add(call.by, said.spec, expires_ms=said.expires_ms)
        return answer(MintedKey(text=made.text, key=_shown(made.key)), 201, {"location": f"/api/v1/keys/{made.key.id}"})

    @api.route("POST", "/keys/whose", needs="viewer", wide=False, reads=Asked, tells=WhoseKey)
    async def whose(call: Call) -> Response:
        """Whether a text is a key of this gateway, and which: for whoever finds one lying about."""
        text = (await call.body(Asked)).text
        found = call.desk.key_of(text)
        if found is None or not call.who.sees(found.spec.project):
            return answer(WhoseKey(is_key=is_well_formed(text, "dgm_")))
        stored = await call.store.configuration.keys.get(found.id)
        return answer(WhoseKey(is_key=True, public_id=public_id(text), name=found.spec.name, state=stored.state))


def _routes_of_one(api: Api) -> None:
    @api.route("GET", "/keys/{id}", needs="viewer", wide=False, tells=ShownKey)
    async def show(call: Call) -> Response:
        """One key."""
        return answer(_shown(await _mine(call)))

    @api.route("PATCH", "/keys/{id}", needs="operator", wide=False, reads=ChangeKey, tells=ShownKey)
    async def change(call: Call) -> Response:
        """Changes a key: what it may do, its state, its expiry. It is in force at once."""
        said = await call.body(ChangeKey)
        await _mine(call)
        if said.spec is not None:
            _check(call, said.spec)
        keys = call.store.configuration.keys
        changed = await keys.change(
            call.by, call.id, said.revision, spec=said.spec, state=said.state, expires_ms=said.expires_ms
        )
        return answer(_shown(changed))

    @api.route("POST", "/keys/{id}/rotate", needs="operator", wide=False, reads=Revision, tells=MintedKey)
    async def rotate(call: Call) -> Response:
        """Gives a key another text; the old one opens nothing any more."""
        said = await call.body(Revision)
        await _mine(call)
        made = await call.store.configuration.keys.rotate(call.by, call.id, said.revision)
        return answer(MintedKey(text=made.text, key=_shown(made.key)))

    @api.route("GET", "/keys/{id}/usage", needs="viewer", wide=False, tells=list[Used])
    async def usage(call: Call) -> Response:
        """What a key has used in each period of its budgets."""
        key = await _mine(call)
        now_ms = call.desk.now_ms()
        windows = dict.fromkeys(budget.window for budget in key.spec.budgets)
        found = [
            Used(
                window=window,
                since_ms=period(window, now_ms).start_ms,
                until_ms=period(window, now_ms).end_ms,
                spent=await call.store.ledger.spent(key.id, period(window, now_ms).start_ms),
            )
            for window in windows
        ]
        return answer(found)


async def _mine(call: Call) -> StoredKey:
    """The key in the path. One of a project that is not the caller's is not there for them. Trouble: missing."""
    key = await call.store.configuration.keys.get(call.id)
    if not call.who.sees(key.spec.project):
        raise Refusal(404, "missing", "There is no such key.")
    return key


def _check(call: Call, spec: KeyTable) -> None:
    """Raises `Refusal` for a key that could not be used, or would give more than its maker has."""
    faults = list(_faults(spec, call.desk.configured))
    try:
        networks_of(spec.addresses)
    except ValueError as found:
        faults.append(f"An address is no network: {found}.")
    if not call.who.sees(spec.project):
        raise Refusal(403, "forbidden", "You may make keys in your own projects only.")
    if faults:
        raise Refusal(422, "invalid", "The key was read but cannot be used. " + " ".join(faults), tuple(faults))


def _faults(spec: KeyTable, configured: Configured | None) -> list[str]:
    faults = []
    projects = {row.spec.name for row in configured.projects} if configured else set()
    if spec.project and spec.project not in projects:
        faults.append(f"There is no project '{spec.project}'.")
    if spec.profiles and spec.profile and spec.profile not in spec.profiles:
        faults.append(f"The profile in force, '{spec.profile}', is none of those that it may be switched to.")
    return faults


def _shown(key: StoredKey) -> ShownKey:
    return ShownKey(
        id=key.id,
        public_id=key.public_id,
        spec=key.spec,
        state=key.state,
        expires_ms=key.expires_ms,
        revision=key.revision,
        created_ms=key.created_ms,
        updated_ms=key.updated_ms,
    )
