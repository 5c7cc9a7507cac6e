"""Profiles made from their tables: patterns compiled, references and conditions checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.patterns import unsound
from dragoman.canon.request import EFFORTS
from dragoman.routing.bounds import Bounds
from dragoman.routing.profile import NO_OVERRIDE, Override, Profile, Rule, RuleTarget
from dragoman.settings.conditions import Conditions
from dragoman.settings.record import Notice
from dragoman.shapes.hints import near
from dragoman.shapes.profile import BoundsTable, Channels, ProfileTable, RuleTable, TargetTable

GROUP = re.compile(r"\\(?:(\d+)|g<(\w+)>|(.))")
"""A reference to a group in a target's model, or another escape."""
EVERYTHING = re.compile(".*", re.DOTALL)


class RuleBook(Struct, frozen=True):
    """What profiles are made with, and where the findings go."""

    channels: Collection[str]
    """Names of all channels."""
    tags: Collection[str]
    doors: Collection[str]
    """Dialects that clients may speak."""
    faults: list[Notice]

    def _fault(self, where: str, what: str, remedy: str) -> None:
        self.faults.append(Notice(where, what, remedy))

    def profile(self, table: ProfileTable, where: str) -> Profile:
        """The profile with its patterns compiled and its targets checked, without what it extends."""
        return Profile(
            table.name,
            tuple(self._rule(rule, f"{where}.rules[{place}]") for place, rule in enumerate(table.rules, 1)),
            table.strategy,
            self.bounds(table.channels, f"{where}.channels"),
            table.extends or "",
        )

    def bounds(self, said: Channels, where: str) -> Bounds | None:
        """Which channels are meant; None: all."""
        table = said if isinstance(said, BoundsTable) else BoundsTable(any=said)
        for name in (*table.any, *table.none):
            if "*" not in name and name not in self.channels and name not in self.tags:
                known = [*self.channels, *self.tags]
                self._fault(where, f"There is no channel or tag '{name}'.", near(name, known))
        for tag in table.all:
            if tag not in self.tags:
                self._fault(where, f"No channel has the tag '{tag}'.", near(tag, self.tags))
        found = Bounds(any=frozenset(table.any), all=frozenset(table.all), none=frozenset(table.none))
        return None if found == Bounds() else found

    def _rule(self, table: RuleTable, where: str) -> Rule:
        match table.model, table.pattern:
            case (None, None):
                self._fault(
                    where, "The rule matches nothing.", "Add 'model' (exact) or 'pattern' (a regular expression)."
                )
            case (str(), str()):
                self._fault(where, "The rule has both 'model' and 'pattern'.", "Keep one of them.")
            case _:
                pass
        pattern = self._pattern(table.pattern, f"{where}.pattern")
        before = len(self.faults)
        when = Conditions(self.doors, self.faults).when(table.when, f"{where}.when") if table.when else None
        # Of conditions that cannot be held nobody knows what they were to keep away.
        is_sound = len(self.faults) == before or not table.targets
        return Rule(
            model=table.model,
            pattern=pattern,
            enabled=table.enabled and is_sound,
            when=when,
            targets=tuple(
                self._target(target, pattern, f"{where}.targets[{place}]")
                for place, target in enumerate(table.targets, 1)
            ),
            channels=self.bounds(table.channels, f"{where}.channels"),
            strategy=table.strategy,
            message=table.message,
        )

    def _pattern(self, pattern: str | None, where: str) -> re.Pattern[str] | None:
        if pattern is None:
            return None
        if wrong := unsound(pattern):
            self._fault(where, f"'{pattern}' {wrong}.", "Correct it.")
            return None
        return re.compile(pattern)

    def _target(self, table: TargetTable, pattern: re.Pattern[str] | None, where: str) -> RuleTarget:
        match table.channel, table.tag:
            case (None, None) | (str(), str()):
                remedy = "Keep one of 'channel' and 'tag'; channel = \"*\" means every channel that has the model."
                self._fault(where, "A target names a channel or a tag.", remedy)
            case (str(name), None) if "*" not in name and name not in self.channels:
                self._fault(f"{where}.channel", f"There is no channel '{name}'.", near(name, self.channels))
            case (None, str(tag)) if tag not in self.tags:
                self._fault(f"{where}.tag", f"No channel has the tag '{tag}'.", near(tag, self.tags))
            case _:
                pass
        match table.model, table.models:
            case (None, None):
                self._fault(where, "The key 'model' is missing.", "Add it, or 'models' (a regular expression).")
            case (str(), str()):
                self._fault(where, "The target has both 'model' and 'models'.", "Keep one of them.")
            case _:
                pass
        before = len(self.faults)
        self._check_groups(table.model or "", pattern, f"{where}.model")
        self._check_effort(table.effort, pattern, f"{where}.effort")
        models = self._pattern(table.models, f"{where}.models")
        override = Override(effort=table.effort, max_output=table.max_output, addendum=table.addendum)
        return RuleTarget(
            table.channel or "",
            table.model or "",
            table.tag or "",
            table.weight,
            NO_OVERRIDE if override == NO_OVERRIDE else override,
            models,
            table.enabled and len(self.faults) == before,
        )

    def _check_groups(self, text: str, pattern: re.Pattern[str] | None, where: str) -> None:
        """Finds references to groups that the pattern does not have, which would fail only when it is asked for."""
        for found in GROUP.finditer(text):
            number, name, other = found.groups()
            has = pattern and (int(number) <= pattern.groups if number else name in pattern.groupindex)
            if other or not has:
                self._fault(where, f"'{found[0]}' names no group of the pattern.", "Write \\1 or \\g<name>.")

    def _check_effort(self, effort: str | None, pattern: re.Pattern[str] | None, where: str) -> None:
        """Finds words of effort that nobody knows; what a group will hold is seen when it is asked for."""
        if effort is None or effort in EFFORTS:
            return
        if "\\" not in effort:
            self._fault(where, f"There is no effort '{effort}'.", near(effort, EFFORTS))
        self._check_groups(effort, pattern, where)


def extended(
    profiles: Mapping[str, Profile], known: Mapping[str, Profile], faults: list[Notice], where: str = "profile"
) -> dict[str, Profile]:
    """The profiles, each with the rules of those that it extends behind its own; `known` are all there are.

    One that extends what is not there, or itself, refuses whatever its own rules do not take: what it would have
    inherited may be a refusal.
    """
    return {name: _with_base(profile, known, faults, where) for name, profile in profiles.items()}


def _with_base(profile: Profile, known: Mapping[str, Profile], faults: list[Notice], where: str) -> Profile:
    rules, strategy, channels = [*profile.rules], profile.strategy, profile.channels
    seen, base = {profile.name}, profile.extends
    while base:
        found = known.get(base)
        if found is None or base in seen:
            what = f"It extends '{base}', " + ("which comes back to it." if found else "which is not there.")
            faults.append(Notice(f"{where} '{profile.name}'", what, near(base, set(known) - seen)))
            message = f"The profile '{profile.name}' {what[3:-1]}. Correct it, or bind the key to another."
            rules.append(Rule(pattern=EVERYTHING, message=message, inherited=f"the end of profile '{profile.name}'"))
            break
        rules += _inherited(found)
        strategy, channels = strategy or found.strategy, channels or found.channels
        seen, base = {*seen, base}, found.extends
    return replace(profile, rules=tuple(rules), strategy=strategy, channels=channels)


def _inherited(profile: Profile) -> Iterable[Rule]:
    """The profile's own rules, with their places there."""
    for place, rule in enumerate(profile.rules, 1):
        if not rule.inherited:
            yield replace(rule, inherited=f"rule {place} of profile '{profile.name}'")
