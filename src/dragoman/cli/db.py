"""`dragoman db`: what is done to the database from outside."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli.options import ConfigFile, Switch

if TYPE_CHECKING:
    from dragoman.store.upkeep import Where

USAGE = "Usage: dragoman db {}"
FOUND = 1
"""Exit code of a check that found something."""

Work = Callable[["Where"], Coroutine[Any, Any, int]]


def commands() -> App:
    """The commands below `db`."""
    app = App(name="db", help="Look after the database.")
    app.command(upgrade, usage=USAGE.format("upgrade [OPTIONS]"))
    app.command(backup, usage=USAGE.format("backup [OPTIONS] [FILE]"))
    app.command(restore, usage=USAGE.format("restore [OPTIONS] FILE"))
    app.command(check, usage=USAGE.format("check [OPTIONS]"))
    app.command(rotate_key, name="rotate-key", usage=USAGE.format("rotate-key [OPTIONS]"))
    return app


def upgrade(*, config: ConfigFile = None) -> int:
    """Bring the database to this version's tables, as the gateway does when it starts.

    A file of SQLite is copied first, into the folder backups beside it.

    Parameters
    ----------
    config
        Configuration file.
    """
    from dragoman.store import upkeep

    async def work(where: Where) -> int:
        await upkeep.upgrade(where)
        print("The database is up to date.")
        return 0

    return _done(work, config)


def backup(
    file: Path | None = None,
    /,
    *,
    contents: Annotated[bool, Parameter(negative="--no-contents")] = True,
    config: ConfigFile = None,
) -> int:
    """Write everything that the database holds into a file, while gateways may run.

    Secrets stay sealed in it: it is of use with the master key only, which is not in it.

    Parameters
    ----------
    file
        The file; else one named by the time in the folder backups.
    contents
        With the contents of requests and answers.
    config
        Configuration file.
    """
    from dragoman.store import upkeep

    async def work(where: Where) -> int:
        written, count = await upkeep.back_up(where, file, contents=contents)
        print(f"{count} rows were written to {written}")
        return 0

    return _done(work, config)


def restore(file: Path, /, *, replace: Switch = False, config: ConfigFile = None) -> int:
    """Put everything from a backup into the database, which may be of another kind; whole, or nothing of it.

    Stop the gateway first. A file of SQLite that is replaced is kept in the folder backups.

    Parameters
    ----------
    file
        The backup.
    replace
        Put it in the place of what is in the database.
    config
        Configuration file.
    """
    from dragoman.store import upkeep

    async def work(where: Where) -> int:
        count = await upkeep.restore(where, file, replace=replace)
        print(f"{count} rows were restored.")
        return 0

    return _done(work, config)


def check(*, config: ConfigFile = None) -> int:
    """Look whether the database is sound: its pages, its secrets, its sums, and the chain of the audit log.

    The exit code is 1 if something was found.

    Parameters
    ----------
    config
        Configuration file.
    """
    from dragoman.store import upkeep

    async def work(where: Where) -> int:
        found = await upkeep.check(where)
        print("\n".join(found) or "The database is sound.")
        return FOUND if found else 0

    return _done(work, config)


def rotate_key(*, new: str | None = None, config: ConfigFile = None) -> int:
    """Seal the database's secrets with another master key, while gateways may run.

    Parameters
    ----------
    new
        Where the new key is, as env:NAME or file:PATH. Without it, one is made in the data folder, where the old one
        has to be.
    config
        Configuration file.
    """
    from dragoman.cli.say import fail
    from dragoman.store import upkeep

    if new is not None and not new.startswith(("env:", "file:")):
        return fail("A master key does not belong on a command line.", "Say where it is: env:NAME or file:PATH.")
    text = _resolved(new) if new else None

    async def work(where: Where) -> int:
        master = await upkeep.rotate_key(where, text)
        print(f"The database's secrets are sealed with master key {master.id} now.")
        print("Set DRAGOMAN_MASTER_KEY to it before the next start." if new else "Its file is in its place already.")
        return 0

    return _done(work, config)


def _done(work: Work, config: str | None) -> int:
    """The exit code of what was done to the configured database."""
    from dragoman.cli.place import configured
    from dragoman.cli.say import fail
    from dragoman.settings.record import Flags
    from dragoman.store.ports import StoreTrouble
    from dragoman.store.upkeep import Where

    server = configured(Flags(config=config)).server
    where = Where(server.database.reveal(), server.data_dir, server.master_key.reveal() or None)
    try:
        return asyncio.run(work(where))
    except StoreTrouble as trouble:
        return fail("The database could not be worked with.", str(trouble))


def _resolved(reference: str) -> str:
    """The text that a reference leads to. Raises `SettingsRefused`."""
    from dragoman.settings.record import Notice, SettingsRefused
    from dragoman.settings.sources import Secrets

    faults: list[Notice] = []
    found = Secrets(os.environ, Path.cwd(), Path.home()).resolve(reference, "--new", faults)
    if faults:
        raise SettingsRefused(tuple(faults))
    return found.reveal()
