"""What is set for the whole gateway: what may be changed while it runs, and what file and environment say.

Rule. What the file or the environment says goes before the database and cannot be changed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Response
from msgspec import Raw, Struct

from dragoman.ledger.own import OwnPrice
from dragoman.shapes.hints import hint
from dragoman.shapes.proxy import faults_of_proxies
from dragoman.shapes.secret import SEALED
from dragoman.shapes.tuning import TuningTable, faults_of_tuning
from dragoman.store.ports import Row, Setting, Shelf, State
from dragoman.store.reading import name_of
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.desk import USUAL
from dragoman.web.admin.proof import check_way_in
from dragoman.web.admin.wire import Refusal, answer

MEANINGS: Mapping[str, str] = {
    "bodies_days": "Days that requests and answers are kept; 0: not at all, but for keys that say so.",
    "exchanges_days": "Days that exchanges are kept; sums by day stay for ever. Nothing: for ever.",
    "strategy": "How channels are put in order where neither a rule nor a profile says it.",
    "zone": "The time zone in which days, weeks and months of budgets begin, as `Europe/Moscow`; else UTC.",
    "user_budgets": "What each user may spend by all keys together that belong to them, as `budgets` of a key.",
    "refuse_models": "Models that nobody may ask for: a list of `pattern`, a regular expression for whole names in any "
    "case, each with the `message` that a client is told. They are refused under a channel's own name for them, too.",
    "direct": "Whether a name that no rule takes may go to the channels that list it.",
    "retry": "Whether and how often is tried again; the budgets of retries are in force whatever is set.",
    "breaker": "After how many faults a model of a channel rests, how long, and what makes it well.",
    "balances_minutes": "How often providers are asked what is left of accounts. Nothing: they are not asked.",
    "balances": "What becomes of an account that its provider says is used up: `show`, `last` or `refuse`.",
    "proxies": "Addresses of HTTP proxies by the names that channels may use for them; sealed.",
    "upstream_errors": "What clients are told of an upstream's error: `told`, its words; `hidden`, a sentence of the "
    "gateway's for its kind; `text`, the words of `upstream_error_text`. Kind, status and waits are always told.",
    "upstream_error_text": "One line that clients are told of an upstream's error where `upstream_errors` is `text`.",
    "second_factor": "Whether everybody who signs in with a password needs a second factor: `optional`, `required`.",
    "passwords_for": "The only logins that may sign in with a password, as those kept for an emergency; all others "
    "come by an identity provider. Nothing: everybody.",
}
"""Of what may be changed, by name."""
FIELDS = {field.name: field for field in msgspec.structs.fields(TuningTable)}
DATABASE = "database"


class Shown(Struct, frozen=True, kw_only=True):
    """One value."""

    name: str
    value: Any
    source: str
    """`database`, `default`, or the place in file or environment that says it."""
    changeable: bool
    meaning: str = ""
    revision: int = 0
    """Of the row in the database; 0 where there is none."""
    fault: str = ""
    """Why what the database says is not used."""


class Unread(Struct, frozen=True, kw_only=True):
    """A row that this version cannot read."""

    kind: str
    id: str
    name: str
    state: State
    fault: str
    """Why."""


class Given(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value to be set."""

    value: Any
    """Nothing: as is usual."""
    revision: int = 0
    """The one that was seen."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("GET", "/settings", needs="settings:read", tells=list[Shown])
    async def show_all(call: Call) -> Response:
        """Everything that is set for the whole gateway, where it was set, and whether it can be changed here."""
        rows = await _rows(call)
        own = {one.name: one for one in call.desk.fixed}
        changeable = [_shown(call, name, rows.get(name)) for name in FIELDS]
        rest = [
            Shown(name=one.name, value=one.value, source=one.source, changeable=False)
            for one in own.values()
            if one.name not in FIELDS
        ]
        return answer([*changeable, *rest])

    @api.route("GET", "/unread", needs="settings:read", tells=list[Unread])
    async def unread(call: Call) -> Response:
        """What of the database's configuration this version cannot read, and is closed with all that depends on it."""
        found = call.desk.configured.unread if call.desk.configured else {}
        rows = [
            Unread(kind=kind, id=row.id, name=name_of(row.spec), state=row.state, fault=row.fault)
            for kind, lost in found.items()
            for row in lost
        ]
        return answer(rows)

    @api.route("PUT", "/settings/{id}", needs="settings:write", reads=Given, tells=Shown)
    async def change(call: Call) -> Response:
        """Sets a value, which is in force at once; `null` leaves it to what is usual."""
        said = await call.body(Given)
        source = source_of(call, call.id)
        if source not in (USUAL, DATABASE):
            words = f"`{call.id}` is set by {source}, which goes before what is set here. Change it there."
            raise Refusal(409, "fixed", words)
        spec = Setting(call.id, Raw(msgspec.json.encode(said.value)))
        if found := faults_of_setting(spec):
            raise Refusal(422, "invalid", "The value was read but cannot be used. " + " ".join(found), tuple(found))
        if call.id == "passwords_for" and said.value is not None:
            await check_way_in(call, said.value)
        shelf: Shelf[Setting] = call.store.configuration.settings
        row = (await _rows(call)).get(call.id)
        if users := _users_of_proxies(call, row, said.value):
            raise Refusal(409, "in_use", f"A proxy that is named by a channel must stay. {' '.join(users)}", users)
        if (row.revision if row else 0) != said.revision:
            raise Refusal(412, "stale", "Somebody else has changed it meanwhile. Look at it again.")
        if said.value is None and row is not None:
            await shelf.remove(call.by, row.id, row.revision)
            row = None
        elif said.value is not None:
            row = await (
                shelf.add(call.by, spec) if row is None else shelf.change(call.by, row.id, row.revision, spec=spec)
            )
        return answer(_shown(call, call.id, row))


def _users_of_proxies(call: Call, row: Row[Setting] | None, stays: Any) -> tuple[str, ...]:
    """Which channels of the database name a proxy that would be gone."""
    if row is None or row.fault or row.spec.name != "proxies" or faults_of_setting(row.spec):
        return ()
    gone = msgspec.json.decode(row.spec.value, type=dict[str, str]).keys() - (stays or {}).keys()
    rows = call.desk.configured.channels if call.desk.configured else ()
    return tuple(f"'{row.spec.name}' names '{row.spec.proxy}'." for row in rows if row.spec.proxy in gone)


def faults_of_setting(said: Setting) -> Sequence[str]:
    """What keeps a setting from being used, in words."""
    field = FIELDS.get(said.name)
    if field is None:
        return (f"There is no setting '{said.name}'. There are: {', '.join(FIELDS)}.",)
    try:
        value = msgspec.convert(msgspec.json.decode(said.value), field.type)
    except msgspec.ValidationError as found:
        return (f"`{said.name}` is not right: {found}. {hint(found, field.type)}".rstrip(),)
    except msgspec.MsgspecError as found:
        return (f"`{said.name}` is not right: {found}.",)
    if said.name == "proxies":
        return faults_of_proxies({name: text for name, text in (value or {}).items() if not text.startswith(SEALED)})
    return tuple(faults_of_tuning(said.name, value))


def faults_of_price(said: Setting) -> tuple[str, ...]:
    """What keeps a price from being used."""
    try:
        msgspec.json.decode(said.value, type=OwnPrice)
    except msgspec.ValidationError as found:
        return (f"The price is not right: {found}. {hint(found, OwnPrice)}".rstrip(),)
    except (msgspec.DecodeError, ValueError) as found:
        return (f"The price is not right: {found}.",)
    return ()


def source_of(call: Call, name: str) -> str:
    """Where a value that may be changed was set. Raises `Refusal` where there is none of that name."""
    if name not in FIELDS:
        raise Refusal(
            404, "missing", f"There is no setting '{name[:40]}' to be changed. There are: {', '.join(FIELDS)}."
        )
    return next((one.source for one in call.desk.fixed if one.name == name), USUAL)


async def _rows(call: Call) -> Mapping[str, Row[Any]]:
    """The rows by the names of settings, also those that cannot be read."""
    shelf = call.store.configuration.settings
    lost = {name_of(row.spec): row for row in await shelf.unread() if row.state != "archived"}
    return {**{row.spec.name: row for row in await shelf.all()}, **lost}


def _shown(call: Call, name: str, row: Row[Any] | None) -> Shown:
    """One value that may be changed, as it is in force or will be in a moment."""
    source = source_of(call, name)
    value, fault = getattr(call.desk.usual, name), ""
    if source == USUAL and row is not None:
        fault = row.fault or " ".join(faults_of_setting(row.spec))
        value = None if row.fault else msgspec.json.decode(row.spec.value)
        source = DATABASE
    return Shown(
        name=name,
        value=value,
        source=source,
        changeable=source in (USUAL, DATABASE),
        meaning=MEANINGS[name],
        revision=row.revision if row else 0,
        fault=fault,
    )
