"""What an examination finds, and the examinations that need no network: configuration, port, folder, proxies."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Literal

from msgspec import Struct

from dragoman.cli.gateway import answers
from dragoman.cli.place import address
from dragoman.routing.offer import unreached
from dragoman.settings.record import Notice, Server, Settings

Grade = Literal["fine", "note", "warning", "error"]
GRADES: dict[Grade, int] = {"fine": 0, "note": 0, "warning": 1, "error": 2}
"""Exit code that each grade asks for; the highest wins."""

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class Finding(Struct, frozen=True):
    """One thing that was looked at."""

    about: str
    grade: Grade
    what: str
    remedy: str = ""


def of_notices(notices: tuple[Notice, ...], grade: Grade) -> list[Finding]:
    """What reading the configuration said, as findings."""
    return [Finding(notice.where, grade, notice.what, notice.remedy) for notice in notices]


def of_settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that can be found out without asking anybody."""
    where = str(settings.file) if settings.file else "no file; flags, environment and .env only"
    yield Finding("configuration", "fine", f"It is complete ({where}).")
    yield from of_notices(settings.notices, "warning")
    yield from _of_file(settings)
    yield _of_port(settings.server)
    yield _of_folder(settings.server.data_dir)
    yield from _of_targets(settings)
    yield from _of_proxies(environ)
    yield _of_agent()


def _of_file(settings: Settings) -> Iterator[Finding]:
    """Whether others on this machine can read secrets in the configuration file."""
    if settings.file is None or os.name != "posix" or not settings.file.stat().st_mode & 0o077:
        return
    text = settings.file.read_text(encoding="utf-8-sig")
    secrets = [*settings.server.api_keys, *(channel.api_key for channel in settings.snapshot.channels)]
    if any(secret and secret.reveal() in text for secret in secrets):
        yield Finding(
            str(settings.file),
            "warning",
            "Other users of this machine can read the keys in it.",
            f'Run "chmod 600 {settings.file}", or refer to keys by "env:NAME".',
        )


def _of_targets(settings: Settings) -> Iterator[Finding]:
    """Targets of rules that lead nowhere."""
    _, astray = unreached(settings.snapshot)
    for one in astray:
        about = f"profile '{one.profile}', rule {one.rule}"
        if one.asked:
            yield Finding(about, "note", f"Its target {one.target} is asked for, but {one.why}.")
        else:
            yield Finding(about, "warning", f"Its target {one.target} leads nowhere: {one.why}.", "Correct the target.")


def _of_port(server: Server) -> Finding:
    """Whether the port is free, or held by a gateway already."""
    about = f"{server.host}:{server.port}"
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((server.host, server.port))
        except OSError as found:
            if answers(address(server.host, server.port)):
                return Finding(about, "fine", "A Dragoman is running there.")
            remedy = "Stop what listens there, or choose another host or port."
            return Finding(about, "error", f"It cannot be listened on: {found.strerror or found}.", remedy)
    return Finding(about, "fine", "The port is free.")


def _of_folder(folder: Path) -> Finding:
    """Whether the data folder can be written, or made."""
    about = f"data_dir {folder}"
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        remedy = "Correct its permissions, or name another folder by DRAGOMAN_DATA."
        return Finding(about, "error", f"{nearest} cannot be written to.", remedy)
    return Finding(about, "fine", "It can be written to." if nearest == folder else "It will be made when needed.")


def _of_proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What proxies of the environment mean for upstreams and for agents."""
    named = [name for name in PROXIES if environ.get(name)]
    if not named:
        return
    yield Finding("proxy", "note", f"Upstreams are called through the proxy of {', '.join(named)}.")
    passed_by = f"{environ.get('NO_PROXY', '')},{environ.get('no_proxy', '')}"
    if "127.0.0.1" not in passed_by:
        yield Finding(
            "NO_PROXY",
            "warning",
            "Agents on this machine may ask the proxy for the gateway.",
            "Add 127.0.0.1,localhost to it, or start them by 'dragoman launch'.",
        )


def _of_agent() -> Finding:
    """Whether Claude Code is here."""
    if shutil.which("claude"):
        return Finding("claude", "fine", "Claude Code is installed.")
    remedy = "To use it from here: npm install -g @anthropic-ai/claude-code."
    return Finding("claude", "note", "Claude Code is not on PATH.", remedy)
