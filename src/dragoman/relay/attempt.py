"""One upstream call made for an exchange, from sending to its end.

Rules. Until the first content everything is held, so that a failure can go to another channel unseen. After it the
attempt is the answer: what breaks then is told to the client as an error and never mended. A stream is read, kept in
order, folded and rendered in one pass per network read; nothing waits in a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import reduce

from msgspec.structs import replace

from dragoman.canon.events import Beat, Event, Failed, Finished, PartGrew, PartNoted, PartOpened, PartSealed, UsageSeen
from dragoman.canon.order import OrderKeeper
from dragoman.canon.problem import Kind, Problem, Trouble, problem
from dragoman.canon.reply import Fold
from dragoman.canon.request import Loss, Refusal, Text, Thinking
from dragoman.canon.usage import Usage, merge
from dragoman.dialects.sse import FRAME_LIMIT, WholeFrames
from dragoman.ledger.tokens import estimate_text
from dragoman.net.transport import ERROR_LIMIT, Answer, Transport
from dragoman.relay.complaints import cut_short, redirected, too_much, unknown_ending
from dragoman.relay.delivery import Delivery, Pulse
from dragoman.relay.prepare import Prepared
from dragoman.relay.rendering import Renderer, Translation, Verbatim
from dragoman.relay.scrub import scrubbed, scrubbed_bytes, secrets_in
from dragoman.relay.stops import StopWatch

HELD_EVENTS = 64
"""Start-up events are held back up to this many, signs of life not counted, then shown all the same."""
HELD_BYTES = 2 * FRAME_LIMIT
"""Bytes without any content that are taken for no answer: the largest first frame, and room for what precedes it."""
CHECKPOINT_S = 1.0
CHECKPOINT_CHARACTERS = 1024
"""A stream that runs is noted each second or 256 tokens, of four characters each, whichever comes first (F75)."""
STREAM_BYTES = 256 * 1024 * 1024
"""Bytes of a streamed answer at most (F58): several times the largest output of any model, framed token by token."""


class Attempt:
    """One attempt. Mutable: it holds the answer while it runs, and what it learnt of it."""

    def __init__(
        self,
        prepared: Prepared,
        transport: Transport,
        delivery: Delivery,
        pulse: Pulse,
        checkpoint: Callable[[Attempt], None],
    ) -> None:
        self.prepared = prepared
        self._checkpoint = checkpoint
        self._noted_s = 0.0
        self._noted_length = 0
        self._transport = transport
        self._delivery = delivery
        self._pulse = pulse
        self._loop = asyncio.get_running_loop()
        self._late: Trouble | None = None
        self._keeper = OrderKeeper()
        self._stops = StopWatch(prepared.local_stops) if prepared.local_stops else None
        self._answer: Answer | None = None
        self.fold = Fold()
        self.status: int | None = None
        self.sent_s = self._loop.time()
        self.content_s: float | None = None
        self.upstream_id = ""
        self._received = 0
        """Bytes of a streamed answer so far."""
        self._lost: list[Loss] = []
        delivery.telling = replace(delivery.telling, lose=self._lost.append)
        self.prepared = replace(prepared, hearing=replace(prepared.hearing, lose=self._lost.append))
        self._held: list[Event] = []
        """What came before the first content; it joins the fold when it is shown."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the upstream's answer, by lower-case name; none where none came."""
        return self._answer.headers if self._answer is not None else {}

    @property
    def first_ms(self) -> int | None:
        """What the first content took; None where none came."""
        return None if self.content_s is None else int((self.content_s - self.sent_s) * 1000)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the request lost on its way to the upstream, and the answer on its way to the client."""
        return (*self.prepared.losses, *dict.fromkeys(self._lost))

    async def run(self) -> Problem | None:
        """None once the client has its whole answer; else what went wrong. After content, the client knows already."""
        try:
            found = await self._run()
        except Trouble as trouble:
            found = trouble.problem
        finally:
            if self._answer is not None:
                self._answer.close()
            self._checkpoint = _keep_nothing  # the notes hold this attempt, and would be held by it
        return found and scrubbed(found, secrets_in(self.prepared.call.headers))

    async def _run(self) -> Problem | None:
        prepared, limit_s = self.prepared, self.prepared.first_content_s
        self.sent_s = self._loop.time()
        self._pulse.limit(limit_s, self._give_up, lambda: self._too_slow(limit_s))
        answer = self._answer = await self._sent()
        self._pulse.abort = answer.abort
        self.status = answer.status
        self.upstream_id = answer.headers.get("request-id") or answer.headers.get("x-request-id", "")
        if beginning := prepared.limit_headers:
            told = {name: value for name, value in answer.headers.items() if name.startswith(beginning)}
            self._delivery.headers |= told
        if 300 <= answer.status < 400:
            raise redirected(prepared.call.upstream)
        if not 200 <= answer.status < 300:
            return prepared.upstream.read_problem(answer.status, answer.headers, await answer.whole(ERROR_LIMIT))
        return await self._take(answer)

    async def _take(self, answer: Answer) -> Problem | None:
        """Passes on an answer whose status is good."""
        streamed = self._is_stream(answer)
        if self._delivery.stream:
            return await (self._stream(answer) if streamed else self._whole_as_stream(answer))
        return await (self._stream_as_whole(answer) if streamed else self._whole(answer))

    async def _sent(self) -> Answer:
        """The answer, once its headers have come. Raises `Trouble`, also the one it was given up for."""
        try:
            return await self._transport.send(self.prepared.call)
        except asyncio.CancelledError:
            task = self._pulse.task
            if self._late is not None and task is not None and not task.uncancel():
                raise self._late from None
            raise  # the client has left, or we stop
        finally:
            self._pulse.abort = None

    def _give_up(self, why: Trouble) -> None:
        """Ends the sending, as `asyncio.timeout` would with a timer of its own."""
        self._late = why
        if self._pulse.task is not None:
            self._pulse.task.cancel()

    def _is_stream(self, answer: Answer) -> bool:
        """Whether the answer is a stream, by its content type, else by what was asked. A web page is neither."""
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise Trouble(
                problem(
                    Kind.GARBLED,
                    f"The provider '{self.prepared.call.upstream}' was asked for an answer but sent a web page. "
                    "Check base_url and any proxy or login page on the way.",
                    upstream_status=answer.status,
                )
            )
        if kind == "application/json":
            return False
        return kind == "text/event-stream" or self.prepared.stream

    async def _stream(self, answer: Answer) -> Problem | None:
        """Relays a stream to a streaming client."""
        reader = self.prepared.upstream.reader(self.prepared.hearing)
        renderer = self._renderer()
        keeper, fold, delivery, pulse, clock = self._keeper, self.fold, self._delivery, self._pulse, self._loop.time
        held_data: list[bytes] = []
        shown = False
        while True:
            data, events = await self._read(answer, reader.feed, reader.close)
            events = keeper.keep(self._judge(events))
            if not shown:
                self._held += [event for event in events if type(event) is not Beat]
                held_data.append(data)
                if events and isinstance(events[-1], Failed):
                    return events[-1].problem
                if self._received > HELD_BYTES:
                    return too_much(self.prepared.call.upstream, "before any content", HELD_BYTES)
                if not (any(map(_shows_content, events)) or len(self._held) > HELD_EVENTS):
                    continue
                events, data, shown = self._held, b"".join(held_data), True
                self._held = []
                self.content_s = self._noted_s = clock()
                pulse.limit(self.prepared.idle_s, answer.abort, self._idle)
            fold.take(events)
            if (
                fold.text_length - self._noted_length >= CHECKPOINT_CHARACTERS
                or clock() - self._noted_s >= CHECKPOINT_S
            ):
                self._note()
            if fold.problem is not None:
                data, events = self._reworded(fold.problem, data, events)
            out = renderer.render(data, events)
            if keeper.ended:
                self._note_the_end()
                if fold.problem:
                    out = scrubbed_bytes(out, secrets_in(self.prepared.call.headers))
                await delivery.finish(out)
                return fold.problem
            if out:
                await delivery.send(out)
            pulse.since_s = clock()

    def _reworded(self, found: Problem, data: bytes, events: list[Event]) -> tuple[bytes, list[Event]]:
        """The failure as the client may be told it. Verbatim, the whole read that holds other words is kept back."""
        told = self._delivery.reword(found)
        return (data, events) if told is found else (b"", [*events[:-1], Failed(told)])

    async def _read(
        self, answer: Answer, feed: Callable[[bytes], list[Event]], close: Callable[[], list[Event]]
    ) -> tuple[bytes, list[Event]]:
        """The next bytes with their events. A break in the connection ends the reader, as the end of the bytes does."""
        try:
            data = await answer.read()
        except Trouble as trouble:
            events = close()
            ended_well = events and isinstance(events[-1], Finished)
            return b"", events if ended_well else [*events[:-1], Failed(trouble.problem)]
        if data:
            self._received += len(data)
            if self._received > STREAM_BYTES:
                return b"", [Failed(too_much(self.prepared.call.upstream, "and had not ended", STREAM_BYTES))]
            return data, feed(data)
        return b"", close() or [Failed(cut_short(self.prepared.call.upstream))]

    def _judge(self, events: list[Event]) -> list[Event]:
        """The events with local stop sequences enforced; when translating, with an ending that says what it is."""
        if self._stops is not None:
            events = self._stops.watch(events)
        if self.prepared.verbatim:
            return events
        for event in events:
            if type(event) is PartNoted and event.extras.dialect != self.prepared.door.name:
                self._lost += _unsaid(event)
        finished = events[-1] if events else None
        if not isinstance(finished, Finished):
            return events
        earlier = events[:-1]
        if finished.reason == "unknown":
            return [*earlier, Failed(unknown_ending(self.prepared.call.upstream))]
        return [*earlier, *self._untold_usage(earlier), finished]

    @property
    def usage(self) -> Usage:
        """What the provider told of its usage, also of an answer that was lost before it was shown."""
        told = [event.usage for event in self._held if type(event) is UsageSeen]
        return reduce(merge, told, self.fold.usage)

    def _untold_usage(self, last_events: list[Event]) -> list[UsageSeen]:
        """What the provider did not tell of its usage, estimated and flagged as such, since clients count with it."""
        unfolded = [*self._held, *last_events]
        told = [self.fold.usage, *(event.usage for event in unfolded if isinstance(event, UsageSeen))]
        if any(usage.output is not None for usage in told):
            return []
        length = self.fold.text_length + sum(len(event.text) for event in unfolded if isinstance(event, PartGrew))
        prompt = None if any(usage.prompt for usage in told) else self._delivery.telling.input_estimate
        return [UsageSeen(Usage(input=prompt, output=estimate_text(length), exact=False))]

    async def _whole(self, answer: Answer) -> Problem | None:
        """Relays a whole answer to a client that asked for one."""
        prepared = self.prepared
        body = await answer.whole()
        if found := self._take_whole(body):
            return found
        door, telling = prepared.door, self._delivery.telling
        out = (
            door.edit_reply(body, prepared.hearing, telling)
            if prepared.verbatim and not _reads_as_stream(body)
            else door.write_reply(self.fold.reply(), telling)
        )
        await self._delivery.whole(out)
        return None

    async def _whole_as_stream(self, answer: Answer) -> Problem | None:
        """Streams a whole answer that came although a stream was asked for."""
        if found := self._take_whole(await answer.whole()):
            return found
        await self._delivery.finish(self._translation().render(b"", self._whole_events))
        return None

    async def _stream_as_whole(self, answer: Answer) -> Problem | None:
        """Gathers a stream that came although a whole answer was asked for."""
        reader = self.prepared.upstream.reader(self.prepared.hearing)
        while not self._keeper.ended:
            _, events = await self._read(answer, reader.feed, reader.close)
            self.fold.take(self._keeper.keep(self._judge(events)))
            if self.content_s is not None:
                self._pulse.since_s = self._loop.time()
            elif any(map(_shows_content, events)):
                self.content_s = self._noted_s = self._loop.time()
                self._pulse.limit(self.prepared.idle_s, answer.abort, self._idle)
            if self.content_s is not None and self._loop.time() - self._noted_s >= CHECKPOINT_S:
                self._note()
        if self.fold.problem:
            return self.fold.problem
        self._note_the_end()
        await self._delivery.whole(self.prepared.door.write_reply(self.fold.reply(), self._delivery.telling))
        return None

    def _take_whole(self, body: bytes) -> Problem | None:
        upstream, hearing = self.prepared.upstream, self.prepared.hearing
        if _reads_as_stream(body):
            reader = upstream.reader(hearing)
            events = [*reader.feed(body), *reader.close()]
        else:
            events = upstream.read_reply(body, hearing)
        events = self._whole_events = self._keeper.keep(self._judge(events))
        self.fold.take(events)
        if self.fold.problem is None:
            self.content_s = self._loop.time()
            self._note_the_end()
        return self.fold.problem

    def _note(self) -> None:
        self._noted_s, self._noted_length = self._loop.time(), self.fold.text_length
        self._checkpoint(self)

    def _note_the_end(self) -> None:
        """Before the client has the ending: what it saw whole is known with its exact usage, whatever comes next."""
        if self.fold.finish is not None:
            self._checkpoint(self)

    def _renderer(self) -> Renderer:
        door = self.prepared.door
        if self.prepared.verbatim and self._stops is None:
            editor = door.editor(self.prepared.hearing, self._delivery.telling) or WholeFrames()
            return Verbatim(editor, lambda: door.writer(self._delivery.telling))
        return self._translation()

    def _translation(self) -> Translation:
        return Translation(self.prepared.door, self.prepared.door.writer(self._delivery.telling))

    def _idle(self) -> Trouble:
        """The stream has gone silent after content."""
        return Trouble(
            problem(
                Kind.TIMEOUT,
                f"The provider '{self.prepared.call.upstream}' was answering but has been silent for "
                f"{self.prepared.idle_s:.0f} s. Try again, or raise the channel's idle timeout.",
            )
        )

    def _too_slow(self, limit_s: float) -> Trouble:
        return Trouble(
            problem(
                Kind.TIMEOUT,
                f"The provider '{self.prepared.call.upstream}' was asked but gave no content within {limit_s:.0f} s. "
                "Try again, or raise the channel's first_content timeout.",
            )
        )


def _keep_nothing(_: Attempt) -> None:
    """The checkpoint of an attempt that is over."""


def _reads_as_stream(body: bytes) -> bool:
    """Whether these are server-sent events, whatever they are called: some self-made servers call them JSON."""
    return body[:64].lstrip(b"\xef\xbb\xbf \r\n").startswith((b"data:", b"event:", b":"))


def _shows_content(event: Event) -> bool:
    """Whether an event is specific to the answer, so that after it no other attempt may speak."""
    match event:
        case PartGrew(text=text):
            return bool(text)
        case PartOpened(head=Text() | Thinking() | Refusal()):
            return False
        case PartOpened() | Finished():
            return True
        case PartSealed(seal=seal):
            return seal is not None
    return False


def _unsaid(noted: PartNoted) -> list[Loss]:
    """What is told beside a text, as its citations, is said in its own dialect alone."""
    why = "Only the provider's own dialect says this beside a text."
    return [Loss(f"answer.{name}", why, "dropped") for name in noted.extras.members]
