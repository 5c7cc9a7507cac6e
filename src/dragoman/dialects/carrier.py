"""Seals of parts that have no field for one, carried past the client in an empty `thinking` block.

Rule: a seal found on a tool call, a text or any other part than thinking travels as the signature of an empty
`thinking` block that stands directly before the part, where the seal is known when the part begins, else directly
after it. The wrapped blob then begins with `>` or `<`, which points to the part it belongs to; a thinking block
that is truly empty (Claude's thinking with display `omitted`) has neither.

Theory: extra members on `tool_use` do not survive Claude Code; an empty thinking block with a signature does
(measured 2026-11-20 with 2.1.197 and 2.1.328).
"""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.canon.request import Part, Seal, Thinking
from dragoman.canon.seal import wrap

NEXT = ">"
BEFORE = "<"


def carry(seal: Seal, direction: str) -> str:
    """The signature of a carrier: the wrapped seal, pointing to the part it belongs to."""
    return wrap(Seal(seal.origin, direction + seal.blob))


def reunite(parts: list[Part]) -> tuple[Part, ...]:
    """The parts with each carried seal put back on its part. A carrier whose part is gone stays an empty thinking."""
    settled: list[Part] = []
    ahead: Thinking | None = None
    for part in parts:
        if type(part) is Thinking:
            direction = "" if part.text or part.redacted or part.seal is None else part.seal.blob[:1]
            if direction == NEXT:
                settled.extend([ahead] if ahead else [])
                ahead = _stripped(part)
                continue
            if direction == BEFORE:
                part = _stripped(part)
                if settled and settled[-1].seal is None and type(settled[-1]) is not Thinking:
                    settled[-1] = replace(settled[-1], seal=part.seal)
                    continue
        elif ahead is not None:
            part = replace(part, seal=ahead.seal)
            ahead = None
        settled.append(part)
    return (*settled, ahead) if ahead else tuple(settled)


def _stripped(carrier: Thinking) -> Thinking:
    """The carrier with the seal as its origin gave it."""
    seal = carrier.seal
    return replace(carrier, seal=Seal(seal.origin, seal.blob[1:]) if seal else None)
