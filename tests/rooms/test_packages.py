"""What is imported is declared: nothing works only because something else happens to need it."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.rooms.house import HOUSE, SRC, imports_of, read_house

PROJECT = tomllib.loads((SRC.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(wanted: list[str]) -> set[str]:
    """The packages that requirements ask for, without their versions."""
    return {re.split(r"[^\w-]", each)[0].lower() for each in wanted}


def test_every_package_that_the_source_imports_is_declared_and_no_other() -> None:
    declared = names(PROJECT["dependencies"])
    extras = names([each for group in PROJECT.get("optional-dependencies", {}).values() for each in group])
    homes = packages_distributions()
    tops = {item.top for module in read_house().modules for item in imports_of(module)}
    used = {homes.get(top, [top])[0].lower() for top in tops - sys.stdlib_module_names - {HOUSE}}

    assert used - extras == declared
