"""Profiles made from their tables: patterns compiled, references and conditions checked."""

from __future__ import annotations

import re
from collections.abc import Collection
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from dragoman.routing.profile import NO_OVERRIDE, Hours, Override, Profile, Rule, RuleTarget, When
from dragoman.routing.shape import ProfileTable, RuleTable, TargetTable, WhenTable
from dragoman.settings.reading import near
from dragoman.settings.record import Notice

GROUP = re.compile(r"\\(?:(\d+)|g<(\w+)>|(.))")
"""A reference to a group in a target's model, or another escape."""


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
        """The profile with its patterns compiled and its targets checked."""
        for name in table.channels:
            if name not in self.channels and name not in self.tags:
                known = [*self.channels, *self.tags]
                self._fault(f"{where}.channels", f"There is no channel or tag '{name}'.", near(name, known))
        return Profile(
            table.name,
            tuple(self._rule(rule, f"{where}.rules[{place}]") for place, rule in enumerate(table.rules, 1)),
            table.strategy,
            frozenset(table.channels) or None,
        )

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
        return Rule(
            model=table.model,
            pattern=pattern,
            when=self._when(table.when, f"{where}.when") if table.when else None,
            targets=tuple(
                self._target(target, pattern, f"{where}.targets[{place}]")
                for place, target in enumerate(table.targets, 1)
            ),
            strategy=table.strategy,
            message=table.message,
        )

    def _pattern(self, pattern: str | None, where: str) -> re.Pattern[str] | None:
        if pattern is None:
            return None
        try:
            return re.compile(pattern)
        except re.error as found:
            place = "" if found.pos is None else f" at character {found.pos + 1}"
            self._fault(where, f"'{pattern}' is no regular expression: {found.msg}{place}.", "Correct it.")
            return None

    def _target(self, table: TargetTable, pattern: re.Pattern[str] | None, where: str) -> RuleTarget:
        match table.channel, table.tag:
            case (None, None) | (str(), str()):
                self._fault(where, "A target names a channel or a tag.", "Keep one of 'channel' and 'tag'.")
            case (str(name), None) if name not in self.channels:
                self._fault(f"{where}.channel", f"There is no channel '{name}'.", near(name, self.channels))
            case (None, str(tag)) if tag not in self.tags:
                self._fault(f"{where}.tag", f"No channel has the tag '{tag}'.", near(tag, self.tags))
            case _:
                pass
        self._check_groups(table.model, pattern, f"{where}.model")
        override = Override(effort=table.effort, max_output=table.max_output, addendum=table.addendum)
        return RuleTarget(
            table.channel or "",
            table.model,
            table.tag or "",
            table.weight,
            NO_OVERRIDE if override == NO_OVERRIDE else override,
        )

    def _check_groups(self, model: str, pattern: re.Pattern[str] | None, where: str) -> None:
        """Finds references to groups that the pattern does not have, which would fail only when it is asked for."""
        for found in GROUP.finditer(model):
            number, name, other = found.groups()
            has = pattern and (int(number) <= pattern.groups if number else name in pattern.groupindex)
            if other or not has:
                self._fault(where, f"'{found[0]}' names no group of the pattern.", "Write \\1 or \\g<name>.")

    def _when(self, table: WhenTable, where: str) -> When:
        for door in table.doors:
            if door not in self.doors:
                self._fault(f"{where}.doors", f"There is no door '{door}'.", near(door, self.doors))
        patterns = {
            name.lower(): self._pattern(text, f"{where}.headers.{name}") for name, text in table.headers.items()
        }
        return When(
            doors=table.doors,
            agents=table.agents,
            min_tokens=table.min_tokens,
            max_tokens=table.max_tokens,
            images=table.images,
            documents=table.documents,
            tools=table.tools,
            thinking=table.thinking,
            stream=table.stream,
            hours=self._hours(table, where),
            headers={name: pattern for name, pattern in patterns.items() if pattern},
        )

    def _hours(self, table: WhenTable, where: str) -> Hours | None:
        if table.hours is None:
            return None
        start, _, end = table.hours.partition("-")
        try:
            return Hours(_minutes(start), _minutes(end), ZoneInfo(table.zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._fault(f"{where}.zone", f"There is no time zone '{table.zone}'.", "Write it as Europe/Moscow, or UTC.")
            return None


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
