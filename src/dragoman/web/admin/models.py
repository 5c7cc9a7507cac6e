"""What can be asked for, by whom, where it goes and what it costs; and what nobody can reach."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from fastapi import Response
from msgspec import Struct

from dragoman.ledger.book import PriceBook
from dragoman.routing.cards import ModelCard
from dragoman.routing.key import may_ask
from dragoman.routing.match import Candidate
from dragoman.routing.offer import ANYBODY, Astray, Idle, Offer, offer_of, offers, unreached
from dragoman.routing.reach import DEFAULT_PROFILE
from dragoman.routing.snapshot import Snapshot
from dragoman.shapes.access import KeyTable
from dragoman.shapes.model import ModelTable
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.wire import Refusal, answer
from dragoman.web.details import Pricing, described, pricing
from dragoman.web.doors import DOORS

ALL_DOORS = tuple(sorted({route.dialect for route in DOORS.values()}))
"""Every dialect that a client may speak."""


class Place(Struct, frozen=True, kw_only=True):
    """Who may answer a name."""

    channel: str
    model: str
    """The channel's own name of it."""
    why: str
    price: Pricing | None
    """What is charged now; None where no price is known."""


class Offered(Struct, frozen=True, kw_only=True):
    """A name that may be asked for."""

    name: str
    card: ModelCard
    """All that is known of it."""
    places: tuple[Place, ...]
    """In the order in which they are asked, as far as that does not change."""
    profiles: tuple[str, ...]
    """The profiles under which it is answered; `default` also stands for no profile."""
    keys: tuple[str, ...]
    """Names of the enabled keys that may ask for it; of keys that one may see."""


class Unreached(Struct, frozen=True, kw_only=True):
    """What configuration there is that does nothing."""

    idle: tuple[Idle, ...]
    """Models of channels that no rule leads to."""
    astray: tuple[Astray, ...]
    """Targets of rules that lead nowhere."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("GET", "/models/offered", needs="models:read", tells=list[Offered], query=("key", "profile", "door"))
    async def offered(call: Call) -> Response:
        """Every name that lists of models show: what is known of it, where it goes, what that costs, and who may ask
        for it. `key` (a name), `profile` and `door` narrow it."""
        snapshot, book = call.desk.snapshot, call.desk.prices
        keys, doors = _keys(call), _doors(call)
        if (name := call.query("key")) and name not in {key.name for key in keys}:
            raise Refusal(404, "missing", f"There is no key '{name[:40]}' in force that you may see.")
        asking = [key for key in keys if name in ("", key.name)]
        everybody = [*_profiles(call, snapshot), *([] if call.query("profile") else asking)]
        askers = asking if name else everybody
        return answer(await asyncio.to_thread(_offered, snapshot, book, doors, askers, asking))

    @api.route("GET", "/models/unreached", needs="models:read", tells=Unreached)
    async def nowhere(call: Call) -> Response:
        """Models of channels that no rule leads to, and targets of rules that lead nowhere."""
        idle, astray = await asyncio.to_thread(unreached, call.desk.snapshot)
        return answer(Unreached(idle=tuple(idle), astray=tuple(astray)))


def faults(call: Call, table: ModelTable, before: ModelTable | None) -> Sequence[str]:
    """What keeps the description of a model from being used."""
    rows = call.desk.configured.models if call.desk.configured else ()
    others = {row.spec.name.lower(): row.spec.name for row in rows if before is None or row.spec.name != before.name}
    taken = others.get(table.name.lower(), table.name)
    return () if taken == table.name else (f"There is one named '{taken}', and letter case does not count here.",)


def _offered(
    snapshot: Snapshot,
    book: PriceBook,
    doors: tuple[str, ...],
    askers: Iterable[KeyTable],
    keys: Iterable[KeyTable],
) -> list[Offered]:
    """What these askers are shown, each name once, with who else may ask for it."""
    found: dict[str, Offer] = {}
    for asker in askers:
        for offer in offers(snapshot, doors, asker):
            found.setdefault(offer.name, offer)
    names = tuple(profile.name for profile in snapshot.profiles) or (DEFAULT_PROFILE,)
    ways = {(key.profile, key.project) for key in keys} | {(name, "") for name in names}
    answered = {
        (name, *way): offer_of(snapshot, name, doors, _under(*way)) is not None for name in found for way in ways
    }
    return [
        Offered(
            name=name,
            card=described(offer, book),
            places=tuple(_place(candidate, book) for candidate in offer.candidates),
            profiles=tuple(one for one in names if answered[name, one, ""]),
            keys=tuple(
                key.name
                for key in keys
                if answered[name, key.profile, key.project] and any(may_ask(key, door, name) for door in doors)
            ),
        )
        for name, offer in sorted(found.items())
    ]


def _under(profile: str, project: str = "") -> KeyTable:
    """Somebody with this profile who is held to nothing else."""
    return KeyTable(name=ANYBODY.name, profile="" if profile == DEFAULT_PROFILE else profile, project=project)


def _place(candidate: Candidate, book: PriceBook) -> Place:
    price = pricing(candidate, book)
    return Place(channel=candidate.channel.name, model=candidate.model, why=candidate.why, price=price)


def _keys(call: Call) -> list[KeyTable]:
    """The keys in force that the caller may see."""
    stored = call.desk.configured.keys if call.desk.configured else ()
    return [
        key.spec for key in stored if key.state == "enabled" and call.who.may("keys:read", key.spec.project or None)
    ]


def _profiles(call: Call, snapshot: Snapshot) -> list[KeyTable]:
    """Somebody of each profile, or of the one that is named. Raises `Refusal`."""
    names = [profile.name for profile in snapshot.profiles]
    name = call.query("profile")
    if name and name not in (*names, DEFAULT_PROFILE):
        raise Refusal(404, "missing", f"There is no profile '{name[:40]}'.")
    return [_under(one) for one in ([name] if name else [*names, *([] if DEFAULT_PROFILE in names else [""])])]


def _doors(call: Call) -> tuple[str, ...]:
    """The doors that are asked about. Raises `Refusal`."""
    door = call.query("door")
    if door and door not in ALL_DOORS:
        raise Refusal(422, "invalid", f"There is no door '{door[:40]}'. There are: {', '.join(ALL_DOORS)}.")
    return (door,) if door else ALL_DOORS
