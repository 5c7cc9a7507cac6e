"""The API keys that open the doors, found by the readable part of their text and proved by a digest."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from dragoman.routing.key import Key
from dragoman.store.keys import KEY, digest, is_well_formed, public_id

NOBODY = bytes(32)
"""What an unknown key is compared with, so that it takes as long to refuse as a known one."""


class Ring:
    """The keys at one moment. Frozen after construction."""

    def __init__(self, keys: Iterable[Key] = (), pepper: bytes = b"") -> None:
        self._pepper = pepper
        self._keys = {key.public_id: key for key in keys}

    @property
    def empty(self) -> bool:
        """Whether there is no key at all."""
        return not self._keys

    def find(self, text: str) -> Key | None:
        """The key of this text; None where it is noise, or no key of ours."""
        if self.empty or not is_well_formed(text, KEY):
            return None
        found = self._keys.get(public_id(text))
        same = hmac.compare_digest(digest(self._pepper, text), found.digest if found else NOBODY)
        return found if same else None
