"""Names in which `*` stands for any characters: the one way to read those that operators write.

All other signs mean themselves, for brackets and question marks are parts of real names, as in `claude-opus-4-8[1m]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

_OTHERWISE_MEANT = re.compile(r"[\[?]")


def fits(name: str, pattern: str) -> bool:
    """Whether a pattern stands for a name, the whole of it and in its letters."""
    if "*" not in pattern:
        return name == pattern
    return fnmatchcase(name, _OTHERWISE_MEANT.sub(r"[\g<0>]", pattern))


def fits_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of these stands for a name."""
    return any(fits(name, pattern) for pattern in patterns)
