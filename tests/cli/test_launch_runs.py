"""The real agents, started by `dragoman launch` for the demo: each reaches it and tells what it said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.clients.agents import AGENTS
from tests.clients.gateway import serving
from tests.conftest import Needs

NOWHERE = "http://127.0.0.1:9"
"""A proxy that refuses: the agents can talk to loopback alone, which `launch` keeps from proxies."""
WORDS = {
    "claude": ("-p",),
    "codex": ("exec", "--skip-git-repo-check", "--sandbox", "danger-full-access"),
    "gemini": ("--skip-trust", "-p"),
    "opencode": ("run", "--pure"),
    "qwen": ("-p",),
}
"""How each is asked without a screen."""
FETCHED = {
    **{agent.row: (agent.package, agent.version) for agent in AGENTS.values()},
    "qwen": ("qwen-code", "0.15.10"),
}
"""What scripts/clients calls each, and its version."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that serves the demo model."""
    with serving(tmp_path_factory.mktemp("gateway"), "--demo") as door:
        yield door.url


@pytest.mark.slow
@pytest.mark.parametrize("command", WORDS)
def test_a_launched_agent_reaches_the_gateway(command: str, url: str, needs: Needs, tmp_path: Path) -> None:
    program = needs.client(*FETCHED[command], command)
    (tmp_path / "home").mkdir()
    folders = [str(program.parent), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    environ = {"PATH": os.pathsep.join(folders), "LANG": "C.UTF-8", "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE}

    done = run(
        tmp_path,
        "launch",
        command,
        "--url",
        url,
        "--essential-only",
        "--",
        *WORDS[command],
        "Say hello.",
        environ=environ,
    )

    assert done.code == 0, done.err
    assert "Dragoman" in done.out or "hello_dragoman.py" in done.out
