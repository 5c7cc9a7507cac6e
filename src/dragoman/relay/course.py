"""The course of one exchange, noted while it runs, and told at its end as an `Exchange`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from hashlib import blake2b

from msgspec.structs import replace

from dragoman.canon.problem import KINDS, Kind, Problem
from dragoman.canon.reply import Fold, unfold
from dragoman.canon.usage import NOTHING_SAID, Usage
from dragoman.dialects.base import Dialect, Telling
from dragoman.ledger.exchange import AttemptRecord, Exchange, Progress
from dragoman.ledger.session import Session
from dragoman.ledger.tokens import estimate_text
from dragoman.relay.attempt import Attempt
from dragoman.relay.prepare import Inquiry, Prepared
from dragoman.relay.wording import said_by_upstream
from dragoman.routing.plan import Plan, Step


class Course:
    """Notes what happens to one exchange. Mutable until `exchange` is asked for."""

    def __init__(self, inquiry: Inquiry, session: Session, raw_estimate: int, estimate: int, version: int) -> None:
        self._inquiry = inquiry
        self._started_s = time.monotonic()
        self._started_ms = int(time.time() * 1000)
        self.session = session
        self.raw_estimate = raw_estimate
        """Prompt tokens before calibration."""
        self.estimate = estimate
        self.plan: Plan | None = None
        self.problem: Problem | None = None
        self.left = False
        """Whether the client went before its answer was complete."""
        self.status: int | None = None
        self.version = version
        """Of the configuration."""
        self._attempts: list[AttemptRecord] = []
        self._notes: list[str] = []
        self._last: Attempt | None = None

    @cached_property
    def repeat_key(self) -> str:
        """Tells the same request of the same session when it comes again."""
        return f"{self.session.id}:{blake2b(self._inquiry.body, digest_size=16).hexdigest()}"

    @cached_property
    def _plan_lines(self) -> tuple[str, ...]:
        return self.plan.lines() if self.plan else ()

    def note(self, words: str) -> None:
        """Says why the plan was left; it stands behind its lines."""
        self._notes.append(words)

    def elapsed_ms(self) -> int:
        """Since the exchange began."""
        return int((time.monotonic() - self._started_s) * 1000)

    def headers(self, step: Step, prepared: Prepared) -> dict[str, str]:
        """What a client is told of the attempt that answers it."""
        told = {
            "x-dragoman-channel": step.channel.name,
            "x-dragoman-model": step.model,
            "x-dragoman-mode": "verbatim" if prepared.verbatim else "translated",
            "x-dragoman-attempts": str(len(self._attempts) + 1),
        }
        if prepared.losses:
            told["x-dragoman-losses"] = ",".join(dict.fromkeys(loss.what for loss in prepared.losses))[:1000]
        return told

    def sent(self, step: Step, prepared: Prepared) -> Exchange:
        """The exchange at the moment before this attempt leaves."""
        running = AttemptRecord(
            n=len(self._attempts) + 1,
            channel=step.channel.name,
            provider=step.channel.provider,
            model=step.model,
            mode="verbatim" if prepared.verbatim else "translated",
            why=step.why,
            started_ms=self._started_ms + self.elapsed_ms(),
            losses=prepared.losses,
            edits=prepared.edits,
        )
        return self._exchange((*self._attempts, running))

    def waiting(self) -> Exchange:
        """The exchange between two attempts."""
        return self._exchange(tuple(self._attempts))

    def progress(self, attempt: Attempt) -> Progress:
        """How far the running attempt has come."""
        finish = attempt.fold.finish
        return Progress(
            id=self._inquiry.id,
            n=len(self._attempts) + 1,
            at_ms=self._started_ms + self.elapsed_ms(),
            usage=self._usage(attempt),
            status=attempt.status,
            first_content_ms=None if attempt.content_s is None else self._wall_ms(attempt.content_s),
            upstream_id=attempt.upstream_id,
            finish=finish.reason if finish else None,
        )

    @property
    def tries(self) -> int:
        """Attempts so far."""
        return len(self._attempts)

    def unprepared(self, step: Step, found: Problem) -> None:
        """An attempt could not even be prepared."""
        now_ms = self._started_ms + self.elapsed_ms()
        self._attempts.append(
            AttemptRecord(
                n=len(self._attempts) + 1,
                channel=step.channel.name,
                provider=step.channel.provider,
                model=step.model,
                mode="translated",
                why=step.why,
                problem=found.kind,
                started_ms=now_ms,
                ended_ms=now_ms,
            )
        )

    def attempted(
        self, step: Step, attempt: Attempt, found: Problem | None, *, cancelled: bool = False
    ) -> AttemptRecord:
        """An attempt has ended, or was ended: what is known of it."""
        self._last = attempt
        prepared = attempt.prepared
        record = AttemptRecord(
            n=len(self._attempts) + 1,
            channel=step.channel.name,
            provider=step.channel.provider,
            model=step.model,
            mode="verbatim" if prepared.verbatim else "translated",
            why=step.why,
            status=attempt.status,
            problem=found.kind if found else None,
            started_ms=self._wall_ms(attempt.sent_s),
            first_content_ms=None if attempt.content_s is None else self._wall_ms(attempt.content_s),
            ended_ms=self._started_ms + self.elapsed_ms(),
            upstream_id=attempt.upstream_id,
            maybe_billed=cancelled or (found is not None and _may_be_billed(attempt, found)),
            usage=self._usage(attempt),
            losses=attempt.losses,
            edits=prepared.edits,
        )
        self._attempts.append(record)
        return record

    def _wall_ms(self, loop_s: float) -> int:
        """A moment of the event loop's clock, which is the monotonic one, as Unix time."""
        return self._started_ms + int((loop_s - self._started_s) * 1000)

    def _usage(self, attempt: Attempt) -> Usage:
        """The provider's own counts; what it did not tell of an answer that came is estimated, and flagged.

        Some providers tell a count of output at the start, so that of an answer that broke off it is no more than a
        lower bound.
        """
        usage, seen = attempt.usage, attempt.fold.text_length
        if attempt.content_s is None:
            return usage
        told = usage.output if usage.output or not seen else None
        if usage.prompt and told is not None and attempt.fold.finish:
            return usage
        return replace(
            usage,
            input=usage.input if usage.prompt else self.estimate,
            output=told if told is not None and attempt.fold.finish else max(told or 0, estimate_text(seen)),
            exact=False,
        )

    def exchange(self) -> Exchange:
        """The record of it all, once it has ended."""
        last, record = self._last, self._attempts[-1] if self._attempts else None
        finish = last.fold.finish if last else None
        return replace(
            self._exchange(tuple(self._attempts)),
            usage=record.usage if record and last else NOTHING_SAID,
            finish=finish.reason if finish else None,
            problem=self.problem.kind if self.problem else None,
            status=self.status or (KINDS[self.problem.kind].status if self.problem else None),
            first_content_ms=record.first_content_ms if record else None,
            ended_ms=self._started_ms + self.elapsed_ms(),
            client_left=self.left,
        )

    def answer(self, telling: Telling) -> Callable[[], bytes] | None:
        """Writes the answer in the client's dialect, or what the upstream said instead, even where the client is not
        told; None where neither came."""
        last, found = self._last, self.problem
        if found is not None and said_by_upstream(found) and (last is None or last.content_s is None):
            return partial(self._inquiry.door.write_problem, found, self._inquiry.id)
        if last is None or last.content_s is None or self._inquiry.errand:
            return None
        return partial(_written, self._inquiry.door, last.fold, telling)

    def _exchange(self, attempts: tuple[AttemptRecord, ...]) -> Exchange:
        inquiry = self._inquiry
        return Exchange(
            id=inquiry.id,
            started_ms=self._started_ms,
            door=inquiry.door.name,
            asked=inquiry.request.model[:200],
            stream=inquiry.request.stream,
            session=self.session.id,
            agent=self.session.agent,
            trace_hint=self.session.trace_hint,
            key_name=inquiry.key_name,
            key_id=inquiry.key.id if inquiry.key else "",
            project=inquiry.key.spec.project if inquiry.key else "",
            owner=inquiry.key.spec.owner if inquiry.key else "",
            plan=(*self._plan_lines, *self._notes),
            attempts=attempts,
            prompt_estimate=self.estimate,
            effort=inquiry.request.reasoning.effort,
            client=inquiry.client,
            version=self.version,
        )


def _written(door: Dialect, gathered: Fold, telling: Telling) -> bytes:
    """The answer as one whole; one that broke off as the stream that it was, for only that can say so."""
    reply = gathered.reply()
    if reply.problem is None and reply.finish is not None:
        return door.write_reply(reply, telling)
    return door.writer(telling).write(unfold(reply))


UNSENT = frozenset({Kind.UNREACHABLE, Kind.TLS})
"""Problems after which the provider has not seen the request."""


def _may_be_billed(attempt: Attempt, found: Problem) -> bool:
    """Whether the provider may charge for an attempt that failed: it had the request, and did not refuse it."""
    return found.kind not in UNSENT and (attempt.status is None or attempt.status < 300)
