"""The order of events in docs/order.md, drawn from its table.

`python -m tests.canon.page` draws it anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from dragoman.canon.order import diagram

PAGE = Path(__file__).resolve().parents[2] / "docs" / "order.md"
DIAGRAM = re.compile(r"(?<=```mermaid\n).*?(?=```\n)", re.DOTALL)


def renewed(page: str) -> str:
    """The page with the diagram as it is now."""
    return DIAGRAM.sub(lambda _: diagram(), page, count=1)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
