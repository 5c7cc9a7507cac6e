"""Profiles that extend others, trees of conditions and settings are read whole, or refused with their place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from dragoman.providers.catalog import catalog
from dragoman.routing.bounds import Bounds
from dragoman.routing.match import Resolved, resolve
from dragoman.routing.plan import Ask, Refused
from dragoman.routing.profile import Profile
from dragoman.routing.snapshot import RetryRule, Snapshot
from dragoman.settings.record import Notice
from dragoman.settings.stored import Stored, joined, read_profile
from dragoman.shapes.access import ProjectTable
from dragoman.shapes.policy import BreakerPolicy, RetryPolicy
from dragoman.shapes.profile import ProfileTable, RuleTable, TargetTable, WhenTable
from tests.settings.test_rules import faults, read

RULE = '[[profiles]]\nname = "default"\nrules = [{{ model = "m", {} }}]'
WHEN = RULE.replace("{}", 'targets = [{{ channel = "a", model = "m" }}], when = {}')
ONE = "{ images = true }"
FORTY = f"{{ any = [{', '.join([ONE] * 40)}] }}"
DEEP = f"{{ not = {{ not = {{ not = {{ not = {{ not = {{ not = {ONE} }} }} }} }} }} }}"


def test_conditions_nest_and_share_a_zone(tmp_path: Path) -> None:
    text = WHEN.format(
        '{ zone = "Europe/Moscow", any = [{ hours = "09:00-17:00" }, { days = ["sat", "sun"], since = 2026-11-20 },'
        ' { not = { outside = "01:00-02:00", zone = "UTC" } }], all = [{ min_images = 2, audio = false }] }'
    )
    when = read(tmp_path, text).profiles[0].rules[0].when
    assert when
    first, second, third = when.any
    assert first.hours
    assert second.dates
    assert third.not_
    assert third.not_.outside
    assert (str(first.hours.zone), str(second.dates.zone), str(third.not_.outside.zone)) == (
        "Europe/Moscow",
        "Europe/Moscow",
        "UTC",
    )
    assert (set(second.dates.days), second.dates.since) == ({5, 6}, date(2026, 11, 20))
    assert (when.all[0].min_images, when.all[0].audio) == (2, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHEN.format("{ any = [] }"), "length >= 1"),
        (WHEN.format("{ any = [{}] }"), "when.any[1]: The condition says nothing."),
        (WHEN.format("{ not = {} }"), "when.not: The condition says nothing."),
        (WHEN.format(DEEP), "More than 100 conditions, or 5 within each other."),
        (
            WHEN.format(f"{{ any = [{FORTY}, {FORTY}, {FORTY}] }}"),
            "More than 100 conditions",
        ),
        (WHEN.format("{ any = [{ imges = true }] }"), "imges"),
        (WHEN.format('{ days = ["someday"] }'), "days"),
        (WHEN.format('{ outside = "25:00-26:00" }'), "outside"),
        (
            WHEN.format("{ since = 2026-12-01, until = 2026-11-01 }"),
            "No number of days fits: 2026-12-01 to 2026-11-01.",
        ),
        (WHEN.format("{ min_images = 3, max_images = 2 }"), "No number of images fits"),
        (
            WHEN.format('{ any = [{ zone = "Moon/Base", images = true }] }'),
            "when.any[1].zone: There is no time zone 'Moon/Base'.",
        ),
        (
            WHEN.format('{ not = { doors = ["anthropc"] } }'),
            "when.not.doors: There is no door 'anthropc'. Did you mean 'anthropic'?",
        ),
        (WHEN.format('{ headers = { x = "(a+)+" } }'), "busy for years"),
        (RULE.format('targets = [{ channel = "*", model = "m", models = "m" }]'), "both 'model' and 'models'"),
        (RULE.format('targets = [{ channel = "*", models = "(a+)+" }]'), "targets[1].models: '(a+)+' repeats a group"),
        (
            RULE.format('targets = [{ channel = "a", model = "m", effort = "hihg" }]'),
            "There is no effort 'hihg'. Did you mean 'high'?",
        ),
        (RULE.format('targets = [{ channel = "a", model = "m", effort = \'\\1\' }]'), "names no group of the pattern"),
        (RULE.format('channels = ["gone"]'), "rules[1].channels: There is no channel or tag 'gone'."),
        (RULE.format('channels = { all = ["gone"] }'), "rules[1].channels: No channel has the tag 'gone'."),
        (RULE.format('channels = { some = ["a"] }'), "some"),
        ('[[profiles]]\nname = "p"\nextends = "gone"', "It extends 'gone', which is not there."),
        ('[[profiles]]\nname = "p"\nextends = "p"', "It extends 'p', which comes back to it."),
        (
            '[[profiles]]\nname = "p"\nextends = "q"\n[[profiles]]\nname = "q"\nextends = "p"',
            "which comes back to it.",
        ),
        ("[settings]\nretry = { attempts = 7 }", "attempts"),
        ("[settings]\nretry = { attempts = 0 }", "attempts"),
        ("[settings]\nretry = { same_channel = 3 }", "same_channel"),
        ("[settings]\nretry = { forever = true }", "forever"),
        ("[settings]\nbreaker = { share = 0 }", "share"),
        (
            "[settings]\nbreaker = { rest_s = 30, longest_s = 10 }",
            "The longest rest, 10 s, is shorter than the first, 30 s.",
        ),
        ('[settings]\nrefuse_models = [{ pattern = "(a+)+" }]', "settings.refuse_models: '(a+)+' repeats a group"),
        ('[settings]\nrefuse_models = [{ pattern = "" }]', "refuse_models"),
        (
            "[settings]\nbodies_days = 3",
            "settings.bodies_days: It has another place in the file. Write it as server.bodies_days.",
        ),
        ("[settings]\nstrtegy = 'weighted'", "Did you mean 'strategy'?"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    assert words in faults(tmp_path, text)


def test_a_profile_reads_the_rules_of_another_behind_its_own(tmp_path: Path) -> None:
    text = """
        tags = ["eu"]
        [[profiles]]
        name = "team"
        extends = "house"
        rules = [{ model = "own", targets = [{ channel = "a", model = "m" }] }]
        [[profiles]]
        name = "house"
        extends = "ground"
        strategy = "fastest"
        channels = { all = ["eu"] }
        rules = [{ model = "shared", targets = [{ channel = "a", model = "m" }] }]
        [[profiles]]
        name = "ground"
        strategy = "weighted"
        rules = [{ pattern = ".*", message = "No." }]
    """
    team = read(tmp_path, text).profiles[0]
    assert [rule.model or "pattern" for rule in team.rules] == ["own", "shared", "pattern"]
    assert [rule.inherited for rule in team.rules] == ["", "rule 1 of profile 'house'", "rule 1 of profile 'ground'"]
    assert (team.strategy, team.channels) == ("fastest", Bounds(all=frozenset({"eu"})))


def test_a_profile_of_the_database_may_extend_one_of_the_file_and_is_closed_where_it_is_gone(tmp_path: Path) -> None:
    base = read(
        tmp_path, '[[profiles]]\nname = "house"\nrules = [{ model = "m", targets = [{ channel = "a", model = "m" }] }]'
    )
    team = ProfileTable(name="team", extends="house")
    found = joined(base, Stored((), (team,), 1), catalog(), tmp_path)
    assert found.notices == ()
    assert [rule.model for rule in found.snapshot.profiles[1].rules] == ["m"]
    alone = joined(replace(base, profiles=()), Stored((), (team,), 1), catalog(), tmp_path)
    assert "It extends 'house', which is not there." in str(alone.notices[0])
    refused = resolve(alone.snapshot, Ask(door="d", asked="a/m", profile="team"))
    assert isinstance(refused, Refused)
    assert "The profile 'team' extends 'house', which is not there." in refused.problem.message


def test_a_profile_that_would_come_back_to_itself_is_refused_before_it_is_saved() -> None:
    snapshot = Snapshot(profiles=(Profile("a", extends="b"), Profile("b")))
    notices: list[Notice] = []
    read_profile(ProfileTable(name="b", extends="a"), snapshot, catalog(), notices)
    assert "which comes back to it" in str(notices[0])


def test_a_rule_whose_conditions_became_unusable_takes_nothing_but_may_refuse(tmp_path: Path) -> None:
    target = TargetTable(channel="a", model="m")
    gone = WhenTable(zone="Gone/Zone", hours="01:00-02:00")
    rules = (RuleTable(model="x", when=gone, targets=(target,)), RuleTable(model="x", when=gone, message="No."))
    table = ProfileTable(name="p", rules=rules)
    base = read(tmp_path, "")
    found = joined(base, Stored((), (table,), 1), catalog(), tmp_path)
    assert [rule.enabled for rule in found.snapshot.profiles[0].rules] == [False, True]


def test_a_target_that_became_unusable_is_off_and_the_others_stay(tmp_path: Path) -> None:
    targets = (
        TargetTable(channel="a", model=r"\9"),
        TargetTable(channel="a", model="m", effort="huge"),
        TargetTable(channel="*", models="(a+)+"),
        TargetTable(channel="gone", model="m"),
        TargetTable(channel="a", model=r"my-\1"),
    )
    table = ProfileTable(name="p", rules=(RuleTable(pattern="(x)", targets=targets),))
    found = joined(read(tmp_path, ""), Stored((), (table,), 1), catalog(), tmp_path)
    rule = found.snapshot.profiles[0].rules[0]
    assert [target.enabled for target in rule.targets] == [False, False, False, True, True]
    plan = resolve(found.snapshot, Ask(door="d", asked="x", profile="p"))
    assert isinstance(plan, Resolved)
    assert [one.model for one in plan.candidates] == ["my-x"]


def test_a_project_holds_its_keys_to_channels_and_models(tmp_path: Path) -> None:
    base = read(tmp_path, "")
    projects = (ProjectTable(name="p", channels=("a", "gone"), models=("gpt-*",)), ProjectTable(name="free"))
    found = joined(base, Stored((), (), 1, projects=projects), catalog(), tmp_path)
    assert found.snapshot.projects["p"].channels == Bounds(any=frozenset({"a", "gone"}))
    assert found.snapshot.projects["p"].models == ("gpt-*",)
    assert found.snapshot.projects["free"].channels is None
    assert "project 'p'.channels: There is no channel or tag 'gone'." in str(found.notices[0])


def test_the_settings_of_the_file_are_in_force(tmp_path: Path) -> None:
    text = """
        retry = [{ status = 418 }, { status = 400, text = "Try*LATER" }, { text = "busy" }]
        [settings]
        strategy = "fastest"
        direct = false
        retry = { attempts = 5, pause_ms = 100 }
        breaker = { failures = 9 }
        refuse_models = [{ pattern = "gpt-4.*", message = "No." }]
    """
    found = read(tmp_path, text)
    assert (found.strategy, found.direct) == ("fastest", False)
    assert (found.retry, found.breaker) == (RetryPolicy(attempts=5, pause_ms=100), BreakerPolicy(failures=9))
    assert found.refusals[0].pattern.fullmatch("GPT-4o")
    assert found.channels[0].retry == (
        RetryRule(status=418),
        RetryRule(status=400, words=("try", "later")),
        RetryRule(words=("busy",)),
    )


@pytest.mark.parametrize("rule", ["{}", '{ text = "***" }'])
def test_a_failure_worth_another_attempt_is_named(tmp_path: Path, rule: str) -> None:
    assert "retry[1]: It means every failure." in faults(tmp_path, f"retry = [{rule}]")
