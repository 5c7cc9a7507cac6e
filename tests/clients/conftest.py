"""What the tests with real clients share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import agents, sdks
from tests.clients.claude_code import Ask, Run, run
from tests.conftest import Needs

Claude = Callable[[str, Ask], Run]
Start = Callable[[agents.Agent | sdks.Sdk, agents.Wish], agents.Ended]


@pytest.fixture(scope="session")
def claude(needs: Needs) -> Claude:
    """Runs one version of Claude Code."""

    def run_version(version: str, ask: Ask) -> Run:
        command: Path = needs.client("claude-code", version, "claude")
        return run([str(command)], ask)

    return run_version


@pytest.fixture(scope="session")
def start(needs: Needs) -> Start:
    """Runs any agent, or a program on any SDK."""

    def run_client(client: agents.Agent | sdks.Sdk, wish: agents.Wish) -> agents.Ended:
        if isinstance(client, agents.Agent):
            return agents.run(needs.client(client.package, client.version, client.command), client, wish)
        packages = needs.packages(client.package, client.version) if client.package else None
        return sdks.run(client, wish, packages, needs.client(*sdks.CLAUDE) if client.drives_claude else None)

    return run_client
