"""The whole configuration as one YAML text, so that it can live in git; what is secret is left out or kept as it is.

A secret is told as `sealed:…`, a mark by which the same gateway knows its own again. On another gateway a thing with
such a mark is refused by name until the secret itself is written in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import msgspec
import yaml
from fastapi import Response
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.relay.listing import is_remembered
from dragoman.shapes.access import ProjectTable, RoleTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.hints import hint
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import SsoTable
from dragoman.store.ports import Row, Setting, Shelf, State, Store, StoreTrouble
from dragoman.store.reading import name_of
from dragoman.web.admin import roles, sso
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.moving import admit, kept_though_moved
from dragoman.web.admin.scopes import Scope
from dragoman.web.admin.settings import faults_of_price, faults_of_setting
from dragoman.web.admin.wire import BODY_LIMIT, Refusal, answer

S = TypeVar("S", bound=Struct)
YAML = "application/yaml"


class Entry(Struct, Generic[S], frozen=True, forbid_unknown_fields=True):
    """One configured thing."""

    spec: S
    state: State = "enabled"


class Whole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is configured in the database, but for keys, users and secrets."""

    dragoman: int = 1
    """Version of this form."""
    projects: tuple[Entry[ProjectTable], ...] = ()
    overrides: tuple[Entry[OverrideTable], ...] = ()
    roles: tuple[Entry[RoleTable], ...] = ()
    channels: tuple[Entry[ChannelTable], ...] = ()
    profiles: tuple[Entry[ProfileTable], ...] = ()
    models: tuple[Entry[ModelTable], ...] = ()
    prices: tuple[Entry[Setting], ...] = ()
    settings: tuple[Entry[Setting], ...] = ()
    sso: tuple[Entry[SsoTable], ...] = ()


class Done(Struct, frozen=True, kw_only=True):
    """What an import has done, or would do."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: int = 0
    left: tuple[str, ...] = ()
    """What the database has and the text has not; it stays."""
    refused: tuple[str, ...] = ()
    """What could not be taken, and why."""


SHELVES: dict[str, Callable[[Store], Shelf[Any]]] = {
    "settings": lambda store: store.configuration.settings,
    "projects": lambda store: store.configuration.projects,
    "overrides": lambda store: store.configuration.overrides,
    "roles": lambda store: store.configuration.roles,
    "channels": lambda store: store.configuration.channels,
    "profiles": lambda store: store.configuration.profiles,
    "models": lambda store: store.configuration.models,
    "prices": lambda store: store.configuration.prices,
    "sso": lambda store: store.configuration.sso,
}
"""In this order: what is referred to comes first."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("GET", "/configuration.yaml", needs="transfer:read")
    async def export(call: Call) -> Response:
        """Everything that is configured and that one may see, as YAML; secrets stand as `sealed:…`."""
        whole: dict[str, object] = {"dragoman": 1}
        lost: list[str] = []
        for name, shelf in SHELVES.items():
            if not call.who.may(cast(Scope, f"{name}:read")):
                continue
            rows = await shelf(call.store).all()
            lost += [f"# {name}/{name_of(row.spec)} is missing here: {row.fault}" for row in await _unread(shelf, call)]
            whole[name] = [_entry(row) for row in rows if not (name == "settings" and is_remembered(row.spec.name))]
        await call.store.audit.append(call.noted("configuration.export", ""))
        headers = {"content-disposition": 'attachment; filename="dragoman.yaml"'}
        remarks = "".join(f"{' '.join(line.split())}\n" for line in lost)
        return Response(remarks.encode() + msgspec.yaml.encode(whole), 200, headers, YAML)

    @api.route("PUT", "/configuration.yaml", needs="transfer:write", tells=Done, query=("dry_run", "keep_secrets"))
    async def take_in(call: Call) -> Response:
        """Adds and changes what the YAML text says, and removes nothing. `dry_run=true` only says what it would do;
        `keep_secrets=true` keeps secrets of channels that lead elsewhere from now on."""
        whole = await _read(call)
        _check_scopes(call, whole)
        dry = call.query("dry_run") == "true"
        found: dict[str, list[str]] = {"added": [], "changed": [], "left": [], "refused": []}
        same = 0
        for name, shelf_of in SHELVES.items():
            shelf = shelf_of(call.store)
            known: dict[str, Row[Any]] = {row.spec.name: row for row in await shelf.all()}
            lost = {name_of(row.spec): row for row in await _unread(shelf_of, call)}
            for entry in getattr(whole, name):
                words = f"{name}/{entry.spec.name}"
                row = known.pop(entry.spec.name, None)
                faults = (
                    _faults(call, name, row, entry.spec, whole)
                    or await _kept_elsewhere(call, row, entry.spec, dry=dry)
                    or await _given_away(call, row, entry.spec, whole)
                )
                if faults:
                    found["refused"].append(f"{words}: {' '.join(faults)}")
                elif entry.spec.name in lost:
                    await _take(call, shelf, lost.pop(entry.spec.name), entry, words, found, dry=dry)
                elif row is not None and (_brief(row.spec), row.state) == (_brief(entry.spec), entry.state):
                    same += 1
                else:
                    await _take(call, shelf, row, entry, words, found, dry=dry)
            found["left"] += [f"{name}/{left}" for left in (*known, *lost)]
        return answer(Done(unchanged=same, **{name: tuple(words) for name, words in found.items()}))


async def _unread(shelf: Callable[[Store], Shelf[Any]], call: Call) -> list[Row[Raw]]:
    """The rows of a kind that this version cannot read and that hold their names."""
    return [row for row in await shelf(call.store).unread() if row.state != "archived"]


def _check_scopes(call: Call, whole: Whole) -> None:
    """Raises `Refusal` where a text changes what the caller may not; channels may lead anywhere here, so they need both
    of their scopes."""
    needed = [f"{name}:write" for name in SHELVES if getattr(whole, name)]
    needed += ["channels:private"] if whole.channels else []
    if lacking := [scope for scope in needed if not call.who.may(cast(Scope, scope))]:
        raise Refusal(403, "forbidden", f"The text changes what needs the scope '{lacking[0]}', which you have not.")
    if whole.sso:
        sso.check_writer(call)


async def _given_away(call: Call, row: Row[Any] | None, spec: Struct, whole: Whole) -> list[str]:
    """Why a role may not be taken; nothing: it may."""
    if not isinstance(spec, RoleTable):
        return []
    try:
        await roles.check(call, spec, row.spec if row else None, {entry.spec.name for entry in whole.projects})
    except Refusal as refusal:
        return [str(refusal)]
    return []


async def _take(
    call: Call,
    shelf: Shelf[Any],
    row: Row[Any] | None,
    entry: Entry[Any],
    words: str,
    found: dict[str, list[str]],
    *,
    dry: bool,
) -> None:
    """Adds or changes one thing."""
    try:
        if not dry and row is None:
            await shelf.add(call.by, entry.spec, state=entry.state)
        elif not dry and row is not None:
            await shelf.change(call.by, row.id, row.revision, spec=entry.spec, state=entry.state)
        found["added" if row is None else "changed"].append(words)
    except StoreTrouble as trouble:
        if trouble.kind == "away":
            raise
        found["refused"].append(f"{words}: {trouble}")


async def _kept_elsewhere(call: Call, row: Row[Any] | None, spec: Struct, *, dry: bool) -> list[str]:
    """Why a channel's secrets have to be given anew; nothing: they need not be, or `keep_secrets=true` was said."""
    if row is None or not isinstance(spec, ChannelTable) or not (words := kept_though_moved(call, row.spec, spec)):
        return []
    if call.query("keep_secrets") != "true":
        return [words]
    if not dry:
        await admit(call, row.spec, spec, keep_secrets=True)
    return []


def _faults(call: Call, kind: str, row: Row[Any] | None, spec: Struct, whole: Whole) -> list[str]:
    channels = [each.spec for each in whole.channels]
    if isinstance(spec, Setting):
        return list(faults_of_setting(spec) if kind == "settings" else faults_of_price(spec))
    if isinstance(spec, ChannelTable):
        spec = replace(spec, proxy=None) if spec.proxy in _coming_proxies(whole) else spec
        return list(call.desk.faults_of_channel(spec, _usable(call, whole)))
    if isinstance(spec, OverrideTable):
        return list(call.desk.faults_of_overrides(spec))
    if isinstance(spec, ProfileTable):
        return list(call.desk.faults_of_profile(spec, channels, [each.spec for each in whole.profiles]))
    if isinstance(spec, ProjectTable):
        return list(call.desk.faults_of_project(spec, channels))
    if isinstance(spec, SsoTable):
        return sso.faults(call, spec, row.spec if row else None)
    return []


def _coming_proxies(whole: Whole) -> frozenset[str]:
    """Names of the proxies that the text brings along."""
    found = [msgspec.json.decode(each.spec.value) for each in whole.settings if each.spec.name == "proxies"]
    return frozenset(name for each in found if isinstance(each, dict) for name in each)


def _usable(call: Call, whole: Whole) -> list[OverrideTable]:
    """The sets of changes that come along and are not refused."""
    return [each.spec for each in whole.overrides if not call.desk.faults_of_overrides(each.spec)]


def _entry(row: Row[Any]) -> dict[str, object]:
    """One row without what says nothing."""
    told: dict[str, object] = {"spec": _brief(row.spec)}
    return told if row.state == "enabled" else {**told, "state": row.state}


def _brief(spec: Any) -> Any:
    """A description without the members that are as they are where nothing is said."""
    if isinstance(spec, Struct):
        members = zip(msgspec.structs.fields(spec), msgspec.structs.astuple(spec), strict=True)
        return {field.encode_name: _brief(value) for field, value in members if value != _usual(field)}
    if isinstance(spec, tuple):
        return [_brief(one) for one in spec]
    return msgspec.json.decode(spec) if isinstance(spec, msgspec.Raw) else spec


def _usual(field: msgspec.structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


async def _read(call: Call) -> Whole:
    """The text that was sent. Raises `Refusal`."""
    if call.request.headers.get("content-type", "").partition(";")[0].strip().lower() != YAML:
        raise Refusal(415, "not_yaml", f"The body was read but is not called YAML. Send content-type: {YAML}.")
    text = await call.request.body()
    if len(text) > BODY_LIMIT:
        raise Refusal(413, "too_large", f"The body was read but has more than {BODY_LIMIT} bytes. Send less.")
    try:
        # Beside the event loop: a long text takes seconds.
        plain = await asyncio.to_thread(_as_json, text)
        return msgspec.json.decode(plain, type=Whole)
    except msgspec.ValidationError as found:
        words = f"The text was read but cannot be used: {found}. {hint(found, Whole)}".rstrip()
        raise Refusal(422, "invalid", words) from None
    except (yaml.YAMLError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as found:
        words = " ".join(str(found).split())[:300]
        raise Refusal(400, "not_yaml", f"The text was read but is no plain YAML: {words}.") from None


def _as_json(text: bytes) -> bytes:
    return msgspec.json.encode(yaml.load(text, Loader=Plain))  # noqa: S506 - it is a safe one


class Plain(yaml.SafeLoader):
    """Reads YAML without aliases, by which a short text can stand for an endless one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """One node. Raises `yaml.YAMLError` for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read here")
        return super().compose_node(parent, index)
