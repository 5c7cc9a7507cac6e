"""Reading the whole configuration once, and the rules of what goes before what.

Rules: flags, then the environment, then the file, then `.env`, each value for itself; foreign names last, and only
when no channel is configured otherwise. Everything that is wrong is told together. Nothing is ever made less safe
than it says: without keys, only loopback is listened on, unless that was asked for by `--open`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict, fields, replace

from dragoman.providers.catalog import catalog
from dragoman.routing.profile import Profile
from dragoman.routing.snapshot import Channel, Mapping3, Overrides, Snapshot, with_described
from dragoman.settings.adopt import adopt_channel, adopt_mapping, adopt_server, idle_names
from dragoman.settings.build import Workshop
from dragoman.settings.environment import own_values
from dragoman.settings.environment import unknown_names as misspelt
from dragoman.settings.foreign import FOREIGN, Found, Vendor, choose, key_of
from dragoman.settings.models import read_models
from dragoman.settings.reading import read_table, read_value
from dragoman.settings.record import Flags, Notice, Settings, SettingsRefused
from dragoman.settings.rules import RuleBook, extended
from dragoman.settings.server import Layer, placed, read_server
from dragoman.settings.shape import FileTables, ServerTable
from dragoman.settings.sources import FILE_NAME, Secrets, find_file, read_dotenv, read_file
from dragoman.settings.tuning import faults_of_file, said_in, tuned
from dragoman.settings.way import read_proxies
from dragoman.shapes.sso import Sso, faults_of_sso

DEMO_MODEL = "demo-model"


class Routes(Struct, frozen=True):
    """Who may answer, and what comes along when that was taken from foreign names."""

    snapshot: Snapshot
    sources: Mapping[str, str]
    adopted: Layer


def load(flags: Flags, environ: Mapping[str, str], cwd: Path, home: Path) -> Settings:
    """The configuration as these places give it. Raises `SettingsRefused` with everything that is wrong."""
    faults: list[Notice] = []
    notices: list[Notice] = []
    # The demo must run wherever it is started, whatever lies there.
    dotenv = {} if flags.demo else read_dotenv(cwd / ".env", environ, notices)
    found = Found(environ, dotenv)
    file = None if flags.demo else find_file(flags.config or found.get("DRAGOMAN_CONFIG"), cwd, home)
    tables = _read_tables(file, faults)
    folder = file.parent if file else cwd
    secrets = Secrets({**dotenv, **environ}, folder, home)
    proxies = read_proxies(tables.proxies, secrets, f"{file}: proxies", faults)
    shop = Workshop(catalog(), secrets, faults, notices, proxies)
    sso = tuple(_identity_providers(tables, file, shop))
    routes = Routes(Snapshot(), {}, {}) if flags.demo else _routes(tables, file, found, shop)
    own = (
        _flag_values(flags, faults),
        placed(own_values(environ, "environment", faults), cwd, home),
        placed(_file_values(tables.server, file), folder, home),
        placed(own_values(dotenv, ".env", faults), cwd, home),
    )
    faults.extend(faults_of_file(tables, file))
    server, server_sources = read_server(own, routes.adopted, flags.open, shop.secrets, faults, notices)
    if faults:
        raise SettingsRefused(tuple(faults))
    notices.extend(misspelt({**dotenv, **environ}))
    if not routes.snapshot.channels and not flags.demo:
        notices.append(_nothing_set(cwd))
    sources = {**server_sources, **routes.sources}
    sources |= {f"settings.{name}": f"{file}: settings.{name}" for name in said_in(tables.settings)}
    snapshot = replace(
        tuned(routes.snapshot, tables.settings),
        proxies=proxies,
        upstream_errors=server.upstream_errors,
        upstream_error_text=server.upstream_error_text,
    )
    return Settings(
        server=server,
        snapshot=snapshot,
        tuning=tables.settings,
        sso=sso,
        file=file,
        sources=sources,
        notices=tuple(notices),
    )


def demo_snapshot(url: str) -> Snapshot:
    """The one channel of `--demo`, whose model answers to every name; `url` is the demo model's base address.

    The demo model takes the dialect's published form, so it needs none of its row's habits.
    """
    row = catalog()[FOREIGN.plain]
    channel = Channel(
        name="demo",
        provider=row.id,
        dialect=row.dialect,
        base_url=url,
        models=(DEMO_MODEL,),
        source="demo",
    )
    return Snapshot(channels=(channel,), mapping=Mapping3(big=DEMO_MODEL, middle=DEMO_MODEL, small=DEMO_MODEL))


def _read_tables(file: Path | None, faults: list[Notice]) -> FileTables:
    """The file's tables, as far as they can be read."""
    tables = read_table(FileTables, read_file(file, faults), f"{file}:", faults) if file else None
    return tables or FileTables()


def _routes(tables: FileTables, file: Path | None, found: Found, shop: Workshop) -> Routes:
    """Channels, profiles and mapping of the file, else of foreign names."""
    channels: dict[str, Channel] = {}
    names: set[str] = set()
    shop = replace(shop, known_overrides=_overrides(tables, file, shop))
    for table in tables.channels:
        where = f"{file}: channels['{table.name}']"
        if table.name in names:
            shop.fault(where, "Two channels have this name.", "Give each its own.")
        names.add(table.name)
        made = shop.channel(table, where, "file")
        channels |= {table.name: made} if made else {}
    sources = {f"channels.{name}": str(file) for name in channels}
    adopted: Layer = {}
    vendors: tuple[Vendor, ...] = ()
    if not tables.channels and not shop.faults:
        choice = choose(found, bool(tables.profiles), shop.faults, shop.notices)
        vendors = choice.vendors
        for vendor in vendors:
            made = adopt_channel(vendor, found, shop)
            channels |= {made.name: made} if made else {}
            sources |= {f"channels.{made.name}": found.place(key_of(vendor, found)[1])} if made else {}
        if vendors:
            adopted = adopt_server(found, choice.client_key, shop.faults, shop.notices)
            shop.notices.extend(idle_names(found))
    book = RuleBook(
        channels=names | channels.keys(),
        tags={tag for channel in channels.values() for tag in channel.tags},
        doors={row.dialect for row in shop.rows.values()},
        faults=shop.faults,
    )
    profiles = _profiles(tables, file, book)
    mapping, place = (None, "") if profiles else adopt_mapping(found, vendors, shop.notices)
    sources |= {"mapping": place} if mapping else {}
    models = read_models(tables.models, f"{file}:", shop.faults)
    described = tuple(with_described(channel, models) for channel in channels.values())
    snapshot = Snapshot(
        channels=described, profiles=profiles, models=models, mapping=mapping, overrides=shop.known_overrides
    )
    return Routes(snapshot, sources, adopted)


def _overrides(tables: FileTables, file: Path | None, shop: Workshop) -> Mapping[str, Overrides]:
    made: dict[str, Overrides] = {}
    for table in tables.overrides:
        where = f"{file}: overrides['{table.name}']"
        if table.name in made:
            shop.fault(where, "Two sets of changes have this name.", "Give each its own.")
        made[table.name] = shop.changes.overrides(table, where)
    return made


def _identity_providers(tables: FileTables, file: Path | None, shop: Workshop) -> Iterator[Sso]:
    """The identity providers of the file."""
    names: set[str] = set()
    for table in tables.sso:
        where = f"{file}: sso['{table.name}']"
        if table.name in names:
            shop.fault(where, "Two identity providers have this name.", "Give each its own.")
        names.add(table.name)
        for found in faults_of_sso(replace(table, private=True)):
            shop.fault(where, found, "Correct it.")
        secret = shop.secrets.resolve(table.client_secret, f"{where}.client_secret", shop.faults)
        if table.enabled:
            yield Sso(table=replace(table, client_secret=""), secret=secret, source="file")


def _profiles(tables: FileTables, file: Path | None, book: RuleBook) -> tuple[Profile, ...]:
    profiles: dict[str, Profile] = {}
    for table in tables.profiles:
        where = f"{file}: profiles['{table.name}']"
        if table.name in profiles:
            book.faults.append(Notice(where, "Two profiles have this name.", "Give each its own."))
        profiles[table.name] = book.profile(table, where)
    return tuple(extended(profiles, profiles, book.faults, f"{file}: profile").values())


def _flag_values(flags: Flags, faults: list[Notice]) -> Layer:
    """What the command line said of `[server]`."""
    types = {field.name: field.type for field in fields(ServerTable)}
    said = {"host": flags.host, "port": flags.port, "log_level": flags.log_level}
    names = {key: f"--{key.replace('_', '-')}" for key in said}
    read = {key: read_value(types[key], value, names[key], faults) for key, value in said.items() if value is not None}
    return {key: (value, names[key]) for key, value in read.items() if value is not None}


def _file_values(table: ServerTable, file: Path | None) -> Layer:
    """What the file said of `[server]`."""
    return {key: (value, f"{file}: server.{key}") for key, value in asdict(table).items() if value is not None}


def _nothing_set(cwd: Path) -> Notice:
    """What to do next when nothing was configured."""
    return Notice(
        "Channels",
        "No channel is configured yet, so every request for a model is refused.",
        "Try it without a key by 'dragoman --demo'; or put OPENAI_API_KEY=... into "
        f"{cwd / '.env'}; or write {cwd / FILE_NAME} (docs/configuration.md shows one).",
    )
