"""Real small calls on one channel, to see what of it works, and what to do about the rest."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias, get_args

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.events import Event
from dragoman.canon.problem import Kind, Problem, Trouble, problem
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Image, Inline, Request, Text, Tool, ToolCall, ToolChoice, Turn
from dragoman.canon.usage import NOTHING_SAID, Usage
from dragoman.net.transport import Answer, Transport
from dragoman.providers.base import Provider
from dragoman.relay.outlet import Outlet
from dragoman.relay.prepare import Inquiry, Prepared, prepare
from dragoman.relay.scrub import scrubbed, secrets_in
from dragoman.routing.plan import Step
from dragoman.routing.snapshot import Channel, Snapshot

Test: TypeAlias = Literal["text", "stream", "tool", "image"]
"""What is tried: a whole answer, a streamed one, a call of a tool, and a picture shown."""
TESTS: tuple[Test, ...] = get_args(Test)
PROBE_S = 60.0
PICTURE_SIDE = 32
"""Pixels; vendors refuse much smaller pictures."""
SCHEMA = Raw(
    b'{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}'
)


class Finding(Struct, frozen=True, kw_only=True):
    """What a probe of one channel found."""

    channel: str
    model: str
    ok: bool
    message: str
    suggestion: str = ""
    problem: str = ""
    """Kind of the problem; empty if there is none."""
    response_id: str = ""
    took_ms: int = 0
    test: Test = "text"
    account: str = ""
    """The channel, and which of its keys."""
    status: int = 0
    """HTTP status of the upstream's answer; 0 where none came."""
    usage: Usage = NOTHING_SAID


SUGGESTIONS: dict[Kind, str] = {
    Kind.UPSTREAM_CREDENTIAL: "Check the channel's api_key: the provider did not accept it.",
    Kind.UPSTREAM_QUOTA: "Check the account's balance and plan at the provider.",
    Kind.MODEL_NOT_FOUND: "Check the model's name, and that the account may use it.",
    Kind.NOT_FOUND: "Check base_url: the address answers, but has no such path.",
    Kind.RATE_LIMITED: "Wait, or raise the account's rate limit; the channel itself works.",
    Kind.OVERLOADED: "Wait: the provider is overloaded.",
    Kind.UNREACHABLE: "Check base_url, that the server runs, and the network or proxy on the way.",
    Kind.TIMEOUT: "Check the network on the way, or raise the channel's timeouts.",
    Kind.TLS: "Check the address; behind a company proxy, give its authority's certificate by the channel's ca_bundle.",
    Kind.REDIRECTED: "Set base_url to the address that the redirect leads to.",
    Kind.GARBLED: "Check base_url: what answers there does not speak the provider's dialect.",
    Kind.INVALID_REQUEST: "Check that the channel's provider is the right row; see `dragoman providers`.",
}
"""What to do about each kind of problem a probe may find."""


BUNDLE = "Name the PEM file of the authority that signed it by the channel's options.ca_bundle"
PLAN = "The key is good: choose a model that the account's plan includes, or extend the plan."
SCOPE = "Set the channel's options.scope to what the key was made for, or take the key of that scope."


def suggestion_for(found: Problem, row: Provider) -> str:
    """What to do about a problem that a probe of this provider found."""
    match found.kind:
        case Kind.TLS if "ca_bundle" in row.options:
            return f"{BUNDLE} ({row.options['ca_bundle'].rstrip('.')})."
        case Kind.UPSTREAM_CREDENTIAL if row.token and found.upstream_status == 403:
            return PLAN
        case Kind.UPSTREAM_CREDENTIAL if "option 'scope'" in found.message:
            return SCOPE
    return SUGGESTIONS.get(found.kind, "See the provider's own words and its status page; then try again.")


def probe_model(snapshot: Snapshot, channel_name: str) -> str:
    """A model to probe a channel with: the cheapest word the configuration has for it."""
    channel = next(channel for channel in snapshot.channels if channel.name == channel_name)
    if channel.test_model:
        return channel.test_model
    targets = [
        target.named
        for profile in snapshot.profiles
        for rule in profile.rules
        for target in rule.targets
        if target.channel == channel_name and target.named
    ]
    mapped = [snapshot.mapping.small] if snapshot.mapping else []
    return next(iter([*channel.models, *targets, *mapped]), "")


async def try_out(
    transport: Transport, outlet: Outlet, model: str, test: Test, stocked: Callable[[Request], Awaitable[Request]]
) -> Finding:
    """What one call finds; nothing is learned from it. `stocked` uploads what the wire shows by id only."""
    started_s = time.monotonic()
    status, reply, found = 0, Reply(), None
    try:
        async with asyncio.timeout(PROBE_S):
            inquiry = _inquiry(await stocked(_request(outlet, model, test)), outlet)
            prepared = prepare(inquiry, Step(channel=outlet.channel, model=model, why="probe"), outlet, anew=True)
            answer = await transport.send(prepared.call)
            status, reply = answer.status, await _reply(answer, prepared)
            answer.close()
        found = reply.problem
    except Trouble as trouble:
        found = trouble.problem
    except TimeoutError:
        found = problem(Kind.TIMEOUT, f"The probe was sent but nothing came within {PROBE_S:.0f} s.")
    found = found and scrubbed(found, secrets_in(outlet.headers({}, "", stream=False)))
    wanting = "" if found else _wanting(reply, test)
    return Finding(
        channel=outlet.channel.name,
        account=outlet.channel.account,
        model=model,
        test=test,
        ok=not found and not wanting,
        message=found.message if found else wanting or "The channel answered.",
        suggestion=suggestion_for(found, outlet.provider) if found else wanting and NO_CALL,
        problem=found.kind.value if found else wanting and NO_CALL_CODE,
        response_id=reply.id,
        status=status,
        usage=reply.usage,
        took_ms=int((time.monotonic() - started_s) * 1000),
    )


NO_CALL_CODE = "no_call"
NO_CALL = "Choose a model that calls tools, since coding agents work by them; or try again."


def _wanting(reply: Reply, test: Test) -> str:
    """What an answer that came whole lacks, in words."""
    if test != "tool":
        return ""
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    if not calls:
        return "The model answered but did not call the tool that it was told to call."
    try:
        msgspec.json.decode(calls[0].arguments, type=dict[str, object])
    except msgspec.DecodeError:
        return "The model called the tool but with arguments that are no JSON."
    return ""


async def _reply(answer: Answer, prepared: Prepared) -> Reply:
    """The whole reply, however it comes. Raises `Trouble`."""
    upstream = prepared.upstream
    if answer.status >= 300:
        return Reply(problem=upstream.read_problem(answer.status, answer.headers, await answer.whole()))
    if not prepared.stream:
        return fold(upstream.read_reply(await answer.whole(), prepared.hearing))
    reader = upstream.reader(prepared.hearing)
    events: list[Event] = []
    while data := await answer.read():
        events += reader.feed(data)
    return fold([*events, *reader.close()])


def _inquiry(request: Request, outlet: Outlet) -> Inquiry:
    return Inquiry(id="probe", door=outlet.dialect, body=b"{}", request=request, headers={})


def _request(outlet: Outlet, model: str, test: Test) -> Request:
    """A request that costs little."""
    words: Mapping[Test, str] = {
        "tool": "Read the file a.txt: call the tool read_file.",
        "image": "Which colour is this picture? Answer in one word.",
    }
    text = Text(words.get(test, "Reply with the word: ready"))
    picture = (Image(Inline("image/png", b64encode(red_picture()).decode())),) if test == "image" else ()
    tool = Tool("read_file", "Reads a file.", SCHEMA)
    return Request(
        dialect=outlet.dialect.name,
        model=model,
        turns=(Turn("user", (*picture, text)),),
        max_output=256 if test == "tool" else 64,
        stream=test == "stream",
        tools=(tool,) if test == "tool" else (),
        tool_choice=ToolChoice("any") if test == "tool" else None,
    )


def red_picture(side: int = PICTURE_SIDE) -> bytes:
    """A red square as PNG (W3C PNG 3, section 5, read 2026-11-20)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    rows = (b"\0" + b"\xff\0\0" * side) * side
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def accounts_of(channel: Channel) -> tuple[Channel, ...]:
    """The channel with each of its keys."""
    return channel.accounts or (channel,)
