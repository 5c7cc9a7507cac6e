"""`dragoman env`: the lines that point an agent at the gateway, for a shell to evaluate."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import Literal

from dragoman.cli.options import ConfigFile, Switch
from dragoman.settings.record import Notice

Shell = Literal["bash", "fish", "powershell"]
USUAL_AGENT = "claude"


def _fish_quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell_quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


SET: dict[Shell, Callable[[str, str], str]] = {
    "bash": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": lambda name, value: f"set -gx {name} {_fish_quoted(value)}",
    "powershell": lambda name, value: f"$env:{name} = {_powershell_quoted(value)}",
}
REMOVE: dict[Shell, str] = {
    "bash": "unset {}",
    "fish": "set -e {}",
    "powershell": "Remove-Item Env:{} -ErrorAction SilentlyContinue",
}


def env(
    agent: str = USUAL_AGENT,
    /,
    *,
    model: str | None = None,
    shell: Shell | None = None,
    url: str | None = None,
    config: ConfigFile = None,
    essential_only: Switch = False,
) -> int:
    """Print what `launch` would set, as `eval "$(dragoman env)"` takes it. The gateway's key is printed too.

    Parameters
    ----------
    agent
        As for `launch`.
    model
        As for `launch`.
    shell
        For which shell (bash also for sh and zsh); else the one in use.
    url
        The gateway's address; else the configured one.
    config
        Configuration file, for the address and key.
    essential_only
        As for `launch`.
    """
    from dragoman.cli.agents import Wanted, agents
    from dragoman.cli.gateway import gateway_here
    from dragoman.cli.launch import dress
    from dragoman.cli.say import fail
    from dragoman.shapes.hints import near

    row = agents().get(agent)
    if row is None:
        return fail(f"There is no agent '{agent}' to point at a gateway.", near(agent, agents()))
    chosen = shell or usual_shell(os.environ.get("SHELL", ""), os.name)
    gateway = gateway_here(url, config)
    wanted = Wanted(url=gateway.url, key=gateway.key, essential_only=essential_only)
    dressed = dress(agent, row, wanted, model, os.environ)
    if isinstance(dressed, Notice):
        return fail(dressed.what, dressed.remedy)
    for setting in dressed.settings:
        line = REMOVE[chosen].format(setting.name)
        print(line if setting.value is None else SET[chosen](setting.name, setting.value))
    if dressed.arguments:
        print(f"# Start it as: {shlex.join([agent, *dressed.arguments])}")
    return 0


def usual_shell(login_shell: str, system: str) -> Shell:
    """The shell whose lines are most likely wanted."""
    if login_shell.endswith("fish"):
        return "fish"
    return "powershell" if system == "nt" and not login_shell else "bash"
