"""`dragoman doctor`: what is wrong or odd here, each finding with its remedy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dragoman.cli.options import ConfigFile, Switch

if TYPE_CHECKING:
    from dragoman.cli.findings import Finding, Grade
    from dragoman.cli.say import Style
    from dragoman.settings.record import Settings

STYLES: dict[Grade, Style] = {"fine": "green", "note": "cyan", "warning": "yellow", "error": "red"}


def doctor(*, config: ConfigFile = None, offline: Switch = False, json: Switch = False) -> int:
    """Look for whatever could keep the gateway from working, and tell what to do.

    The exit code is 0 if all is well, 1 for warnings, 2 for errors. No tokens are spent; `channel test` asks for some.

    Parameters
    ----------
    config
        Configuration file.
    offline
        Ask no upstream.
    json
        Print JSON.
    """
    from dragoman.cli.findings import GRADES
    from dragoman.cli.say import as_json

    findings = examine(config, offline=offline)
    print(as_json(findings) if json else "\n".join(map(told, findings)))
    return max(GRADES[finding.grade] for finding in findings)


def examine(config: str | None, *, offline: bool) -> list[Finding]:
    """Everything that was found."""
    import asyncio

    from dragoman.cli.findings import of_notices, of_settings
    from dragoman.cli.place import configured
    from dragoman.settings.record import Flags, SettingsRefused

    try:
        settings = configured(Flags(config=config))
    except SettingsRefused as refused:
        return of_notices(refused.faults, "error")
    findings = list(of_settings(settings, os.environ))
    return findings if offline else findings + asyncio.run(_reached(settings))


async def _reached(settings: Settings) -> list[Finding]:
    """What asking the upstreams found."""
    from urllib.request import getproxies_environment

    from dragoman.cli.reach import of_channels
    from dragoman.net.transport import open_transport
    from dragoman.providers.catalog import catalog

    async with open_transport(getproxies_environment()) as transport:
        return await of_channels(settings.snapshot, catalog(), transport)


def told(finding: Finding) -> str:
    """One finding for people."""
    from dragoman.cli.say import styled

    line = f"{styled(finding.grade.ljust(7), STYLES[finding.grade])}  {finding.about}: {finding.what}"
    return f"{line}\n         {finding.remedy}" if finding.remedy else line
