"""Names of time zones."""

from __future__ import annotations

import pytest

from dragoman.canon.zones import fault_of_zone, zone_named


def test_a_zone_is_found_by_its_name() -> None:
    assert str(zone_named("Europe/Moscow")) == "Europe/Moscow"
    assert not fault_of_zone("UTC")


@pytest.mark.parametrize("name", ["", "Moon/Base", "../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 5000])
def test_what_is_no_zone_is_told_and_no_file_is_read(name: str) -> None:
    assert zone_named(name) is None
    assert fault_of_zone(name) == f"There is no time zone '{name}'; write it as Europe/Moscow, or UTC"
