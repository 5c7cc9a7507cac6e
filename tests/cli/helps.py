"""The help that each command really prints, and its place in docs/command-line.md.

`python -m tests.cli.helps` writes the current texts into the page.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from dragoman.cli.app import command_line

PAGE = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"
BLOCK = re.compile(r"(?<=<!-- help: )(?P<command>[^>]*?)(?P<open> -->\n```text\n)(?P<text>.*?)(?=```\n)", re.DOTALL)
WIDTH = 100


def help_of(command: str) -> str:
    """What `dragoman … --help` prints on a terminal without colours."""
    written = io.StringIO()
    console = Console(file=written, width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    command_line()([*command.split()[1:], "--help"], console=console)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def renewed(page: str) -> str:
    """The page with every help text as it is now."""
    return BLOCK.sub(lambda block: f"{block['command']}{block['open']}{help_of(block['command'])}", page)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
