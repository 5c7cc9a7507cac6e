"""The configuration as the database adds to it: channels and profiles that can be changed while the gateway runs.

What the file or the environment says goes before what the database says under the same name. A row that cannot be
used is left out and named, so that one mistake takes no other channel down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from dragoman.providers.base import Provider
from dragoman.routing.cards import ModelCard
from dragoman.routing.profile import Profile, Project, Rule
from dragoman.routing.snapshot import Channel, Overrides, Snapshot, with_described, with_models
from dragoman.settings.build import Workshop
from dragoman.settings.models import model_card
from dragoman.settings.record import Notice
from dragoman.settings.rules import EVERYTHING, RuleBook, extended
from dragoman.settings.sources import Secrets
from dragoman.settings.way import read_proxies
from dragoman.shapes.access import ProjectTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.secret import Secret


class Stored(NamedTuple):
    """What the database says; specs of channels hold their secrets."""

    channels: tuple[ChannelTable, ...]
    profiles: tuple[ProfileTable, ...]
    version: int
    proxies: Mapping[str, str] = {}
    """Addresses by name."""
    models: Mapping[str, tuple[str, ...]] = {}
    """By channel, what its provider listed and `sync` took."""
    cards: tuple[ModelTable, ...] = ()
    overrides: tuple[OverrideTable, ...] = ()
    projects: tuple[ProjectTable, ...] = ()
    unread: tuple[str, ...] = ()
    """Names of profiles that cannot be read: whoever asks by one is refused."""


class Joined(NamedTuple):
    """The whole configuration, and what of the database's could not be used."""

    snapshot: Snapshot
    notices: tuple[Notice, ...]


def joined(base: Snapshot, stored: Stored, rows: Mapping[str, Provider], folder: Path) -> Joined:
    """The configuration of the file and of the database together. Paths of the database's start at the folder."""
    notices: list[Notice] = []
    channels = {channel.name: channel for channel in base.channels}
    proxies = {**read_proxies(stored.proxies, closed(folder), "proxies", notices), **base.proxies}
    overrides = {**base.overrides, **_overrides(base, stored.overrides, rows, folder, notices)}
    for table in stored.channels:
        if table.name in channels:
            notices.append(shadowed(f"channel '{table.name}'"))
        elif made := read_channel(table, rows, folder, proxies, notices, overrides):
            channels[made.name] = made
    channels = {
        name: with_models(channel, stored.models.get(name, ())) if channel.sync else channel
        for name, channel in channels.items()
    }
    book = _book(channels.values(), rows, notices)
    cards = (*base.models, *_cards(base, stored.cards, notices))
    snapshot = replace(
        base,
        channels=tuple(with_described(channel, cards) for channel in channels.values()),
        models=cards,
        profiles=_profiles(base, stored, book),
        projects=_projects(stored.projects, book),
        mapping=None if stored.profiles or stored.unread else base.mapping,
        overrides=overrides,
        proxies=proxies,
        version=stored.version,
    )
    return Joined(snapshot, tuple(notices))


def _profiles(base: Snapshot, stored: Stored, book: RuleBook) -> tuple[Profile, ...]:
    """The profiles of the file, and those of the database that have other names."""
    own = {profile.name: profile for profile in base.profiles}
    made: dict[str, Profile] = {name: _closed(name) for name in stored.unread if name not in own}
    for table in stored.profiles:
        if table.name in own:
            book.faults.append(shadowed(f"profile '{table.name}'"))
        else:
            made[table.name] = book.profile(table, f"profile '{table.name}'")
    return (*base.profiles, *extended(made, {**own, **made}, book.faults).values())


def _closed(name: str) -> Profile:
    """The profile that refuses everything, also to those that extend it: nobody knows what it would have refused."""
    message = f"The profile '{name}' cannot be read by this version of the gateway. Whoever runs it has to mend it."
    return Profile(name, (Rule(pattern=EVERYTHING, message=message),))


def _projects(tables: Iterable[ProjectTable], book: RuleBook) -> Mapping[str, Project]:
    return {
        table.name: Project(
            channels=book.bounds(table.channels, f"project '{table.name}'.channels"),
            models=table.models,
            budgets=table.budgets,
        )
        for table in tables
    }


def closed(folder: Path) -> Secrets:
    """Values that are themselves and lead nowhere: whoever may write them cannot read the environment or files."""
    return Secrets({}, folder, folder, refers=False)


def _cards(base: Snapshot, tables: Iterable[ModelTable], notices: list[Notice]) -> Iterator[ModelCard]:
    """What the database says of models that the file says nothing of."""
    known = {card.name.lower() for card in base.models}
    for table in tables:
        if table.name.lower() in known:
            notices.append(shadowed(f"model '{table.name}'"))
        else:
            yield model_card(table)


def _overrides(
    base: Snapshot,
    tables: Iterable[OverrideTable],
    rows: Mapping[str, Provider],
    folder: Path,
    notices: list[Notice],
) -> Mapping[str, Overrides]:
    """The sets of changes of the database that can be used and the file has none of the name of."""
    made: dict[str, Overrides] = {}
    for table in tables:
        if table.name in base.overrides:
            notices.append(shadowed(f"set of changes '{table.name}'"))
        elif found := read_overrides(table, rows, folder, notices):
            made[table.name] = found
    return made


def read_overrides(
    table: OverrideTable, rows: Mapping[str, Provider], folder: Path, notices: list[Notice]
) -> Overrides | None:
    """The set of changes that a table describes; None where it cannot be used, and `notices` tell why."""
    faults: list[Notice] = []
    made = Workshop(rows, closed(folder), faults, []).changes.overrides(table, f"set of changes '{table.name}'")
    notices.extend(faults)
    return None if faults else made


def read_channel(
    table: ChannelTable,
    rows: Mapping[str, Provider],
    folder: Path,
    proxies: Mapping[str, Secret],
    notices: list[Notice],
    overrides: Mapping[str, Overrides],
) -> Channel | None:
    """The channel that a table describes; None where it cannot be used, and `notices` tell why."""
    faults: list[Notice] = []
    shop = Workshop(rows, closed(folder), faults, [], proxies, overrides)
    made = shop.channel(table, f"channel '{table.name}'", "database")
    notices.extend(faults)
    return None if faults else made


def remarks_on_channel(
    table: ChannelTable,
    rows: Mapping[str, Provider],
    folder: Path,
    proxies: Mapping[str, Secret],
    overrides: Mapping[str, Overrides],
) -> list[Notice]:
    """What does not keep a channel from being used, but is hardly meant."""
    remarks: list[Notice] = []
    Workshop(rows, closed(folder), [], remarks, proxies, overrides).channel(table, "", "database")
    return remarks


def read_profile(
    table: ProfileTable, snapshot: Snapshot, rows: Mapping[str, Provider], notices: list[Notice]
) -> Profile:
    """The profile that a table describes. What it refers to may come later, so a fault takes out a rule at most."""
    made = _book(snapshot.channels, rows, notices).profile(table, f"profile '{table.name}'")
    known = {profile.name: profile for profile in snapshot.profiles} | {made.name: made}
    return extended({made.name: made}, known, notices)[made.name]


def read_project(table: ProjectTable, snapshot: Snapshot, rows: Mapping[str, Provider]) -> list[Notice]:
    """What is wrong with the channels that a project is held to."""
    notices: list[Notice] = []
    _projects((table,), _book(snapshot.channels, rows, notices))
    return notices


def with_coming(
    snapshot: Snapshot, channels: Iterable[ChannelTable], profiles: Iterable[ProfileTable] = ()
) -> Snapshot:
    """The configuration with the names of what is about to come, so that what refers to it may come along."""
    return replace(
        snapshot,
        channels=(*snapshot.channels, *map(_named, channels)),
        profiles=(*snapshot.profiles, *(Profile(table.name, extends=table.extends or "") for table in profiles)),
    )


def _named(table: ChannelTable) -> Channel:
    return Channel(name=table.name, provider=table.provider, dialect="", base_url="", tags=frozenset(table.tags))


def _book(channels: Iterable[Channel], rows: Mapping[str, Provider], notices: list[Notice]) -> RuleBook:
    known = list(channels)
    return RuleBook(
        channels={channel.name for channel in known},
        tags={tag for channel in known for tag in channel.tags},
        doors={row.dialect for row in rows.values()},
        faults=notices,
    )


def shadowed(what: str) -> Notice:
    """A row of the database that something of the same name stands before."""
    return Notice(what, "The file or the environment has one of this name too, which is used.", "Rename one of them.")
