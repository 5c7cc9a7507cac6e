"""`python -m dragoman` and the command `dragoman`."""

from __future__ import annotations

import sys

from dragoman.cli.app import run


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
