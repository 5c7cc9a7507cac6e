"""What happens while an answer arrives: parts open, grow and are sealed, and it ends exactly once.

The order in which these may come is the table in `canon.order`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.canon.problem import Problem
from dragoman.canon.request import Extras, Part, Seal
from dragoman.canon.usage import Usage

Reason: TypeAlias = Literal[
    "end", "tool_calls", "max_output", "stop_sequence", "refusal", "pause", "context_full", "unknown"
]
"""Why a model stopped. `unknown` comes with the wire's own word in `Finished.extras` and is never an `end`."""


class Started(Struct, frozen=True, tag="started"):
    """The provider has begun an answer."""

    id: str
    """The provider's id of the answer; empty where it gave none."""
    model: str
    """The model as the provider names it; empty where it did not say."""
    extras: Extras | None = None


class PartOpened(Struct, frozen=True, tag="part_opened"):
    """A part begins. Its type, id, name, group and extras are those of `head`, whose text is still empty."""

    index: int
    """Counts up from 0 without gaps within one answer."""
    head: Part


class PartGrew(Struct, frozen=True, tag="part_grew", gc=False):
    """More text of an open part: words, thinking, or argument text of a call."""

    index: int
    text: str


class PartNoted(Struct, frozen=True, tag="part_noted"):
    """Something beside the text of an open part: citations, annotations, log probabilities."""

    index: int
    extras: Extras


class PartSealed(Struct, frozen=True, tag="part_sealed"):
    """A part is complete."""

    index: int
    seal: Seal | None = None


class UsageSeen(Struct, frozen=True, tag="usage_seen"):
    """Token counts, cumulative; a later one adds to and overrides an earlier one, member by member."""

    usage: Usage
    extras: Extras | None = None


class Finished(Struct, frozen=True, tag="finished"):
    """The provider said that the answer is complete."""

    reason: Reason
    stop_text: str | None = None
    """The stop sequence that was met, where known."""
    extras: Extras | None = None


class Failed(Struct, frozen=True, tag="failed"):
    """The answer broke off and will not be completed."""

    problem: Problem


class Beat(Struct, frozen=True, tag="beat"):
    """A sign of life without content."""


Event: TypeAlias = Started | PartOpened | PartGrew | PartNoted | PartSealed | UsageSeen | Finished | Failed | Beat
