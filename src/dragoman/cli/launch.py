"""`dragoman launch claude`: starts an agent with the environment that points it at the gateway."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from dragoman.cli.claude import Setting
from dragoman.cli.options import ConfigFile, Switch


def launch(
    agent: Literal["claude"],
    /,
    *arguments: Annotated[str, Parameter(show=False)],
    url: str | None = None,
    config: ConfigFile = None,
    essential_only: Switch = False,
) -> int:
    """Start a coding agent that asks this gateway; what follows `--` is handed to it.

    Only the agent's own environment is set; its settings files stay as they are. `dragoman env` prints the same.

    Parameters
    ----------
    agent
        The agent: Claude Code, found as `claude` on PATH.
    url
        The gateway's address; else the configured one.
    config
        Configuration file, for the address and key.
    essential_only
        Let the agent make no calls beyond its work: no session titles, telemetry or model discovery.
    """
    from dragoman.cli.claude import claude_settings
    from dragoman.cli.gateway import admits, answers, running_gateway
    from dragoman.cli.say import fail

    program = shutil.which(agent)
    if program is None:
        return fail(
            f"Starting '{agent}' was tried, but there is no such command on PATH.",
            "Install Claude Code (npm install -g @anthropic-ai/claude-code), or correct PATH.",
        )
    gateway = running_gateway(url, config)
    if not answers(gateway.url):
        return fail(
            f"A gateway was looked for at {gateway.url}, but none answers there.",
            "Start one in another terminal by 'dragoman' (or 'dragoman --demo'), or name its address with --url.",
        )
    if not admits(gateway):
        return fail(
            f"The gateway at {gateway.url} was asked, but it does not take {'this key' if gateway.key else 'no key'}.",
            "Set DRAGOMAN_API_KEYS to one of its keys, or name its configuration file with --config.",
        )
    settings = claude_settings(gateway.url, gateway.key, os.environ, essential_only=essential_only)
    return _become([program, *arguments], child_environment(os.environ, settings))


def child_environment(environ: Mapping[str, str], settings: Sequence[Setting]) -> dict[str, str]:
    """The environment with the settings put over it."""
    removed = {setting.name for setting in settings if setting.value is None}
    kept = {name: value for name, value in environ.items() if name not in removed}
    return kept | {setting.name: setting.value for setting in settings if setting.value is not None}


def _become(command: list[str], environ: dict[str, str]) -> int:
    """Turns this process into the agent; where the system cannot (Windows), waits for it and gives its exit code."""
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(command[0], command, environ)  # noqa: S606 - the user asked for this program
    return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603
