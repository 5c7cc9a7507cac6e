"""What replicas share for seconds: allowances that are held and settled, and news that they tell each other.

Theory: a limit of any kind (requests or tokens a minute, requests at once, a budget) is an allowance. Before a request
an amount is held of every allowance that it needs, of all or of none; after it, what was really used is settled and
the hold is given back. What is held counts as used, so that many at once cannot overdraw an allowance; a hold whose
replica is gone lapses by itself. The ledger is the truth of budgets: the board only counts on from it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

Span: TypeAlias = str
"""`now` allows so much at once; `sliding` so much in any 60 seconds; the others so much in a window of
`ledger.period`: a calendar period, or a time just gone."""


class Hold(Struct, frozen=True, kw_only=True):
    """An amount wanted of one allowance."""

    name: str
    """Whose, and of what, as `key:4f2a:tokens`."""
    span: Span
    zone: str = "UTC"
    """The time zone of a calendar period."""
    limit: int
    amount: int
    """As estimated; a whole number of whatever the allowance counts."""


class Held(Struct, frozen=True):
    """All amounts are held."""


class Full(Struct, frozen=True, kw_only=True):
    """Nothing is held, for one allowance does not suffice."""

    hold: Hold
    used: int
    """Of it, with what is held."""
    wait_ms: int
    """Until it may suffice again, as far as can be told."""


class Unknown(Struct, frozen=True):
    """Nothing is held, for it is not known what has been used of these; `Board.begin` tells it."""

    holds: tuple[Hold, ...]


class Board(Protocol):
    """Shared between replicas, or a lone replica's own. No method raises but for cancellation, or waits long."""

    @property
    def shared(self) -> bool:
        """Whether other replicas use it too."""

    async def hold(self, id: str, holds: Sequence[Hold], now_ms: int) -> Held | Full | Unknown:  # noqa: A002
        """Holds all of these under an id that no other request has, or none.

        An allowance suffices if the amount fits beside what is used and held; or if nothing is held of it and
        anything is left, so that an estimate that is too high refuses nobody for ever.
        """

    async def settle(self, id: str, used: Mapping[str, int]) -> None:  # noqa: A002
        """What was held under the id is given back, and what was really used is counted, by the allowance's name:
        in the period in which it was held. Nothing is counted for a name that is left out. Unknown ids do nothing."""

    async def begin(self, hold: Hold, used: Mapping[int, int], now_ms: int) -> None:
        """Counts on from what the ledger says was used in the period, by when (Unix time in milliseconds), unless
        somebody has begun already. When matters for a time just gone only."""

    async def forget(self, names: Sequence[str]) -> None:
        """Nothing is known of these allowances any more: their limits or their ledger have changed."""

    async def tell(self, topic: str, news: bytes) -> None:
        """Tells all other replicas, as far as they can be reached."""

    def heard(self) -> AsyncGenerator[tuple[str, bytes], None]:
        """What others tell from now on, as topic and news, for as long as it is iterated."""
