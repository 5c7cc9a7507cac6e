"""A newcomer's first minutes: `dragoman --demo` and `dragoman launch claude`, with the real Claude Code alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.clients.claude_code import VERSIONS, Ask, run
from tests.clients.conftest import Claude
from tests.clients.gateway import serving
from tests.conftest import Needs

TASK = "Write a small program and run it."


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_demo_model_carries_a_run(claude: Claude, tmp_path: Path, version: str) -> None:
    with serving(tmp_path / "gateway", "--demo") as door:
        done = claude(version, Ask(url=door.url, place=tmp_path, prompt=TASK, model="claude-opus-5-5"))

    assert (done.exit_code, done.is_error, done.retries) == (0, False, []), done.story
    assert [name for name, _ in done.calls] == ["Write", "Bash"], done.story
    assert "Six times seven is 42" in done.text
    assert (done.work / "hello_dragoman.py").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_launch_starts_a_claude_that_finds_the_gateway(needs: Needs, tmp_path: Path, version: str) -> None:
    claude = needs.client("claude-code", version, "claude")
    path = os.pathsep.join((str(claude.parent), os.environ.get("PATH", os.defpath)))
    with serving(tmp_path / "gateway", "--demo") as door:
        launch = [sys.executable, "-m", "dragoman", "launch", "claude", "--url", door.url, "--essential-only", "--"]
        done = run(launch, Ask(place=tmp_path, prompt=TASK, model="claude-opus-5-5", settings={"PATH": path}))

    assert (done.exit_code, done.is_error, done.retries) == (0, False, []), done.story
    assert "Six times seven is 42" in done.text
