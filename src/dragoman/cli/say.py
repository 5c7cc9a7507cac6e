"""How the command line speaks: colours on a terminal only, tables in plain columns, faults with what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Literal, TextIO

import msgspec

from dragoman.settings.record import Notice

Style = Literal["bold", "dim", "red", "green", "yellow", "cyan"]
CODES: dict[Style, int] = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


def styled(text: str, style: Style, stream: TextIO | None = None) -> str:
    """The text in a style where the stream is a terminal and NO_COLOR (no-color.org) does not forbid it."""
    stream = stream or sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{CODES[style]}m{text}\x1b[0m"


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows as lines of aligned columns."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def as_json(value: object) -> str:
    """A value as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def fail(what: str, remedy: str) -> int:
    """Tells on stderr why a command cannot go on and what to do; the exit code for it."""
    print(f"{styled('dragoman:', 'red', sys.stderr)} {what}\n{remedy}", file=sys.stderr)
    return 2


def tell_faults(faults: Sequence[Notice]) -> None:
    """Tells on stderr everything that is wrong with the configuration."""
    count = "one thing" if len(faults) == 1 else f"{len(faults)} things"
    print(f"{styled('dragoman:', 'red', sys.stderr)} the configuration has {count} to correct.", file=sys.stderr)
    for fault in faults:
        print(f"\n  {styled(fault.where, 'bold', sys.stderr)}\n    {fault.what} {fault.remedy}", file=sys.stderr)
