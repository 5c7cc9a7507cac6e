"""The gateway under test, whole and on a real socket, but on a clock that runs faster than the world's."""

from __future__ import annotations

import asyncio
import queue
import selectors
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from msgspec.structs import replace

from dragoman.assembly import Gateway, assemble
from dragoman.ledger.exchange import Exchange
from dragoman.providers.catalog import catalog
from dragoman.relay.state import Learned
from dragoman.routing.health import Health
from dragoman.routing.profile import Profile, Rule, RuleTarget
from dragoman.routing.snapshot import Channel, Snapshot, Timeouts
from dragoman.settings.record import Server as ServerSettings
from dragoman.settings.record import Settings
from dragoman.shapes.secret import Secret
from dragoman.web.edge import Edge
from dragoman.web.listening import bind

SPEED = 5.0
"""How many of its seconds the gateway lives through in one of ours: half a second of back-off is a tenth."""
ASKED = "claude-asked"
"""The model every client asks for."""
MODEL = "standin-large"
"""The model it is sent to."""
KEY = "sk-canary-of-the-channel"
"""The channels' key, which no client may ever see."""
PROVIDERS = {
    "anthropic": "anthropic",
    "openai_chat": "openai-compatible",
    "openai_responses": "responses-compatible",
    "gemini": "gemini",
}
"""The row a dialect is tested with: the vendor itself, and any server of Chat Completions."""
BASES = {"openai_chat": "/v1", "openai_responses": "/v1"}
"""What stands behind the address of a vendor of a dialect."""
HASTY = Timeouts(connect_s=30.0, first_content_s=1.5, idle_s=1.5)
"""For faults that are a silence; in the gateway's seconds."""
PATIENT = Timeouts(connect_s=30.0)
"""For all others: nothing is failed because this machine was busy."""


STALLING_NAME = "stalling.invalid"
"""A name whose look-up takes longer than any limit; all other names but numbers are unknown."""


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock runs faster: what waits for seconds there waits for tenths here.

    It asks no name service: names are unknown, or never found.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        super().__init__(_HurriedSelector(speed))

    def time(self) -> float:
        """Seconds of its own."""
        return time.monotonic() * self._speed

    async def getaddrinfo(self, host: Any, port: Any, **kinds: Any) -> Any:
        if host == STALLING_NAME:
            await asyncio.sleep(300)
        if isinstance(host, str) and host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return await super().getaddrinfo(host, port, **kinds)


class _HurriedSelector(selectors.DefaultSelector):
    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._speed if timeout and timeout > 0 else timeout)


def channel(name: str, dialect: str, url: str, **changes: Any) -> Channel:
    """A channel of the dialect's usual provider; `url` is the address without a path."""
    row = catalog()[changes.pop("provider", PROVIDERS[dialect])]
    settings = {"timeouts": PATIENT, "api_key": Secret(KEY), "native": row.native, "habits": row.habits, **changes}
    base = url + BASES.get(dialect, "")
    return Channel(name=name, provider=row.id, dialect=row.dialect, base_url=base, **settings)


def snapshot(*channels: Channel) -> Snapshot:
    """`ASKED` goes to these channels, in this order."""
    rule = Rule(model=ASKED, targets=tuple(RuleTarget(each.name, MODEL) for each in channels))
    return Snapshot(channels=channels, profiles=(Profile("default", (rule,)),))


class Served:
    """A gateway in a thread of its own. Mutable: each scene gives it other channels and a clean memory."""

    def __init__(self, speed: float = SPEED, *, edge: type[Edge] = Edge, **server: Any) -> None:
        self._speed = speed
        self._edge = edge
        self._server_settings = server
        self._exchanges: queue.Queue[Exchange] = queue.Queue()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._live, name="gateway", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def stand(self, *channels: Channel) -> None:
        """From now on it has these channels, and remembers nothing of any."""
        while not self._exchanges.empty():
            self._exchanges.get_nowait()
        self._gateway.relay.learned = Learned()
        self._gateway.relay.snapshot = snapshot(*channels)

    def exchange(self, within_s: float = 10.0) -> Exchange:
        """The next exchange that it recorded."""
        return self._exchanges.get(timeout=within_s)

    @property
    def health(self) -> Health:
        """What it has learned of its channels, but for where sessions are at home."""
        return replace(self._gateway.relay.learned.health, pins={})

    @property
    def exchanges(self) -> int:
        """How many recorded exchanges wait to be asked for."""
        return self._exchanges.qsize()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(30):
            raise RuntimeError("the gateway did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(30)

    def _live(self) -> None:
        with asyncio.Runner(loop_factory=lambda: HurriedLoop(self._speed)) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        nowhere = {"host": "127.0.0.1", "port": 0, "api_keys": (), "data_dir": Path("/nonexistent"), "open": False}
        server = ServerSettings(
            **{**nowhere, **self._server_settings},
            log_level="error",
            log_format="json",
        )
        async with assemble(Settings(server=server, snapshot=Snapshot(), sources={}), self._exchanges.put) as assembly:
            self._gateway: Gateway = assembly.gateway
            config = uvicorn.Config(
                assembly.app,
                http=self._edge,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=10,
            )
            listener = bind("127.0.0.1", 0)
            self.port = listener.getsockname()[1]
            self._server = _Server(config, self._ready)
            await self._server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that tells when it answers; signals are the main thread's."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._announced = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announced.set()
