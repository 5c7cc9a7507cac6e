"""One run of one workload against one target, and rounds of them in turn."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.targets import BUILD, Target
from bench.workloads import Pace, Workload

RSS_EVERY_S = 0.2
LOST_AFTER_S = 120


@dataclass(frozen=True)
class Run:
    """What one run gave. CPU and memory are the operating system's word, times the generator's."""

    workload: str
    target: str
    seen: dict[str, Any]
    """The generator's line of JSON."""
    cpu_s: float | None
    rss_kib: int | None
    """The most that was resident while it ran."""
    sent_gap_p99_us: float | None
    taken_by_others: float | None
    """The share of the gateway's core that went to processes which are no part of the benchmark."""

    @property
    def requests_per_s(self) -> float:
        return float(self.seen["requests"] / max(self.seen["seconds"], 1e-9))

    @property
    def deltas_per_s(self) -> float:
        return float(self.seen["deltas"] / max(self.seen["seconds"], 1e-9))

    @property
    def cpu_us_per_delta(self) -> float | None:
        return self.cpu_s * 1e6 / self.seen["deltas"] if self.cpu_s is not None and self.seen["deltas"] else None

    @property
    def cpu_us_per_request(self) -> float | None:
        return self.cpu_s * 1e6 / self.seen["requests"] if self.cpu_s is not None and self.seen["requests"] else None

    @property
    def first_delta_p50_us(self) -> float | None:
        return float(self.seen["first_delta"]["p50"]) if self.seen["first_delta"]["n"] else None

    @property
    def faults(self) -> int:
        return int(self.seen["errors"] + self.seen["mismatches"] + self.seen["unfinished"])


def run_one(
    workload: Workload, target: Target, pace: Pace, cores: machine.Cores, folder: Path, upstream_port: int
) -> Run:
    """Loads the target; CPU is read as the generator's window opens and closes, memory all the while."""
    request = folder / f"{workload.name}-{target.name}.request"
    request.write_bytes(workload.request(target.name, pace))
    if workload.hold:
        machine.get(upstream_port, "/gaps")  # begins the stand-in's count anew
    command = [str(BUILD / "load"), "--port", str(target.port), *workload.options(target.name, pace, request)]
    generator = subprocess.Popen(
        command, stdout=subprocess.PIPE, bufsize=0, preexec_fn=lambda: os.sched_setaffinity(0, {cores.load})
    )
    reading = _Reading(target.measured_pid, cores.gateway)
    try:
        seen = reading.follow(generator)
    finally:
        generator.kill()
        generator.wait()
    sent = json.loads(machine.get(upstream_port, "/gaps"))["p99"] if workload.hold else None
    return Run(workload.name, target.name, seen, reading.cpu_s, reading.rss_kib, sent, reading.taken_by_others)


class _Reading:
    """What the operating system says of a target while a generator runs. Mutable: it follows the run."""

    def __init__(self, pid: int | None, core: int) -> None:
        self._pid = pid
        self._core = core
        self._before = (0.0, 0.0, 0.0)
        self.cpu_s: float | None = None
        self.rss_kib: int | None = None
        self.taken_by_others: float | None = None

    def follow(self, generator: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Reads the generator's words to its last; returns its figures."""
        assert generator.stdout is not None
        give_up = time.monotonic() + LOST_AFTER_S
        while time.monotonic() < give_up:
            ready, _, _ = select.select([generator.stdout], [], [], RSS_EVERY_S)
            if not ready:
                self._read_rss()
                continue
            match generator.stdout.readline():
                case b"measuring\n":
                    self._before = self._clocks()
                case b"measured\n":
                    self._take_cpu()
                    self._read_rss()
                case b"":
                    raise RuntimeError(f"the load generator ended without figures (exit {generator.wait()})")
                case line:
                    return dict(json.loads(line))
        raise RuntimeError("the load generator never ended")

    def _clocks(self) -> tuple[float, float, float]:
        """Now, what the core has worked, what the target has."""
        own_s = machine.cpu_s(self._pid) if self._pid else 0.0
        return time.monotonic(), machine.core_busy_s(self._core), own_s

    def _take_cpu(self) -> None:
        if self._pid:
            wall_s, busy_s, own_s = (after - before for after, before in zip(self._clocks(), self._before, strict=True))
            self.cpu_s = own_s
            self.taken_by_others = max(busy_s - own_s, 0) / wall_s

    def _read_rss(self) -> None:
        if self._pid:
            self.rss_kib = max(self.rss_kib or 0, machine.rss_kib(self._pid))
