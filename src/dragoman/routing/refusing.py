"""The words for names that nobody answers, and for those that somebody may not ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice

from dragoman.canon.patterns import LONGEST_NAME
from dragoman.canon.problem import Kind, problem
from dragoman.canon.wildcards import fits_any
from dragoman.routing.names import listed_in
from dragoman.routing.plan import PassedOver, Refused
from dragoman.routing.profile import Profile, Project, Refusal
from dragoman.routing.snapshot import Channel

NAME_LIMIT = 100
"""Characters of a name that are looked at when near names are sought, and shown."""
KNOWN_LIMIT = 1000
"""Known names that are compared with an unknown one at most."""


def not_found(message: str, passed_over: Iterable[PassedOver] = ()) -> Refused:
    """The refusal of a name."""
    return Refused(problem(Kind.MODEL_NOT_FOUND, message, param="model"), tuple(passed_over))


def cut(name: str) -> str:
    """As much of a name as is shown."""
    return name if len(name) <= NAME_LIMIT else f"{name[:NAME_LIMIT]}…"


def refused_to_all(refusals: Iterable[Refusal], model: str) -> Refusal | None:
    """The gateway's own refusal of a model, if there is one."""
    return next((refusal for refusal in refusals if refusal.pattern.fullmatch(model[:LONGEST_NAME])), None)


def forbidden_to_all(refusal: Refusal, asked: str, passed_over: Iterable[PassedOver] = ()) -> Refused:
    """The same for a client."""
    words = f"Model '{cut(asked)}' was asked for but this gateway refuses it to everybody. Use another model."
    return not_found(refusal.message or words, passed_over)


def outside_of_project(project: Project, name: str, asked: str) -> Refused | None:
    """Why the keys of a project may not ask for a name; None: they may."""
    if not project.models or fits_any(asked, project.models):
        return None
    allowed = ", ".join(f"'{pattern}'" for pattern in project.models[:10])
    words = f"The keys of project '{name}' may not ask for the model '{cut(asked)}'. They may ask for: {allowed}."
    return Refused(problem(Kind.PERMISSION, words, param="model"))


def unknown(channels: Iterable[Channel], profile: Profile | None, asked: str) -> str:
    """The words for a name that none of these channels answers, with near names."""
    channels = list(channels)
    if not channels:
        return f"Model '{cut(asked)}' was asked for but this gateway has no channel yet. Configure one first."
    known = list(islice(dict.fromkeys(_known(channels, profile)), KNOWN_LIMIT))
    near = get_close_matches(cut(asked), known, n=3, cutoff=0.5) or known[:3]
    where = (
        f"no rule of profile '{profile.name}' matches it and no channel lists it" if profile else "no channel has it"
    )
    names = ", ".join(f"'{name}'" for name in near)
    cure = f"Use one of: {names}; or add" if near else "Add"
    return f"Model '{cut(asked)}' was looked up but {where}. {cure} it to a channel's models or to a profile."


def _known(channels: Iterable[Channel], profile: Profile | None) -> Iterator[str]:
    """Names that would have been answered, as far as lists show them."""
    for rule in profile.rules if profile else ():
        if rule.model and rule.targets and rule.enabled:
            yield rule.model
    for channel in channels:
        yield from listed_in(channel.names, channel.listed)
