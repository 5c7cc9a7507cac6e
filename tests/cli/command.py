"""Running the real command, in a folder and environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

PATIENCE_S = 60


class Done(Struct, frozen=True):
    """What a command did."""

    code: int
    out: str
    err: str


def environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without anything of this process's user."""
    return {"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", **(extra or {})}


def run(folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> Done:
    """The command's end; `dragoman` sees only this folder."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dragoman", *words],
        cwd=folder,
        env=environment(folder, environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
