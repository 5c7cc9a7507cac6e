"""Runs the benchmark: starts everything, loads each in turn, prints the thirteen measures.

Exits with 1 if any answer was not what the stand-in sent; a missed target is shown, not punished, since a busy machine
misses it too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import bodies, machine, measures, profiling, targets
from bench.measures import Findings
from bench.rounds import Run, run_one
from bench.targets import Scene, Target
from bench.workloads import FULL, KEY, QUICK, WORKLOADS, Pace, Workload

DISTURBED = 0.05  # of the gateway's core
PEERS = ("litellm",)  # shown beside us; their faults are theirs
FIRST_MODEL = "bench-text-8x20-e1-p0"


SETTLE_S = 3.0
"""Seconds until a server has loaded everything: our database is opened a second after the first answer."""


def main() -> int:
    options = read_options()
    pace = QUICK if options.quick else FULL
    if options.rounds:
        pace = Pace(**{**pace.__dict__, "rounds": options.rounds})
    chosen = [load for load in WORKLOADS if not options.only or load.name in options.only]
    if unknown := set(options.only) - {load.name for load in WORKLOADS}:
        raise SystemExit(f"unknown workloads {sorted(unknown)}; there are {[load.name for load in WORKLOADS]}")
    raise_file_limit()
    targets.build()
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="dragoman-bench-") as folder:
        bench = Bench(options, pace, chosen, Path(folder), stack)
        if options.profile:
            return bench.profile(options.profile)
        return bench.run()


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    names = ", ".join(load.name for load in WORKLOADS)
    parser.add_argument("--quick", action="store_true", help="one short round; under a minute")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=[], metavar="A,B", help=f"these workloads only: {names}"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each workload (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument(
        "--litellm", type=Path, metavar="DIR", default=os.environ.get("BENCH_LITELLM") or None,
        help="a virtual environment with litellm[proxy]; also BENCH_LITELLM",
    )  # fmt: skip
    parser.add_argument(
        "--gateway", metavar="COMMAND", default=None,
        help="the command that starts the gateway, for another checkout; --config and --port are appended",
    )  # fmt: skip
    parser.add_argument(
        "--profile", metavar="WORKLOAD", help="run this load alone and print the gateway's costliest functions"
    )
    return parser.parse_args()


def raise_file_limit() -> None:
    """A held stream takes two sockets in a gateway; children inherit the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Bench:
    """One benchmark run. Mutable: servers come up, findings gather."""

    def __init__(
        self, options: argparse.Namespace, pace: Pace, chosen: list[Workload], folder: Path, stack: ExitStack
    ) -> None:
        self._options = options
        self._pace = pace
        self._chosen = chosen
        self._folder = folder
        self._stack = stack
        self._findings = Findings()
        cores = machine.choose_cores()
        if cores.shared:
            say("one core only: gateway and load share it, so the ratios are no comparison")
        upstream = self._keep(targets.start_upstream(cores.load, folder))
        os.sched_setaffinity(0, {cores.load})
        first = bodies.raw_request(
            "/v1/messages", bodies.small(FIRST_MODEL, stream=False), bodies.ANTHROPIC_HEADERS, KEY
        )
        models = dict.fromkeys([FIRST_MODEL, *(load.model(pace) for load in WORKLOADS)])
        gateway = tuple(shlex.split(options.gateway)) if options.gateway else targets.default_gateway()
        self._scene = Scene(cores, folder, upstream.port, tuple(models), gateway, first)
        self._running: dict[str, Target] = {"direct": upstream}

    def run(self) -> int:
        began = time.monotonic()
        self._start_all()
        for round_number in range(self._pace.rounds):
            for workload in self._chosen:
                self._one_round(workload, round_number)
        self._measure_starts()
        self._run_litellm()
        self._measure_in_process()
        say(f"\n{describe_machine()}; {self._pace.rounds} rounds, {time.monotonic() - began:.0f} s; medians\n")
        return self._show()

    def profile(self, name: str) -> int:
        workload = next((load for load in WORKLOADS if load.name == name), None)
        if workload is None:
            raise SystemExit(f"unknown workload {name}; there are {[load.name for load in WORKLOADS]}")
        profiler = profiling.choose(self._folder)
        target = self._keep(targets.start_dragoman(self._scene, profiler.wrap(self._scene.gateway_command)))
        with profiler.watch(target.process):
            run = self._load(workload, target)
        machine.stop(target.process, profiler.ending)
        say(f"{describe(run)}\n")
        profiler.show()
        return 1 if run.faults else 0

    def _start_all(self) -> None:
        if targets.nginx_path():
            self._start("nginx", self._keep(targets.start_nginx(self._scene)))
        else:
            self._skip("nginx", "nginx is not installed (Debian: apt-get install nginx-light)")
        self._start("dragoman", self._keep(targets.start_dragoman(self._scene)))

    def _start(self, name: str, target: Target) -> None:
        """Touches every path once, lets the server settle, and reads its idle memory."""
        self._running[name] = target
        for workload in self._chosen:
            if name in workload.targets:
                machine.answers(target.port, workload.request(name, self._pace))
        time.sleep(SETTLE_S)
        self._findings.idle_kib[name] = machine.rss_kib(target.process.pid)
        self._findings.start_s[name] = target.started_s

    def _keep(self, target: Target) -> Target:
        self._stack.callback(machine.stop, target.process)
        return target

    def _skip(self, what: str, cause: str) -> None:
        self._findings.skipped[what] = cause
        say(f"skipped {what}: {cause}")

    def _one_round(self, workload: Workload, round_number: int) -> None:
        """All targets in turn, each round beginning with the next one, so that none always goes first."""
        names = [name for name in workload.targets if name in self._running]
        for place in range(len(names)):
            target = self._running[names[(place + round_number) % len(names)]]
            run = self._load(workload, target)
            say(describe(run))

    def _load(self, workload: Workload, target: Target) -> Run:
        run = run_one(workload, target, self._pace, self._scene.cores, self._folder, self._scene.upstream_port)
        self._findings.runs.append(run)
        time.sleep(0.1)  # what was cut or closed settles before the next run
        return run

    def _measure_starts(self) -> None:
        """Start to first 200, again on fresh processes; the first start of all also compiled the sources."""
        times = []
        for _ in range(self._pace.starts):
            target = targets.start_dragoman(self._scene)
            machine.stop(target.process)
            times.append(target.started_s)
        self._findings.start_s["dragoman"] = median(times)

    def _run_litellm(self) -> None:
        """Last and once: it takes seconds to start, and its figures are far enough away."""
        folder = self._options.litellm
        loads = [load for load in self._chosen if "litellm" in load.targets]
        if self._options.quick or not loads:
            return
        if folder is None or not (folder / "bin" / "litellm").exists():
            self._skip("litellm", "name a virtual environment that has it with --litellm DIR or BENCH_LITELLM")
            return
        try:
            target = self._keep(targets.start_litellm(self._scene, folder))
        except RuntimeError as error:
            say(str(error))
            self._skip("litellm", str(error).splitlines()[0])
            return
        self._start("litellm", target)
        for workload in loads:
            say(describe(self._load(workload, target)))

    def _measure_in_process(self) -> None:
        """In a process of its own, on the gateway's core, since the driver has a core it must not leave."""
        if self._options.only:
            return
        command = [sys.executable, "-m", "bench.inprocess"]
        core = self._scene.cores.gateway
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=targets.ROOT,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            self._skip("measures 11 and 12", last)
            return
        found = json.loads(done.stdout)
        self._findings.skipped.update(found.pop("skipped"))
        self._findings.in_process.update(found)

    def _show(self) -> int:
        shown = measures.shown_measures(load.name for load in self._chosen)
        say(measures.table(self._findings, shown))
        for what, cause in self._findings.skipped.items():
            say(f"skipped {what}: {cause}")
        if self._options.json:
            self._options.json.write_text(json.dumps(self._record(shown), indent=1, default=str))
        return report_faults(self._findings)

    def _record(self, shown: list[measures.Measure]) -> dict[str, object]:
        findings = self._findings
        return {
            "machine": describe_machine(),
            "measures": measures.rows(findings, shown),
            "runs": [run.__dict__ for run in findings.runs],
            "idle_kib": findings.idle_kib,
            "start_s": findings.start_s,
            "in_process": findings.in_process,
            "skipped": findings.skipped,
        }


def report_faults(findings: Findings) -> int:
    """Names every run with wrong, failed or unfinished answers; 1 if one of them was not a peer's."""
    if behind := findings.behind():
        say(f"measure 2 is missed: {behind:.0f} held streams fell behind by more than 100 ms")
    disturbed = [run for run in findings.runs if (run.taken_by_others or 0) > DISTURBED]
    if disturbed:
        say(f"{len(disturbed)} of {len(findings.runs)} runs shared the gateway's core: measure again in quiet")
    exit_code = 0
    for run in findings.runs:
        if run.faults:
            first = run.seen["first_fault"] or "unfinished answers"
            say(f"FAULTS in {run.workload} on {run.target}: {run.faults}; first: {first}")
            exit_code = exit_code if run.target in PEERS else 1
    if not exit_code:
        answers = sum(run.seen["all_requests"] for run in findings.runs)
        say(f"all of {answers:,} answers checked: bytes, order of events, text, arguments, usage")
    return exit_code


def describe(run: Run) -> str:
    """One line for the progress on the screen."""
    seen = run.seen
    words = [f"{run.workload:<16}{run.target:<10}{run.requests_per_s:>10,.0f} req/s{run.deltas_per_s:>12,.0f} deltas/s"]
    if run.cpu_us_per_request is not None:
        words.append(f"{run.cpu_us_per_request:>9,.0f} us CPU/req")
    if run.cpu_us_per_delta is not None:
        words.append(f"{run.cpu_us_per_delta:>7.2f} us CPU/delta")
    if "p50" in seen["first_delta"]:
        words.append(f"first delta p50 {seen['first_delta']['p50'] / 1e3:.2f} ms")
    if run.sent_gap_p99_us is not None and "p99" in seen["gap"]:
        words.append(
            f"gap p99 {seen['gap']['p99'] / 1e3:.1f} ms (sent {run.sent_gap_p99_us / 1e3:.1f}), behind {seen['behind']}"
        )
    if run.taken_by_others is not None and run.taken_by_others > DISTURBED:
        words.append(f"({run.taken_by_others:.0%} of the core went to others)")
    if run.faults:
        words.append(f"FAULTS {run.faults}: {seen['first_fault']}")
    return "  ".join(words)


def describe_machine() -> str:
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), "unknown CPU")
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}, Python {platform.python_version()}"


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
