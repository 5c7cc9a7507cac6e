"""docs/deploy/systemd.md: its unit names what is there, and stops no sooner than the gateway does."""

from __future__ import annotations

import configparser
import re
import tomllib

from dragoman.cli.app import command_line
from dragoman.settings.environment import OWN_SERVER
from dragoman.web.listening import DRAIN_S, FAREWELL_S
from tests.docs.pages import ROOT, text

PAGE = text("deploy/systemd.md")


def unit() -> configparser.ConfigParser:
    """The page's unit."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read_string(re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)[0])
    return parser


def test_it_stops_no_sooner_than_the_gateway() -> None:
    assert int(unit()["Service"]["TimeoutStopSec"]) > DRAIN_S + FAREWELL_S


def test_it_starts_a_command_that_is_there() -> None:
    program, *arguments = unit()["Service"]["ExecStart"].split()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]

    assert program.removeprefix("/opt/dragoman/.venv/bin/") in scripts
    command_line().parse_args(arguments)


def test_it_sets_variables_that_are_there() -> None:
    names = re.findall(r"\b(DRAGOMAN_\w+)=", unit()["Service"]["Environment"])

    assert names
    assert set(names) <= OWN_SERVER.keys()
