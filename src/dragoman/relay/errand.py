"""Errands: what clients ask that is no conversation, as embeddings, moderations, pictures and speech.

Rules. An errand goes out as it came, but for the model's name, to an upstream of the client's own dialect; its answer
comes back as it is, whatever it is made of. Texts to be made vectors are the one errand that other dialects know too.
It is planned, gated, learned from and recorded as any exchange; what has begun to leave cannot be mended, and is cut.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from dragoman.canon.events import Finished, UsageSeen
from dragoman.canon.multipart import is_form, with_field
from dragoman.canon.problem import Kind, Problem, Trouble, problem, refuse
from dragoman.canon.request import Loss
from dragoman.canon.splice import members, splice
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Embedder, Hearing, Target, Written
from dragoman.net.transport import Answer
from dragoman.providers.addresses import errand_url
from dragoman.relay.attempt import Attempt
from dragoman.relay.outlet import Outlet
from dragoman.relay.prepare import Errand, Inquiry, Prepared, Retold, occasion_of, operated, with_own_seals
from dragoman.routing.match import Resolved
from dragoman.routing.plan import Refused, Step
from dragoman.routing.snapshot import Channel

JSON_TYPE = "application/json"


def able(found: Resolved | Refused, errand: Errand | None, outlet: Callable[[Channel], Outlet]) -> Resolved | Refused:
    """Those of the candidates whose upstream can do the errand; all, where no errand is to be done."""
    if errand is None or isinstance(found, Refused):
        return found
    candidates = tuple(each for each in found.candidates if _can(errand, outlet(each.channel)))
    if candidates:
        return replace(found, candidates=candidates)
    if errand.untold is not None:
        return Refused(errand.untold)
    what = errand.path.rpartition(":")[2] if ":" in errand.path else errand.path
    return Refused(
        problem(
            Kind.UNSUPPORTED,
            f"'{what}' was asked of model '{found.asked[:100]}', but no channel that has it can do this. Ask for a "
            "model of a channel that speaks the client's own dialect.",
            param="model",
        )
    )


def _can(errand: Errand, outlet: Outlet) -> bool:
    if outlet.dialect.name in errand.kin:
        return True
    return errand.embedding is not None and _asked_by(outlet) is not None


def _asked_by(outlet: Outlet) -> tuple[str, Embedder] | None:
    """The endpoint by which an upstream is asked for vectors."""
    return next(iter(outlet.dialect.embedders.items()), None)


def prepare_errand(inquiry: Inquiry, step: Step, outlet: Outlet) -> Prepared:
    """The call for one step. Raises `Trouble` (unsupported) where it cannot be asked so."""
    errand, channel, upstream = inquiry.errand, outlet.channel, outlet.dialect
    if errand is None:
        raise TypeError("there is no errand")
    body = _own(inquiry, errand, step) if upstream.name in errand.kin else None
    path, content_type = errand.path, errand.content_type
    losses: tuple[Loss, ...] = ()
    retell: Callable[[bytes], Retold | None] | None = None
    verbatim = body is not None
    if body is None:
        path, written, retell = _anew(inquiry, errand, step.model, outlet)
        body, content_type, losses = written.body, JSON_TYPE, written.losses
    occasion = occasion_of(inquiry, step, inquiry.request)
    if outlet.looks_at_body and not is_form(content_type):
        occasion = operated(body, outlet, occasion, ()).occasion
    sent = outlet.sent(inquiry.headers, inquiry.session, stream=False, occasion=occasion)
    url = errand_url(outlet.provider, channel.base_url, upstream.path, path, channel.options, step.model)
    return Prepared(
        call=outlet.call(url, {**sent.headers, "content-type": content_type, "accept": "*/*"}, body),
        door=inquiry.door,
        upstream=upstream,
        verbatim=verbatim,
        hearing=Hearing(origin=channel.name),
        stream=False,
        first_content_s=channel.timeouts.first_content_s,
        idle_s=channel.timeouts.idle_s,
        losses=losses,
        edits=(*(("model",) if verbatim and body is not inquiry.body else ()), *sent.words),
        sealed=errand.sealed,
        retell=retell,
        limit_headers=upstream.limit_headers if channel.native else "",
    )


def _own(inquiry: Inquiry, errand: Errand, step: Step) -> bytes | None:
    """The client's own bytes, with the upstream's own seals and its name of the model; None where that cannot be."""
    body, model = inquiry.body, step.model
    if errand.sealed:
        target = Target(model=model, origin=step.channel.name, native=step.channel.native)
        unwrapped = with_own_seals(body, inquiry.request, target)
        if unwrapped is None:
            raise refuse(
                Kind.UNSUPPORTED,
                "The conversation holds thinking that another account has sealed, which this one cannot read. Begin "
                "anew, or ask the channel that the conversation was held on.",
            )
        body = unwrapped
    if model == inquiry.request.model:
        return body
    if is_form(errand.content_type):
        return with_field(body, errand.content_type, "model", model)
    if "model" not in inquiry.door.members:
        return None
    return splice(body, {"model": msgspec.json.encode(model)}) if "model" in members(body) else body


def _anew(
    inquiry: Inquiry, errand: Errand, model: str, outlet: Outlet
) -> tuple[str, Written, Callable[[bytes], Retold | None]]:
    """Path and body of a wish for vectors in the upstream's dialect, and how its answer is told again."""
    wish, asked_by, door = errand.embedding, _asked_by(outlet), inquiry.door.embedders.get(errand.path)
    if wish is None or asked_by is None or door is None or door.write_vectors is None:
        raise _impossible(errand)
    path, embedder = asked_by
    if embedder.write_wish is None or embedder.read_vectors is None:
        raise _impossible(errand)
    read, write, asked = embedder.read_vectors, door.write_vectors, inquiry.request.model

    def retell(body: bytes) -> Retold | None:
        found = read(body)
        if found is None or len(found.vectors) != len(wish.texts):
            return None
        try:
            said = write(found, wish, asked)
        except (msgspec.DecodeError, ValueError):
            return None
        return Retold(said, Usage(input=found.prompt_tokens, output=0))

    return path, embedder.write_wish(wish, model), retell


def _impossible(errand: Errand) -> Trouble:
    return refuse(
        Kind.UNSUPPORTED,
        f"'{errand.path}' was asked for, but the channel's dialect has no such thing. Ask for a model of a channel "
        "that speaks the client's own dialect.",
        param="model",
    )


class ErrandAttempt(Attempt):
    """One attempt at an errand. Mutable, as its base is."""

    async def _take(self, answer: Answer) -> Problem | None:
        """Passes on an answer whose status is good: JSON in one piece, all else as it comes."""
        kind = answer.headers.get("content-type", JSON_TYPE)
        if self.prepared.retell or kind.partition(";")[0].strip().lower() == JSON_TYPE:
            return await self._told_whole(answer)
        return await self._passed_on(answer, kind)

    async def _told_whole(self, answer: Answer) -> Problem | None:
        body = await answer.whole()
        told = (self.prepared.retell or self._as_it_is)(body)
        if told is None:
            return problem(
                Kind.GARBLED,
                f"The provider '{self.prepared.call.upstream}' was asked but its answer cannot be read. Try again.",
                evidence=body[:4096].decode("utf-8", "replace"),
            )
        self._done(told.usage)
        await self._delivery.whole(told.body)
        return None

    def _as_it_is(self, body: bytes) -> Retold | None:
        """The answer itself, None where there is none; seals that are in it name their issuer."""
        prepared = self.prepared
        if not body:
            return None
        use = prepared.upstream.read_use(body)
        if not prepared.sealed:
            return Retold(body, use)
        return Retold(prepared.door.edit_reply(body, prepared.hearing, self._delivery.telling), use)

    async def _passed_on(self, answer: Answer, kind: str) -> Problem | None:
        """Bytes as they come. What breaks off within them is cut, for nothing here knows how to say it there."""
        piece = await answer.read()
        self._delivery.headers |= {"content-type": kind}
        self._pulse.limit(self.prepared.idle_s, answer.abort, self._idle)
        self.content_s = self._loop.time()
        try:
            while piece:
                await self._delivery.send(piece)
                self._pulse.since_s = self._loop.time()
                piece = await answer.read()
        except Trouble as trouble:
            self._delivery.drop()
            return trouble.problem
        self._done(Usage())
        await self._delivery.finish()
        return None

    def _done(self, usage: Usage) -> None:
        self.content_s = self.content_s or self._loop.time()
        self.fold.take([UsageSeen(replace(usage, output=usage.output or 0)), Finished("end")])
