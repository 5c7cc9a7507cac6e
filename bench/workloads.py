"""The loads: what is asked, how often, over how many connections, and of whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench import bodies

KEY = "sk-bench-" + "0f1e2d3c" * 8  # opens nothing; in the form every target takes
NATIVE = "-native"  # the ending of models that the gateway finds on the upstream of its own door's dialect


@dataclass(frozen=True)
class Pace:
    """How long one run takes; `--quick` has its own."""

    rounds: int
    window_s: float
    warm_s: float
    hold_deltas: int
    light_s: float
    starts: int


FULL = Pace(rounds=3, window_s=2.0, warm_s=0.5, hold_deltas=100, light_s=4.0, starts=5)
QUICK = Pace(rounds=1, window_s=0.8, warm_s=0.3, hold_deltas=60, light_s=1.6, starts=2)

HOLD_STREAMS = 1_000
HOLD_RAMP_S = 1.0
LIGHT_PER_S = 10.0


@dataclass(frozen=True)
class Workload:
    """One load. Every figure it gives is taken from each of its targets in turn."""

    name: str
    shape: str
    """As the stand-in reads it from the model's name; `{hold}` is the number of deltas in a held stream."""
    targets: tuple[str, ...]
    body: str = "small"
    connections: int = 16
    whole: bool = False
    verbatim: bool = False
    """The upstream speaks the door's dialect, and the bytes must come through unchanged."""
    light: bool = False
    hold: bool = False
    share: float = 1.0
    """Of the usual window."""

    def model(self, pace: Pace) -> str:
        return f"bench-{self.shape.format(hold=pace.hold_deltas)}{NATIVE if self.verbatim else ''}"

    def expectation(self, target: str) -> str:
        """What the generator is to check: one of its `--expect` words."""
        if self.verbatim:
            return "anthropic"
        return "translated" if translates(target) else "chat"

    def request(self, target: str, pace: Pace) -> bytes:
        model = self.model(pace)
        match self.body:
            case "large":
                body = bodies.large(model)
            case "tools":
                body = bodies.with_tools(model)
            case _:
                body = bodies.small(model, stream=not self.whole)
        if self.expectation(target) == "chat":
            return bodies.raw_request("/v1/chat/completions", bodies.as_chat(body), bodies.CHAT_HEADERS, KEY)
        return bodies.raw_request("/v1/messages", body, bodies.ANTHROPIC_HEADERS, KEY)

    def options(self, target: str, pace: Pace, request: Path) -> list[str]:
        """The generator's command line, but for the port."""
        words = ["--request", str(request), "--model", self.model(pace), "--expect", self.expectation(target)]
        words += ["--whole"] if self.whole else []
        if self.hold:
            return [
                *words,
                "--connections",
                str(HOLD_STREAMS),
                "--count",
                str(HOLD_STREAMS),
                "--ramp",
                str(HOLD_RAMP_S),
            ]
        words += ["--connections", str(self.connections), "--warm", str(pace.warm_s)]
        if self.light:
            return [*words, "--seconds", str(pace.light_s), "--rate", str(LIGHT_PER_S)]
        return [*words, "--seconds", str(pace.window_s * self.share)]


def translates(target: str) -> bool:
    return target not in ("direct", "nginx")


ALL = ("direct", "nginx", "dragoman", "litellm")
THREE = ("direct", "nginx", "dragoman")

# hold comes first: its memory figure needs processes that no other load has stretched
WORKLOADS = (
    Workload("hold", "text-{hold}x20-e1-p50", ("nginx", "dragoman"), hold=True),
    Workload("stream", "text-64x20-e1-p0", ALL),
    Workload("burst", "text-1024x20-e8-p0", THREE),
    Workload("large", "text-32x20-e1-p0", ALL, body="large"),
    Workload("whole", "text-8x20-e1-p0", ALL, whole=True, connections=32),
    Workload("light", "text-64x20-e1-p0", ALL, light=True, connections=8),
    Workload("light-large", "text-32x20-e1-p0", ALL, body="large", light=True, connections=8),
    Workload("tools", "tool-64x20-e1-p0", ("dragoman",), body="tools", share=0.5),
    Workload("verbatim-stream", "text-64x20-e1-p0", THREE, verbatim=True),
    Workload("verbatim-large", "text-32x20-e1-p0", THREE, body="large", verbatim=True),
)
