"""The real agents beside Claude Code's own harness, each without a screen, and what it told its user in the end.

They are set up as `dragoman launch` does it, from its own table. Each runs in a place of its own, with an environment
that holds nothing but what is named here; proxies that refuse keep it from talking to anyone but loopback.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from dragoman.cli.agents import Wanted, agents, merged, outfit
from tests.clients.claude_code import Alarm, end
from tests.standin import Dialect

Json = dict[str, Any]


class Told(Struct, frozen=True):
    """What an agent's own lines say."""

    text: str
    """The last words of the model that the user sees."""
    failed: bool
    """Whether the user is told that it did not work."""
    calls: tuple[str, ...]
    """Each call that it took for finished, by the tool's name."""


class Wish(Struct, frozen=True, kw_only=True):
    """What an agent is started with."""

    place: Path
    """A fresh directory for everything that it reads and writes."""
    url: str
    """The gateway's, or a stand-in's."""
    model: str
    prompt: str
    limit_s: float = 90.0
    config: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the agent's configuration."""
    leaves: Callable[[], bool] = lambda: False
    """Called as it starts: once this says so, the client is ended, as its user would."""

    @property
    def work(self) -> Path:
        """Its working directory."""
        return self.place / "work"


class Ended(Struct, frozen=True, kw_only=True):
    """One finished run."""

    exit_code: int
    told: Told
    lines: tuple[Json, ...]
    stderr: str
    took_s: float
    overdue: bool
    """Whether it was ended because its time was up."""

    @property
    def story(self) -> str:
        """The run in a few lines, for the message of a failed claim."""
        seen = [f"exit {self.exit_code}, {self.took_s:.1f} s, overdue {self.overdue}, {self.told}"]
        return "\n".join(
            [*seen, *(json.dumps(line, ensure_ascii=False)[:300] for line in self.lines), self.stderr[-2000:]]
        )


class Agent(Struct, frozen=True, kw_only=True):
    """One agent at one version, asking in one dialect."""

    package: str
    """What scripts/clients calls it."""
    version: str
    command: str
    row: str
    """Its key in the table of `dragoman launch`."""
    door: Dialect
    arguments: Callable[[Wish], tuple[str, ...]]
    read: Callable[[Sequence[Json]], Told]
    settings: Mapping[str, str] = field(default_factory=dict)
    """More environment."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Laid over what the table says; `$url` stands for the address."""


def run(program: Path, agent: Agent, wish: Wish) -> Ended:
    """Starts the agent, follows it to its end or its limit, and tells what it did."""
    arguments, environment = prepared(agent, wish)
    return followed([str(program), *arguments], environment, wish, agent.read)


def followed(
    command: Sequence[str], environment: Mapping[str, str], wish: Wish, read: Callable[[Sequence[Json]], Told]
) -> Ended:
    """Runs a client in its place, and tells what it said; lines that are no JSON objects are passed over."""
    wish.work.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with (wish.place / "stderr").open("w+b") as errors:
        process = subprocess.Popen(
            command,
            cwd=wish.work,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        alarm = Alarm(process, wish.limit_s)
        leaving = threading.Thread(target=leave, args=(process, wish))
        leaving.start()
        try:
            assert process.stdout is not None
            with process.stdout as output:
                lines = tuple(json.loads(line) for line in output if line.startswith(b"{"))
            exit_code = process.wait()
        finally:
            alarm.put_off()
            leaving.join()
        errors.seek(0)
        stderr = errors.read().decode(errors="replace")
    took_s = time.monotonic() - begun
    told = read(lines)
    return Ended(exit_code=exit_code, told=told, lines=lines, stderr=stderr, took_s=took_s, overdue=alarm.rang)


def leave(process: subprocess.Popen[bytes], wish: Wish) -> None:
    """Ends the client once its user would."""
    if wish.leaves():
        end(process)


def prepared(agent: Agent, wish: Wish) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment, with the files that the agent reads written."""
    home, temporary = wish.place / "home", wish.place / "tmp"
    for folder in (home, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    row = agents()[agent.row]
    made = outfit(row, Wanted(url=wish.url, model=wish.model, models=(wish.model,), essential_only=True), {})
    mine = merged(json.loads(json.dumps(agent.config).replace("$url", wish.url)), wish.config)
    environment = {
        **surroundings(home, temporary),
        **agent.settings,
        **{each.name: each.value for each in made.settings if each.value is not None},
    }
    if row.variable:
        environment[row.variable] = json.dumps(merged(json.loads(environment[row.variable]), mine))
    if row.file:
        file = home / row.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(merged(made.config, mine)))
        environment[row.home] = str(home)
    return [*made.arguments, *agent.arguments(wish)], environment


def surroundings(home: Path, temporary: Path) -> dict[str, str]:
    """All that an agent sees of this machine."""
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
    }


def read_claude(lines: Sequence[Json]) -> Told:
    """Claude Code's stream-json."""
    result = next((line for line in reversed(lines) if line["type"] == "result"), {})
    blocks = [block for line in lines if line["type"] == "assistant" for block in line["message"]["content"]]
    calls = tuple(block["name"] for block in blocks if block["type"] == "tool_use")
    return Told(str(result.get("result") or ""), bool(result.get("is_error", True)), calls)


def read_codex(lines: Sequence[Json]) -> Told:
    """Codex's `--json`."""
    items = [line["item"] for line in lines if line["type"] == "item.completed"]
    texts = [item["text"] for item in items if item["type"] == "agent_message"]
    calls = tuple(item["type"] for item in items if item["type"] in ("command_execution", "file_change"))
    failed = not any(line["type"] == "turn.completed" for line in lines)
    return Told(texts[-1] if texts else "", failed, calls)


def read_gemini(lines: Sequence[Json]) -> Told:
    """Gemini CLI's stream-json."""
    text = ""
    calls = []
    for line in lines:
        match line:
            case {"type": "message", "role": "assistant", "content": content}:
                text += content
            case {"type": "tool_use", "tool_name": name}:
                calls.append(name)
                text = ""
    done = any(line["type"] == "result" and line.get("status") == "success" for line in lines)
    return Told(text, not done, tuple(calls))


def read_opencode(lines: Sequence[Json]) -> Told:
    """opencode's `--format json`; an error of a tool is no error of the run."""
    texts = [line["part"]["text"] for line in lines if line["type"] == "text"]
    calls = tuple(line["part"]["tool"] for line in lines if line["type"] == "tool_use")
    return Told(texts[-1] if texts else "", any(line["type"] == "error" for line in lines), calls)


CLAUDE_CODE = Agent(
    package="claude-code",
    version="2.1.328",
    command="claude",
    row="claude",
    door="anthropic",
    # Allowed by name, since the switch that allows everything is refused to root.
    arguments=lambda wish: (
        *("-p", wish.prompt, "--model", wish.model, "--output-format", "stream-json", "--verbose"),
        *("--permission-mode", "acceptEdits", "--allowedTools", "Bash,Read,Write,Edit"),
    ),
    read=read_claude,
    settings={"DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1"},
)

CODEX = Agent(
    package="codex",
    version="0.169.0",
    command="codex",
    row="codex",
    door="openai_responses",
    arguments=lambda wish: (
        *("-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false", "-c", 'approval_policy="never"'),
        *("exec", "--json", "--skip-git-repo-check", "--sandbox", "danger-full-access", wish.prompt),
    ),
    read=read_codex,
)

GEMINI_CLI = Agent(
    package="gemini-cli",
    version="0.61.0",
    command="gemini",
    row="gemini",
    door="gemini",
    arguments=lambda wish: ("-p", wish.prompt, "--yolo", "--skip-trust", "-o", "stream-json"),
    read=read_gemini,
    config={
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    },
)


def opencode(kit: str, door: Dialect, base: str) -> Agent:
    """opencode with one of its kits, by the path that stands behind the address."""
    provider = {"npm": kit, "options": {"baseURL": f"$url{base}"}}
    return Agent(
        package="opencode",
        version="1.18.33",
        command="opencode",
        row="opencode",
        door=door,
        arguments=lambda wish: ("run", "--pure", "--format", "json", "--auto", wish.prompt),
        read=read_opencode,
        settings={
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        },
        config={"autoupdate": False, "share": "disabled", "provider": {"dragoman": provider}},
    )


AGENTS = {
    "claude": CLAUDE_CODE,
    "codex": CODEX,
    "gemini": GEMINI_CLI,
    "opencode-compatible": opencode("@ai-sdk/openai-compatible", "openai_chat", "/v1"),
    "opencode-openai": opencode("@ai-sdk/openai", "openai_responses", "/v1"),
    "opencode-anthropic": opencode("@ai-sdk/anthropic", "anthropic", "/v1"),
    "opencode-google": opencode("@ai-sdk/google", "gemini", "/v1beta"),
}
