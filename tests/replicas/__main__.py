"""`scripts/soak frozen`: two gateways under load while their Redis is frozen, for as long as one likes."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.replicas.fleet import live_frozen


def main() -> int:
    """0 if nothing was wrong, else 1."""
    parser = argparse.ArgumentParser(prog="scripts/soak frozen", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = live_frozen(Path(folder), seconds=options.minutes * 60, seed=options.seed)
    print(report)
    return 1 if report.wrongs else 0


if __name__ == "__main__":
    raise SystemExit(main())
