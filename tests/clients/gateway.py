"""The gateway as a process of its own, started as its users start it: a file, a command, an address in its greeting."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

Wire = Literal["openai_chat", "anthropic"]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
START_S = 30.0


class Upstream(Struct, frozen=True, kw_only=True):
    """One channel of the configuration."""

    url: str
    """Without a path, as a stand-in tells it."""
    provider: str
    """Id of the provider's row."""
    name: str = ""
    """Of the channel; empty: numbered by its place."""
    models: tuple[str, ...] = ("standin-large",)
    context: int | None = None
    """Tokens that the models hold; None: not known."""
    settings: tuple[tuple[str, Any], ...] = ()
    """More keys of the channel."""


PROVIDERS: dict[Wire, str] = {"openai_chat": "openai-compatible", "anthropic": "anthropic"}
"""The row a wire is tested with: any server of that dialect, and the vendor itself, to whom all is sent verbatim."""
BASE_PATHS = {"openai-compatible": "/v1", "openai": "/v1"}
"""What vendors' own SDKs are given after the address; nothing where a row is not named."""


class Gateway(Struct, frozen=True):
    """A running gateway."""

    url: str
    log: Path
    """What it wrote, for the message of a failed claim."""
    process_id: int


def toml(value: object) -> str:
    """A value as TOML writes it: as JSON does, but for tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)


def configuration(upstreams: Iterable[Upstream], folder: Path, *, in_turn: bool = True) -> str:
    """A `dragoman.toml`; `in_turn` sends any model to the first upstream, and to the next where that fails.

    Otherwise a model goes to the upstreams that list it.
    """
    lines = ["[server]", f"data_dir = {json.dumps(str(folder / 'data'))}"]
    targets = []
    for number, upstream in enumerate(upstreams):
        name = upstream.name or f"upstream-{number}"
        keys: dict[str, Any] = {
            "name": name,
            "provider": upstream.provider,
            "base_url": upstream.url + BASE_PATHS.get(upstream.provider, ""),
            "api_key": "key-of-the-gateway",
            "models": list(upstream.models),
            **dict(upstream.settings),
        }
        lines += ["[[channels]]", *(f"{key} = {toml(value)}" for key, value in keys.items())]
        if upstream.context:
            lines.append(f'cards = [{{ name = "*", context = {upstream.context} }}]')
        targets.append(f'{{ channel = "{name}", model = {json.dumps(upstream.models[0])} }}')
    if not in_turn:
        return "\n".join([*lines, ""])
    rule = f'{{ pattern = ".*", targets = [{", ".join(targets)}] }}'
    return "\n".join([*lines, "[[profiles]]", 'name = "default"', f"rules = [{rule}]", ""])


@contextmanager
def gateway(folder: Path, *upstreams: Upstream, in_turn: bool = True) -> Iterator[Gateway]:
    """A gateway in front of these upstreams, until the context ends."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dragoman.toml"
    file.write_text(configuration(upstreams, folder, in_turn=in_turn))
    with serving(folder, "--config", str(file)) as served:
        yield served


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Gateway]:
    """A gateway started with these flags, until the context ends."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "dragoman", *flags, "--port", "0"],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Gateway(address(process, log), log, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address in the greeting, which is written once requests are answered."""
    assert process.stdout is not None
    alarm = threading.Timer(START_S, process.kill)
    alarm.start()
    try:
        for line in process.stdout:
            if found := ADDRESS.search(line.decode()):
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return found.group()
    finally:
        alarm.cancel()
    raise AssertionError(f"The gateway did not start:\n{log.read_text()}")
