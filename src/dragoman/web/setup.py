"""The token with which the first user of a gateway is made: printed at the start, good once and for a while."""

from __future__ import annotations

import hmac
import secrets
import time

SETUP_S = 15 * 60.0
"""How long the set-up token of a start opens."""


class SetupToken:
    """What opens the gateway for its first user: once, and for a while. Mutable: it can be used up."""

    def __init__(self) -> None:
        # In hexadecimal: on a command line a text that begins with a dash is taken for an option.
        self.text = secrets.token_hex(24)
        self._until_s = time.monotonic() + SETUP_S

    def use(self, text: str) -> bool:
        """Whether this is it; then never again."""
        right = hmac.compare_digest(text.encode(), self.text.encode()) and time.monotonic() < self._until_s
        if right:
            self._until_s = 0.0
        return right
