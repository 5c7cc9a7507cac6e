"""Whether each channel's upstream can be reached, takes the key and lists the models that are configured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

import msgspec

from dragoman import __version__
from dragoman.canon.problem import Kind, Trouble
from dragoman.cli.findings import Finding
from dragoman.net.signed import Signed
from dragoman.net.transport import Call, Transport
from dragoman.providers.addresses import models_url
from dragoman.providers.base import Provider
from dragoman.providers.credentials import auth_headers
from dragoman.relay.outlet import credential_of, tls_of
from dragoman.relay.probe import SUGGESTIONS, suggestion_for
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.settings.reading import near

PATIENCE_S = 15.0
LIST_LIMIT = 16 * 1024 * 1024
CLOCK_LIMIT_S = 120
"""Difference between clocks from which signatures and tokens begin to be refused."""


async def of_channels(snapshot: Snapshot, rows: Mapping[str, Provider], transport: Transport) -> list[Finding]:
    """What asking every channel's upstream at once found."""
    signed = Signed(transport)
    asked = [
        _of_channel(channel, rows[channel.provider], wanted_models(snapshot, channel.name), signed)
        for channel in snapshot.channels
    ]
    return [finding for findings in await asyncio.gather(*asked) for finding in findings]


def wanted_models(snapshot: Snapshot, channel_name: str) -> set[str]:
    """The models that the configuration would ask a channel for."""
    wanted = {model for channel in snapshot.channels if channel.name == channel_name for model in channel.models}
    wanted |= {
        target.model
        for profile in snapshot.profiles
        for rule in profile.rules
        for target in rule.targets
        if target.channel == channel_name
    }
    mapping = snapshot.mapping
    is_only_one = len(snapshot.channels) == 1
    return wanted | ({mapping.big, mapping.middle, mapping.small} if mapping and is_only_one else set())


async def _of_channel(channel: Channel, row: Provider, wanted: set[str], transport: Transport) -> list[Finding]:
    """What asking one upstream for its models found."""
    about = f"channel {channel.name}"
    url = models_url(row, channel.base_url, "", channel.options)
    call = Call(
        method="GET",
        url=url or channel.base_url,
        headers={
            "accept": "application/json",
            "user-agent": f"dragoman/{__version__}",
            **row.headers,
            **auth_headers(row, channel.api_key.reveal()),
            **{name.lower(): value for name, value in channel.headers.items()},
        },
        connect_s=channel.timeouts.connect_s,
        proxy=channel.proxy,
        tls=tls_of(channel.options),
        credential=credential_of(channel, row),
        upstream=channel.name,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await transport.send(call)
            body = await answer.whole(LIST_LIMIT)
            answer.close()
    except Trouble as trouble:
        found = trouble.problem
        return [Finding(about, "error", found.message, suggestion_for(found, row))]
    except TimeoutError:
        what = f"Its upstream took the connection but did not answer within {PATIENCE_S:.0f} s."
        return [Finding(about, "error", what, SUGGESTIONS[Kind.TIMEOUT])]
    findings = list(_of_clock(answer.headers.get("date", "")))
    return [_of_status(about, answer.status, row, bool(url)), *_of_list(about, answer.status, body, wanted), *findings]


def _of_status(about: str, status: int, row: Provider, has_list: bool) -> Finding:
    """What the status of a model list says. Where a token was fetched the key is good, though it may open no list."""
    match status:
        case 403 if has_list and row.token:
            remedy = f"'dragoman channel test {about.split()[-1]}' tells whether the model works."
            return Finding(about, "note", "Its upstream takes the key, but shows it no list of models.", remedy)
        case 401 | 403 if has_list:
            return Finding(
                about, "error", f"Its upstream refused the key ({status}).", "Correct the channel's api_key."
            )
        case 200 if has_list:
            return Finding(about, "fine", "Its upstream answers and takes the key.")
        case _ if status < 500:
            remedy = f"'dragoman channel test {about.split()[-1]}' tells whether the key and the model work."
            return Finding(about, "note", "Its upstream answers, but lists no models to check against.", remedy)
        case _:
            return Finding(about, "warning", f"Its upstream answers with an error ({status}).", "Try again later.")


def _of_list(about: str, status: int, body: bytes, wanted: set[str]) -> Iterator[Finding]:
    """The configured models that an upstream does not list."""
    listed = _names(body) if status == 200 else set()
    if not listed:
        return
    for model in sorted(wanted - listed):
        what = f"Its upstream does not list the model '{model}'."
        shown = near(model, listed) if len(listed) < 20 or "mean" in near(model, listed) else "Correct its name."
        yield Finding(about, "warning", what, shown)


def _names(body: bytes) -> set[str]:
    """The ids in a model list, with and without Ollama's usual tag, and without the folder that Gemini names."""
    try:
        found = msgspec.json.decode(body)
        rows = found.get("data") or found.get("models") or found["publisherModels"]
        names = {str(row.get("id") or row["name"]) for row in rows}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return set()
    return {name.removeprefix("publishers/google/").removeprefix("models/") for name in names} | {
        name.removesuffix(":latest") for name in names
    }


def _of_clock(date: str) -> Iterator[Finding]:
    """Whether this machine's clock differs much from an upstream's."""
    try:
        apart_s = abs(parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return
    if apart_s > CLOCK_LIMIT_S:
        what = f"This machine's clock and an upstream's are {apart_s:.0f} s apart."
        yield Finding("clock", "warning", what, "Let the clock be set by the network (NTP).")
