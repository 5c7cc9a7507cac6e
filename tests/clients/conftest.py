"""What the tests with real clients share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.claude_code import Ask, Run, run
from tests.conftest import Needs

Claude = Callable[[str, Ask], Run]


@pytest.fixture(scope="session")
def claude(needs: Needs) -> Claude:
    """Runs one version of Claude Code."""

    def run_version(version: str, ask: Ask) -> Run:
        command: Path = needs.client("claude-code", version, "claude")
        return run([str(command)], ask)

    return run_version
