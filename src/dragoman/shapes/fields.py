"""What single keys may hold: limits of numbers and texts, and the words that there are to choose among."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

Count = Annotated[int, Meta(ge=1, le=2**53)]
Share = Annotated[float, Meta(ge=0, le=10**9)]
Word = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0, le=366 * 24 * 3600)]
Rank = Annotated[int, Meta(ge=-(10**9), le=10**9)]
"""A priority."""
Note = Annotated[str, Meta(max_length=2000)]
"""Words for people."""
Vendor = Annotated[str, Meta(pattern=r"^[^/\s]+(/[^/\s]+)*$(?!\n)", max_length=200)]
"""What stands before a slash in front of a model's name."""
Day = Annotated[str, Meta(pattern=r"^(\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?)?$(?!\n)")]
"""A day, a month or a year, as `2026-11-20`."""
ErrorText = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
"""Words for a client: one line."""
PlainName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
"""A name that may stand in an address, in a header, and before a slash, as `channel/model` has it."""
Strategy = Literal["failover", "weighted", "round_robin", "fastest", "adaptive"]
"""How candidates of equal standing are put in order; `docs/routing.md` says what each does."""
Listed = Literal["all", "models", "aliases", "none"]
"""Which of a channel's names appear in lists of models; it answers to all of them."""
Wire = Literal["any", "always", "never"]
"""Whether a channel is asked to stream: as the client wishes, always, or never."""
UpstreamErrors = Literal["told", "hidden", "text"]
"""What a client is told of an upstream's error: its words, a sentence of ours for the kind, or the operator's."""
BalanceUse = Literal["show", "last", "refuse"]
"""What becomes of an account that is used up: it is shown, asked last, or not asked."""
