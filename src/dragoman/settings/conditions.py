"""Conditions of rules made from their tables: trees of them, hours, days, and patterns of headers."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, tzinfo

from msgspec import Struct

from dragoman.canon.patterns import LONGEST_TEXT, reach, unsound
from dragoman.canon.zones import zone_named
from dragoman.routing.profile import Dates, Hours, When
from dragoman.routing.when import DAYS
from dragoman.settings.record import Notice
from dragoman.shapes.hints import near
from dragoman.shapes.profile import WhenTable

DEEPEST = 5
"""How deep conditions may stand within each other."""
MOST = 100
"""Conditions within one rule."""
NOTHING = WhenTable()


class Conditions(Struct, frozen=True):
    """What conditions are made with, and where the findings go."""

    doors: Collection[str]
    """Dialects that clients may speak."""
    faults: list[Notice]

    def when(self, table: WhenTable, where: str) -> When:
        """The conditions of a rule."""
        if _size(table, DEEPEST + 1) > MOST:
            remedy = "Write several rules, of which the first that holds decides."
            self.faults.append(Notice(where, f"More than {MOST} conditions, or {DEEPEST} within each other.", remedy))
            return When()
        return self._when(table, where, UTC)

    def _when(self, table: WhenTable, where: str, around: tzinfo) -> When:
        for door in table.doors:
            if door not in self.doors:
                self.faults.append(Notice(f"{where}.doors", f"There is no door '{door}'.", near(door, self.doors)))
        for what, least, most in (
            ("tokens", table.min_tokens, table.max_tokens),
            ("images", table.min_images, table.max_images),
            ("days", table.since, table.until),
        ):
            if least is not None and most is not None and least > most:  # type: ignore[operator]  # both of one type
                self.faults.append(Notice(where, f"No number of {what} fits: {least} to {most}.", "Turn them round."))
        zone = self._zone(table.zone, where) if table.zone else around
        patterns = {
            name.lower(): self._pattern(text, f"{where}.headers.{name}") for name, text in table.headers.items()
        }
        return When(
            doors=table.doors,
            agents=table.agents,
            min_tokens=table.min_tokens,
            max_tokens=table.max_tokens,
            images=table.images,
            min_images=table.min_images,
            max_images=table.max_images,
            documents=table.documents,
            audio=table.audio,
            video=table.video,
            tools=table.tools,
            thinking=table.thinking,
            stream=table.stream,
            hours=_hours(table.hours, zone),
            outside=_hours(table.outside, zone),
            dates=_dates(table, zone),
            headers={name: pattern for name, pattern in patterns.items() if pattern},
            reach=min((reach(pattern.pattern) for pattern in patterns.values() if pattern), default=LONGEST_TEXT),
            any=self._branches(table.any, f"{where}.any", zone),
            all=self._branches(table.all, f"{where}.all", zone),
            not_=self._branch(table.not_, f"{where}.not", zone) if table.not_ else None,
        )

    def _branches(self, tables: tuple[WhenTable, ...] | None, where: str, zone: tzinfo) -> tuple[When, ...]:
        return tuple(self._branch(table, f"{where}[{place}]", zone) for place, table in enumerate(tables or (), 1))

    def _branch(self, table: WhenTable, where: str, zone: tzinfo) -> When:
        if table == NOTHING:
            self.faults.append(Notice(where, "The condition says nothing.", "Fill it, or leave it out."))
        return self._when(table, where, zone)

    def _pattern(self, pattern: str, where: str) -> re.Pattern[str] | None:
        if wrong := unsound(pattern, searched=True):
            self.faults.append(Notice(where, f"'{pattern}' {wrong}.", "Correct it."))
            return None
        return re.compile(pattern)

    def _zone(self, name: str, where: str) -> tzinfo:
        zone = zone_named(name)
        if zone is None:
            remedy = "Write it as Europe/Moscow, or UTC."
            self.faults.append(Notice(f"{where}.zone", f"There is no time zone '{name}'.", remedy))
        return zone or UTC


def _size(table: WhenTable, depth: int) -> int:
    """How many conditions there are, this one included; more than `MOST` where they stand too deep."""
    if depth == 0:
        return MOST + 1
    within = (*(table.any or ()), *(table.all or ()), *((table.not_,) if table.not_ else ()))
    return 1 + sum(_size(one, depth - 1) for one in within)


def _hours(text: str | None, zone: tzinfo) -> Hours | None:
    if text is None:
        return None
    start, _, end = text.partition("-")
    return Hours(_minutes(start), _minutes(end), zone)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _dates(table: WhenTable, zone: tzinfo) -> Dates | None:
    if not table.days and table.since is None and table.until is None:
        return None
    days = frozenset(DAYS.index(day) for day in table.days)
    return Dates(days=days, since=table.since, until=table.until, zone=zone)
