"""`scripts/soak kill` and `scripts/soak outage`: what the tests do, for as long as one likes, and a short report."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.kill import outage, rounds
from tests.store.postgresql_server import PostgreSQL, postgresql


def main() -> int:
    """0 if nothing was wrong, else 1."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    kill = commands.add_parser("kill", help="kill -9 under load, again and again")
    kill.add_argument("--rounds", type=int, default=200)
    kill.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    gone = commands.add_parser("outage", help="a database that cannot be written, under load")
    gone.add_argument("how", choices=["locked", "full", "away"], help="away is PostgreSQL's, the others are SQLite's")
    gone.add_argument("--minutes", type=float, default=10.0)
    for command in (kill, gone):
        command.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    report = play(parser.parse_args())
    print(report)
    return 1 if report.wrongs else 0


def play(options: argparse.Namespace) -> rounds.Report | outage.Report:
    """What the command line asks for."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        elsewhere = (options.command == "kill" and options.postgresql) or getattr(options, "how", "") == "away"
        server: PostgreSQL | None = stack.enter_context(postgresql()) if elsewhere else None
        database = server.database() if server else ""
        if options.command == "kill":
            return rounds.play(folder, rounds=options.rounds, seed=options.seed, database=database)
        how = outage.away(server) if server else {"locked": outage.locked, "full": outage.full}[options.how]
        return outage.live_through(folder, how, seconds=options.minutes * 60, seed=options.seed, database=database)


if __name__ == "__main__":
    raise SystemExit(main())
