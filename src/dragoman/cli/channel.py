"""`dragoman channel test`: a real small call per channel, through everything a request goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.cli.options import ConfigFile, Switch

if TYPE_CHECKING:
    from dragoman.relay.probe import Finding
    from dragoman.settings.record import Settings


def probe(
    name: str | None = None,
    /,
    *,
    full: Switch = False,
    config: ConfigFile = None,
    json: Switch = False,
) -> int:
    """Ask each channel for a few words, to see whether it works. Costs a few tokens.

    Parameters
    ----------
    name
        One channel; all of them if left out.
    full
        Try a stream, a call of a tool and a picture too, and each of several keys.
    config
        Configuration file.
    json
        Print JSON.
    """
    import asyncio

    from dragoman.cli.place import configured
    from dragoman.cli.say import as_json, fail
    from dragoman.settings.record import Flags
    from dragoman.shapes.hints import near

    settings = configured(Flags(config=config))
    names = [channel.name for channel in settings.snapshot.channels]
    if name is not None and name not in names:
        return fail(f"There is no channel '{name}'.", near(name, names))
    if not names:
        return fail("No channel is configured, so there is nothing to test.", "docs/configuration.md tells how.")
    findings = asyncio.run(_found(settings, name, full=full))
    print(as_json(findings) if json else "\n".join(map(told, findings)))
    return 0 if all(finding.ok for finding in findings) else 1


async def _found(settings: Settings, name: str | None, *, full: bool) -> list[Finding]:
    """What a small call on each channel, or on one, found."""
    from dragoman.assembly import assemble

    async with assemble(settings, record=lambda _: None) as assembly:
        return await assembly.gateway.probe(name, full=full)


def told(finding: Finding) -> str:
    """One finding for people."""
    from dragoman.cli.say import styled

    mark = styled("works", "green") if finding.ok else styled("fails", "red")
    what = finding.account or finding.channel
    what += f" {finding.test}" if finding.test != "text" else ""
    lines = [f"{mark}  {what} ({finding.model or 'no model'}, {finding.took_ms} ms): {finding.message}"]
    if finding.suggestion:
        lines.append(f"       {finding.suggestion}")
    return "\n".join(lines)
