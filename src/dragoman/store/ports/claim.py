"""How a gateway works on a store."""

from __future__ import annotations

from msgspec import Struct


class Claim(Struct, frozen=True, kw_only=True):
    """A gateway's wish to work on a store: alone, or together with others."""

    shared: bool = False
    """Together with others that claim it so too, for they have a board in common."""
    patience_s: float = 5.0
    """How long to wait for another to end, as after a kill or at a restart."""
