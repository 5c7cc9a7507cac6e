"""What to do when an attempt has failed before any content was shown, and what to tell when all have.

Rules. After content nothing is tried again. No new attempt starts late, and there are three at most, or as many as the
policy says. What is about the request itself is told at once, in the upstream's words; what is about one provider goes
to the next. Both are one table, read by `verdict` and `final`; a channel's own rules (`retry`) go before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.problem import KINDS, Kind, Problem
from dragoman.routing.snapshot import Channel, RetryRule
from dragoman.shapes.policy import USUAL_RETRY, RetryPolicy

SHORT_WAIT_S = 2.0
"""A told wait up to this is waited for where nothing else is left."""
UNTOLD_WAITS_S = {Kind.RATE_LIMITED: 10.0, Kind.OVERLOADED: 5.0}
"""What a client is told to wait where the provider told nothing; clients give up on a 429 without a wait."""
HELD_BACK_S = (1.0, 5.0)
"""What a client is told to wait at least and at most where a budget of retries is spent."""


class Manner(NamedTuple):
    """How one kind of problem is met."""

    elsewhere: bool
    """Whether another target may do better; if not, the problem is about the request and is the answer."""
    again: Literal["never", "once", "soon"] = "never"
    """Whether the same target is asked again where no other is left: not, once (or as the policy says), or after a
    short told wait."""
    rank: int = 0
    """Where several attempts failed differently, the lowest is told."""


_MEND = Manner(elsewhere=True, again="once", rank=4)

MANNERS: dict[Kind, Manner] = {
    Kind.RATE_LIMITED: Manner(elsewhere=True, again="soon", rank=1),
    Kind.OVERLOADED: Manner(elsewhere=True, rank=2),
    Kind.TIMEOUT: Manner(elsewhere=True, rank=3),
    Kind.UNREACHABLE: _MEND,
    Kind.UPSTREAM_ERROR: _MEND,
    Kind.GARBLED: _MEND,
    Kind.CUT_SHORT: _MEND,
    Kind.CONFLICT: _MEND,
    Kind.TLS: Manner(elsewhere=True, rank=5),
    Kind.REDIRECTED: Manner(elsewhere=True, rank=5),
    Kind.UPSTREAM_CREDENTIAL: Manner(elsewhere=True, rank=5),
    Kind.UPSTREAM_QUOTA: Manner(elsewhere=True, rank=5),
    Kind.MODEL_NOT_FOUND: Manner(elsewhere=True, rank=6),
    Kind.UNSUPPORTED: Manner(elsewhere=True, rank=7),
}
"""Kinds that another attempt may mend; all others are the answer."""

THE_ANSWER = Manner(elsewhere=False)
LAST_RANK = 8
"""Of a problem about the request that a channel's own rules make worth another attempt."""


class Situation(Struct, frozen=True, kw_only=True):
    """Where a request stands when an attempt has failed."""

    attempts: int
    """Made so far, the failed one included."""
    others: int
    """Steps of the plan not tried yet."""
    elapsed_ms: int
    """Since the request came."""
    content_shown: bool = False
    policy: RetryPolicy = USUAL_RETRY
    rules: Sequence[RetryRule] = ()
    """What the channel that failed says is worth another attempt."""


class Again(Struct, frozen=True):
    """Ask the same target again after a pause."""

    after_s: float


class Next(Struct, frozen=True):
    """Go on with the plan's next step at once."""


class Stop(Struct, frozen=True):
    """Tell the client."""


Verdict: TypeAlias = Again | Next | Stop


class Failure(Struct, frozen=True):
    """One attempt that failed."""

    channel: Channel
    problem: Problem


def verdict(found: Problem, situation: Situation, dice: float) -> Verdict:
    """What to do after this problem. `dice` is drawn evenly from 0 up to 1."""
    manner, policy = manner_of(found, situation.rules), situation.policy
    latest_ms = policy.within_s * 1000
    if situation.content_shown or situation.attempts >= policy.most or not manner.elsewhere:
        return Stop()
    if situation.others:
        return Next() if situation.elapsed_ms < latest_ms else Stop()
    pause_s = _pause_s(found, manner, situation, dice)
    if pause_s is None or situation.elapsed_ms + pause_s * 1000 >= latest_ms:
        return Stop()
    return Again(pause_s)


def manner_of(found: Problem, rules: Sequence[RetryRule] = ()) -> Manner:
    """How a problem is met: as the channel's own rules say, else as its kind is."""
    manner = MANNERS.get(found.kind, THE_ANSWER)
    if manner.again == "never" and any(_is_meant(rule, found) for rule in rules):
        return Manner(elsewhere=True, again="once", rank=manner.rank or LAST_RANK)
    return manner


def _is_meant(rule: RetryRule, found: Problem) -> bool:
    """Whether a rule means this problem: words are sought one behind the other, which no text can make slow."""
    if rule.status not in (None, found.upstream_status):
        return False
    text, place = found.evidence.lower(), 0
    for words in rule.words:
        place = text.find(words, place)
        if place < 0:
            return False
        place += len(words)
    return True


def _pause_s(found: Problem, manner: Manner, situation: Situation, dice: float) -> float | None:
    """How long to wait before asking the same target again; None if it shall not be.

    A timeout that the provider told, by a 408 or 504, has not cost our own limit and is tried once more.
    """
    wait_s, policy = found.retry_after_s, situation.policy
    if manner.again == "soon" and wait_s is not None and wait_s <= SHORT_WAIT_S:
        return wait_s
    told_late = found.kind is Kind.TIMEOUT and found.upstream_status is not None
    if (manner.again == "once" or told_late) and situation.attempts <= policy.same_channel:
        return (policy.pause_ms << (situation.attempts - 1)) / 1000 * (0.75 + 0.25 * dice)
    return None


def final(failures: Sequence[Failure]) -> Problem:
    """What to tell the client when no attempt is left: of all failures, the one it can do most about.

    A problem about the request is told as it is. A fault of a provider's key is never told as one of the client's.
    """
    last = failures[-1].problem
    if not _manner(failures[-1]).elsewhere:
        return last
    told = min(failures, key=lambda failure: (_manner(failure).rank, _wait_s(failure.problem) or 0.0))
    found = told.problem
    kind = Kind.UPSTREAM_ERROR if found.kind is Kind.CONFLICT else found.kind
    status = KINDS[kind].status
    return replace(
        found,
        kind=kind,
        status=status,
        message=_words(told) + _trail(told, failures),
        retry_after_s=_wait_s(found),
        original=found.original if status == found.upstream_status else None,
    )


def _manner(failure: Failure) -> Manner:
    return manner_of(failure.problem, failure.channel.retry)


def held_back(told: Problem, spent: str, dice: float) -> Problem:
    """The same where no retry was worth its cost any more; `spent` says which budget is. Clients ask again at
    different moments: `dice` is drawn evenly from 0 up to 1."""
    first_s, last_s = HELD_BACK_S
    return replace(
        told,
        message=f"{told.message} It was not tried again, for {spent}.",
        retry_after_s=told.retry_after_s or first_s + (last_s - first_s) * dice,
    )


def _wait_s(found: Problem) -> float | None:
    return found.retry_after_s or UNTOLD_WAITS_S.get(found.kind)


def _words(told: Failure) -> str:
    """The problem in words; those of a provider about its key could hold a piece of it, and stay out."""
    provider, channel = told.channel.provider, told.channel.name
    match told.problem.kind:
        case Kind.UPSTREAM_CREDENTIAL:
            return (
                f"The provider '{provider}' was asked but refused the key of channel '{channel}'. "
                "Correct that channel's api_key; asking again will not help."
            )
        case Kind.UPSTREAM_QUOTA:
            return (
                f"The provider '{provider}' was asked but says that the account of channel '{channel}' is used up. "
                "Top it up there, or add another channel; asking again will not help."
            )
        case _:
            return told.problem.message


def _trail(told: Failure, failures: Sequence[Failure]) -> str:
    """Which channels were tried, where it was more than the one that is told."""
    tried = [f"'{failure.channel.name}': {failure.problem.kind}" for failure in failures if failure is not told]
    return f" (Channel '{told.channel.name}'; also tried {', '.join(tried)}.)" if tried else ""
