"""`scripts/soak`: the real gateway under misbehaving vendors for as long as one likes, and a short report."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.soak.soak import soak


def main() -> int:
    """0 if nothing was wrong, else 1."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--streams", type=int, default=60, help="clients at one time")
    parser.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(
            soak(Path(folder), seconds=options.minutes * 60, streams=options.streams, seed=options.seed)
        )
    print(report)
    return 1 if report.wrongs else 0


if __name__ == "__main__":
    raise SystemExit(main())
