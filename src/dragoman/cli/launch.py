"""`dragoman launch codex`: starts an agent with what points it at the gateway."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from dragoman.cli.options import ConfigFile, Switch
from dragoman.settings.record import Notice

if TYPE_CHECKING:
    from dragoman.cli.agents import Agent, Outfit, Setting, Wanted
    from dragoman.cli.gateway import Gateway


def launch(
    agent: str,
    /,
    *arguments: Annotated[str, Parameter(show=False)],
    model: str | None = None,
    url: str | None = None,
    config: ConfigFile = None,
    essential_only: Switch = False,
) -> int:
    """Start a coding agent that asks this gateway; what follows `--` is handed to it.

    Only what this one process sees is set; the agent's settings files stay as they are. `dragoman env` prints the same.

    Parameters
    ----------
    agent
        The agent's command: claude, codex, gemini, opencode, qwen or aider.
    model
        The model it asks for; else its own, or the first that the gateway offers.
    url
        The gateway's address; else the configured one.
    config
        Configuration file, for the address and key.
    essential_only
        Let the agent make no calls beyond its work: no session titles, telemetry or model discovery.
    """
    from dragoman.cli.agents import Wanted, agents
    from dragoman.cli.gateway import running_gateway
    from dragoman.cli.say import fail
    from dragoman.shapes.hints import near

    row = agents().get(agent)
    if row is None:
        return fail(f"There is no agent '{agent}' to start.", near(agent, agents()))
    program = shutil.which(agent)
    if program is None:
        return fail(
            f"Starting '{agent}' was tried, but there is no such command on PATH.",
            f"Install {row.name} ({row.install}), or correct PATH.",
        )
    gateway = running_gateway(url, config)
    if (refused := _unreachable(gateway)) is not None:
        return refused
    wanted = Wanted(url=gateway.url, key=gateway.key, arguments=arguments, essential_only=essential_only)
    dressed = dress(agent, row, wanted, model, os.environ)
    if isinstance(dressed, Notice):
        return fail(dressed.what, dressed.remedy)
    return _become([program, *dressed.arguments], child_environment(os.environ, dressed.settings))


def _unreachable(gateway: Gateway) -> int | None:
    """The exit code where no agent can be sent to a gateway, and why is told; None where one can."""
    from dragoman.cli.gateway import admits, answers
    from dragoman.cli.say import fail

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
    return None


def dress(command: str, row: Agent, wanted: Wanted, model: str | None, environ: Mapping[str, str]) -> Outfit | Notice:
    """What starts the agent, with the model that was named or is offered; or what keeps it from that.

    The file that it may need is written, in a home of its own.
    """
    from dragoman.cli.agents import model_for, outfit
    from dragoman.cli.gateway import Gateway, offered

    models = offered(Gateway(wanted.url, wanted.key)) if row.asks_for != "its own" else ()
    chosen = model_for(row, model, models)
    if chosen is None:
        return Notice(
            command,
            f"{row.name} must be told a model, but the gateway at {wanted.url} offers none by name.",
            "Name one with --model, or list it in the 'models' of a channel.",
        )
    wanted = replace(wanted, models=models, model=chosen)
    try:
        dressed = outfit(row, wanted, environ)
    except ValueError as error:
        return Notice(command, f"{row.variable} was to be added to, but is not JSON: {error}.", "Correct or unset it.")
    return _at_home(command, row, dressed, environ) if row.home else dressed


def _at_home(command: str, row: Agent, dressed: Outfit, environ: Mapping[str, str]) -> Outfit | Notice:
    """The outfit with a home of its own, whose file holds the user's own configuration with the outfit's over it."""
    from dragoman.cli.agents import Setting, merged, read_config
    from dragoman.cli.place import agent_home
    from dragoman.cli.say import as_json

    theirs = Path(environ.get(row.home) or Path.home()) / row.file
    try:
        found = read_config(theirs.read_text(encoding="utf-8")) if theirs.exists() else {}
    except (OSError, ValueError) as error:
        return Notice(command, f"{theirs} was to be read, but could not be: {error}.", "Make it plain JSON.")
    home = agent_home(command)
    ours = home / row.file
    ours.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ours.write_text(as_json(merged(found, dressed.config)) + "\n", encoding="utf-8")
    where = Setting(row.home, str(home), f"A home of its own, whose {row.file} says how to log in.")
    return replace(dressed, settings=(*dressed.settings, where))


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
