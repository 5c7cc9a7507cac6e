"""How the gateway listens: the socket, uvicorn's server behind our own edge, and how both come to an end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from dragoman.net.call import watch
from dragoman.web.app import App
from dragoman.web.edge import Edge

KEEP_ALIVE_S = 75
"""Seconds an idle client connection is kept: longer than the pauses between an agent's turns of tool use."""
FAREWELL_S = 2.0
"""Seconds in which those who are cut off at the end of the drain can be told."""
DRAIN_S = 600
"""Seconds that running streams are given to end after SIGTERM (F77)."""


class Server(uvicorn.Server):
    """uvicorn's server, behind our own edge, which tells when it answers and when it begins to leave."""

    def __init__(self, app: App, ready: Callable[[], None], leaving: Callable[[], None]) -> None:
        super().__init__(_listening(app))
        self._ready, self._leaving = ready, leaving
        self.refused = False
        """Whether it stopped because the database must not be used."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends on SIGINT and SIGTERM. uvicorn would raise the signal again afterwards, and the last lines be lost."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def refuse(self, why: str) -> None:
        """Ends, as on SIGTERM, because the database must not be used."""
        structlog.get_logger().error("gateway stops", reason=why)
        self.refused = self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to answer."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops accepting, then waits for running streams. Those still running at the end of patience are told so, as
        long as the upstreams' lines are open: else they would hear that an upstream failed."""
        self._leaving()
        await super().shutdown(sockets)
        if running := list(self.server_state.tasks):
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=FAREWELL_S)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket. Raises `OSError` where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    watch(listener)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _listening(app: App) -> uvicorn.Config:
    """How uvicorn serves the doors: through our own edge, and with nothing of its own."""
    return uvicorn.Config(
        app,
        http=Edge,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
