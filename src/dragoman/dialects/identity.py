"""Who asks, and how urgently, as OpenAI's wires say it."""

from __future__ import annotations

from collections.abc import MutableMapping

from dragoman.canon.request import Request
from dragoman.dialects.names import digest
from dragoman.dialects.pen import Pen

TIERS = frozenset({"auto", "default", "flex", "priority", "scale"})
"""Words of OpenAI for tiers of service; other vendors' words mean other things.
Source: SDK types 3.51 (`service_tier`), read 2026-11-20."""


def write_identity(request: Request, body: MutableMapping[str, object], pen: Pen) -> None:
    """Adds `user` and `service_tier`; an identity that is too long or holds more than a name becomes a fingerprint."""
    user, limit = request.user, pen.habits.user_limit
    if user is not None and not limit:
        pen.lose("user", "The upstream is not told who asks.", "dropped")
    elif user is not None:
        if len(user) > limit or user.lstrip().startswith("{"):
            pen.lose("user", "The identity is too long or holds more than a name; its fingerprint was sent.")
            user = digest(user, min(limit, 64))
        body["user"] = user
    tier = request.service_tier
    if tier is not None and (pen.own or (pen.target.native and tier in TIERS)):
        body["service_tier"] = tier
    elif tier is not None:
        pen.lose("service_tier", "The vendors' service tiers differ.", "dropped")
