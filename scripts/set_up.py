"""Brings .venv to one lock file; scripts/venv calls it, with any Python from 3.11 on.

The project itself is not built: a path file in the environment points at src, so nothing beyond the lock is fetched
and an edit is live at once. A copy of each lock that was installed stays in .venv, and equality with it means done.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)

# `dragoman` beside the interpreter; -P keeps the folder one happens to stand in off the import path.
COMMAND = '#!/bin/sh\nexec "$(dirname -- "$0")/python" -P -m dragoman "$@"\n'


def main(name: str) -> int:
    """The exit code after .venv holds requirements/<name>.lock; two set-ups at once wait for each other."""
    lock = ROOT / "requirements" / f"{name}.lock"
    guard = ROOT / ".cache" / "set-up.guard"
    guard.parent.mkdir(exist_ok=True)
    with guard.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if is_done(lock):
            return 0
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"Setting up .venv from {lock.relative_to(ROOT)} (once; Python {version})", file=sys.stderr)
        try:
            make_venv()
            install(lock)
        except subprocess.CalledProcessError as failed:
            print(
                f"Setting up .venv stopped: {' '.join(map(str, failed.cmd))}\nfailed with code {failed.returncode}, "
                "for the reason above. Check the network and the disk, then run this again.",
                file=sys.stderr,
            )
            return 1
        link_source()
        remember(lock)
    return 0


def is_done(lock: Path) -> bool:
    """Whether this very lock was installed to its end."""
    copy = VENV / lock.name
    return PYTHON.exists() and copy.exists() and copy.read_bytes() == lock.read_bytes()


def make_venv() -> None:
    """Leaves a .venv whose Python runs, is new enough and has pip; a sound one is kept."""
    probe = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    if (
        PYTHON.exists()
        and subprocess.run([PYTHON, "-I", "-c", probe], check=False, capture_output=True).returncode == 0
    ):
        return
    subprocess.run([sys.executable, "-I", "-m", "venv", "--clear", str(VENV)], check=True, stdout=sys.stderr)


def install(lock: Path) -> None:
    """Puts in what the lock lists, each file checked against its hash."""
    # PIP_USER from a user's configuration would make pip refuse to work inside an environment.
    environment = os.environ | {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [str(PYTHON), "-I", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)


def link_source() -> None:
    """Makes `import dragoman` and the `dragoman` command work; both by relative paths, so a clone may be moved."""
    version = subprocess.run(
        [PYTHON, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    packages = Path(version.stdout.strip())
    (packages / "dragoman.pth").write_text(os.path.relpath(ROOT / "src", packages) + "\n")
    command = VENV / "bin" / "dragoman"
    command.write_text(COMMAND)
    command.chmod(0o755)


def remember(lock: Path) -> None:
    """Marks the lock as installed, in one step, so that an interrupted copy never counts."""
    copy = VENV / f".{lock.name}"
    shutil.copyfile(lock, copy)
    copy.replace(VENV / lock.name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
