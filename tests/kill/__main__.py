"""`scripts/soak kill`: rounds of kill -9 under load, as many as one likes, on either database, and a short report."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.kill.rounds import play
from tests.store.postgresql_server import postgresql


def main() -> int:
    """0 if nothing was wrong, else 1."""
    parser = argparse.ArgumentParser(prog="scripts/soak kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = ""
        if options.postgresql:
            database = stack.enter_context(postgresql()).database()
        report = play(folder, rounds=options.rounds, seed=options.seed, database=database)
    print(report)
    return 1 if report.wrongs else 0


if __name__ == "__main__":
    raise SystemExit(main())
