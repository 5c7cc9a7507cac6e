"""What the store says when it cannot do what was asked."""

from __future__ import annotations

from typing import Literal

Trouble = Literal[
    "away", "missing", "taken", "stale", "unfit", "damaged", "newer", "unusable", "locked_out", "last_admin", "in_use"
]
"""away: it does not answer now, ask again later. missing: there is no such row. taken: the name is in use. stale: the
row was changed by somebody else meanwhile. unfit: a text is too long to be a name. damaged: its file or contents cannot
be trusted. newer: a later version of Dragoman made it. unusable: its address or its driver is no good. locked_out: the
master key is not the one its secrets were sealed with. last_admin: nobody would be left who may do everything.
in_use: something else names it."""

FINAL = frozenset({"damaged", "newer", "unusable", "locked_out"})
"""Troubles of a database that do not pass by themselves."""


class StoreTrouble(Exception):  # noqa: N818 - it tells what the store found and is no error of the program
    """The store cannot do what was asked; the message says why and what to do, without secrets."""

    def __init__(self, kind: Trouble, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def is_final(self) -> bool:
        """Whether it does not pass by itself, so that a gateway on this database ends."""
        return self.kind in FINAL
