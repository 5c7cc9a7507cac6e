"""Where the gateway's time goes while it is loaded: py-spy where it is installed, else cProfile."""

from __future__ import annotations

import pstats
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

SHOWN = 40


class Profiler(Protocol):
    """How a profile is taken: around the command, or beside the process."""

    ending: signal.Signals
    """What ends the gateway so that the profile is kept."""

    def wrap(self, command: tuple[str, ...]) -> tuple[str, ...]: ...
    def watch(self, process: subprocess.Popen[bytes]) -> object: ...
    def show(self) -> None: ...


def choose(folder: Path) -> Sampled | Traced:
    path = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    return Sampled(path, folder / "stacks") if path else Traced(folder / "profile")


class Sampled:
    """py-spy: true proportions, no slowing down, native frames left out."""

    ending = signal.SIGTERM

    def __init__(self, path: str, out: Path) -> None:
        self._path = path
        self._out = out

    def wrap(self, command: tuple[str, ...]) -> tuple[str, ...]:
        return command

    @contextmanager
    def watch(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        command = [
            self._path,
            "record",
            "--rate",
            "500",
            "--format",
            "raw",
            "--output",
            str(self._out),
            "--pid",
            str(process.pid),
        ]
        recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(timeout=20)

    def show(self) -> None:
        """Each function's share of the samples: in itself, and with what it called."""
        own: Counter[str] = Counter()
        within: Counter[str] = Counter()
        for line in self._out.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]  # without the line
            own[frames[-1]] += int(count)
            for frame in set(frames):
                within[frame] += int(count)
        total = sum(own.values()) or 1
        for ranked in (own, within):
            print("  own %  with callees %  function")
            for frame, _ in ranked.most_common(SHOWN):
                print(f"{own[frame] * 100 / total:7.1f}{within[frame] * 100 / total:16.1f}  {frame}")
            print()


class Traced:
    """cProfile: every call counted, small functions made to look dearer than they are."""

    ending = signal.SIGINT

    def __init__(self, out: Path) -> None:
        self._out = out

    def wrap(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The command must be an interpreter with its arguments."""
        return (command[0], "-m", "cProfile", "-o", str(self._out), *command[1:])

    @contextmanager
    def watch(self, process: subprocess.Popen[bytes]) -> Iterator[None]:  # noqa: ARG002
        yield

    def show(self) -> None:
        print("py-spy is not installed; cProfile inflates small functions: trust the order, not the size")
        figures = pstats.Stats(str(self._out))
        for order in ("tottime", "cumulative"):
            figures.sort_stats(order).print_stats(SHOWN)
