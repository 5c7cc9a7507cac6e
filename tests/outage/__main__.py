"""`scripts/soak failover`: what the test does, for as long as one likes, and a short report."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.outage.failover import play


def main() -> int:
    """0 if nothing was wrong, else 1."""
    parser = argparse.ArgumentParser(prog="scripts/soak failover", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--per-second", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = play(Path(folder), seconds=options.minutes * 60, per_s=options.per_second, seed=options.seed)
    print(report)
    return 1 if list(report.wrongs) else 0


if __name__ == "__main__":
    raise SystemExit(main())
