"""The pages tell what is true: every help text, every key, every variable, and examples that load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields

from dragoman.cli.agents import Wanted, agents, outfit
from dragoman.settings.adopt import MODEL_NAMES
from dragoman.settings.environment import OWN_OTHER, OWN_SERVER
from dragoman.settings.foreign import FOREIGN
from dragoman.settings.load import load
from dragoman.settings.record import Flags
from dragoman.settings.server import USUAL
from dragoman.settings.shape import ServerTable
from dragoman.shapes.changes import BodyOperationTable, ConditionTable, HeaderOperationTable, MatchTable, OverrideTable
from dragoman.shapes.channel import CardTable, ChannelTable, LimitsTable, RestTable, RetryTable, TimeoutsTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.policy import BreakerPolicy, RetryPolicy
from dragoman.shapes.profile import BoundsTable, ProfileTable, RuleTable, TargetTable, WhenTable
from dragoman.shapes.tuning import RefusalTable, TuningTable
from tests.cli.helps import PAGE, renewed

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

TABLES: dict[str, type[Struct]] = {
    "`[server]`": ServerTable,
    "`[settings]`": TuningTable,
    "`refuse_models`": RefusalTable,
    "`retry` of the settings": RetryPolicy,
    "`breaker` of the settings": BreakerPolicy,
    "`[[channels]]`": ChannelTable,
    "`timeouts`": TimeoutsTable,
    "`cards`": CardTable,
    "`limits`": LimitsTable,
    "`rests`": RestTable,
    "`retry`": RetryTable,
    "`body`": BodyOperationTable,
    "`header`": HeaderOperationTable,
    "`match`": MatchTable,
    "`when` of a change": ConditionTable,
    "`[[overrides]]`": OverrideTable,
    "`[[models]]`": ModelTable,
    "`[[profiles]]`": ProfileTable,
    "`rules`": RuleTable,
    "`when`": WhenTable,
    "`targets`": TargetTable,
    "Which channels": BoundsTable,
}


def section(heading: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", CONFIGURATION, re.MULTILINE | re.DOTALL)
    assert found, f"docs/configuration.md has no section {heading}"
    return found[1]


def test_the_command_line_page_has_the_real_help() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert renewed(page) == page, "write it anew: python -m tests.cli.helps"


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_documented_and_no_other(heading: str) -> None:
    documented = re.findall(r"^\| `(\w+)` \|", section(heading), re.MULTILINE)

    assert documented == [field.encode_name for field in fields(TABLES[heading])]


def test_the_documented_defaults_of_the_server_are_true() -> None:
    documented = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", section("`[server]`"), re.MULTILINE))

    for key, (value, _) in USUAL.items():
        shown = {"api_keys": "[]", "trusted_proxies": "[]", "hosts": "[]"}.get(
            key, f'"{value}"' if isinstance(value, str) else str(value)
        )
        assert documented[key] == shown


def test_every_own_variable_is_documented() -> None:
    documented = re.findall(r"^\| `(DRAGOMAN_\w+)` \|", section("Variables"), re.MULTILINE)

    assert documented == [*OWN_SERVER, *OWN_OTHER]


def test_every_foreign_name_is_documented() -> None:
    text = section("Names of other gateways")
    names = [*MODEL_NAMES, *FOREIGN.idle, "AZURE_API_VERSION", "PREFERRED_PROVIDER", "HOST", "PORT", "LOG_LEVEL"]
    for vendor in FOREIGN.vendors:
        names += [vendor.key, vendor.address, vendor.one_model, *vendor.options]

    assert [name for name in names if name and f"`{name}`" not in text] == []


def test_every_setting_of_claude_code_is_documented() -> None:
    page = (ROOT / "docs" / "clients" / "claude-code.md").read_text(encoding="utf-8")
    wanted = Wanted(url="http://h", model="m", essential_only=True)

    for setting in outfit(agents()["claude"], wanted, {"HTTPS_PROXY": "p"}).settings:
        assert f"`{setting.name}`" in page


EXAMPLES = {
    "dragoman.example.toml": (ROOT / "dragoman.example.toml").read_text(encoding="utf-8"),
    **{
        f"docs/configuration.md, example {at}": text
        for at, text in enumerate(re.findall(r"```toml\n(.*?)```", CONFIGURATION, re.DOTALL), 1)
    },
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads_without_a_word(name: str, tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(EXAMPLES[name], encoding="utf-8")
    environ = dict.fromkeys(re.findall(r'"env:(\w+)"', EXAMPLES[name]), "k")

    settings = load(Flags(), environ, tmp_path, tmp_path)

    assert settings.notices == ()
    assert settings.snapshot.channels


def test_the_example_loads_with_every_line_in_use(tmp_path: Path) -> None:
    text = re.sub(
        r"^# (?=\[|name|provider|models|cards|priority|api_keys)", "", EXAMPLES["dragoman.example.toml"], flags=re.M
    )
    (tmp_path / "dragoman.toml").write_text(text, encoding="utf-8")

    settings = load(Flags(), {"DEEPSEEK_API_KEY": "k", "DRAGOMAN_CLIENT_KEY": "c"}, tmp_path, tmp_path)

    assert [channel.name for channel in settings.snapshot.channels] == ["deepseek", "local"]
    assert settings.server.api_keys


def test_the_dotenv_example_loads_without_a_word(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes((ROOT / ".env.example").read_bytes())

    settings = load(Flags(), {}, tmp_path, tmp_path)

    assert settings.notices == ()
    assert settings.snapshot.mapping
