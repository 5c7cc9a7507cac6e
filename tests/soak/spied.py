"""The gateway as a process of its own, and what the system and the process itself tell of its state.

`python -m tests.soak.spied REPORT …` is `dragoman …` that writes, at SIGUSR1, its tasks and objects into a file.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tests.clients.gateway import address

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 10.0


class State(Struct, frozen=True):
    """What a process holds."""

    files: int
    """Open file descriptors."""
    threads: int
    memory_mib: float
    tasks: int
    """Of the event loop."""
    blocks: int
    """Of memory that Python has handed out."""
    objects: dict[str, int]
    """By type, those that the garbage collector sees."""


class Spied(Struct, frozen=True):
    """A running gateway."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    report: Path

    def state(self) -> State:
        """What it holds now."""
        self.report.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end_s = time.monotonic() + PATIENCE_S
        while not self.report.exists():
            if time.monotonic() > end_s:
                raise RuntimeError(f"The gateway does not tell its state:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)
        told = json.loads(self.report.read_text())
        proc = Path("/proc") / str(self.process.pid)
        return State(
            files=len(list((proc / "fd").iterdir())),
            threads=len(list((proc / "task").iterdir())),
            memory_mib=self.memory_mib(),
            **told,
        )

    def memory_mib(self) -> float:
        """Memory that it has resident now."""
        status = (Path("/proc") / str(self.process.pid) / "status").read_text()
        resident = re.search(r"VmRSS:\s*(\d+) kB", status)
        return int(resident[1]) / 1024 if resident else 0.0

    def stop(self) -> int:
        """Ends it as an operator would, and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def spied(folder: Path, configuration: str) -> Iterator[Spied]:
    """A gateway with this configuration, until the context ends."""
    file, log, report = folder / "dragoman.toml", folder / "log", folder / "state.json"
    file.write_text(configuration)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.spied", str(report), "--config", str(file), "--port", "0"],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Spied(process, address(process, log), log, report)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def tell(report: Path) -> None:
    """Writes the state of this process, whole or not at all."""
    gc.collect()
    objects = Counter(type(each).__name__ for each in gc.get_objects())
    new = report.with_suffix(".new")
    told = {"tasks": len(asyncio.all_tasks()), "blocks": sys.getallocatedblocks(), "objects": objects}
    new.write_text(json.dumps(told))
    new.replace(report)


def main() -> None:
    """Becomes the gateway."""
    report = Path(sys.argv[1])
    signal.signal(signal.SIGUSR1, lambda *_: tell(report))
    from dragoman.cli.app import run

    sys.exit(run(sys.argv[2:]))


if __name__ == "__main__":
    main()
