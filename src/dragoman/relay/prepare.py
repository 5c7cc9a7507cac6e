"""From an inquiry and one step of its plan to the call that will be sent.

Rules. Quirks and limits are applied first. Where door and upstream speak one dialect, the client's bytes go out as
they came, but for spliced top-level members, each recorded as an edit; where that cannot be (another dialect, a
foreign seal, a change below the top level, members meant for the vendor alone), the request is written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from dragoman.canon.embedding import Embedding
from dragoman.canon.habits import Habits
from dragoman.canon.operations import Operated, Operation, operate
from dragoman.canon.problem import Kind, Problem, refuse
from dragoman.canon.request import Loss, Part, Reasoning, Request, Seal, Text, ToolResult
from dragoman.canon.seal import NATIVE, wrap
from dragoman.canon.splice import members, splice
from dragoman.canon.templates import Occasion
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Dialect, Hearing, Target, Written
from dragoman.net.transport import Call
from dragoman.providers.addresses import count_url
from dragoman.providers.credentials import forwarded_query
from dragoman.providers.options import with_addendum
from dragoman.providers.quirks import fit
from dragoman.providers.wish import Wish
from dragoman.relay.concessions import NOTHING_CONCEDED, Conceded, conceding, concession
from dragoman.relay.outlet import Outlet, Sent
from dragoman.routing.key import Key
from dragoman.routing.plan import Step
from dragoman.routing.profile import Override
from dragoman.routing.snapshot import Channel

Edits: TypeAlias = dict[str, bytes | None]


class Errand(Struct, frozen=True, kw_only=True):
    """What a client asked that is no conversation: it goes out as it came, to an upstream of the client's dialect."""

    path: str
    """Of the endpoint, under a base address, as `/moderations`; `{model}` stands for the model."""
    content_type: str
    """Of the body."""
    kin: frozenset[str]
    """Dialects whose upstreams have the endpoint."""
    sealed: bool = False
    """Whether it holds a conversation, in which seals travel both ways."""
    embedding: Embedding | None = None
    """What is wished, where texts are to be made vectors: that, upstreams of other dialects can do as well."""
    untold: Problem | None = None
    """Why what is wished cannot be told to them."""


class Inquiry(Struct, frozen=True, kw_only=True):
    """What a client asked, and how."""

    id: str
    """The exchange's id."""
    door: Dialect
    body: bytes
    request: Request
    headers: Mapping[str, str]
    """The client's, by lower-case name; its key is never passed on."""
    query: str = ""
    errand: Errand | None = None
    """Set where no conversation is to be gone on with."""
    key: Key | None = None
    """The API key that opened the door; None where it stands open, or for a key of the file's."""
    key_name: str = ""
    client: str = ""
    """The client's network address."""
    profile: str | None = None
    session: str = ""
    """Id of the coding session; empty where it is not known yet."""


class Retold(NamedTuple):
    """An upstream's answer in the client's form, and what it has used."""

    body: bytes
    usage: Usage


class Prepared(Struct, frozen=True, kw_only=True):
    """One attempt, ready to be sent."""

    call: Call
    door: Dialect
    upstream: Dialect
    verbatim: bool
    hearing: Hearing
    stream: bool
    first_content_s: float
    idle_s: float
    local_stops: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    edits: tuple[str, ...] = ()
    """What was changed of body and headers as they else would be, in words for the exchange."""
    names: Mapping[str, str] = field(default_factory=dict)
    sealed: bool = False
    """Whether the answer to an errand may hold seals, which must name their issuer."""
    retell: Callable[[bytes], Retold | None] | None = None
    """The client's form of the answer to an errand, where it is not passed as it is; gives None where it is none."""
    limit_headers: str = ""
    """Beginning of the headers of the answer that are the client's to read; empty: none are."""


def prepare(
    inquiry: Inquiry,
    step: Step,
    outlet: Outlet,
    *,
    anew: bool = False,
    conceded: Conceded = NOTHING_CONCEDED,
    stream: bool | None = None,
) -> Prepared:
    """The call for one step; `anew` writes the request anew whatever its dialect. Whether it asks to stream is the
    channel's business where `stream` does not say it.

    Raises `Trouble` (unsupported) for a request this upstream cannot take at all.
    """
    channel, upstream = outlet.channel, outlet.dialect
    _refuse_bound(inquiry, upstream)
    wish = _wish(inquiry, step, outlet)
    stream = asks_to_stream(channel, inquiry.request) if stream is None else stream
    target = Target(model=step.model, origin=channel.name, native=channel.native, stream=stream)
    anew = anew or stream != inquiry.request.stream
    habits = conceding(upstream, wish.habits, conceded.verbatim)
    spliced = None if anew else _verbatim(inquiry, wish, replace(target, habits=habits), upstream)
    verbatim = spliced is not None
    if spliced is None:
        habits = conceding(upstream, wish.habits, conceded.anew)
        request = replace(wish.request, model=step.model)
        spliced = upstream.write_request(request, replace(target, habits=habits)), ()
    written, edits = spliced
    changed = operated(written.body, outlet, occasion_of(inquiry, step, wish.request))
    sent = _sent(inquiry, outlet, changed, stream=stream)
    return Prepared(
        call=_call(inquiry, outlet, changed, sent.headers, stream=stream),
        door=inquiry.door,
        upstream=upstream,
        verbatim=verbatim,
        hearing=Hearing(
            origin=channel.name,
            habits=habits,
            names=written.names,
            text_tools=written.text_tools,
            lowered=written.lowered,
            functions=written.functions,
        ),
        stream=stream,
        first_content_s=channel.timeouts.first_content_s,
        idle_s=channel.timeouts.idle_s,
        local_stops=written.local_stops,
        losses=(*wish.losses, *written.losses, *((HALVES,) if changed.mended else ())),
        edits=(*edits, *(f"{each.op} {'.'.join(each.path)}" for each in changed.done), *sent.words),
        names=written.names,
        limit_headers=upstream.limit_headers if channel.native and inquiry.door.name == upstream.name else "",
    )


SPLICED = frozenset({"drop_members", "extra_body"})
"""Habits that a verbatim body obeys."""


def _refuse_bound(inquiry: Inquiry, upstream: Dialect) -> None:
    """Raises `Trouble` where the request leans on what no upstream of another dialect can know."""
    bound = inquiry.request.bound
    if bound and inquiry.door.name != upstream.name:
        raise refuse(
            Kind.UNSUPPORTED,
            f"The request asks for '{bound[0]}', which only a server of its own dialect can heed, but was routed to "
            "one of another. Leave it out, sending all that it stands for, or route the request to such a server.",
            param=bound[0],
        )


def mends(prepared: Prepared, param: str | None, *, native: bool) -> bool:
    """Whether asking again may help, once what a refusal names is conceded.

    Verbatim, whole members can be left out and nothing else, and a vendor's refusal is for its own clients to mend.
    """
    offered = concession(prepared.upstream, prepared.hearing.habits, param)
    return bool(offered) and (not prepared.verbatim or (not native and offered.keys() <= SPLICED))


def prepare_count(inquiry: Inquiry, step: Step, outlet: Outlet) -> Call | None:
    """The call that counts the tokens of a prompt; None where the upstream cannot be asked. Raises `Trouble`."""
    channel, upstream = outlet.channel, outlet.dialect
    url = count_url(outlet.provider, channel.base_url, upstream.path, channel.options, step.model)
    if not url:
        return None
    if inquiry.door.name == upstream.name:
        prepared = prepare(inquiry, step, outlet, stream=inquiry.request.stream)
        if prepared.verbatim:
            return replace(prepared.call, url=url)
    if upstream.write_count is None:
        return None
    wish = _wish(inquiry, step, outlet)
    target = Target(model=step.model, origin=channel.name, native=channel.native, stream=False, habits=wish.habits)
    written = upstream.write_count(replace(wish.request, model=step.model), target)
    occasion = occasion_of(inquiry, step, wish.request)
    changed = Operated(written.body, occasion)
    sent = _sent(inquiry, outlet, changed, stream=False)
    return replace(_call(inquiry, outlet, changed, sent.headers, stream=False), url=url)


HALVES = Loss("text.surrogate", "Half of a character is no character; it was replaced by U+FFFD.")


def asks_to_stream(channel: Channel, request: Request) -> bool:
    """Whether a channel is asked to stream, whatever its answer then is to the client."""
    return {"any": request.stream, "always": True, "never": False}[channel.stream]


def occasion_of(inquiry: Inquiry, step: Step, request: Request) -> Occasion:
    """What the channel's changes may speak of; `request` is as it is sent."""
    return Occasion(
        model=step.model,
        asked=inquiry.request.model,
        channel=step.channel.name,
        door=inquiry.door.name,
        effort=request.reasoning.effort or "",
        session=inquiry.session,
        headers=inquiry.headers,
    )


def operated(
    body: bytes, outlet: Outlet, occasion: Occasion, operations: Sequence[Operation] | None = None
) -> Operated:
    """The body after these changes, those of the channel where none are said. Raises `Trouble` (invalid_request) where
    it cannot be looked into."""
    operations = outlet.channel.body if operations is None else operations
    if not operations and not outlet.looks_at_body:
        return Operated(body, occasion)
    try:
        return operate(body, operations, occasion)
    except (msgspec.DecodeError, RecursionError):
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The channel '{outlet.channel.name}' changes what it is sent, but this request is nested too deeply, or "
            "holds numbers too large, to be changed. Send it plainer, or ask another channel.",
        ) from None


def _wish(inquiry: Inquiry, step: Step, outlet: Outlet) -> Wish:
    """The request after the provider's quirks and the limits of the channel and the plan.

    A client that speaks the upstream's own dialect has its own words for the model, so none are added.
    """
    limits = [limit for limit in (step.channel.max_output, step.max_output, step.override.max_output) if limit]
    request = _overridden(inquiry.request, step.override)
    wish = fit(outlet.provider, request, step.model, max_output=min(limits) if limits else None)
    if request is not inquiry.request:
        wish = replace(wish, losses=(OVERRIDDEN, *wish.losses))
    if inquiry.door.name == outlet.dialect.name:
        return wish
    return with_addendum(outlet.provider, outlet.channel.options, wish)


OVERRIDDEN = Loss("override", "The profile's rule sets the effort of this request, or adds to its system prompt.")


def _overridden(request: Request, override: Override) -> Request:
    """The request as the rule's target changes it; the very same one where it does not."""
    if override.effort:
        request = replace(request, reasoning=_thinking(request.reasoning, override.effort))
    if override.addendum:
        request = replace(request, system=(*request.system, Text(override.addendum)))
    return request


def _thinking(wished: Reasoning, effort: str) -> Reasoning:
    """The wish with the rule's effort: a client's number of tokens, or its wish not to think, would go before it."""
    if effort == "none":
        return Reasoning(mode="off", effort=effort)
    mode = None if wished.mode == "off" else wished.mode
    return replace(wished, mode=mode, budget=None, effort=effort, extras=None)


def _verbatim(
    inquiry: Inquiry, wish: Wish, target: Target, upstream: Dialect
) -> tuple[Written, tuple[str, ...]] | None:
    """The client's own bytes with their edits, or None where the request must be written anew."""
    before, after = inquiry.request, wish.request
    if inquiry.door.name != upstream.name:
        return None
    if not target.native and before.extras and not upstream.carries.isdisjoint(before.extras.members):
        return None
    changed = [name for name in Request.__struct_fields__ if getattr(before, name) is not getattr(after, name)]
    if not set(changed) <= upstream.members.keys():
        return None
    body = with_own_seals(inquiry.body, before, target)
    if body is None:
        return None
    edits: Edits = {}
    if before.model != target.model and "model" in upstream.members:
        edits["model"] = msgspec.json.encode(target.model)
    edits |= _edits_of_changes(changed, after, target, upstream)
    edits |= _edits_of_habits(body, target.habits)
    words = (*(("seals",) if body is not inquiry.body else ()), *edits)
    return Written(splice(body, edits)), words


def _edits_of_changes(changed: list[str], after: Request, target: Target, upstream: Dialect) -> Edits:
    """The members that the changed fields live in, as the dialect writes them now."""
    if not changed:
        return {}
    written = members(upstream.write_request(after, target).body)
    return {
        member: _bytes(written[member]) if member in written else None
        for name in changed
        for member in upstream.members[name]
    }


def _edits_of_habits(body: bytes, habits: Habits) -> Edits:
    """Members this upstream must not, or must, be sent."""
    if not habits.drop_members and not habits.extra_body:
        return {}
    present = members(body)
    edits: Edits = {name: None for name in habits.drop_members if name in present}
    edits |= {name: msgspec.json.encode(value) for name, value in habits.extra_body.items() if name not in present}
    return edits


def _bytes(raw: Raw) -> bytes:
    return memoryview(raw).tobytes()


def with_own_seals(body: bytes, request: Request, target: Target) -> bytes | None:
    """The body with the target's own seals unwrapped; None if it holds a seal of anyone else."""
    for seal in _seals(request):
        if seal.origin == NATIVE:
            if not target.native:
                return None
        elif seal.origin != target.origin:
            return None
        else:
            wrapped = wrap(seal).encode()
            if not seal.blob or wrapped not in body:
                return None
            body = body.replace(wrapped, seal.blob.encode())
    return body


def _seals(request: Request) -> Iterator[Seal]:
    parts: list[Part] = [part for turn in request.turns for part in turn.parts]
    for part in parts:
        if part.seal is not None:
            yield part.seal
        if isinstance(part, ToolResult):
            parts.extend(part.parts)


def _sent(inquiry: Inquiry, outlet: Outlet, changed: Operated, *, stream: bool) -> Sent:
    return outlet.sent(inquiry.headers, inquiry.session, stream=stream, occasion=changed.occasion)


def _call(inquiry: Inquiry, outlet: Outlet, changed: Operated, headers: Mapping[str, str], *, stream: bool) -> Call:
    url = outlet.url(changed.occasion.model, stream)
    passes = outlet.channel.native and inquiry.door.name == outlet.dialect.name
    if query := forwarded_query(inquiry.query) if passes else "":
        url += ("&" if "?" in url else "?") + query
    return outlet.call(url, headers, changed.body)
