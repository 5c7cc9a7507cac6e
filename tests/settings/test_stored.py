"""The database adds channels and profiles to those of the file, and cannot take any down."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.providers.catalog import catalog
from dragoman.routing.profile import Profile
from dragoman.routing.snapshot import Channel, Mapping3, Snapshot
from dragoman.settings.stored import Joined, Stored, joined
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.profile import ProfileTable, RuleTable, TargetTable

FILE = Channel(name="file", provider="openai", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")


def table(name: str, **more: object) -> ChannelTable:
    return ChannelTable(name=name, provider="openai", api_key="sk-1", **more)  # type: ignore[arg-type]


def profile(name: str, channel: str) -> ProfileTable:
    rule = RuleTable(model="x", targets=(TargetTable(channel=channel, model="m"),))
    return ProfileTable(name=name, rules=(rule,))


def join(*channels: ChannelTable, profiles: tuple[ProfileTable, ...] = (), base: Snapshot | None = None) -> Joined:
    return joined(base or Snapshot(channels=(FILE,)), Stored(channels, profiles, 7), catalog(), Path("/nowhere"))


def test_stored_channels_stand_beside_those_of_the_file() -> None:
    snapshot, notices = join(table("db", enabled=False))
    assert [(channel.name, channel.source) for channel in snapshot.channels] == [("file", "file"), ("db", "database")]
    assert not snapshot.channels[1].enabled
    assert snapshot.version == 7
    assert notices == ()


def test_the_file_goes_first() -> None:
    base = Snapshot(channels=(FILE,), profiles=(Profile("default"),))
    snapshot, notices = join(table("file"), profiles=(profile("default", "file"),), base=base)
    assert snapshot.channels == (FILE,)
    assert snapshot.profiles == (Profile("default"),)
    assert [notice.where for notice in notices] == ["channel 'file'", "profile 'default'"]


def test_a_row_that_cannot_be_used_takes_no_other_down() -> None:
    lost = ChannelTable(name="lost", provider="gone")
    snapshot, notices = join(lost, table("good"), profiles=(profile("p", "lost"),))
    assert [channel.name for channel in snapshot.channels] == ["file", "good"]
    assert [found.name for found in snapshot.profiles] == ["p"]
    assert "no provider 'gone'" in str(notices[0])
    assert "no channel 'lost'" in str(notices[1])


@pytest.mark.parametrize("text", ["env:HOME", "file:/etc/hostname", "$HOME"])
def test_a_stored_value_leads_nowhere(text: str) -> None:
    snapshot, _ = join(ChannelTable(name="db", provider="openai", api_key=text, headers={"x-a": text}))
    assert snapshot.channels[1].api_key.reveal() == text
    assert snapshot.channels[1].headers == {"x-a": text}


def test_profiles_of_the_database_replace_the_three_names() -> None:
    mapped = Snapshot(channels=(FILE,), mapping=Mapping3(big="b", middle="m", small="s"))
    assert join(base=mapped).snapshot.mapping
    assert join(profiles=(profile("p", "file"),), base=mapped).snapshot.mapping is None
