"""The table of problems in docs/routing.md: the words are the page's, the other columns come from the code.

`python -m tests.routing.page` fills them in anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from dragoman.canon.problem import KINDS, Kind
from dragoman.routing.breaker import FAULTS
from dragoman.routing.verdict import MANNERS, THE_ANSWER

PAGE = Path(__file__).resolve().parents[2] / "docs" / "routing.md"
ROW = re.compile(r"^\| `(?P<kind>\w+)` \| (?P<words>[^|]+) \|.*$", re.MULTILINE)

ACTS = {"client": "you", "gateway": "the gateway", "upstream": "the provider"}
AGAIN = {"never": "no", "once": "once", "soon": "after a told wait of up to 2 s"}


def columns(kind: Kind) -> list[str]:
    """What the code says of a kind."""
    meaning, manner, fault = KINDS[kind], MANNERS.get(kind, THE_ANSWER), FAULTS.get(kind)
    return [
        str(meaning.status),
        ACTS[meaning.side],
        "yes" if meaning.retryable else "no",
        "yes" if manner.elsewhere else "no",
        AGAIN[manner.again],
        f"the {'model' if fault.scope == 'target' else 'channel'}" if fault else "",
    ]


def renewed(page: str) -> str:
    """The page with the table's columns as they are now."""
    return ROW.sub(lambda row: f"| `{row['kind']}` | {row['words']} | {' | '.join(columns(Kind(row['kind'])))} |", page)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
