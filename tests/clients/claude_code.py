"""The real Claude Code in print mode, and everything it said and did.

It runs in a place of its own: working directory, home, settings and temporary files are fresh, and its environment
holds nothing but what is named here, so that no setting of this machine changes what is tested.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

VERSIONS = ("2.1.328", "2.1.197")
MODEL = "standin-large"

Json = dict[str, Any]


class Run(Struct, frozen=True, kw_only=True):
    """One finished run of the client."""

    exit_code: int
    lines: tuple[Json, ...]
    """Its stream-json, line by line."""
    stderr: str
    work: Path
    """Its working directory."""
    took_s: float
    first_delta_s: float | None
    """From start to the first piece of an answer; None if there was none."""
    overdue: bool = False
    """Whether it was ended because its time was up."""

    @property
    def result(self) -> Json:
        """The closing line; empty if there was none."""
        return next((line for line in reversed(self.lines) if line["type"] == "result"), {})

    @property
    def text(self) -> str:
        """What the user is told in the end."""
        return str(self.result.get("result") or "")

    @property
    def is_error(self) -> bool:
        return bool(self.result.get("is_error", True))

    @property
    def retries(self) -> list[Json]:
        """Each try of the client to save the run by asking again."""
        return [line for line in self.lines if line.get("subtype") == "api_retry"]

    @property
    def compactions(self) -> int:
        """How often the client summed the conversation up to make it shorter."""
        return sum(line.get("subtype") == "compact_boundary" for line in self.lines)

    @property
    def blocks(self) -> list[Json]:
        """All finished blocks of the model, in order."""
        return [block for line in self.lines if line["type"] == "assistant" for block in line["message"]["content"]]

    @property
    def calls(self) -> list[tuple[str, Json]]:
        """Name and arguments of each call the client took for finished."""
        return [(block["name"], block["input"]) for block in self.blocks if block["type"] == "tool_use"]

    @property
    def tool_results(self) -> list[Json]:
        """What the tools reported back to the model."""
        messages = [line["message"]["content"] for line in self.lines if line["type"] == "user"]
        blocks = [block for content in messages if isinstance(content, list) for block in content]
        return [block for block in blocks if block.get("type") == "tool_result"]

    @property
    def events(self) -> list[Json]:
        """The stream events that the client saw."""
        return [line["event"] for line in self.lines if line["type"] == "stream_event"]

    @property
    def story(self) -> str:
        """The run in a few lines, for the message of a failed claim."""
        seen = [f"exit {self.exit_code}, {self.took_s:.1f} s, overdue {self.overdue}, result: {self.text[:500]!r}"]
        seen += [f"retry: {json.dumps(line)[:300]}" for line in self.retries]
        seen += [f"block: {json.dumps(block)[:200]}" for block in self.blocks]
        return "\n".join([*seen, self.stderr[-1000:]])


class Leave(Exception):  # noqa: N818 - a wish, not an error
    """Raised by a test at the first delta: the user ends the client."""


def nothing() -> None:
    """What happens at the first delta unless a test says otherwise."""


class Ask(Struct, frozen=True, kw_only=True):
    """What the client is started with."""

    place: Path
    """A fresh directory for everything it reads and writes."""
    url: str = ""
    """Where it looks for its model: the gateway, or a stand-in. Empty: it is not told."""
    prompt: str = "Write a program that prints Fibonacci numbers, run it, extend it and run it again."
    model: str = MODEL
    limit_s: float = 90.0
    retries: int | None = None
    """How often it may ask again; None leaves it at its own number, ten."""
    on_delta: Callable[[], None] = nothing
    """Called at the first delta, while the client goes on; `Leave` ends it."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """More environment."""
    arguments: tuple[str, ...] = ()

    def at(self, url: str) -> Ask:
        """The same, pointed somewhere."""
        return replace(self, url=url)


def run(command: Sequence[str], ask: Ask) -> Run:
    """Starts the client (`claude`, or what starts it), follows it to its end or its limit, and tells what it did."""
    work, temporary = ask.place / "work", ask.place / "tmp"
    work.mkdir(parents=True, exist_ok=True)
    temporary.mkdir(exist_ok=True)
    begun = time.monotonic()
    with (ask.place / "stderr").open("w+b") as errors:
        process = subprocess.Popen(
            [*command, "-p", ask.prompt, *ARGUMENTS, "--model", ask.model, *ask.arguments],
            cwd=work,
            env=environment(ask, temporary),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        alarm = Alarm(process, ask.limit_s)
        try:
            lines, first_delta_s = follow(process, begun, ask.on_delta)
            exit_code = process.wait()
        finally:
            alarm.put_off()
        errors.seek(0)
        return Run(
            exit_code=exit_code,
            lines=lines,
            stderr=errors.read().decode(errors="replace"),
            work=work,
            took_s=time.monotonic() - begun,
            first_delta_s=first_delta_s,
            overdue=alarm.rang,
        )


ARGUMENTS = (
    *("--output-format", "stream-json", "--verbose", "--include-partial-messages"),
    # Allowed by name, since the switch that allows everything is refused to root.
    *("--permission-mode", "acceptEdits", "--allowedTools", "Bash,Read,Write,Edit"),
)


def environment(ask: Ask, temporary: Path) -> dict[str, str]:
    """All that the client sees of this machine."""
    home = ask.place / "home"
    limit = {} if ask.retries is None else {"CLAUDE_CODE_MAX_RETRIES": str(ask.retries)}
    where = {"ANTHROPIC_BASE_URL": ask.url, "ANTHROPIC_AUTH_TOKEN": "key-of-the-client"} if ask.url else {}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        **where,
        **limit,
        **ask.settings,
    }


def follow(
    process: subprocess.Popen[bytes], begun: float, on_delta: Callable[[], None]
) -> tuple[tuple[Json, ...], float | None]:
    """The client's lines as it writes them, and when the first delta came."""
    assert process.stdout is not None
    lines: list[Json] = []
    first_delta_s: float | None = None
    with process.stdout as output:
        for raw in output:
            line = json.loads(raw)
            lines.append(line)
            if first_delta_s is None and line.get("event", {}).get("type") == "content_block_delta":
                first_delta_s = time.monotonic() - begun
                try:
                    on_delta()
                except Leave:
                    end(process)
    return tuple(lines), first_delta_s


class Alarm:
    """Ends the client's process group when its time is up. Mutable: it remembers whether it had to."""

    def __init__(self, process: subprocess.Popen[bytes], limit_s: float) -> None:
        self.rang = False
        self._process = process
        self._timer = threading.Timer(limit_s, self._ring)
        self._timer.start()

    def _ring(self) -> None:
        self.rang = True
        end(self._process)

    def put_off(self) -> None:
        """No longer needed; what the client may have left running is ended too."""
        self._timer.cancel()
        end(self._process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends the client and all that it started, which live in a process group of their own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
