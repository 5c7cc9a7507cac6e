"""Whether a request meets the conditions of a rule, in words that may stand in a plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dragoman.routing.plan import Ask
from dragoman.routing.snapshot import Hours, When


def unmet(when: When, ask: Ask) -> str:
    """The first condition that the request does not meet, as `agent is main`; empty where it meets all."""
    return next(_unmet(when, ask), "")


def _unmet(when: When, ask: Ask) -> Iterator[str]:
    if when.doors and ask.door not in when.doors:
        yield f"door is {ask.door}"
    if when.agents and ask.agent not in when.agents:
        yield f"agent is {ask.agent}"
    if when.min_tokens is not None and ask.prompt_tokens < when.min_tokens:
        yield f"prompt is {ask.prompt_tokens} tokens, less than {when.min_tokens}"
    if when.max_tokens is not None and ask.prompt_tokens > when.max_tokens:
        yield f"prompt is {ask.prompt_tokens} tokens, more than {when.max_tokens}"
    for what, wanted, has in (
        ("images", when.images, ask.has_images),
        ("documents", when.documents, ask.has_documents),
        ("tools", when.tools, ask.has_tools),
        ("thinking", when.thinking, ask.thinking),
        ("streaming", when.stream, ask.stream),
    ):
        if wanted is not None and wanted is not has:
            yield f"has {what}" if has else f"has no {what}"
    if when.hours and not _within(when.hours, ask.now_s):
        yield "it is another time of day"
    for name, pattern in when.headers.items():
        if not pattern.search(ask.headers.get(name, "")):
            yield f"header {name} does not match"


def _within(hours: Hours, now_s: float) -> bool:
    """Whether a moment of Unix time falls into these hours where they are meant."""
    local = datetime.fromtimestamp(now_s, hours.zone)
    minute = local.hour * 60 + local.minute
    if hours.start_min <= hours.end_min:
        return hours.start_min <= minute < hours.end_min
    return minute >= hours.start_min or minute < hours.end_min
