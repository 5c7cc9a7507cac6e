"""Regular expressions that operators write and clients' words are held against: which of them may be used.

Python's engine tries all ways to split a text, so that `(a+)+` takes years for thirty letters that a client chooses.
A group that is repeated may therefore neither repeat nor choose within itself. What remains is at worst a power of the
text's length, which is cut.
"""

from __future__ import annotations

import re
from itertools import pairwise

LONGEST = 1000
"""Characters of a pattern at most."""
LONGEST_NAME = 300
"""Characters of a name that a pattern is held against; the rest is not looked at."""
LONGEST_TEXT = 2048
"""Characters of a header that are searched."""

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|[()|*+?]|\{\d*,?\d*\}|.", re.DOTALL)
_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")
_BOUNDS = re.compile(r"\{(\d*)(,?)(\d*)\}")
_OFTEN = 8
"""Repeated more often than this is as bad as without end."""


def unsound(pattern: str) -> str:
    """Why this may not be used as a regular expression, in words; empty where it may."""
    if len(pattern) > LONGEST:
        return f"has more than {LONGEST} characters"
    try:
        re.compile(pattern)
    except re.error as found:
        place = "" if found.pos is None else f" at character {found.pos + 1}"
        return f"is no regular expression: {found.msg}{place}"
    except (OverflowError, RecursionError):
        return "is no regular expression that can be read"
    if _VERBOSE.search(pattern):
        return "is written with blanks and comments (?x); write it without"
    if _explodes(pattern):
        return "repeats a group that itself repeats or chooses, which some texts would keep busy for years"
    return ""


def _explodes(pattern: str) -> bool:
    """Whether a repeated group holds what may match in several lengths, or a choice."""
    open_groups = [False]
    before = ""
    tokens = [*_PIECE.findall(pattern), ""]
    for piece, after in pairwise(tokens):
        if piece == "(":
            open_groups.append(False)
        elif piece == ")" and len(open_groups) > 1:
            varies = open_groups.pop()
            if varies and _repeats(after):
                return True
            open_groups[-1] |= varies
        elif piece == "|" or (piece == "?" and before != "(") or _repeats(piece) or _ranges(piece):
            open_groups[-1] = True
        before = piece
    return False


def _repeats(piece: str) -> bool:
    """Whether it repeats what stands before it without end, or often."""
    if found := _BOUNDS.fullmatch(piece):
        first, comma, last = found.groups()
        return bool(first or last) and int(last or (_OFTEN + 1 if comma else first)) > _OFTEN
    return piece in ("*", "+")


def _ranges(piece: str) -> bool:
    """Whether it repeats what stands before it more or less often."""
    found = _BOUNDS.fullmatch(piece)
    return bool(found and found[2] and found[1] != found[3])
