"""Whatever stands in a file or an environment, reading it ends in settings or in a refusal that says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.settings.environment import OWN_OTHER, OWN_SERVER
from dragoman.settings.foreign import FOREIGN
from dragoman.settings.load import load
from dragoman.settings.reading import read_table
from dragoman.settings.record import Flags, Notice, SettingsRefused
from dragoman.settings.server import is_loopback
from dragoman.settings.shape import FileTables, ServerTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import ProfileTable, RuleTable

KEYS = sorted(
    {
        name
        for table in (FileTables, ServerTable, ChannelTable, ProfileTable, RuleTable)
        for name in table.__struct_fields__
    }
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), VALUES, max_size=4))
@settings(max_examples=150)
def test_any_table_is_read_or_faulted(found: dict[str, object]) -> None:
    faults: list[Notice] = []

    table = read_table(FileTables, found, "f:", faults)

    assert table is not None
    assert all(fault.where.startswith("f:") and fault.what and fault.remedy for fault in faults)


NAMES = [
    *OWN_SERVER,
    *(name for name in OWN_OTHER if name != "DRAGOMAN_CONFIG"),
    *(name for vendor in FOREIGN.vendors for name in (vendor.key, vendor.address, vendor.one_model) if name),
    *("HOST", "PORT", "LOG_LEVEL", "BIG_MODEL", "PREFERRED_PROVIDER", "MAX_TOKENS_LIMIT", "CUSTOM_HEADER_X_A"),
]
WORDS = st.sampled_from(["", "0.0.0.0", "http://h/v1", "openai", "1", "x y", "\n", "#"]) | st.text(max_size=6)


@given(st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=6))
@settings(max_examples=100)
def test_no_environment_opens_the_gateway(environ: dict[str, str]) -> None:
    nowhere = Path("/nonexistent")

    try:
        server = load(Flags(), environ, nowhere, nowhere).server
    except SettingsRefused:
        return

    assert server.api_keys or is_loopback(server.host) or server.needs_stored_keys


@pytest.mark.parametrize("flags", [Flags(host=""), Flags(port=-1), Flags(log_level="loud")])
def test_a_flag_that_is_none_is_refused(flags: Flags, tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="--"):
        load(flags, {}, tmp_path, tmp_path)
