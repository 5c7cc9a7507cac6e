"""Whether each channel's upstream can be reached, takes the key and lists the models that are configured."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Struct

from dragoman import __version__
from dragoman.canon.problem import Kind, Trouble
from dragoman.cli.chain import of_certificate
from dragoman.cli.findings import Finding
from dragoman.net.signed import Signed
from dragoman.net.transport import Answer, Call, Transport
from dragoman.providers.addresses import endpoint, models_url
from dragoman.providers.base import Provider
from dragoman.providers.credentials import auth_headers
from dragoman.relay.outlet import credential_of, tls_of
from dragoman.relay.probe import SUGGESTIONS, suggestion_for
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.shapes.hints import near

PATIENCE_S = 15.0
LIST_LIMIT = 16 * 1024 * 1024
CLOCK_LIMIT_S = 120
"""Difference between clocks from which signatures and tokens begin to be refused."""
_PLAN = ", which the account's plan may not hold"
CHAT = "chat"
NOT_FOR_CHAT = frozenset({"embedder", "aicheck", "filter"})
"""Types in GigaChat's list that are not for chat. Source: developers.sber.ru, GET /models, read 2026-11-20."""
FUNCTION = msgspec.json.encode(
    {
        "name": "Edit",
        "description": "Changes a file.",
        "parameters": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "file_path": {"type": "string"},
                "line": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "edits": {"type": "array", "items": {"type": "object", "properties": {"new": {"type": "string"}}}},
                "replace_all": {"type": "boolean", "default": False},
            },
            "required": ["file_path"],
            "additionalProperties": False,
        },
    }
)
"""A function with the words of JSON Schema that agents use."""


class _Said(Struct):
    description: str = ""


class _Verdict(Struct):
    errors: list[_Said] = []


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
        target.named
        for profile in snapshot.profiles
        for rule in profile.rules
        for target in rule.targets
        if target.channel == channel_name and target.named
    }
    mapping = snapshot.mapping
    is_only_one = len(snapshot.channels) == 1
    return wanted | ({mapping.big, mapping.middle, mapping.small} if mapping and is_only_one else set())


async def _of_channel(channel: Channel, row: Provider, wanted: set[str], transport: Transport) -> list[Finding]:
    """What asking one upstream for its models found."""
    about = f"channel {channel.name}"
    url = models_url(row, channel.base_url, "", channel.options)
    call = _call(channel, row, url or channel.base_url)
    try:
        answer, body = await _answer(call, transport)
    except Trouble as trouble:
        found = trouble.problem
        seen = await _of_certificates(about, call, suggestion_for(found, row)) if found.kind is Kind.TLS else []
        return seen or [Finding(about, "error", found.message, suggestion_for(found, row))]
    except TimeoutError:
        what = f"Its upstream took the connection but did not answer within {PATIENCE_S:.0f} s."
        return [Finding(about, "error", what, SUGGESTIONS[Kind.TIMEOUT])]
    findings = [_of_status(about, answer.status, row, bool(url)), *_of_list(about, answer.status, row, body, wanted)]
    if row.check_path and answer.status == 200:
        findings += await _of_function(about, channel, row, transport)
    return [*findings, *_of_clock(answer.headers.get("date", ""))]


def _call(channel: Channel, row: Provider, url: str, body: bytes = b"") -> Call:
    """A call of one upstream, as its requests are made: a GET unless it has a body."""
    return Call(
        method="POST" if body else "GET",
        url=url,
        body=body,
        headers={
            "accept": "application/json",
            "user-agent": f"dragoman/{__version__}",
            **({"content-type": "application/json"} if body else {}),
            **row.headers,
            **auth_headers(row, channel.api_key.reveal()),
            **{name.lower(): value for name, value in channel.headers.items()},
        },
        connect_s=channel.timeouts.connect_s,
        proxy=channel.proxy,
        keepalive=channel.keepalive,
        tls=tls_of(channel),
        credential=credential_of(channel, row),
        upstream=channel.name,
    )


async def _answer(call: Call, transport: Transport) -> tuple[Answer, bytes]:
    """The answer to a call, and its body. Raises `Trouble` and `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        answer = await transport.send(call)
        body = await answer.whole(LIST_LIMIT)
        answer.close()
    return answer, body


async def _of_certificates(about: str, call: Call, remedy: str) -> list[Finding]:
    """What is wrong with the certificates on the way: that of the upstream, and that of who gives its tokens."""
    credential = call.credential
    gives = credential.source.ask(credential.account, str(uuid.uuid4()), 0).url if credential else call.url
    found = [await of_certificate(about, url, call.tls, remedy) for url in dict.fromkeys((gives, call.url))]
    return [finding for finding in found if finding]


async def _of_function(about: str, channel: Channel, row: Provider, transport: Transport) -> list[Finding]:
    """What the vendor's own check has against a function described as agents describe theirs."""
    url = endpoint(row, channel.base_url, row.check_path, "", channel.options)
    try:
        answer, body = await _answer(_call(channel, row, url, FUNCTION), transport)
        told = msgspec.json.decode(body, type=_Verdict) if answer.status == 200 else _Verdict()
    except (Trouble, TimeoutError, msgspec.DecodeError):
        return []
    against = "; ".join(each.description for each in told.errors)
    if not against:
        return []
    what = f"Its upstream's check has something against functions as agents describe them: {against[:300]}."
    return [
        Finding(about, "note", what, "None is needed: a model that refuses a schema is asked again with a plain one.")
    ]


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


def _of_list(about: str, status: int, row: Provider, body: bytes, wanted: set[str]) -> Iterator[Finding]:
    """The configured models that an upstream does not list, or that it does not list for chat."""
    listed = _names(body) if status == 200 else {}
    if not listed:
        return
    chat = {name for name, kind in listed.items() if kind == CHAT}
    for model in sorted(wanted - listed.keys()):
        what = f"Its upstream does not list the model '{model}'{_PLAN if row.token else ''}."
        shown = near(model, chat) if len(chat) < 20 or "mean" in near(model, chat) else "Correct its name."
        yield Finding(about, "warning", what, shown)
    for model in sorted((wanted & listed.keys()) - chat):
        what = f"The model '{model}' is no chat model but '{listed[model]}', so that agents cannot use it."
        yield Finding(about, "note", what, near("", chat) if len(chat) < 20 else "Name it in no rule for agents.")


def _names(body: bytes) -> dict[str, str]:
    """The ids in a model list, with and without Ollama's usual tag, and without the folder that Gemini names.

    Each with its type, as GigaChat tells it; where none is told, a model is for chat.
    """
    try:
        found = msgspec.json.decode(body)
        rows = found.get("data") or found.get("models") or found["publisherModels"]
        names = {str(row.get("id") or row["name"]): str(row.get("type") or CHAT) for row in rows}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError):
        return {}
    kinds = {name: kind if kind in NOT_FOR_CHAT else CHAT for name, kind in names.items()}
    plain = {name.removeprefix("publishers/google/").removeprefix("models/"): kind for name, kind in kinds.items()}
    return plain | {name.removesuffix(":latest"): kind for name, kind in kinds.items()}


def _of_clock(date: str) -> Iterator[Finding]:
    """Whether this machine's clock differs much from an upstream's."""
    try:
        apart_s = abs(parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return
    if apart_s > CLOCK_LIMIT_S:
        what = f"This machine's clock and an upstream's are {apart_s:.0f} s apart."
        yield Finding("clock", "warning", what, "Let the clock be set by the network (NTP).")
