"""The commands by name, and the one place where a failure becomes a message and an exit code.

Exit codes: 0 done, 1 it ran but found something wrong, 2 it could not run as asked, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from dragoman import __version__
from dragoman.cli import db, manage, settings
from dragoman.cli.channel import probe
from dragoman.cli.desk import Refused
from dragoman.cli.doctor import doctor
from dragoman.cli.env import env
from dragoman.cli.launch import launch
from dragoman.cli.plan import plan
from dragoman.cli.providers import providers
from dragoman.cli.say import fail, tell_faults
from dragoman.cli.serve import serve
from dragoman.cli.version import version
from dragoman.settings.record import SettingsRefused

REFUSED = 2
INTERRUPTED = 130

HELP = """The gateway between coding agents and models.

Without a command, it serves. `dragoman --demo` needs no key; docs/configuration.md tells how to add one.
"""
USAGE = "Usage: dragoman {}"


def command_line() -> App:
    """All commands. Their modules are light: what a command needs beyond its options it imports when it runs."""
    app = App(name="dragoman", help=HELP, help_format="markdown", version=__version__, result_action="return_value")
    app.default(serve)
    channel = App(name="channel", help="Work with the configured channels.")
    channel.command(probe, name="test", usage=USAGE.format("channel test [OPTIONS] [NAME]"))
    app.command(launch, usage=USAGE.format("launch [OPTIONS] AGENT [-- ARGUMENTS]"))
    app.command(providers, usage=USAGE.format("providers [OPTIONS] [ID]"))
    for command in (serve, env, doctor, plan, manage.export, version):
        app.command(command)
    for group in (channel, db.commands(), *manage.apps(), settings.app()):
        app.command(group)
    app.command(manage.take_in, name="import")
    return app


def run(words: Sequence[str]) -> int:
    """Runs one command and gives its exit code; whatever was configured or typed wrongly is told, never thrown."""
    try:
        code = command_line()(words, exit_on_error=False)
    except SettingsRefused as refused:
        tell_faults(refused.faults)
        return REFUSED
    except Refused as refused:
        return fail("That was not done.", str(refused))
    except CycloptsError:
        # The message is printed already, with the command's usage.
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, as `head`, has seen enough; what Python would flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0
