"""What is imported is declared: nothing works only because something else happens to need it."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.rooms.house import HOUSE, SRC, imports_of, read_house

PROJECT = tomllib.loads((SRC.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_package_that_the_source_imports_is_declared_and_no_other() -> None:
    declared = {re.split(r"[^\w-]", wanted)[0] for wanted in PROJECT["dependencies"]}
    homes = packages_distributions()
    tops = {item.top for module in read_house().modules for item in imports_of(module)}
    foreign = tops - sys.stdlib_module_names - {HOUSE}

    assert {homes[top][0] for top in foreign} == declared
