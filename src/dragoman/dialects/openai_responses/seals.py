"""Seals on this wire: `encrypted_content` of a reasoning item, which carries those of other wires too.

Theory. A reasoning item has texts and a sealed form. The seal of a thinking part is the item's own; any other part's
travels in an item without words directly behind it, marked as `carrier` says. Thinking of another wire that has a seal
but no words is marked too, or it would come back as thinking that only its issuer can read.
"""

from __future__ import annotations

from dragoman.canon.request import Part, Seal, Thinking
from dragoman.canon.seal import wrap
from dragoman.dialects.carrier import BEFORE, carry

EMPTY_WORDS = "="
"""Begins a blob whose thinking is without words, but could have some."""


def sealed_content(seal: Seal, part: Part, *, bare: bool, worded: bool) -> str | None:
    """The `encrypted_content` that tells the seal of a part; None if there is nothing to tell.

    `bare` where it needs no issuer's name, `worded` where the item has words.
    """
    if not isinstance(part, Thinking):
        return carry(seal, BEFORE)
    if bare:
        return seal.blob or None
    if worded or part.redacted:
        return wrap(seal)
    return wrap(Seal(seal.origin, EMPTY_WORDS + seal.blob))
