"""Fails a run of everything in which the tests take too few branches of the rooms that must be understood whole.

A plugin of pytest, beside pytest-cov, for .ci/run: `-p tests.rooms.branches --cov=dragoman.canon …`. pytest-cov's own
limit is on statements and branches together, over all rooms; this one is on branches alone, room by room.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOMS = ("canon", "dialects", "routing", "shapes")
LEAST = 98.0
"""Percent of a room's branches that the tests must take."""


class Taken:
    """The figures of one run, for its last page. Mutable: they are known when all tests have run."""

    def __init__(self) -> None:
        self.percents: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Measures behind pytest-cov, which has gathered by then what all processes ran."""
        result = yield
        if not session.config.option.collectonly:
            self.percents = percents(report())
            session.testsfailed += any(percent < LEAST for percent in self.percents.values())
        return result

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tells the figures, and which of them fell short."""
        terminalreporter.write_sep("-", "branches taken")
        for room, percent in self.percents.items():
            short = "" if percent >= LEAST else f", less than the {LEAST:g} % that are asked for"
            terminalreporter.write_line(f"{percent:6.2f} % of {room}{short}", red=bool(short))


def pytest_configure(config: pytest.Config) -> None:
    """Measures once, in the process that gathers the others' results."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Taken(), "branches-taken")


def report() -> Mapping[str, Any]:
    """What pytest-cov wrote down, by file."""
    measured = coverage.Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(file))
        files: Mapping[str, Any] = json.loads(file.read_text())["files"]
    return files


def percents(files: Mapping[str, Any]) -> dict[str, float]:
    """Percent of the branches taken, by room; 0 for a room that was not measured."""
    ways: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for name, file in files.items():
        room = Path(name).parts[2]
        ways[room] += file["summary"]["num_branches"]
        taken[room] += file["summary"]["covered_branches"]
    return {room: 100.0 * taken[room] / ways[room] if ways[room] else 0.0 for room in ROOMS}
