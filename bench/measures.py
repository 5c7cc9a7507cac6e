"""The thirteen measures: how each is made from the runs, what it should be, and the table they are shown in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from statistics import median

from bench.rounds import Run

Figure = float | None


@dataclass
class Findings:
    """All that a benchmark run saw. Mutable: runs are added as they end."""

    runs: list[Run] = field(default_factory=list)
    idle_kib: dict[str, int] = field(default_factory=dict)
    start_s: dict[str, float] = field(default_factory=dict)
    in_process: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """Why something was not measured, by target or by measure."""

    def of(self, workload: str, target: str) -> list[Run]:
        return [run for run in self.runs if run.workload == workload and run.target == target]

    def figure(self, workload: str, target: str, take: Callable[[Run], Figure]) -> Figure:
        """The median over the rounds."""
        found = [value for run in self.of(workload, target) if (value := take(run)) is not None]
        return median(found) if found else None

    def ratio(self, workload: str, target: str, to: str, take: Callable[[Run], Figure]) -> Figure:
        """The median of the ratios of runs that stood side by side; of medians, where one ran fewer rounds."""
        ours, theirs = self.of(workload, target), self.of(workload, to)
        if len(ours) != len(theirs):
            a, b = self.figure(workload, target, take), self.figure(workload, to, take)
            return a / b if a is not None and b else None
        pairs = [(take(a), take(b)) for a, b in zip(ours, theirs, strict=True)]
        found = [a / b for a, b in pairs if a is not None and b]
        return median(found) if found else None

    def added_ms(self, workload: str, target: str) -> Figure:
        """Time to the first delta over the stand-in's own, p50."""
        pairs = zip(self.of(workload, target), self.of(workload, "direct"), strict=False)
        found = [
            (a.first_delta_p50_us - b.first_delta_p50_us) / 1e3
            for a, b in pairs
            if a.first_delta_p50_us is not None and b.first_delta_p50_us is not None
        ]
        return median(found) if found else None

    def behind(self) -> Figure:
        """How many of the gateway's held streams ended more than 100 ms late, the median over the rounds."""
        return self.figure("hold", "dragoman", lambda run: float(run.seen["behind"]))

    def stream_kib(self, target: str) -> Figure:
        """Memory per held stream, from the first round alone: later ones find the memory already taken."""
        runs = self.of("hold", target)
        if not runs or runs[0].rss_kib is None or target not in self.idle_kib:
            return None
        return (
            (runs[0].rss_kib - self.idle_kib[target]) / runs[0].seen["requests"] if runs[0].seen["requests"] else None
        )


def deltas_per_s(run: Run) -> Figure:
    return run.deltas_per_s


def requests_per_s(run: Run) -> Figure:
    return run.requests_per_s


def cpu_per_delta(run: Run) -> Figure:
    return run.cpu_us_per_delta


def cpu_per_request(run: Run) -> Figure:
    return run.cpu_us_per_request


def gap_over_sent_ms(run: Run) -> Figure:
    if run.sent_gap_p99_us is None or "p99" not in run.seen["gap"]:
        return None
    return float(run.seen["gap"]["p99"] - run.sent_gap_p99_us) / 1e3


@dataclass(frozen=True)
class Measure:
    """One line of the table. `judged` is compared with the targets; the columns beside it are what it was made of."""

    number: str
    title: str
    unit: str
    """Of the columns."""
    must: float
    aim: float
    judged_unit: str
    judged: Callable[[Findings], Figure]
    column: Callable[[Findings, str], Figure]
    needs: tuple[str, ...]
    """Workloads; `--only` leaves out the measures whose loads it leaves out."""
    more_is_better: bool = False


def _throughput(
    number: str, title: str, workload: str, must: float, aim: float, take: Callable[[Run], Figure], unit: str
) -> Measure:
    return Measure(
        number, title, unit, must, aim, "of nginx",
        judged=lambda all_: all_.ratio(workload, "dragoman", "nginx", take),
        column=lambda all_, target: all_.figure(workload, target, take),
        needs=(workload,), more_is_better=True,
    )  # fmt: skip


def _cpu(
    number: str, title: str, workload: str, must: float, aim: float, take: Callable[[Run], Figure], unit: str
) -> Measure:
    return Measure(
        number, title, unit, must, aim, "x nginx",
        judged=lambda all_: all_.ratio(workload, "dragoman", "nginx", take),
        column=lambda all_, target: all_.figure(workload, target, take),
        needs=(workload,),
    )  # fmt: skip


def _added(number: str, title: str, workload: str, must: float, aim: float) -> Measure:
    return Measure(
        number, title, "ms", must, aim, "ms",
        judged=lambda all_: all_.added_ms(workload, "dragoman"),
        column=lambda all_, target: all_.added_ms(workload, target) if target != "direct" else None,
        needs=(workload,),
    )  # fmt: skip


def _in_process(number: str, title: str, key: str, must: float, aim: float, unit: str) -> Measure:
    return Measure(
        number, title, unit, must, aim, unit,
        judged=lambda all_: all_.in_process.get(key),
        column=lambda all_, target: all_.in_process.get(key) if target == "dragoman" else None,
        needs=(),
    )  # fmt: skip


MEASURES = (
    _cpu("1", "CPU per paced delta, 1,000 streams (hold)", "hold", 2.5, 1.5, cpu_per_delta, "us"),
    Measure(
        "2", "gap p99 of those over the gap sent", "ms", 10, 5, "ms",
        judged=lambda all_: inf if all_.behind() else all_.figure("hold", "dragoman", gap_over_sent_ms),
        column=lambda all_, target: all_.figure("hold", target, gap_over_sent_ms),
        needs=("hold",),
    ),
    _throughput("3", "stream: deltas/s", "stream", 0.5, 0.8, deltas_per_s, "/s"),
    _throughput("4", "burst: deltas/s", "burst", 0.3, 0.6, deltas_per_s, "/s"),
    Measure(
        "5a", "large: streams/s", "/s", 40, 80, "x litellm",
        judged=lambda all_: all_.ratio("large", "dragoman", "litellm", requests_per_s),
        column=lambda all_, target: all_.figure("large", target, requests_per_s),
        needs=("large",), more_is_better=True,
    ),
    _cpu("5b", "large: CPU per request", "large", 4, 2.2, cpu_per_request, "us"),
    _throughput("6", "whole: small replies/s", "whole", 0.12, 0.6, requests_per_s, "/s"),
    _added("7a", "first delta added over direct, small, p50", "light", 1, 0.5),
    _added("7b", "first delta added over direct, 130 KB, p50", "light-large", 2, 1),
    Measure(
        "8", "memory per open stream (hold)", "KiB", 40, 10, "KiB",
        judged=lambda all_: all_.stream_kib("dragoman"),
        column=lambda all_, target: all_.stream_kib(target),
        needs=("hold",),
    ),
    Measure(
        "9", "memory idle, everything loaded", "MiB", 90, 48, "MiB",
        judged=lambda all_: _mib(all_.idle_kib.get("dragoman")),
        column=lambda all_, target: _mib(all_.idle_kib.get(target)),
        needs=(),
    ),
    Measure(
        "10", "process start to first 200", "s", 1.0, 0.35, "s",
        judged=lambda all_: all_.start_s.get("dragoman"),
        column=lambda all_, target: all_.start_s.get(target),
        needs=(),
    ),
    _in_process("11", "translate the 130 KB request in process", "request_ratio", 2, 0.75, "x orjson"),
    _in_process("12", "one stream event: read, keep order, write", "event_us", 6, 2, "us"),
    _cpu("13a", "verbatim CPU, stream", "verbatim-stream", 2, 1.2, cpu_per_request, "us"),
    _cpu("13b", "verbatim CPU, large", "verbatim-large", 2, 1.2, cpu_per_request, "us"),
)  # fmt: skip

COLUMNS = ("dragoman", "nginx", "direct", "litellm")


def _mib(kib: int | None) -> Figure:
    return kib / 1024 if kib is not None else None


def verdict(measure: Measure, value: Figure) -> str:
    """How the figure stands: reaches the aim, the must, or misses both."""
    if value is None:
        return "-"
    sign = -1 if measure.more_is_better else 1
    if sign * value <= sign * measure.aim:
        return "aim"
    return "must" if sign * value <= sign * measure.must else "MISSED"


def shown_measures(workloads: Iterable[str]) -> list[Measure]:
    ran = set(workloads)
    return [measure for measure in MEASURES if ran.issuperset(measure.needs)]


def rows(findings: Findings, measures: list[Measure]) -> list[dict[str, object]]:
    """The table as records, for `--json`."""
    return [
        {
            "measure": measure.number,
            "title": measure.title,
            "must": measure.must,
            "aim": measure.aim,
            "judged": measure.judged(findings),
            "unit": measure.judged_unit,
            "columns_unit": measure.unit,
            **{column: measure.column(findings, column) for column in COLUMNS},
            "verdict": verdict(measure, measure.judged(findings)),
        }
        for measure in measures
    ]


def table(findings: Findings, measures: list[Measure]) -> str:
    """The measures side by side, for people."""
    heads = ["#", "measure", "must", "aim", "result", "", "verdict", *COLUMNS, "unit"]
    lines = [
        [
            measure.number,
            measure.title,
            f"{'>=' if measure.more_is_better else '<='} {_short(measure.must)}",
            _short(measure.aim),
            _short(measure.judged(findings)),
            measure.judged_unit,
            verdict(measure, measure.judged(findings)),
            *(_short(measure.column(findings, column)) for column in COLUMNS),
            measure.unit,
        ]
        for measure in measures
    ]
    widths = [max(len(line[place]) for line in [heads, *lines]) for place in range(len(heads))]
    left = {1, 5, 6, len(heads) - 1}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [heads, ["-" * width for width in widths], *lines]
    )


def _short(value: Figure) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
