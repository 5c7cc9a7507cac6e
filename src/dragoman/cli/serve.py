"""`dragoman serve`: starts the gateway and says how to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from dragoman import __version__
from dragoman.cli.options import ConfigFile, Switch

if TYPE_CHECKING:
    from dragoman.settings.record import Settings


def serve(
    *,
    host: str | None = None,
    port: Annotated[int | None, Parameter(alias="-p")] = None,
    config: ConfigFile = None,
    open_to_all: Annotated[Switch, Parameter(name="--open")] = False,
    demo: Switch = False,
    log_level: Literal["debug", "info", "warning", "error"] | None = None,
) -> int:
    """Start the gateway; this is also what `dragoman` alone does.

    Parameters
    ----------
    host
        Address to listen on; 127.0.0.1 unless configured. Any other needs API keys, or --open.
    port
        Port to listen on; 8090 unless configured, 0 for any free one.
    config
        Configuration file; else ./dragoman.toml, else ~/.config/dragoman/dragoman.toml.
    open_to_all
        Let anyone who can connect use the configured accounts, though no key is required.
    demo
        Answer with the built-in demo model; needs no key, file or network, and reads none.
    log_level
        How much is told while running.
    """
    from dragoman.cli.place import configured
    from dragoman.cli.say import fail
    from dragoman.settings.record import Flags

    settings = configured(Flags(host=host, port=port, config=config, open=open_to_all, demo=demo, log_level=log_level))
    if lacking := unguarded(settings):
        server = settings.server
        return fail(
            f"Listening on {server.host} was asked for, where strangers could use your accounts: {lacking}.",
            "Make them (docs/operating.md), set DRAGOMAN_API_KEYS, listen on 127.0.0.1, or say --open if it is meant.",
        )
    # After the configuration, so that its faults are told at once.
    from dragoman.assembly import serve as serve_until_stopped

    try:
        return serve_until_stopped(
            settings,
            demo=demo,
            ready=lambda taken: print(greeting(settings, taken, demo=demo), flush=True),
            nobody_yet=lambda taken, token: print(invitation(settings, taken, token), flush=True),
        )
    except OSError as found:
        server = settings.server
        return fail(
            f"Listening on {server.host}:{server.port} was tried, but: {found.strerror or found}.",
            "If another Dragoman runs there, use it or stop it; else choose another port with --port.",
        )


def unguarded(settings: Settings) -> str:
    """What is not there to keep strangers out where the database has to, in words; empty if nothing lacks."""
    if not settings.server.needs_stored_keys:
        return ""
    import asyncio

    from dragoman.store.guards import lacking
    from dragoman.store.ports import StoreTrouble

    server = settings.server
    try:
        found = asyncio.run(
            lacking(server.database.reveal(), server.data_dir, has_master_key=bool(server.master_key.reveal()))
        )
    except StoreTrouble as trouble:
        return f"the database could not be asked whether it holds keys ({trouble})"
    return f"clients need no key, and the database has no {' and no '.join(found)}" if found else ""


def invitation(settings: Settings, port: int, token: str) -> str:
    """What is said where the gateway has no user yet: how to become the first."""
    from dragoman.cli.place import address

    url = address(settings.server.host, port)
    return (
        f"No user yet. To manage this gateway, become its admin within 15 minutes:\n"
        f"  dragoman users first --url {url} --setup-token {token}\n"
    )


def greeting(settings: Settings, port: int, *, demo: bool) -> str:
    """What is said once requests are answered: the address, where things come from, what to know, what to paste."""
    from dragoman.cli.place import address
    from dragoman.cli.say import styled

    url = address(settings.server.host, port)
    key = "<one of your keys>" if settings.server.api_keys else "dragoman"
    channels = ", ".join(f"{channel.name} ({channel.provider})" for channel in settings.snapshot.channels)
    lines = [
        f"{styled(f'Dragoman {__version__}', 'bold')} answers at {styled(url, 'cyan')}",
        f"  configuration  {settings.file or 'no file'}",
        f"  channels       {'demo (the built-in demo model)' if demo else channels or 'none'}",
        f"  keys           {len(settings.server.api_keys) or 'none; this machine only'}",
    ]
    if settings.server.needs_stored_keys:
        lines[-1] = "  keys           those of the database"
    if settings.server.open and not settings.server.api_keys:
        lines[-1] = "  keys           none; open to whoever can connect"
    for notice in settings.notices:
        lines += ["", f"{styled('!', 'yellow')} {notice}"]
    lines += [
        "",
        "Claude Code, in another terminal: dragoman launch claude",
        "or by hand:",
        f"  export ANTHROPIC_BASE_URL={url}",
        f"  export ANTHROPIC_AUTH_TOKEN={key}",
        "Another agent: dragoman launch codex (or gemini, opencode, qwen, aider)",
        "Something is not right? dragoman doctor",
        "",
    ]
    return "\n".join(lines)
