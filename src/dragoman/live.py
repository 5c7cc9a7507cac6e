"""The configuration in force, which follows the database while the gateway runs.

Rules. A request keeps the snapshot that it began with. A change is in force at once on the replica that made it and
within a second on the others. While the database is away, what was known stays in force. Until it has been read for
the first time nobody comes in by an open door, unless it surely holds no key.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.canon.problem import Trouble
from dragoman.ledger.book import PriceBook
from dragoman.ledger.own import OwnPrice, OwnRow
from dragoman.net.call import Answer, Call, Transport
from dragoman.net.within import unfit_proxy, unfit_url
from dragoman.providers.base import Provider
from dragoman.providers.headroom import Room
from dragoman.relay.allowances import Allowances
from dragoman.relay.listing import matching, remember
from dragoman.relay.listing import remembered as remembered_models
from dragoman.relay.outlet import reach_of
from dragoman.relay.probe import Finding, Test
from dragoman.relay.relay import Relay
from dragoman.relay.standing import Standing
from dragoman.routing.health import healed, remembered
from dragoman.routing.key import Key, networks_of
from dragoman.routing.load import Load, target_key
from dragoman.routing.plan import Ask, Plan, Refused
from dragoman.routing.snapshot import Channel, Overrides, Snapshot, Sync
from dragoman.settings.leading import moved
from dragoman.settings.record import Notice
from dragoman.settings.stored import (
    Stored,
    joined,
    read_channel,
    read_overrides,
    read_profile,
    read_project,
    remarks_on_channel,
    with_coming,
)
from dragoman.settings.tuning import tuned
from dragoman.shapes.access import KeyTable, ProjectTable
from dragoman.shapes.budget import faults_of_budgets
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.secret import Secret
from dragoman.shapes.sso import Sso, faults_of_sso
from dragoman.shapes.tuning import WHERE_UNREAD, TuningTable, faults_of_tuning
from dragoman.store.ports import SYSTEM, Configured, Row, Setting, Store, StoredKey, StoreTrouble
from dragoman.store.reading import name_of
from dragoman.store.sealing import faults_of_secrets
from dragoman.web.admin.desk import USUAL, Ailment, Fixed
from dragoman.web.guard import Guard
from dragoman.web.ring import Ring

SYNC_LOOK_S = 15.0
"""Pause before channels are looked through for those whose models are due."""
SYNC_AGAIN_S = 300.0
"""Pause before a provider that did not list its models is asked again."""
TUNED = msgspec.structs.fields(TuningTable)
AGAIN_S = 1.0
"""Pause before a database that was away is asked again."""

log = structlog.get_logger()


class Base(Struct, frozen=True, kw_only=True):
    """What does not change while the gateway runs."""

    snapshot: Snapshot
    """What the file or the environment configures."""
    rows: Mapping[str, Provider]
    folder: Path
    prices: tuple[OwnRow, ...] = ()
    """Prices that go before those of the database."""
    told: tuple[Fixed, ...] = ()
    """What file, environment or flags say of the whole gateway, without secrets."""
    usual: TuningTable = TuningTable()
    """What is in force where the database says nothing."""
    tune: Callable[[TuningTable], None] = lambda _: None
    """Puts in force what is no business of the relay's."""
    sso: tuple[Sso, ...] = ()
    """Identity providers, which go before those of the database."""
    transport: Transport


class Live:
    """Puts each version of the configuration in force. Mutable: it knows which one is."""

    def __init__(self, base: Base, relay: Relay, guard: Guard, allowances: Allowances) -> None:
        self._base = base
        self._relay = relay
        self._guard = guard
        self._allowances = allowances
        self._tuning = base.usual
        self.told: frozenset[str] = frozenset()
        """What was last said of rows that are not used; it is not said twice."""
        self.store: Store | None = None
        """What is remembered; None while it is not open."""
        self.configured: Configured | None = None
        """What the database says; None before it was read. Channels hold their secrets: never log it."""
        self.sso: Sequence[Sso] = base.sso
        """`Desk.sso`."""
        self.prices = self._price_book(())
        allowances.configure(self.prices, base.usual)

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""
        return self._relay.snapshot

    def now_ms(self) -> int:
        """Unix time."""
        return time.time_ns() // 1_000_000

    async def send(self, call: Call) -> Answer:
        """`Desk.send`."""
        return await self._base.transport.send(call)

    def key_of(self, text: str) -> Key | None:
        """`Desk.key_of`."""
        return self._guard.ring.find(text)

    def faults_of_channel(self, table: ChannelTable, coming: Sequence[OverrideTable] = ()) -> list[str]:
        """`Desk.faults_of_channel`."""
        notices: list[Notice] = []
        now = self.snapshot
        known = {**{each.name: Overrides(each.name) for each in coming}, **now.overrides}
        made = read_channel(table, self._base.rows, self._base.folder, now.proxies, notices, known)
        wrong = [f"{notice.what} {notice.remedy}" for notice in notices] + faults_of_secrets(table)
        return wrong + (unreachable(made) if made else [])

    def remarks_on_channel(self, table: ChannelTable) -> list[str]:
        """`Desk.remarks_on_channel`."""
        now = self.snapshot
        return [
            remark.what
            for remark in remarks_on_channel(table, self._base.rows, self._base.folder, now.proxies, now.overrides)
        ]

    def moved(self, before: ChannelTable, after: ChannelTable) -> Sequence[str]:
        """`Desk.moved`."""
        return moved(before, after, self._base.rows)

    def faults_of_overrides(self, table: OverrideTable) -> list[str]:
        """`Desk.faults_of_overrides`."""
        notices: list[Notice] = []
        read_overrides(table, self._base.rows, self._base.folder, notices)
        return [f"{notice.what} {notice.remedy}" for notice in notices]

    def faults_of_profile(
        self, table: ProfileTable, channels: Sequence[ChannelTable] = (), profiles: Sequence[ProfileTable] = ()
    ) -> list[str]:
        """`Desk.faults_of_profile`."""
        notices: list[Notice] = []
        read_profile(table, with_coming(self.snapshot, channels, profiles), self._base.rows, notices)
        return [f"{notice.what} {notice.remedy}" for notice in notices]

    def faults_of_project(self, table: ProjectTable, channels: Sequence[ChannelTable] = ()) -> list[str]:
        """`Desk.faults_of_project`."""
        notices = read_project(table, with_coming(self.snapshot, channels), self._base.rows)
        return [*faults_of_budgets(table.budgets), *(f"{notice.what} {notice.remedy}" for notice in notices)]

    @property
    def fixed(self) -> Sequence[Fixed]:
        """`Desk.fixed`."""
        return self._base.told

    @property
    def tuning(self) -> TuningTable:
        """`Desk.tuning`."""
        return self._tuning

    @property
    def usual(self) -> TuningTable:
        """`Desk.usual`."""
        return self._base.usual

    def plan(self, ask: Ask) -> Plan | Refused:
        """`Desk.plan`."""
        return self._relay.plan(ask)

    async def probe(self, channel: Channel, model: str, test: Test) -> Finding:
        """`Desk.probe`."""
        return await self._relay.probe(channel, model, test, "test")

    async def models(self, channel: Channel) -> tuple[str, ...]:
        """`Desk.models`."""
        return await self._relay.models(channel)

    def health(self, channel: Channel) -> list[Ailment]:
        """`Desk.health`."""
        now_ms, unix_ms = int(time.monotonic() * 1000), self.now_ms()
        return [
            Ailment(
                scope=scope,
                is_open=breaker.is_open,
                kind=breaker.kind.value,
                faults=breaker.faults,
                until_ms=unix_ms + breaker.until_ms - now_ms if breaker.is_open else None,
                is_limit=breaker.is_limit,
                told=breaker.told,
            )
            for scope, breaker in remembered(self._relay.learned.health, channel).items()
        ]

    def loads(self, channel: Channel) -> dict[str, Load]:
        """`Desk.loads`."""
        beginning = target_key(channel.account, "")
        targets = self._relay.learned.loads.targets
        return {key.removeprefix(beginning): load for key, load in targets.items() if key.startswith(beginning)}

    def standing(self, channel: Channel) -> Standing | None:
        """`Desk.standing`."""
        return self._relay.learned.told.standings.get(channel.account)

    def rooms(self, channel: Channel) -> dict[str, Room]:
        """`Desk.rooms`."""
        beginning, now_ms = target_key(channel.account, ""), int(time.monotonic() * 1000)
        return {
            key.removeprefix(beginning): room._replace(for_s=(until_ms - now_ms) / 1000)
            for key, (room, until_ms) in self._relay.learned.told.rooms.items()
            if key.startswith(beginning) and until_ms > now_ms
        }

    def heal(self, channel: Channel) -> None:
        """`Desk.heal`."""
        self._relay.learned.health = healed(self._relay.learned.health, channel)

    async def follow(
        self, opened: Callable[[], Awaitable[Store]], nobody_yet: Callable[[], None] = lambda: None
    ) -> None:
        """Follows the database for as long as it runs; `opened` gives the store once it is open. `nobody_yet` is called
        once if it has no user."""
        self.store = store = await opened()
        with contextlib.suppress(StoreTrouble):
            if not await store.people.users():
                nobody_yet()
        syncing = asyncio.create_task(self._keep_synced(store))
        try:
            await self._follow(store)
        finally:
            syncing.cancel()

    async def _follow(self, store: Store) -> None:
        while True:
            try:
                async for _ in store.configuration.watch():
                    self.apply(await store.configuration.load(), store.configuration.pepper())
            except StoreTrouble as away:
                log.warning("the configuration is not read", trouble=away.kind, reason=str(away))
            await asyncio.sleep(AGAIN_S)

    def apply(self, configured: Configured, pepper: bytes) -> None:
        """Puts this version in force."""
        lost = {name_of(row.spec) for row in configured.unread.get("setting", ())}
        self._tuning = self._tuned(configured.settings, lost)
        stored = Stored(
            tuple(_channel(row) for row in configured.channels),
            tuple(row.spec for row in configured.profiles if row.state == "enabled"),
            configured.version,
            self._tuning.proxies or {},
            remembered_models(configured.settings),
            cards=tuple(row.spec for row in configured.models if row.state == "enabled"),
            overrides=(*map(_overrides, configured.overrides), *_switched_off(configured)),
            projects=tuple(row.spec for row in configured.projects if row.state == "enabled"),
            unread=tuple(name_of(row.spec) for row in configured.unread.get("profile", ()) if row.state == "enabled"),
        )
        snapshot, notices = joined(self._base.snapshot, stored, self._base.rows, self._base.folder)
        self._base.tune(self._tuning)
        self._relay.snapshot = tuned(snapshot, self._tuning)
        self._guard.ring = Ring(_keys(configured, snapshot.projects), pepper)
        self._guard.settled.set()
        self.sso = (*self._base.sso, *self._sso_of(configured))
        self.prices = self._price_book(configured.prices)
        self._allowances.configure(self.prices, self._tuning)
        self.configured = configured
        told = frozenset(map(str, notices)) | {row.fault for rows in configured.unread.values() for row in rows}
        for words in sorted(told - self.told):
            log.warning("a row of the configuration is not used", reason=words)
        self.told = told

    def _tuned(self, settings: Mapping[str, Raw], lost: Collection[str] = ()) -> TuningTable:
        """What is in force of the whole gateway: what the file says, then the database, then what is usual. Where what
        the database says cannot be read, no more is allowed than it may have said."""
        own = {one.name for one in self._base.told if one.source != USUAL}
        found = self._base.usual
        for field in TUNED:
            name = field.name
            if name in own or (name not in settings and name not in lost):
                continue
            try:
                value = msgspec.convert(msgspec.json.decode(settings[name]), field.type)
                for words in faults_of_tuning(name, value):
                    raise msgspec.ValidationError(words)
            except (msgspec.MsgspecError, KeyError):
                log.warning("a setting is not used", setting=name)
                value = WHERE_UNREAD.get(name, getattr(found, name))
            found = replace(found, **{name: value})
        return found

    def _sso_of(self, configured: Configured) -> Iterator[Sso]:
        """The identity providers of the database that can be used."""
        own = {one.name for one in self._base.sso}
        for row in configured.sso:
            if row.state == "enabled" and row.spec.enabled and row.spec.name not in own:
                if faults := faults_of_sso(row.spec):
                    log.warning("an identity provider is not used", provider=row.spec.name, reason=" ".join(faults))
                else:
                    secret = Secret(row.spec.client_secret)
                    yield Sso(table=replace(row.spec, client_secret=""), secret=secret)

    async def _keep_synced(self, store: Store) -> None:
        """Asks providers for their models, as often as their channels say."""
        due: dict[str, float] = {}
        while True:
            for channel in self.snapshot.channels:
                now_s = time.monotonic()
                if channel.sync and channel.enabled and now_s >= due.get(channel.name, 0.0):
                    done = await self._sync(store, channel, channel.sync)
                    due[channel.name] = now_s + (channel.sync.every_s if done else SYNC_AGAIN_S)
            await asyncio.sleep(SYNC_LOOK_S)

    async def _sync(self, store: Store, channel: Channel, sync: Sync) -> bool:
        try:
            names = matching(await self.models((*channel.accounts, channel)[0]), sync.pattern)
            await remember(store.configuration, SYSTEM, channel.name, names)
        except Trouble as trouble:
            log.warning("models are not synced", channel=channel.name, problem=trouble.problem.kind.value)
        except StoreTrouble as trouble:
            log.warning("models are not synced", channel=channel.name, problem=trouble.kind)
        else:
            return True
        return False

    def _price_book(self, rows: tuple[Row[Setting], ...]) -> PriceBook:
        own = [row for row in map(_price, rows) if row]
        return PriceBook([*self._base.prices, *own], lists={row.id: row.price_list for row in self._base.rows.values()})


def unreachable(channel: Channel) -> list[str]:
    """What can be seen to be wrong with the addresses of a channel of the database."""
    reach = reach_of(channel)
    places = {
        "base_url": unfit_url(channel.base_url, reach),
        **{
            f"options.{name}": unfit_url(text, reach) for name, text in channel.options.items() if name.endswith("_url")
        },
        "proxy": not channel.named_proxy and channel.proxy and unfit_proxy(channel.proxy, reach),
    }
    remedy = "An admin may say `private = true`, which opens private networks and plain HTTP to it."
    return [f"`{place}` cannot be used: {found}. {remedy}" for place, found in places.items() if found]


def _channel(row: Row[ChannelTable]) -> ChannelTable:
    """The description of a channel, switched off where its row is."""
    return replace(row.spec, enabled=row.spec.enabled and row.state == "enabled")


def _overrides(row: Row[OverrideTable]) -> OverrideTable:
    """A set of changes; an empty one where its row is switched off, so that its channels stay."""
    return row.spec if row.state == "enabled" else OverrideTable(name=row.spec.name)


def _switched_off(configured: Configured) -> Iterator[OverrideTable]:
    """Empty sets in the place of those that cannot be read and are switched off."""
    for row in configured.unread.get("override", ()):
        if row.state == "disabled":
            yield OverrideTable(name=name_of(row.spec))


def _keys(configured: Configured, projects: Collection[str]) -> Iterator[Key]:
    """The keys as the doors know them. Those that cannot be read open nothing, and leave no door open either."""
    yield from (_key(key, configured.owners, projects) for key in configured.keys)
    for row in configured.unread.get("key", ()):
        yield Key(id=row.id, public_id=row.id, digest=b"", spec=KeyTable(name=name_of(row.spec)), enabled=False)


def _key(stored: StoredKey, owners: Collection[str], projects: Collection[str]) -> Key:
    """The key as the doors know it: off with whoever, and with the project, that it belongs to."""
    spec = stored.spec
    belongs = (not spec.owner or spec.owner in owners) and (not spec.project or spec.project in projects)
    return Key(
        id=stored.id,
        public_id=stored.public_id,
        digest=stored.digest,
        spec=spec,
        enabled=stored.state == "enabled" and belongs,
        expires_ms=stored.expires_ms,
        networks=networks_of(stored.spec.addresses),
    )


def _price(row: Row[Setting]) -> OwnRow | None:
    """A price of one's own; None where it cannot be read, which is said when it is saved."""
    try:
        says = msgspec.json.decode(row.spec.value, type=OwnPrice)
    except msgspec.DecodeError:
        log.warning("a price is not used", price=row.spec.name)
        return None
    return OwnRow(f"{row.id}@{row.revision}", says)
