"""Which candidates are spared for what their providers tell: accounts that are used up, and limits that nearly are.

Rules. An account that is used up is shown, asked last, or not asked, as the gateway is set; the provider's own word and
no guess of ours is what counts. A limit of which little is left puts a target behind its equals until it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec import Struct, field

from dragoman.shapes.fields import BalanceUse

NEARLY = 0.05
"""A limit of which less than this share is left is nearly used up."""
T = TypeVar("T")


class Scarce(NamedTuple):
    """A target of whose limit little is left."""

    why: str
    until_ms: int


class Spared(Struct, frozen=True):
    """What is known of accounts and their limits, as far as it matters to who is asked."""

    spent: Mapping[str, str] = field(default_factory=dict)
    """By account of a channel that is used up: what it has, in words."""
    use: BalanceUse = "show"
    scarce: Mapping[str, Scarce] = field(default_factory=dict)
    """By `load.target_key`."""

    def refuses(self, account: str) -> bool:
        """Whether an account is not to be asked."""
        return self.use == "refuse" and account in self.spent

    def is_last(self, account: str) -> bool:
        """Whether an account is to be asked when no other is left."""
        return self.use == "last" and account in self.spent

    def scarcity(self, target: str, now_ms: int) -> str:
        """Why a target is to stand behind its equals; empty if it is not."""
        found = self.scarce.get(target)
        return found.why if found and found.until_ms > now_ms else ""


NOTHING_SPARED = Spared()


def behind(items: Sequence[T], is_behind: Callable[[T], bool]) -> list[T]:
    """The items in their order, some of them behind all others."""
    return [one for one in items if not is_behind(one)] + [one for one in items if is_behind(one)]
