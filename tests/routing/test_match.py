"""Names find their channels as the configuration page says."""

from __future__ import annotations

import pytest

from dragoman.canon.problem import Kind
from dragoman.routing.match import ALIAS, Resolved, resolve
from dragoman.routing.plan import Ask, Refused
from dragoman.routing.profile import Profile
from dragoman.routing.snapshot import Mapping3, Snapshot
from tests.routing.house import channel, rule, snapshot

SHOP = snapshot(
    channel("deepseek", "deepseek-chat", "deepseek-reasoner"),
    channel("giga", "GigaChat-2-Max", priority=1),
    rules=(
        rule("claude-haiku-4-5", "deepseek/deepseek-chat"),
        rule("/claude-(opus|sonnet)-.*/", "deepseek/deepseek-reasoner", "giga/GigaChat-2-Max"),
        rule("/claude-old.*/", message="Use a newer model."),
        rule("/gpt-.*/"),
    ),
)
SPREAD = snapshot(
    channel("near", "chat", "vendor/chat", priority=1),
    channel("far", "chat", priority=0),
    channel("vendor", "other", "chat"),
)
OPEN = snapshot(channel("any"), channel("listed", "chat"))
MAPPED = snapshot(channel("env"), mapping=Mapping3(big="big-1", middle="mid-1", small="small-1"))


def found(configuration: Snapshot, asked: str, profile: str | None = None) -> list[str]:
    """The candidates as `channel/model`."""
    resolved = resolve(configuration, Ask(door="door", asked=asked, profile=profile))
    assert isinstance(resolved, Resolved), resolved
    assert resolved.rule
    assert all(candidate.why for candidate in resolved.candidates)
    return [f"{candidate.channel.name}/{candidate.model}" for candidate in resolved.candidates]


def refusal(configuration: Snapshot, asked: str, profile: str | None = None) -> str:
    """The message of a refusal."""
    refused = resolve(configuration, Ask(door="door", asked=asked, profile=profile))
    assert isinstance(refused, Refused)
    assert refused.problem.kind is Kind.MODEL_NOT_FOUND
    assert refused.problem.status == 404
    return refused.problem.message


@pytest.mark.parametrize(
    ("configuration", "asked", "candidates"),
    [
        (SHOP, "claude-haiku-4-5", ["deepseek/deepseek-chat"]),
        (SHOP, "claude-opus-5-5", ["deepseek/deepseek-reasoner", "giga/GigaChat-2-Max"]),
        (SHOP, "claude-opus-5-5[1m]", ["deepseek/deepseek-reasoner", "giga/GigaChat-2-Max"]),
        (SHOP, "deepseek-chat", ["deepseek/deepseek-chat"]),
        (SHOP, ALIAS + "deepseek-chat", ["deepseek/deepseek-chat"]),
        (SHOP, "deepseek/deepseek-chat", ["deepseek/deepseek-chat"]),
        (SPREAD, "chat", ["near/chat", "far/chat", "vendor/chat"]),
        (SPREAD, "vendor/chat", ["vendor/chat"]),
        (SPREAD, "near/vendor/chat", ["near/vendor/chat"]),
        (OPEN, "chat", ["listed/chat"]),
        (OPEN, "whatever", ["any/whatever"]),
        (OPEN, "any/whatever", ["any/whatever"]),
        (MAPPED, "claude-haiku-4-5", ["env/small-1"]),
        (MAPPED, "claude-sonnet-5", ["env/mid-1"]),
        (MAPPED, "claude-opus-4-8", ["env/big-1"]),
        (MAPPED, "claude-fable-1", ["env/big-1"]),
        (MAPPED, "something-else", ["env/big-1"]),
        (MAPPED, "Claude-Haiku", ["env/small-1"]),
        (MAPPED, "gpt-4o-haiku", ["env/gpt-4o-haiku"]),
        (MAPPED, "o1-mini", ["env/o1-mini"]),
        (MAPPED, "o3", ["env/o3"]),
        (MAPPED, "ep-2026", ["env/ep-2026"]),
        (MAPPED, "doubao-pro", ["env/doubao-pro"]),
        (MAPPED, "deepseek-chat", ["env/deepseek-chat"]),
        (MAPPED, "opera", ["env/big-1"]),
    ],
)
def test_a_name_finds(configuration: Snapshot, asked: str, candidates: list[str]) -> None:
    assert found(configuration, asked) == candidates


def test_the_rule_is_told_in_words() -> None:
    resolved = resolve(SHOP, Ask(door="door", asked="claude-opus-5-5[1m]"))
    assert isinstance(resolved, Resolved)
    assert resolved.rule == "rule 2 of profile 'default' (pattern 'claude-(opus|sonnet)-.*')"
    assert resolved.asked == "claude-opus-5-5"
    assert resolved.long_context


def test_a_pattern_matches_the_whole_name() -> None:
    assert "matches it" in refusal(SHOP, "my-claude-opus-5")


def test_the_first_rule_that_hits_wins() -> None:
    ruled = snapshot(channel("a", "x"), rules=(rule("/.*/", "a/first"), rule("x", "a/second")))
    assert found(ruled, "x") == ["a/first"]


def test_a_rule_without_targets_refuses_with_its_message() -> None:
    assert refusal(SHOP, "claude-old-2") == "Use a newer model."
    assert "rule 4 of profile 'default' (pattern 'gpt-.*') refuses it" in refusal(SHOP, "gpt-4o")


def test_a_key_may_name_another_profile() -> None:
    ruled = Snapshot(
        channels=(channel("a"), channel("b")),
        profiles=(Profile("default", (rule("x", "a/1"),)), Profile("team", (rule("x", "b/2"),))),
    )
    assert found(ruled, "x") == ["a/1"]
    assert found(ruled, "x", "team") == ["b/2"]
    assert "'gone'" in refusal(ruled, "x", "gone")


def test_with_a_profile_no_channel_takes_any_name() -> None:
    assert "near" not in refusal(snapshot(channel("a"), rules=(rule("x", "a/1"),)), "y")


def test_targets_of_channels_that_are_gone_are_left_out() -> None:
    ruled = snapshot(channel("a"), rules=(rule("x", "gone/1", "a/2", "a/2"), rule("y", "gone/1")))
    assert found(ruled, "x") == ["a/2"]
    assert "'y'" in refusal(ruled, "y")


def test_a_mapped_model_prefers_channels_that_list_it_and_takes_any_otherwise() -> None:
    mapping = Mapping3(big="big-1", middle="mid-1", small="small-1")
    configuration = snapshot(channel("a", "big-1"), channel("b", "else"), mapping=mapping)
    assert found(configuration, "claude-opus-5") == ["a/big-1"]
    assert found(configuration, "claude-haiku-5") == ["a/small-1", "b/small-1"]


def test_an_unknown_name_is_told_its_near_names() -> None:
    message = refusal(SHOP, "deepseek-chatt")
    assert message.startswith("Model 'deepseek-chatt' was looked up but")
    assert "'deepseek-chat'" in message
    assert "claude-haiku-4-5" in refusal(SHOP, "claude-haiku-4")


def test_an_unknown_name_unlike_all_is_told_some_names() -> None:
    assert "'claude-haiku-4-5', 'deepseek-chat', 'deepseek-reasoner'" in refusal(SHOP, "zzz")


def test_a_channel_that_is_named_must_have_the_model() -> None:
    assert "no channel has it" in refusal(SPREAD, "far/other")


def test_without_channels_the_message_says_so() -> None:
    assert "no channel yet" in refusal(Snapshot(), "sonnet")


def test_an_endless_name_is_cut_in_the_message() -> None:
    assert len(refusal(SHOP, "x" * 1_000_000)) < 500
