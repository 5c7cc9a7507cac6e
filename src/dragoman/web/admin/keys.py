"""API keys: made, shown once, changed, rotated, and what they have used."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from msgspec import Meta, Raw, Struct

from dragoman.routing.key import networks_of
from dragoman.shapes.access import KeyTable
from dragoman.shapes.budget import faults_of_budgets
from dragoman.store.keys import PATTERN, is_well_formed, public_id
from dragoman.store.ports import Configured, Payer, Row, State, StoredKey
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.budgets import Used, used_of
from dragoman.web.admin.scopes import Scope
from dragoman.web.admin.shelves import unread
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


def routes(api: Api) -> None:
    """Declares the routes."""
    _routes_of_all(api)
    _routes_of_one(api)


def _routes_of_all(api: Api) -> None:
    @api.route("GET", "/keys", needs="keys:read", wide=False, own=True, tells=list[ShownKey], query=("archived",))
    async def show_all(call: Call) -> Response:
        """Keys by name, as far as one may see them; one's own always. Archived ones with `archived=true`."""
        keys, archived = call.store.configuration.keys, call.query("archived") == "true"
        found = await keys.all(archived=archived)
        lost = await unread(call, keys, "keys:read", archived=archived)
        return answer([*(_shown(key) for key in found if _may(call, key.spec, "keys:read")), *lost])

    @api.route("POST", "/keys", needs="keys:write", wide=False, reads=NewKey, tells=MintedKey, status=201)
    async def add(call: Call) -> Response:
        """Makes a key. Its text is told only in this answer."""
        said = await call.body(NewKey)
        await _check(call, said.spec)
        made = await call.store.configuration.keys.add(call.by, said.spec, expires_ms=said.expires_ms)
        return answer(MintedKey(text=made.text, key=_shown(made.key)), 201, {"location": f"/api/v1/keys/{made.key.id}"})

    @api.route("POST", "/keys/whose", needs="keys:read", wide=False, own=True, reads=Asked, tells=WhoseKey)
    async def whose(call: Call) -> Response:
        """Whether a text is a key of this gateway, and which: for whoever finds one lying about."""
        text = (await call.body(Asked)).text
        found = call.desk.key_of(text)
        if found is None or not _may(call, found.spec, "keys:read"):
            return answer(WhoseKey(is_key=is_well_formed(text, "dgm_")))
        stored = await call.store.configuration.keys.get(found.id)
        return answer(WhoseKey(is_key=True, public_id=public_id(text), name=found.spec.name, state=stored.state))


def _routes_of_one(api: Api) -> None:
    @api.route("GET", "/keys/{id}", needs="keys:read", wide=False, own=True, tells=ShownKey)
    async def show(call: Call) -> Response:
        """One key."""
        return answer(await _lost(call, "keys:read") or _shown(await _mine(call)))

    @api.route("PATCH", "/keys/{id}", needs="keys:write", wide=False, reads=ChangeKey, tells=ShownKey)
    async def change(call: Call) -> Response:
        """Changes a key: what it may do, its state, its expiry. It is in force at once."""
        said = await call.body(ChangeKey)
        before = None if await _lost(call, "keys:write") else (await _mine(call, "keys:write")).spec
        if said.spec is not None:
            await _check(call, said.spec, before)
        keys = call.store.configuration.keys
        changed = await keys.change(
            call.by, call.id, said.revision, spec=said.spec, state=said.state, expires_ms=said.expires_ms
        )
        return answer(_shown(changed))

    @api.route("POST", "/keys/{id}/rotate", needs="keys:write", wide=False, reads=Revision, tells=MintedKey)
    async def rotate(call: Call) -> Response:
        """Gives a key another text; the old one opens nothing any more."""
        said = await call.body(Revision)
        await _mine(call, "keys:write")
        made = await call.store.configuration.keys.rotate(call.by, call.id, said.revision)
        return answer(MintedKey(text=made.text, key=_shown(made.key)))

    @api.route("GET", "/keys/{id}/usage", needs="keys:read", wide=False, own=True, tells=list[Used])
    async def usage(call: Call) -> Response:
        """What a key has used in each period of its budgets."""
        key = await _mine(call)
        return answer(await used_of(call, Payer("key", key.id), key.spec.budgets))


async def _lost(call: Call, scope: Scope) -> Row[Raw] | None:
    """The key in the path, if this version cannot read it."""
    found = await unread(call, call.store.configuration.keys, scope)
    return next((row for row in found if row.id == call.id), None)


async def _mine(call: Call, scope: Scope = "keys:read") -> StoredKey:
    """The key in the path. One that is not the caller's to see is not there for them. Raises `Refusal`. Trouble:
    missing."""
    key = await call.store.configuration.keys.get(call.id)
    if not _may(call, key.spec, "keys:read"):
        raise Refusal(404, "missing", "There is no such key.")
    if scope == "keys:write" and not call.who.may(scope, key.spec.project):
        raise Refusal(403, "forbidden", "This key is not yours to change. Ask whoever gave it to you.")
    return key


def _may(call: Call, spec: KeyTable, scope: Scope) -> bool:
    """Whether a key is the caller's to see: by the scope in its project, or because it is their own."""
    own = bool(spec.owner) and spec.owner == call.who.user.login and call.who.may_own(scope)
    return own or call.who.may(scope, spec.project)


async def _check(call: Call, spec: KeyTable, before: KeyTable | None = None) -> None:
    """Raises `Refusal` for a key that could not be used, or would give more than its maker has."""
    faults = list(_faults(spec, call.desk.configured))
    try:
        networks_of(spec.addresses)
    except ValueError as found:
        faults.append(f"An address is no network: {found}.")
    faults += await _lost_profiles(call, spec, before)
    given = before is None or (spec.owner, spec.project) != (before.owner, before.project)
    if spec.owner and given and not await _may_own(call, spec):
        faults.append(f"There is no user '{spec.owner}' who could own the key.")
    if not call.who.may("keys:write", spec.project):
        raise Refusal(403, "forbidden", "You may make keys in your own projects only.")
    if faults:
        raise Refusal(422, "invalid", "The key was read but cannot be used. " + " ".join(faults), tuple(faults))


async def _may_own(call: Call, spec: KeyTable) -> bool:
    """Whether a key may be given to its owner, whose budget it spends: whoever makes keys of a project gives them to
    its members and to himself."""
    found = await call.store.people.find(login=spec.owner)
    if found is None or found[0].login != spec.owner:
        return False
    return call.who.may("keys:write") or spec.project in found[0].memberships or spec.owner == call.who.user.login


async def _lost_profiles(call: Call, spec: KeyTable, before: KeyTable | None) -> list[str]:
    """The profiles that a key is newly given and that are not there. One that is gone since may stay."""
    given = {spec.profile, *spec.profiles} - ({before.profile, *before.profiles} if before else set()) - {""}
    if not given:
        return []
    known = {profile.name for profile in call.desk.snapshot.profiles}
    known |= {row.spec.name for row in await call.store.configuration.profiles.all()}
    return [f"There is no profile '{name}'." for name in sorted(given - known)]


def _faults(spec: KeyTable, configured: Configured | None) -> list[str]:
    faults = []
    projects = {row.spec.name for row in configured.projects} if configured else set()
    if spec.project and spec.project not in projects:
        faults.append(f"There is no project '{spec.project}'.")
    faults += faults_of_budgets(spec.budgets)
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
