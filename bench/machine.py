"""Processes on their cores, and what the operating system says they used."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cores:
    """Where things run: the gateway under test alone, everything that loads it on the other core."""

    gateway: int
    load: int

    @property
    def shared(self) -> bool:
        return self.gateway == self.load


def choose_cores() -> Cores:
    """The first core for the gateway, the last for the load; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(gateway=usable[0], load=usable[-1])


def start(
    command: list[str], core: int, log: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """The command, running on one core; its children inherit that, its output goes to the log."""
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(environment or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )


def stop(process: subprocess.Popen[bytes], with_signal: signal.Signals = signal.SIGTERM) -> None:
    """Ends a process that `start` made, politely, then not."""
    if process.poll() is None:
        process.send_signal(with_signal)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds the family has used: the scheduler's nanoseconds where the kernel tells them, else clock ticks."""
    return sum(_cpu_s_of_one(member) for member in family(pid))


def _cpu_s_of_one(pid: int) -> float:
    try:
        return (
            sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9
        )
    except FileNotFoundError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def core_busy_s(core: int) -> float:
    """Seconds this core has worked, for whomever."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _, _, *others = map(int, line.split()[1:9])
    return (user + nice + system + sum(others)) / TICKS_PER_S


def rss_kib(pid: int) -> int:
    """Resident memory of the family."""
    total = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, request: bytes) -> bool:
    """Whether this raw request is answered 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(request)
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def wait_until_answered(
    process: subprocess.Popen[bytes], port: int, request: bytes, limit_s: float, log: Path
) -> float:
    """Seconds until the request was first answered 200."""
    began = time.perf_counter()
    while time.perf_counter() - began < limit_s:
        if answers(port, request):
            return time.perf_counter() - began
        if process.poll() is not None:
            break
        time.sleep(0.002)
    tail = log.read_text(errors="replace")[-3000:]
    raise RuntimeError(
        f"{log.stem} did not answer on port {port} within {limit_s:.0f} s; the end of its output:\n{tail}"
    )


def get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
