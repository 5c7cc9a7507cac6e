"""The gateway as a process of its own, for what only a process shows: signals, the trust it starts with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tests.clients.gateway import Upstream, address, configuration


class Running(Struct, frozen=True):
    """A gateway that runs."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path


@contextmanager
def running(folder: Path, *upstreams: Upstream, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A gateway in front of these upstreams, each asked for the models it lists, until the context ends."""
    file, log = folder / "dragoman.toml", folder / "log"
    file.write_text(configuration(upstreams, folder, in_turn=False))
    surroundings = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **(environment or {})}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "dragoman", "--config", str(file), "--port", "0"],
            cwd=folder,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Running(process, int(address(process, log).rpartition(":")[2]), log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
