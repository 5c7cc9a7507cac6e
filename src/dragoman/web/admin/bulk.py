"""Many channels at once, all or none; and one more that is like another.

Rule. A copy has no secrets, and leads where its model leads, disabled; only an admin may have the secrets copied, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import Response
from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.relay.probe import Test, accounts_of, probe_model
from dragoman.routing.snapshot import Channel
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.fields import PlainName, Rank, Share, Word
from dragoman.store.ports import Row, RowChange, State
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.channels import AT_ONCE, Outcome, outcome_of, tried_of
from dragoman.web.admin.wire import Refusal, answer

MOST = 1000
"""Channels that may be named at once."""
MOST_TESTED = 100


class Chosen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which channels are meant."""

    ids: Annotated[tuple[Word, ...], Meta(max_length=MOST)] = ()
    tag: str = ""
    """All that have it and are not archived; either this or ids."""


class Bulk(Chosen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to become of them; what is left out stays."""

    state: State | None = None
    add_tags: tuple[Word, ...] = ()
    drop_tags: tuple[Word, ...] = ()
    weight: Share | None = None
    priority: Rank | None = None
    add_overrides: tuple[PlainName, ...] = ()
    """Sets of changes, put behind those that a channel has."""
    drop_overrides: tuple[PlainName, ...] = ()
    remove: bool = False
    """For good, with their secrets; goes with nothing else but `force`."""
    force: bool = False
    """Whether they are archived or removed though profiles or projects name them."""


class Trials(Chosen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be tried on them."""

    tests: tuple[Test, ...] = ("text",)


class Copy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The copy of a channel."""

    name: PlainName
    secrets: bool = False
    """Whether it gets the secrets, too. An admin's word."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("POST", "/channels/bulk", needs="channels:write", reads=Bulk, tells=list[Row[ChannelTable]])
    async def bulk(call: Call) -> Response:
        """Changes or removes many channels, named by ids or a tag: all of them or none. Tells those that are left."""
        said = await call.body(Bulk)
        check(said)
        rows = await chosen(call, said)
        changes = [change_of(said, row) for row in rows]
        faults = [
            f"{row.spec.name}: {fault}"
            for row, change in zip(rows, changes, strict=True)
            if change.spec is not None
            for fault in call.desk.faults_of_channel(change.spec)
        ]
        if faults:
            raise Refusal(422, "invalid", "Nothing was changed. " + " ".join(faults[:20]), tuple(faults))
        return answer(await call.store.configuration.channels.change_all(call.by, changes))

    @api.route("POST", "/channels/test", needs="channels:write", reads=Trials, tells=list[Outcome])
    async def test(call: Call) -> Response:
        """Makes real small calls on many channels, with the model that each names. Costs some tokens."""
        said = await call.body(Trials)
        names = {row.spec.name for row in await chosen(call, said)}
        channels = [channel for channel in call.desk.snapshot.channels if channel.name in names]
        if len(channels) > MOST_TESTED:
            raise Refusal(422, "too_many", f"At most {MOST_TESTED} channels are tried at once. Name fewer.")
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(name: str, what: Test) -> Outcome:
            channel = next(each for each in channels if each.name == name)
            model = probe_model(call.desk.snapshot, name)
            if not model:
                return untried(channel, what)
            async with gate:
                return outcome_of(await call.desk.probe(accounts_of(channel)[0], model, what))

        for channel in channels:
            await call.store.audit.append(call.noted("channel.test", channel.name))
        found = await asyncio.gather(*(one(channel.name, what) for channel in channels for what in said.tests))
        for place, channel in enumerate(channels):
            own = found[place * len(said.tests) : (place + 1) * len(said.tests)]
            await call.store.trials.add(channel.name, [tried_of(call, each) for each in own])
        return answer(found)

    @api.route("POST", "/channels/{id}/copy", needs="channels:write", reads=Copy, tells=Row[ChannelTable], status=201)
    async def copy(call: Call) -> Response:
        """Makes a disabled channel that is like another, without its secrets; with them if an admin says `secrets`."""
        said = await call.body(Copy)
        shelf = call.store.configuration.channels
        like = (await shelf.get(call.id)).spec
        if (said.secrets or like.private) and not call.who.may("channels:private"):
            raise Refusal(403, "forbidden", "Only an admin may copy the secrets of a channel, or a private one.")
        made = await shelf.copy(call.by, call.id, said.name, secrets=said.secrets)
        if said.secrets:
            await call.store.audit.append(call.noted("channel.copy_secrets", made.id))
        return answer(made, 201, {"location": f"/api/v1/channels/{made.id}"})


def untried(channel: Channel, what: Test) -> Outcome:
    """What is told of a channel that no model is known of."""
    words = "Give the channel a `test_model`."
    return Outcome(
        test=what, account=channel.name, model="", ok=False, problem="no_model", status=0, suggestion=words, took_ms=0
    )


def check(said: Bulk) -> None:
    """Raises `Refusal` where it is not said what is to be done."""
    plain = Bulk(ids=said.ids, tag=said.tag, remove=said.remove, force=said.force)
    if said == plain and not said.remove:
        raise Refusal(422, "invalid", "It was read but says nothing of what is to be done.")
    if said != plain and said.remove:
        raise Refusal(422, "invalid", "What is removed cannot be changed as well. Say one of them.")


async def chosen(call: Call, said: Chosen) -> Sequence[Row[ChannelTable]]:
    """The channels that are meant, each once. Raises `Refusal`."""
    if bool(said.ids) == bool(said.tag):
        raise Refusal(422, "invalid", "It was read but names no channels, or in two ways. Say one of `ids` and `tag`.")
    rows = await call.store.configuration.channels.all(archived=bool(said.ids))
    if said.tag:
        if found := [row for row in rows if said.tag in row.spec.tags]:
            return found
        raise Refusal(404, "missing", f"No channel of the database has the tag '{said.tag[:100]}'.")
    known = {row.id: row for row in rows}
    if absent := [each[:40] for each in said.ids if each not in known]:
        raise Refusal(404, "missing", f"There is no such channel: {', '.join(absent[:10])}. Nothing was changed.")
    return [known[each] for each in dict.fromkeys(said.ids)]


def change_of(said: Bulk, row: Row[ChannelTable]) -> RowChange[ChannelTable]:
    """What is to become of one of them."""
    spec = row.spec
    after = replace(
        spec,
        tags=_joined(spec.tags, said.add_tags, said.drop_tags),
        overrides=_joined(spec.overrides, said.add_overrides, said.drop_overrides),
        weight=spec.weight if said.weight is None else said.weight,
        priority=spec.priority if said.priority is None else said.priority,
    )
    return RowChange(
        id=row.id,
        revision=row.revision,
        spec=None if after == spec else after,
        state=said.state,
        remove=said.remove,
        force=said.force,
    )


def _joined(known: Iterable[str], more: Iterable[str], less: Iterable[str]) -> tuple[str, ...]:
    """The words without some and with others, each once, in their order."""
    gone = set(less)
    return tuple(dict.fromkeys(word for word in (*known, *more) if word not in gone))
