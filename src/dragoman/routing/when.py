"""Whether a request meets the conditions of a rule, in words that may stand in a plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dragoman.routing.plan import Ask
from dragoman.routing.profile import Dates, Hours, When

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def unmet(when: When, ask: Ask) -> str:
    """The first condition that the request does not meet, as `agent is main`; empty where it meets all."""
    return next(_unmet(when, ask), "")


def _unmet(when: When, ask: Ask) -> Iterator[str]:
    yield from _unmet_by_request(when, ask)
    yield from _unmet_by_time(when, ask.now_s)
    for name, pattern in when.headers.items():
        if not pattern.search(ask.headers.get(name, "")[: when.reach]):
            yield f"header {name} does not match"
    yield from _unmet_by_tree(when, ask)


def _unmet_by_request(when: When, ask: Ask) -> Iterator[str]:
    if when.doors and ask.door not in when.doors:
        yield f"door is {ask.door}"
    if when.agents and ask.agent not in when.agents:
        yield f"agent is {ask.agent}"
    for has, what, least, most in (
        (ask.prompt_tokens, "prompt is {} tokens", when.min_tokens, when.max_tokens),
        (ask.images, "has {} images", when.min_images, when.max_images),
    ):
        if least is not None and has < least:
            yield f"{what.format(has)}, less than {least}"
        if most is not None and has > most:
            yield f"{what.format(has)}, more than {most}"
    for name, wanted, is_so in (
        ("images", when.images, ask.has_images),
        ("documents", when.documents, ask.has_documents),
        ("audio", when.audio, ask.has_audio),
        ("video", when.video, ask.has_video),
        ("tools", when.tools, ask.has_tools),
        ("thinking", when.thinking, ask.thinking),
        ("streaming", when.stream, ask.stream),
    ):
        if wanted is not None and wanted is not is_so:
            yield f"has {name}" if is_so else f"has no {name}"


def _unmet_by_time(when: When, now_s: float) -> Iterator[str]:
    if (when.hours and not _within(when.hours, now_s)) or (when.outside and _within(when.outside, now_s)):
        yield "it is another time of day"
    if when.dates and (found := _other_day(when.dates, now_s)):
        yield found


def _unmet_by_tree(when: When, ask: Ask) -> Iterator[str]:
    for number, branch in enumerate(when.all, 1):
        if found := unmet(branch, ask):
            yield f"{number} of all: {found}"
    if when.any:
        branches = [unmet(branch, ask) for branch in when.any]
        if all(branches):
            words = "; ".join(f"{number}: {found}" for number, found in enumerate(branches, 1))
            yield f"none of any holds ({words})"
    if when.not_ and not unmet(when.not_, ask):
        yield "what must not hold does"


def _within(hours: Hours, now_s: float) -> bool:
    """Whether a moment of Unix time falls into these hours where they are meant."""
    local = datetime.fromtimestamp(now_s, hours.zone)
    minute = local.hour * 60 + local.minute
    if hours.start_min <= hours.end_min:
        return hours.start_min <= minute < hours.end_min
    return minute >= hours.start_min or minute < hours.end_min


def _other_day(dates: Dates, now_s: float) -> str:
    """Why a moment of Unix time falls on none of these days where they are meant; empty where it does."""
    today = datetime.fromtimestamp(now_s, dates.zone).date()
    if dates.days and today.weekday() not in dates.days:
        return f"it is {DAYS[today.weekday()]}"
    if dates.since and today < dates.since:
        return f"it is {today}, before {dates.since}"
    if dates.until and today > dates.until:
        return f"it is {today}, after {dates.until}"
    return ""
