"""Builds everything once and wires it: the only file that knows all rooms."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from urllib.request import getproxies_environment

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman import __version__, logs
from dragoman.demo.server import start as start_demo
from dragoman.dialects import anthropic, gemini, gigachat, openai_chat, openai_responses
from dragoman.dialects.base import Dialect
from dragoman.ledger.book import PriceBook
from dragoman.ledger.exchange import Exchange, Journal, line
from dragoman.ledger.own import OwnPrice, OwnRow
from dragoman.live import Base, Live
from dragoman.net.signed import Signed
from dragoman.net.transport import open_transport
from dragoman.providers.catalog import catalog
from dragoman.relay.allowances import Allowances
from dragoman.relay.balances import Balances
from dragoman.relay.probe import TESTS, Finding, accounts_of, probe_model
from dragoman.relay.relay import Bodies, Relay
from dragoman.relay.sharing import Sharing
from dragoman.routing.key import networks_of
from dragoman.routing.snapshot import Snapshot
from dragoman.settings.load import DEMO_MODEL, demo_snapshot
from dragoman.settings.record import Settings
from dragoman.settings.server import is_loopback
from dragoman.settings.tuning import said_in
from dragoman.shapes.secret import Secret
from dragoman.shapes.tuning import TuningTable
from dragoman.store.board.opening import open_board
from dragoman.store.glance import is_empty
from dragoman.store.memory import Memory
from dragoman.store.ports import Claim
from dragoman.web.admin.desk import Fixed
from dragoman.web.app import App
from dragoman.web.doors import Doors
from dragoman.web.guard import Guard
from dragoman.web.listening import Server, bind
from dragoman.web.office import Application, Office
from dragoman.web.setup import SetupToken

DIALECTS: tuple[Dialect, ...] = (
    anthropic.DIALECT,
    openai_chat.DIALECT,
    openai_responses.DIALECT,
    gemini.DIALECT,
    gigachat.DIALECT,
    gigachat.DIALECT_2,
)

DEMO_PRICE = OwnRow("demo", OwnPrice(model=DEMO_MODEL, channel="demo", input=Decimal(0), output=Decimal(0)))
"""The demo model costs nothing."""

COLLECT = (50_000, 20, 50)
"""Thresholds of the garbage collector: a request makes many values and hardly any cycles."""

KEPT_BYTES = 16 * 1024 * 1024
"""Freed memory that stays ours."""


class Gateway:
    """The running gateway, as the small answers see it. Mutable: it knows whether it is draining."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.draining = False
        self.book: Callable[[], PriceBook] = lambda: PriceBook(lists={})
        """The prices in force."""
        self.in_trouble: Callable[[], object] = lambda: False
        """Whether nothing can be recorded at the moment."""

    def drain(self) -> None:
        """Is ready for nobody new from now on."""
        self.draining = True

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""
        return self.relay.snapshot

    @property
    def prices(self) -> PriceBook:
        """What is charged now."""
        return self.book()

    @property
    def recording(self) -> bool:
        """Whether what happens reaches the database."""
        return not self.in_trouble()

    async def probe(self, name: str | None = None, *, full: bool = False) -> list[Finding]:
        """A real small call on each channel, or on the one named, with a model it is configured for; `full`: one of
        every kind with each of its keys."""
        channels = [channel for channel in self.snapshot.channels if name in (None, channel.name)]
        chosen = [(channel, probe_model(self.snapshot, channel.name)) for channel in channels]
        calls = [
            self.relay.probe(account, model, test)
            for channel, model in chosen
            for account in (accounts_of(channel) if full else (channel,))
            for test in (TESTS if full else TESTS[:1])
        ]
        return list(await asyncio.gather(*calls))


class Assembly(Struct, frozen=True):
    """The parts that others hold on to."""

    app: App
    gateway: Gateway
    live: Live
    guard: Guard
    setup: SetupToken


@asynccontextmanager
async def assemble(
    settings: Settings,
    record: Callable[[Exchange], None] = lambda _: None,
    journal: Journal | None = None,
    allowances: Allowances | None = None,
    bodies: Bodies | None = None,
    tune: Callable[[TuningTable], None] = lambda _: None,
) -> AsyncIterator[Assembly]:
    """Everything wired, for as long as the context lasts. `record` is given each exchange at its end, `journal` sees
    it while it runs."""
    allowances = allowances or Allowances()
    dialects: Mapping[str, Dialect] = {dialect.name: dialect for dialect in DIALECTS}
    async with open_transport(getproxies_environment()) as transport:
        relay = Relay(
            transport=Signed(transport),
            dialects=dialects,
            providers=catalog(),
            snapshot=settings.snapshot,
            record=record,
            user_agent=f"dragoman/{__version__}",
            journal=journal,
            allowances=allowances,
            bodies=bodies,
        )
        gateway = Gateway(relay)
        trusted = networks_of(settings.server.trusted_proxies)
        may_open = settings.server.open or is_loopback(settings.server.host)
        guard = Guard((key.reveal() for key in settings.server.api_keys), trusted=trusted, may_open=may_open)
        doors = Doors(dialects, guard, relay, new_exchange_id)
        base = Base(
            snapshot=settings.snapshot,
            rows=catalog(),
            folder=settings.server.data_dir,
            prices=(DEMO_PRICE,),
            told=tuple(told(settings)),
            usual=replace(
                settings.tuning,
                bodies_days=settings.server.bodies_days,
                strategy=settings.snapshot.strategy,
                direct=settings.snapshot.direct,
                retry=settings.snapshot.retry,
                breaker=settings.snapshot.breaker,
                second_factor=settings.tuning.second_factor or "optional",
                upstream_errors=settings.server.upstream_errors,
                upstream_error_text=settings.server.upstream_error_text or None,
            ),
            tune=tune,
            sso=settings.sso,
            transport=transport,
        )
        live = Live(base, relay, guard, allowances)
        gateway.book = lambda: live.prices
        app = App(dialects, doors, guard, gateway, new_exchange_id)
        setup = SetupToken()
        app.office = Office(lambda: load_admin(live, setup), settings.server.hosts, trusted)
        yield Assembly(app, gateway, live, guard, setup)


def told(settings: Settings) -> Iterator[Fixed]:
    """What file, environment and flags say of the whole gateway; of secrets, only whether they are there."""
    for name, value in said_in(settings.tuning).items():
        yield Fixed(name=name, value=value, source=settings.sources[f"settings.{name}"])
    for name in settings.snapshot.proxies:
        yield Fixed(name=f"proxies.{name}", value="***", source=f"{settings.file}: proxies.{name}")
    for name, value in msgspec.structs.asdict(settings.server).items():
        source = settings.sources.get(f"server.{name}", "flag")
        match value:
            case Secret():
                yield Fixed(name=name, value="***" if value.reveal() else "", source=source)
            case tuple():
                shown = ["***" if isinstance(one, Secret) else one for one in value]
                yield Fixed(name=name, value=shown, source=source)
            case Path():
                yield Fixed(name=name, value=str(value), source=source)
            case _:
                yield Fixed(name=name, value=value, source=source)


def tuner(memory: Memory) -> Callable[[TuningTable], None]:
    """What puts settings in force that are the memory's business."""

    def tune(tuning: TuningTable) -> None:
        memory.bodies.days = tuning.bodies_days or 0
        memory.recorder.exchanges_days = tuning.exchanges_days or 0

    return tune


def load_admin(live: Live, setup: SetupToken) -> Application:
    """The admin API, whose libraries are imported only now."""
    return import_module("dragoman.web.admin.building").build(live, setup)  # type: ignore[no-any-return]


def new_exchange_id() -> str:
    """An id that no other exchange has. It is no secret, so that the system need not be asked for chance each time."""
    return f"dgm_{random.getrandbits(96):024x}"


def logged(note: logs.Note) -> Callable[[Exchange], None]:
    """What records each exchange as one line of the log."""
    return lambda exchange: note("exchange", line(exchange))


def log_for_command() -> None:
    """Sets up the log where no gateway is served: without it, structlog's own would print to the output, and show with
    a fault all values around it."""
    logs.configure_for_command()


def serve(
    settings: Settings,
    *,
    demo: bool,
    ready: Callable[[int], None] = lambda _: None,
    nobody_yet: Callable[[int, str], None] = lambda _, __: None,
) -> int:
    """Serves until told to stop, and gives the exit code; `ready` is called with the port once requests are answered,
    `nobody_yet` with the port and the set-up token where the gateway has no user.

    Raises `OSError` where the address cannot be bound.
    """
    note = logs.configure(settings.server.log_level, settings.server.log_format)
    listener = bind(settings.server.host, settings.server.port)
    # What start-up made stays: the collector need not look at it again, nor at each request's short-lived values.
    gc.freeze()
    gc.set_threshold(*COLLECT)
    _keep_freed_memory()
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(_serve(settings, listener, ready, logged(note), nobody_yet, demo=demo))


def _keep_freed_memory() -> None:
    """Lets glibc keep up to `KEPT_BYTES` that were freed: else each large body is fetched from the system page by page,
    which takes longer than reading it. Elsewhere nothing is done."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-1, KEPT_BYTES)  # M_TRIM_THRESHOLD (malloc.h)
        mallopt(-3, KEPT_BYTES // 2)  # M_MMAP_THRESHOLD


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's event loop where it installs, else the standard one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _serve(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[int], None],
    record: Callable[[Exchange], None],
    nobody_yet: Callable[[int, str], None],
    *,
    demo: bool,
) -> int:
    async with AsyncExitStack() as stack:
        if demo:
            url, stop = await start_demo()
            stack.push_async_callback(stop)
            settings = replace(settings, snapshot=demo_snapshot(url))
        own = settings.server
        memory = Memory(
            own.data_dir,
            lambda exchange: assembly.live.prices.priced(exchange),
            url=own.database.reveal(),
            bodies_days=own.bodies_days,
            master_key=own.master_key.reveal() or None,
            # Whoever tries out the demo may do so beside a gateway.
            claim=None if demo else Claim(shared=bool(own.redis)),
        )
        stack.push_async_callback(memory.stop)
        board = await stack.enter_async_context(open_board(own.redis.reveal()))
        allowances = Allowances(board, memory.spent)
        assembly = await stack.enter_async_context(
            assemble(settings, record, memory.journal, allowances, memory.bodies, tuner(memory))
        )
        assembly.gateway.in_trouble = lambda: memory.recorder.state.trouble
        if not is_empty(own.database.reveal(), own.data_dir):
            assembly.guard.settled.clear()
        port = listener.getsockname()[1]

        following: list[asyncio.Task[None]] = []

        def answering() -> None:
            memory.start(server.refuse, awaited=not assembly.guard.settled.is_set())
            following.append(
                asyncio.create_task(assembly.live.follow(memory.opened, lambda: nobody_yet(port, assembly.setup.text)))
            )
            following.append(asyncio.create_task(Balances(board, assembly.gateway.relay).run()))
            if own.redis:
                following.append(asyncio.create_task(Sharing(board, assembly.gateway.relay, memory.look).run()))
            ready(port)

        server = Server(assembly.app, answering, assembly.gateway.drain)
        try:
            await server.serve(sockets=[listener])
        finally:
            for task in following:
                task.cancel()
        return 0 if server.started and not server.refused else 1
