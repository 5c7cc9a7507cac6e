"""What every test may ask for, and the honest count at the end: passed, and skipped by cause.

A test that cannot run on this machine skips through `needs`, with its cause. With DRAGOMAN_REQUIRE_ALL=1 a skip is a
failure; laws, scenes and the tests with vendors' SDKs fail rather than skip anywhere.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ROOT / ".cache" / "clients"
NEVER_SKIPPED = ("laws", "scenes", "sdks")
REQUIRE_ALL = "DRAGOMAN_REQUIRE_ALL"

# A busy machine is not a defect: no example is failed for being slow.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


class Needs:
    """Things of this machine that a test cannot do without; asking for an absent one ends the test with its cause."""

    def program(self, name: str) -> Path:
        """Path of a program on PATH, as `node` or `nginx`."""
        return found(shutil.which(name), f"{name} is not installed")

    def client(self, name: str, version: str, command: str) -> Path:
        """Path of the command of a real client that scripts/clients fetched, as `claude` of `claude-code`."""
        folder = CLIENTS / f"{name}-{version}"
        return found(
            shutil.which(command, path=str(folder / "node_modules" / ".bin")),
            f"{name} {version} is not fetched (scripts/clients)",
        )

    def packages(self, name: str, version: str) -> Path:
        """Folder for PYTHONPATH of a release of an SDK that scripts/clients fetched."""
        folder = CLIENTS / f"{name}-{version}"
        whole = (folder / "complete").exists()
        return found(str(folder) if whole else None, f"{name} {version} is not fetched (scripts/clients)")


def found(path: str | None, cause: str) -> Path:
    """The path, or the end of the test."""
    if path is None:
        pytest.skip(cause)
    return Path(path)


@pytest.fixture(scope="session")
def needs() -> Needs:
    """The way to ask for something that not every machine has."""
    return Needs()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of tests marked `anyio`: the one the gateway runs on."""
    return "asyncio"


def deny_skip(report: pytest.TestReport | pytest.CollectReport, require_all: bool) -> None:
    """Turns a skip into a failure where none is allowed: in some folders, or anywhere."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    folder = Path(report.nodeid.partition("::")[0]).parts[1:2]
    if require_all:
        rule = f"{REQUIRE_ALL}=1 allows no skip"
    elif folder and folder[0] in NEVER_SKIPPED:
        rule = f"Tests in {folder[0]} never skip"
    else:
        return
    report.outcome = "failed"
    report.longrepr = f"{rule}: {cause_of(report)}"


def cause_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The words a test was skipped with."""
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words.removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test may be denied its skip."""
    report = yield
    deny_skip(report, os.environ.get(REQUIRE_ALL) == "1")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole module may be denied its skip."""
    report = yield
    deny_skip(report, os.environ.get(REQUIRE_ALL) == "1")
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tells how many passed, and how many were skipped for which cause."""
    stats = terminalreporter.stats
    terminalreporter.write_sep("-", "passed, and skipped by cause")
    terminalreporter.write_line(f"{len(stats.get('passed', ())):6} passed")
    causes = Counter(cause_of(report) for report in stats.get("skipped", ()))
    for cause, count in causes.most_common():
        terminalreporter.write_line(f"{count:6} skipped: {cause}")
