"""What a channel and a rule may say is read whole, and everything wrong with it is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.routing.bounds import Bounds
from dragoman.routing.profile import Override
from dragoman.routing.snapshot import Snapshot
from dragoman.settings.load import load
from dragoman.settings.record import Flags, SettingsRefused

CHANNEL = """
[[channels]]
name = "a"
provider = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"
"""


def read(folder: Path, text: str, environ: dict[str, str] | None = None) -> Snapshot:
    file = folder / "dragoman.toml"
    file.write_text(CHANNEL + text)
    return load(Flags(config=str(file)), environ or {}, folder, folder).snapshot


def faults(folder: Path, text: str) -> str:
    with pytest.raises(SettingsRefused) as refused:
        read(folder, text)
    return str(refused.value)


def test_a_channel_may_have_several_keys(tmp_path: Path) -> None:
    channel = read(tmp_path, 'api_keys = ["k-1", "env:SECOND"]\nweight = 3', {"SECOND": "k-2"}).channels[0]
    assert [account.account for account in channel.accounts] == ["a#1", "a#2"]
    assert [account.api_key.reveal() for account in channel.accounts] == ["k-1", "k-2"]
    assert sum(account.weight for account in channel.accounts) == channel.weight == 3


def test_a_channel_says_what_it_answers_to_and_when_it_rests(tmp_path: Path) -> None:
    channel = read(
        tmp_path,
        """
        enabled = false
        aliases = { fast = "m-1" }
        prefix = "acme"
        tags = ["eu", "cheap"]
        limits = { simultaneous = 2, rpm = 60, tpm = 1000, queue = 5, queue_s = 1.5 }
        rests = [{ status = 418, times = 2, minutes = 30 }]
        """,
    ).channels[0]
    assert (channel.enabled, channel.aliases, channel.prefix) == (False, {"fast": "m-1"}, "acme")
    assert channel.tags == {"eu", "cheap"}
    assert channel.limits == {"simultaneous": 2, "rpm": 60, "tpm": 1000, "queue": 5, "queue_ms": 1500}
    assert [(rest.status, rest.times, rest.for_s) for rest in channel.rests] == [(418, 2, 1800.0)]


def test_a_channel_says_how_its_requests_are_changed(tmp_path: Path) -> None:
    channel = read(
        tmp_path,
        """
        body = [{ op = "set", path = "user", value = "me" }, { op = "rename", path = "a.b", to = "c" }]
        header = [{ op = "set", name = "X-Team", value = "env:TEAM" }, { op = "delete", name = "Accept" }]
        """,
        {"TEAM": "red"},
    ).channels[0]
    assert [(one.op, one.path, one.value, one.to) for one in channel.body] == [
        ("set", ("user",), "me", ()),
        ("rename", ("a", "b"), None, ("c",)),
    ]
    assert [(one.op, one.name, one.value) for one in channel.header] == [
        ("set", "x-team", "red"),
        ("delete", "accept", ""),
    ]


def test_a_rule_may_have_conditions_a_strategy_and_overrides(tmp_path: Path) -> None:
    profile = read(
        tmp_path,
        r"""
        tags = ["eu"]
        [[profiles]]
        name = "default"
        strategy = "adaptive"
        channels = ["a"]
        [[profiles.rules]]
        pattern = 'gpt-(\w+)'
        strategy = "fastest"
        targets = [{ tag = "eu", model = 'my-\1', weight = 2, effort = "low", max_output = 9, addendum = "Be brief." }]
        [profiles.rules.when]
        doors = ["anthropic"]
        agents = ["subagent"]
        hours = "22:00-06:30"
        zone = "Europe/Moscow"
        headers = { X-A = "b" }
        """,
    ).profiles[0]
    assert profile.strategy == "adaptive"
    assert profile.channels == Bounds(any=frozenset({"a"}))
    rule = profile.rules[0]
    assert rule.strategy == "fastest"
    assert rule.when
    assert rule.when.hours
    assert (rule.when.doors, rule.when.agents) == (("anthropic",), ("subagent",))
    assert (rule.when.hours.start_min, rule.when.hours.end_min, str(rule.when.hours.zone)) == (
        1320,
        390,
        "Europe/Moscow",
    )
    assert list(rule.when.headers) == ["x-a"]
    target = rule.targets[0]
    assert (target.tag, target.model, target.weight) == ("eu", r"my-\1", 2)
    assert target.override == Override(effort="low", max_output=9, addendum="Be brief.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('api_key = "x"\napi_keys = ["y"]', "both 'api_key' and 'api_keys'"),
        ('body = [{ op = "rename", path = "a" }]', "'rename' needs 'to'"),
        ('body = [{ op = "set", path = "a..b" }]', "has an empty step"),
        ('header = [{ op = "set", name = "host" }]', "belongs to the connection"),
        ('header = [{ op = "copy", name = "a" }]', "'to' does not fit 'copy'"),
        ("rests = [{ status = 200 }]", "400"),
        ('[[profiles]]\nname = "p"\nchannels = ["b"]', "no channel or tag 'b'"),
        ('[[profiles]]\nname = "p"\nrules = [{ model = "x", targets = [{ tag = "z", model = "m" }] }]', "the tag 'z'"),
        ('[[profiles]]\nname = "p"\nrules = [{ model = "x", targets = [{ model = "m" }] }]', "a channel or a tag"),
        (
            "[[profiles]]\nname = 'p'\nrules = [{ pattern = '(a)', targets = [{ channel = 'a', model = '\\2' }] }]",
            "no group of the pattern",
        ),
        ('[[profiles]]\nname = "p"\nrules = [{ model = "x", when = { doors = ["latin"] } }]', "no door 'latin'"),
        ('[[profiles]]\nname = "p"\nrules = [{ model = "x", when = { hours = "25:00-26:00" } }]', "hours"),
        (
            '[[profiles]]\nname = "p"\nrules = [{ model = "x", when = { hours = "20:00-21:00", zone = "../etc" } }]',
            "no time zone '../etc'",
        ),
        (
            '[[profiles]]\nname = "p"\nrules = [{ model = "x", when = { headers = { a = "(" } } }]',
            "no regular expression",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    assert words in faults(tmp_path, text)
