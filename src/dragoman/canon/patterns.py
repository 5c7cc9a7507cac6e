"""Regular expressions that operators write and clients' words are held against: which of them may be used.

Python's engine tries all ways to split a text, so that `(a+)+` takes years for thirty letters that a client chooses.
A group that is repeated may therefore neither repeat nor choose within itself. What remains is at worst a power of the
text's length, which is cut; and the ways that are left, of `a*a*a*` or of many `a?` in a row, are counted.
"""

from __future__ import annotations

import re
from itertools import pairwise

from msgspec import Struct

LONGEST = 1000
"""Characters of a pattern at most."""
LONGEST_NAME = 300
"""Characters of a name that a pattern is held against; the rest is not looked at."""
LONGEST_TEXT = 2048
"""Characters of a longer text that are searched; only `LONGEST_NAME` for a pattern that would take too long."""
MOST_WAYS = 10**7
"""Ways to lay a pattern over a text that are taken for too many: some tenths of a second."""

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|[()|*+?]|\{\d*,?\d*\}|.", re.DOTALL)
_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")
_BOUNDS = re.compile(r"\{(\d*)(,?)(\d*)\}")
_CHARACTER = re.compile(r"[\w\s/:;,@=<>&%#~\"'-]|\\[^\w\s]")
"""A piece that stands for itself."""
_OFTEN = 8
"""Repeated more often than this is as bad as without end."""


def unsound(pattern: str, *, searched: bool = False) -> str:
    """Why this may not be used as a regular expression, in words; empty where it may. One that is searched for may
    begin anywhere in a text."""
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
    if _ways(pattern, LONGEST_NAME) * (LONGEST_NAME if searched else 1) > MOST_WAYS:
        return "repeats or chooses so often that some texts would keep it busy for long; use fewer of * + ? | and {}"
    return ""


def reach(pattern: str) -> int:
    """Characters of a text in which a sound pattern may be looked for."""
    return LONGEST_TEXT if _ways(pattern, LONGEST_TEXT) * LONGEST_TEXT <= MOST_WAYS else LONGEST_NAME


class _Group(Struct):
    """Ways of a group that is being read. Mutable."""

    others: int = 0
    """Of the branches before."""
    before: int = 1
    """Of this branch but for its last piece."""
    last: int = 1
    """Of the piece that may be repeated."""

    @property
    def branch(self) -> int:
        return self.before * self.last


def _ways(pattern: str, length: int) -> int:
    """In how many ways at most a pattern could be laid over a text of this length."""
    groups, before, scan = [_Group()], "", 1
    pieces = _PIECE.findall(pattern)
    for place, piece in enumerate(pieces):
        group = groups[-1]
        if piece == "(":
            group.before, group.last = group.branch, 1
            groups.append(_Group())
        elif piece == ")" and len(groups) > 1:
            inner = groups.pop()
            groups[-1].last = inner.others + inner.branch
        elif piece == "|":
            group.others, group.before, group.last = group.others + group.branch, 1, 1
        elif before != "(" and _is_quantifier(piece):
            if _is_quantifier(before):
                pass  # it only says how the one before is tried
            elif _repeats(piece) and _ends(before, pieces[place + 1 :]):
                scan = length // 2  # it has to end in one place, but is tried in all
            else:
                group.last = min(_times(group.last, piece, length), MOST_WAYS * length)
        else:
            group.before, group.last = min(group.branch, MOST_WAYS * length), 1
        before = piece
    return (groups[0].others + groups[0].branch) * scan


def _times(ways: int, piece: str, length: int) -> int:
    """The ways of what a quantifier repeats."""
    if piece == "?":
        return ways + 1
    if _repeats(piece):
        return int(ways * length // 2)
    first, comma, last = _BOUNDS.fullmatch(piece).groups()  # type: ignore[union-attr]  # it is a quantifier
    least, most = int(first or 0), int(last or (first if not comma else 0) or 0)
    return int(ways**most * (most - least + 1))


def _ends(repeated: str, following: list[str]) -> bool:
    """Whether what is repeated has to end where it does, since a character must follow that it cannot be."""
    if following[:1] in (["?"], ["+"]):
        following = following[1:]
    after, then = [*following[:2], "", ""][:2]
    if repeated == ")" or not _CHARACTER.fullmatch(after) or then in ("?", "*") or _BOUNDS.fullmatch(then):
        return False
    return not re.fullmatch(repeated, after[-1], re.IGNORECASE | re.DOTALL)


def _is_quantifier(piece: str) -> bool:
    return piece in ("*", "+", "?") or bool((found := _BOUNDS.fullmatch(piece)) and (found[1] or found[3]))


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
