"""Which channels whoever asks may use: what the profile, the project and the rule leave open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dragoman.routing.bounds import Bounds
from dragoman.routing.profile import Profile
from dragoman.routing.snapshot import Channel, Snapshot

DEFAULT_PROFILE = "default"
"""Name of the profile for keys that name no other."""


class Reach(NamedTuple):
    """The channels that may be used, and those that may not."""

    open: tuple[Channel, ...]
    closed: tuple[Channel, ...] = ()
    why: Mapping[str, str] = {}
    """What keeps a closed one out, by its name."""


def open_to(snapshot: Snapshot, profile: Profile | None, project: str, of_rule: Bounds | None = None) -> Reach:
    """The channels that a profile and a project, and a rule, leave open."""
    of_project = snapshot.projects.get(project)
    bounds = [
        (f"project '{project}'", of_project.channels if of_project else None),
        (f"profile '{profile.name}'" if profile else "", profile.channels if profile else None),
        ("the rule", of_rule),
    ]
    asked = [(whose, one) for whose, one in bounds if one is not None]
    if not asked:
        return Reach(snapshot.channels)
    why = {
        channel.name: f"{whose} leaves it out: {breach}"
        for channel in snapshot.channels
        for whose, one in asked
        if (breach := one.breach(channel.name, channel.tags))
    }
    return Reach(
        tuple(channel for channel in snapshot.channels if channel.name not in why),
        tuple(channel for channel in snapshot.channels if channel.name in why),
        why,
    )


def profile_of(snapshot: Snapshot, name: str | None) -> Profile | None:
    """The profile of that name, or the default one; None if there is none."""
    wanted = DEFAULT_PROFILE if name is None else name
    return next((profile for profile in snapshot.profiles if profile.name == wanted), None)
