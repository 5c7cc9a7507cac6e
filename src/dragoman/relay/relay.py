"""One exchange from the inquiry to its single ending: plan, attempts, verdicts, record.

Rules. Every attempt is planned before the first. An attempt that fails before content may be followed by another; one
that fails after it has already told the client. Nothing that is learned or recorded here can delay the answer.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import structlog
from msgspec.structs import replace

from dragoman.canon.problem import Kind, Problem, Trouble, problem
from dragoman.dialects.base import Dialect, Telling
from dragoman.ledger.exchange import Exchange, Journal, NoJournal, Source
from dragoman.ledger.session import session_of
from dragoman.ledger.tokens import estimate_prompt
from dragoman.net.transport import Transport
from dragoman.providers.balance import Balance
from dragoman.providers.base import Provider
from dragoman.relay.allowances import Allowances, Client
from dragoman.relay.asides import Aside, counted_upstream, said_by
from dragoman.relay.attempt import Attempt
from dragoman.relay.balance import ask_balance, source_of
from dragoman.relay.course import Course
from dragoman.relay.delivery import Caller, Delivery, Pulse, heeds_headers
from dragoman.relay.errand import ErrandAttempt, able, prepare_errand
from dragoman.relay.gates import Full, Gates
from dragoman.relay.listing import listed
from dragoman.relay.needs import needs_of
from dragoman.relay.outlet import Outlet, Wiring
from dragoman.relay.prepare import Inquiry, Prepared, mends, prepare
from dragoman.relay.probe import Finding, Test, try_out
from dragoman.relay.state import Learned
from dragoman.relay.uploads import Shelf
from dragoman.relay.wording import reworded
from dragoman.routing.decide import decide_among
from dragoman.routing.health import Left, Succeeded
from dragoman.routing.load import Loads
from dragoman.routing.plan import WARM_LONG_MS, WARM_MS, Ask, Plan, Refused, Step
from dragoman.routing.retries import is_free
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.routing.spare import NOTHING_SPARED
from dragoman.routing.strategy import Chance
from dragoman.routing.verdict import Again, Failure, Next, Situation, Stop, final, held_back, verdict

LOOPS = (
    "The answers of this session were begun but broke off twenty times within half a minute, and each time it asked on "
    "at once. Wait until the provider is well, then ask again."
)
"""opencode 1.18.33 with Google's kit takes an error in a stream for an unknown finish and asks on without end
(measured 2026-11-20)."""
OWN_FAULT = (
    "The gateway took the request but failed on it, which is its own fault. Try again; its log names the cause under "
    "this request id."
)

log = structlog.get_logger()


class Bodies(Protocol):
    """Keeps what was asked and answered, apart from the accounts. Never raises."""

    def keep(self, exchange_id: str, request: bytes, reply: Callable[[], bytes] | None, wish: bool | None) -> None:
        """One exchange's content; `reply` writes the answer. `wish` is the key's, None leaves it to the keeper."""


class Relay:
    """Answers inquiries. Holds no state of its own but what is learned (`Learned`)."""

    def __init__(
        self,
        *,
        transport: Transport,
        dialects: Mapping[str, Dialect],
        providers: Mapping[str, Provider],
        snapshot: Snapshot,
        record: Callable[[Exchange], None],
        user_agent: str,
        journal: Journal | None = None,
        allowances: Allowances | None = None,
        bodies: Bodies | None = None,
    ) -> None:
        self._bodies = bodies
        self._allowances = allowances or Allowances()
        self._transport = transport
        self._record = record
        self._journal = journal or NoJournal()
        self._wire = partial(Wiring, dialects=dialects, providers=providers, user_agent=user_agent)
        self._wiring = self._wire(snapshot)
        self.learned = Learned()
        self.learned.policy = snapshot.breaker
        self._gates = Gates(self._allowances.board)
        self._shelf = Shelf(transport)

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""
        return self._wiring.snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        """From now on this configuration is in force."""
        self._wiring = self._wire(snapshot)
        self.learned.policy = snapshot.breaker

    async def answer(self, inquiry: Inquiry, caller: Caller) -> None:
        """Answers one inquiry; tells every problem in the door's dialect; raises only when cancelled."""
        course = self._course(inquiry)
        telling, heeds = _telling(inquiry, course.estimate), heeds_headers(inquiry.headers)
        stream, snapshot = inquiry.request.stream, self.snapshot
        reword = partial(reworded, snapshot.upstream_errors, snapshot.upstream_error_text)
        delivery = Delivery(caller, inquiry.door, telling, stream=stream, heeds=heeds, reword=reword)
        pulse = Pulse(delivery, asyncio.current_task())
        try:
            found = await self._attempts(inquiry, course, delivery, pulse)
            if found is not None:
                course.problem = found
                await delivery.fail(found, inquiry.id)
        except asyncio.CancelledError:
            course.left = True
            await self._say_farewell(delivery, inquiry)
            raise
        except Exception as fault:  # the relay's edge: a fault of ours stays this request's own (F81)
            log.error("exchange failed", exchange=inquiry.id, fault=type(fault).__name__, exc_info=True)
            course.problem = problem(Kind.INTERNAL, OWN_FAULT)
            await delivery.fail(course.problem, inquiry.id)
        finally:
            pulse.stop()
            if course.problem is not None and delivery.content_sent and not heeds:
                self.learned.broke(course.session.key, _now_ms())
            self.learned.retries.over(delivery)
            course.status = delivery.status
            exchange = course.exchange()
            self._journal.write(exchange)
            self._allowances.settle(exchange)
            self._record(exchange)
            if self._bodies is not None:
                wish = inquiry.key.spec.keep_bodies if inquiry.key else None
                self._bodies.keep(inquiry.id, inquiry.body, course.answer(delivery.telling), wish)

    def _course(self, inquiry: Inquiry) -> Course:
        raw = estimate_prompt(inquiry.request)
        estimate = int(raw * self.learned.calibration.ratio(inquiry.request.model))
        return Course(inquiry, session_of(inquiry.headers, inquiry.request), raw, estimate, self.snapshot.version)

    async def _attempts(self, inquiry: Inquiry, course: Course, delivery: Delivery, pulse: Pulse) -> Problem | None:
        """None once the answer is whole; else what went wrong, to be told unless the stream has told it already."""
        if self.learned.foretells and (known := self.learned.foretold(course.repeat_key)):
            return known
        if self.learned.loops(course.session.key, _now_ms()):
            return replace(problem(Kind.UPSTREAM_ERROR, LOOPS), retryable=False)
        await self._allowances.survey(self.snapshot)
        plan = self._plan(inquiry, course, random.random())  # noqa: S311 - a draw by weight
        if isinstance(plan, Refused):
            return plan.problem
        course.plan = plan
        if inquiry.key is not None:
            first, project = plan.attempts[0], self.snapshot.projects.get(inquiry.key.spec.project)
            client = Client(inquiry.key, project.budgets if project else ())
            need, asked = self._allowances.need(course.estimate, first), inquiry.request.model
            if (refused := await self._allowances.take(inquiry.id, client, asked, need, first)) is not None:
                return refused
        payer = inquiry.key.id if inquiry.key else inquiry.key_name
        self.learned.retries.asked(payer)
        failures: list[Failure] = []
        position = 0
        while True:
            step = plan.attempts[position]
            found = await self._attempt(inquiry, step, course, delivery, pulse)
            if found is None or delivery.content_sent:
                return found
            failures.append(Failure(step.channel, found))
            self.learned.retries.failed(delivery)
            situation = Situation(
                attempts=len(failures),
                others=len(plan.attempts) - position - 1,
                elapsed_ms=course.elapsed_ms(),
                policy=self.snapshot.retry,
                rules=step.channel.retry,
            )
            chosen = verdict(found, situation, random.random())  # noqa: S311
            if isinstance(chosen, Stop):
                return self._last_word(failures, course, delivery)
            self._journal.write(course.waiting())
            position += isinstance(chosen, Next)
            if not is_free(found, len(failures)):
                account = plan.attempts[position].channel.account
                if spent := await self.learned.retries.grant(delivery, payer, account):
                    course.note(f"not tried again: {spent}")
                    return held_back(final(failures), spent, random.random())  # noqa: S311
            if isinstance(chosen, Again):
                await asyncio.sleep(chosen.after_s)

    def _last_word(self, failures: list[Failure], course: Course, delivery: Delivery) -> Problem:
        """What to tell the client when no attempt is left; a refusal too late for its status is kept for the next."""
        told = final(failures)
        if delivery.status == 200 and told.side == "client" and not told.retryable:
            self.learned.foretell(course.repeat_key, told)
        return told

    async def _attempt(
        self, inquiry: Inquiry, step: Step, course: Course, delivery: Delivery, pulse: Pulse
    ) -> Problem | None:
        """Makes one attempt, and learns from it."""
        channel = step.channel
        try:
            outlet = self._wiring.outlet(channel)
            prepared = await self._prepared(inquiry, step, course, outlet)
        except Trouble as trouble:
            course.unprepared(step, trouble.problem)
            return trouble.problem
        place = f"{inquiry.id}/{course.tries + 1}"
        spent = await self._allowances.take_channel(place, step, self._allowances.need(course.estimate, step))
        if spent is not None:
            course.unprepared(step, spent)
            return spent
        delivery.telling = replace(delivery.telling, bare_seals=self._wiring.bare_seals(channel, inquiry.door))
        delivery.headers = course.headers(step, prepared)
        self.learned.set_out(step, _now_ms(), measured=bool(self._wiring.measures))
        checkpoint = partial(_check, self._journal, course)
        attempt = (ErrandAttempt if inquiry.errand else Attempt)(prepared, self._transport, delivery, pulse, checkpoint)
        found: Problem | None = None
        full = False
        try:
            async with self._gates.through(channel):
                self._journal.write(course.sent(step, prepared))
                found = await attempt.run()
        except Trouble as trouble:
            found, full = trouble.problem, isinstance(trouble, Full)
        except asyncio.CancelledError:
            self.learned.learn(step, Left(), _now_ms(), 0.0)
            self._allowances.settle_channel(place, course.attempted(step, attempt, None, cancelled=True))
            raise
        except Exception:
            self.learned.learn(step, Left(), _now_ms(), 0.0)
            self._allowances.settle_channel(place, course.attempted(step, attempt, problem(Kind.INTERNAL, OWN_FAULT)))
            raise
        pulse.abort = None
        outcome = Left() if full else found or Succeeded()
        self.learned.learn(step, outcome, _now_ms(), random.random(), attempt.first_ms)  # noqa: S311
        self.learned.told.hear(step, attempt.headers, _now_ms(), time.time())
        usage = attempt.fold.usage
        if found is None and usage.exact and usage.prompt:
            self.learned.measured(inquiry.request.model, course.raw_estimate, usage.prompt)
        self._allowances.settle_channel(place, course.attempted(step, attempt, found))
        if found is not None and mends(prepared, found.param, native=channel.native):
            self.learned.concede(step, found.param or "", verbatim=prepared.verbatim)
            return await self._attempt(inquiry, step, course, delivery, pulse)
        begun_s = time.monotonic() - course.elapsed_ms() / 1000
        if found is not None and found.kind is Kind.NOT_FOUND and self._shelf.forget(inquiry.request, outlet, begun_s):
            return await self._attempt(inquiry, step, course, delivery, pulse)
        return found

    async def _prepared(self, inquiry: Inquiry, step: Step, course: Course, outlet: Outlet) -> Prepared:
        """The attempt, ready to be sent, with its files where the upstream wants them. Raises `Trouble`."""
        request = await self._shelf.stocked(inquiry.request, outlet)
        asked = replace(inquiry, request=request, session=course.session.id)
        if asked.errand:
            return prepare_errand(asked, step, outlet)
        return prepare(asked, step, outlet, conceded=self.learned.conceded(step))

    def plan(self, ask: Ask) -> Plan | Refused:
        """Where a request would go now, and why; nothing is sent or learned."""
        return decide_among(self._wiring.resolve(ask), self.learned.health, ask, Chance(self._loads(), _now_ms(), 0.0))

    def _loads(self) -> Loads:
        """How busy targets are, which channels have nothing left of a budget, and which are spared."""
        loads = self._allowances.full(self.snapshot, self.learned.loads)
        spared = self.learned.told.spared(self.snapshot.balances)
        return loads if spared is NOTHING_SPARED else replace(loads, spared=spared)

    def _plan(self, inquiry: Inquiry, course: Course, dice: float) -> Plan | Refused:
        ask = self._ask(inquiry, course)
        chance = Chance(self._loads(), _now_ms(), dice)
        found = able(self._wiring.resolve(ask), inquiry.errand, self._wiring.outlet)
        return decide_among(found, self.learned.health, ask, chance)

    def _ask(self, inquiry: Inquiry, course: Course) -> Ask:
        request = inquiry.request
        needs = needs_of(request)
        return Ask(
            door=inquiry.door.name,
            asked=request.model,
            profile=inquiry.profile,
            project=inquiry.key.spec.project if inquiry.key else "",
            session=course.session.key,
            prompt_tokens=course.estimate,
            max_output=request.max_output,
            has_images=needs.images > 0,
            images=needs.images,
            has_audio=needs.audio,
            has_video=needs.video,
            has_tools=bool(request.tools),
            has_documents=needs.documents,
            long_context=inquiry.door.wants_long_context(inquiry.headers),
            warm_ms=WARM_LONG_MS if needs.long_cache else WARM_MS,
            thinking=request.reasoning.mode in ("on", "adaptive"),
            stream=request.stream,
            agent=course.session.agent,
            headers=inquiry.headers,
            now_s=time.time(),
        )

    async def _say_farewell(self, delivery: Delivery, inquiry: Inquiry) -> None:
        """When we are the ones who stop, a waiting client is told so; when the client left, nobody hears it."""
        if not delivery.ended:
            await delivery.fail(
                problem(Kind.OVERLOADED, "The gateway is shutting down. Ask again in a moment.", retry_after_s=5.0),
                inquiry.id,
            )

    async def count(self, inquiry: Inquiry) -> tuple[int, str]:
        """Prompt tokens of a request, by the upstream's own count where there is one. Raises `Trouble`."""
        course = self._course(inquiry)
        estimate = course.estimate
        plan = self._plan(inquiry, course, 0.0)
        if isinstance(plan, Refused):
            if plan.problem.kind is Kind.PROMPT_TOO_LONG:
                return estimate, "estimate"
            raise Trouble(plan.problem)
        step = plan.attempts[0]
        counted = await counted_upstream(
            inquiry, step, self._wiring.outlet(step.channel), self._transport, self._journal
        )
        return (estimate, "estimate") if counted is None else (counted, "upstream")

    async def probe(self, channel: Channel, model: str, test: Test = "text", source: Source = "probe") -> Finding:
        """A real small call on one channel."""
        outlet = self._wiring.outlet(channel)
        aside = Aside(source, Step(channel=channel, model=model, why=f"{source}: {test}"))
        found = await try_out(
            self._transport, outlet, model, test, lambda request: self._shelf.stocked(request, outlet)
        )
        self._journal.write(aside.told(said_by(found)))
        return found

    async def models(self, channel: Channel) -> tuple[str, ...]:
        """The models that a channel's provider lists. Raises `Trouble`."""
        return await listed(self._transport, self._wiring.outlet(channel))

    async def balance(self, channel: Channel) -> Balance:
        """What is left of a channel's account. Raises `Trouble`."""
        return await ask_balance(self._transport, self._wiring.outlet(channel))

    def tells_balance(self, channel: Channel) -> bool:
        """Whether a channel's provider tells that."""
        return source_of(self._wiring.outlet(channel)) is not None


def _check(journal: Journal, course: Course, attempt: Attempt) -> None:
    journal.checkpoint(course.progress(attempt))


def _telling(inquiry: Inquiry, estimate: int) -> Telling:
    return Telling(
        model=inquiry.request.model,
        exchange_id=inquiry.id,
        created_s=int(time.time()),
        input_estimate=estimate,
        include_usage=inquiry.request.stream_usage,
        legacy_calls=inquiry.request.legacy_calls,
        request=inquiry.request,
    )


def _now_ms() -> int:
    """Monotonic milliseconds, for health and cooldowns only."""
    return int(time.monotonic() * 1000)
