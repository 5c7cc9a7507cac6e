"""Where a command runs: the environment and folders as arguments for what reads them."""

from __future__ import annotations

import os
from pathlib import Path

from dragoman.settings.record import Flags, Settings

ANYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, never bound


def configured(flags: Flags) -> Settings:
    """The configuration as this process sees it. Raises `SettingsRefused`."""
    from dragoman.settings.load import load

    return load(flags, os.environ, Path.cwd(), Path.home())


def address(host: str, port: int) -> str:
    """The address at which a client on this machine reaches a gateway that listens on `host`."""
    name = "127.0.0.1" if host in ANYWHERE else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def agent_home(command: str) -> Path:
    """The folder that stands for the home of an agent started here, where it cannot do with the user's."""
    from dragoman.settings.server import USUAL
    from dragoman.settings.sources import expanded

    return expanded(USUAL["data_dir"][0], Path.home()) / "agents" / command
