"""Names and ids that an upstream accepts, in place of those it would refuse.

Rule: the same name always gives the same replacement, on every replica, so that prompt caches hold.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

ID_LIMIT = 40
"""Characters of a call id that OpenAI takes ("string too long. Expected a string with maximum length 40")."""

FITTED_NAMES = 4096
"""Names whose fitted form is remembered: an agent sends the same ones with every request."""

_ILLEGAL_IN_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_HASH_CHARACTERS = 8


def digest(text: str, characters: int) -> str:
    """A short fingerprint of a text, in lower-case hexadecimal."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:characters]


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
            known = self._sent[name] = _fitted(name, self._limit)
            if known != name:
                self.changed[known] = name
        return known


@lru_cache(maxsize=FITTED_NAMES)
def _fitted(name: str, limit: int) -> str:
    clean = _ILLEGAL_IN_NAME.sub("_", name)
    if clean == name and 0 < len(name) <= limit:
        return name
    return f"{clean[: limit - _HASH_CHARACTERS - 1]}_{digest(name, _HASH_CHARACTERS)}"


def sent_id(call_id: str, taken: set[str], limit: int = ID_LIMIT) -> str:
    """A call id that is legal and not yet in `taken`, to which it is added."""
    legal = 0 < len(call_id) <= limit and call_id.isascii() and call_id.isprintable()
    fitted = call_id if legal else f"call_{digest(call_id, 24)}"
    if fitted not in taken:
        taken.add(fitted)
        return fitted
    position = 1
    unique = fitted
    while unique in taken:
        position += 1
        unique = f"call_{digest(f'{fitted}#{position}', 24)}"
    taken.add(unique)
    return unique
