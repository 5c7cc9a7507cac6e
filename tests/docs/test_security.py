"""docs/security.md names for each incident of others a test that there is."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, rows, section, text

ROWS = rows(section(text("security.md"), "What has happened to others"))


def test_every_incident_has_its_row() -> None:
    assert [row[0] for row in ROWS] == [f"P{number}" for number in range(1, 27)]


def test_every_test_that_is_named_is_there() -> None:
    for row in ROWS:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[2])
        assert named, row[0]
        for path, name in named:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name


def test_every_package_of_a_lock_has_its_hash() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        pinned = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8"))
        packages = [one for one in pinned if re.match(r"[\w.\[\]-]+==", one)]
        assert packages, lock.name
        assert [one.split()[0] for one in packages if "--hash=sha256:" not in one] == []
