"""Tool names that this wire takes, in place of those it would refuse.

Rule: the same name always gives the same replacement, on every replica, so that prompt caches hold.
Source: SDK 3.3, `FunctionDeclaration.name`, read 2026-11-20.
"""

from __future__ import annotations

import re

from dragoman.dialects.names import digest

_LEGAL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]*")
_ILLEGAL_CHARACTER = re.compile(r"[^a-zA-Z0-9_.:-]")
_HASH_CHARACTERS = 8


class ToolNames:
    """Tool names as one upstream takes them. Mutable: it remembers which were changed, for the way back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sent: dict[str, str] = {}
        self.changed: dict[str, str] = {}
        """Names as sent to the names the client knows; only those that differ."""

    def sent(self, name: str) -> str:
        """The name to send: itself, or cut and cleaned with a hash of the original at its end."""
        known = self._sent.get(name)
        if known is None:
            known = self._sent[name] = self._fitted(name)
            if known != name:
                self.changed[known] = name
        return known

    def _fitted(self, name: str) -> str:
        if len(name) <= self._limit and _LEGAL.fullmatch(name):
            return name
        clean = _ILLEGAL_CHARACTER.sub("_", name)
        if not _LEGAL.match(clean):
            clean = f"_{clean}"
        return f"{clean[: self._limit - _HASH_CHARACTERS - 1]}_{digest(name, _HASH_CHARACTERS)}"
