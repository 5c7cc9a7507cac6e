"""Changes of bodies and headers made from their tables: paths, conditions, placeholders and names checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from dragoman.canon.operations import HEADER_VALUE, Condition, HeaderOperation, Match, Operation
from dragoman.canon.paths import Json, path_of
from dragoman.canon.patterns import LONGEST_TEXT, reach, unsound
from dragoman.canon.templates import Template, compiled, names_headers, template_of
from dragoman.providers.credentials import holds_key, may_travel
from dragoman.routing.snapshot import Overrides
from dragoman.settings.record import Notice
from dragoman.settings.sources import Secrets
from dragoman.shapes.changes import BodyOperationTable, ConditionTable, HeaderOperationTable, MatchTable, OverrideTable
from dragoman.shapes.hints import near
from dragoman.shapes.secret import SEALED

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token (RFC 9110 section 5.6.2, read 2026-11-20)."""
OWN_HEADERS = frozenset(
    ("connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
"""What belongs to the connection and cannot be set per channel (RFC 9110 section 7.6.1)."""
NEEDS: Mapping[str, tuple[str, ...]] = {
    "rename": ("to",),
    "copy": ("to",),
    "insert": ("index", "before", "after"),
    "remove": ("index", "match"),
}
"""Of which keys an operation needs exactly one."""
TAKES = ("to", "index", "match", "before", "after")
REFERENCES = ("env:", "file:")
SPREADS = ("append", "prepend", "insert")


class ChangeBook(Struct, frozen=True):
    """What changes are made with, and where the findings go."""

    secrets: Secrets
    doors: Collection[str]
    """Dialects that clients may speak."""
    faults: list[Notice]

    def overrides(self, table: OverrideTable, where: str) -> Overrides:
        """The named set that a table describes. It holds no secrets: whoever may describe a channel may take it."""
        for place, change in enumerate(table.header, 1):
            if holds_key(change.name) or holds_key(change.to or "") or change.value.startswith(REFERENCES):
                words = "A set of changes is for many channels and holds no secrets."
                self._fault(f"{where}.header[{place}]", words, "Write it in `header` of the channel itself.")
                return Overrides(table.name)
        return Overrides(
            table.name,
            tuple(self.body(table.body, f"{where}.body")),
            tuple(self.header(table.header, f"{where}.header")),
        )

    def body(self, tables: Iterable[BodyOperationTable], where: str) -> Iterator[Operation]:
        """Changes of a body."""
        for place, table in enumerate(tables, 1):
            here = f"{where}[{place}]"
            self._check_keys(table, here)
            try:
                yield Operation(
                    op=table.op,
                    path=path_of(table.path),
                    value=self._value(table.value, f"{here}.value"),
                    to=path_of(table.to) if table.to else (),
                    index=table.index,
                    match=_match(table.match),
                    before=_match(table.before),
                    after=_match(table.after),
                    spread=table.spread,
                    when=self._when(table.when, f"{here}.when"),
                )
            except ValueError as found:
                self._fault(here, f"The path {found}.", "Write it as a.b.0.c.")

    def header(self, tables: Iterable[HeaderOperationTable], where: str) -> Iterator[HeaderOperation]:
        """Changes of headers."""
        for place, table in enumerate(tables, 1):
            here = f"{where}[{place}]"
            if (table.op in ("rename", "copy")) != (table.to is not None):
                self._fault(here, f"'to' does not fit '{table.op}'.", "Correct it.")
            value = self._header_value(table.value, f"{here}.value")
            for name in filter(None, (table.name, table.to)):
                self._check_header(name, value, here)
            try:
                when = self._when(table.when, f"{here}.when")
            except ValueError as found:
                self._fault(f"{here}.when", f"The path {found}.", "Write it as a.b.0.c.")
                continue
            to = (table.to or "").lower()
            yield HeaderOperation(op=table.op, name=table.name.lower(), value=value, to=to, when=when)

    def headers(self, table: Mapping[str, str], where: str) -> tuple[dict[str, str], tuple[HeaderOperation, ...]]:
        """Headers that are the same for every request, and those that are filled from it."""
        fixed: dict[str, str] = {}
        filled: list[HeaderOperation] = []
        for name, text in table.items():
            value = self._header_value(text, f"{where}.{name}")
            self._check_header(name, value, f"{where}.{name}")
            if isinstance(value, str):
                fixed[name] = value
            else:
                filled.append(HeaderOperation(op="set", name=name.lower(), value=value))
        return fixed, tuple(filled)

    def client_headers(self, names: Iterable[str], where: str) -> tuple[str, ...]:
        """The names of client's headers that travel on, in lower case."""
        for name in names:
            if not HEADER_NAME.fullmatch(name):
                self._fault(where, f"'{name}' cannot be the name of a header.", "Correct it, or leave it out.")
            elif not may_travel(name):
                words = f"The header '{name}' is never passed on: it may hold a key, or belongs to the connection."
                self._fault(where, words, "Leave it out.")
        return tuple(dict.fromkeys(name.lower() for name in names))

    def _fault(self, where: str, what: str, remedy: str) -> None:
        self.faults.append(Notice(where, what, remedy))

    def _check_keys(self, table: BodyOperationTable, where: str) -> None:
        """Finds keys that an operation lacks or has no use for."""
        wanted = NEEDS.get(table.op, ())
        given = [name for name in TAKES if getattr(table, name) is not None]
        if wanted and len([name for name in given if name in wanted]) != 1:
            names = " or ".join(f"'{name}'" for name in wanted)
            self._fault(where, f"'{table.op}' needs {'one of ' if len(wanted) > 1 else ''}{names}.", "Correct it.")
        for name in given:
            if name not in wanted:
                self._fault(where, f"'{table.op}' has no use for '{name}'.", "Leave it out.")
        if table.spread and not (table.op in SPREADS and isinstance(table.value, list | str)):
            self._fault(where, "'spread' puts the elements of a list into a list.", "Leave it out.")

    def _value(self, value: Json, where: str) -> Json:
        try:
            found = compiled(value)
        except ValueError as words:
            self._fault(where, f"The value cannot be used: {words}.", "Correct it.")
            return None
        self._check_names(found, where)
        return found

    def _header_value(self, text: str, where: str) -> str | Template:
        """A header's value; what comes from the environment or a file holds no placeholders."""
        value = self.secrets.resolve(text, where, self.faults).reveal()
        if text.startswith(REFERENCES if self.secrets.refers else SEALED):
            return value  # A secret's mark shows its last characters, which may be half a placeholder.
        try:
            found = template_of(value)
        except ValueError as words:
            self._fault(where, f"The value cannot be used: {words}.", "Correct it.")
            return ""
        self._check_names(found, where)
        return found

    def _check_names(self, value: Json, where: str) -> None:
        """Finds headers of the client that no placeholder may stand for."""
        for name in names_headers(value):
            if not may_travel(name):
                words = f"The client's header '{name}' is never passed on: it may hold a key."
                self._fault(where, words, "Leave it out.")

    def _check_header(self, name: str, value: str | Template, where: str) -> None:
        pieces = value.pieces if isinstance(value, Template) else (value,)
        if wrong := header_fault(name, "".join(piece for piece in pieces if isinstance(piece, str))):
            self._fault(where, wrong, "Correct it, or leave it out.")

    def _when(self, table: ConditionTable | None, where: str) -> Condition | None:
        """The condition that a table describes. Raises `ValueError` for a path that is none."""
        if table is None:
            return None
        for door in table.doors:
            if door not in self.doors:
                self._fault(f"{where}.doors", f"There is no door '{door}'.", near(door, self.doors))
        looks = table.present is not None or table.equals is not None or table.matches is not None
        if looks and table.path is None:
            self._fault(where, "It does not say where to look.", "Add 'path'.")
        if not (table.model or table.asked or table.doors or table.path or looks):
            self._fault(where, "It asks for nothing.", "Leave it out.")
        pattern = self._pattern(table.matches, f"{where}.matches")
        return Condition(
            model=table.model or "",
            asked=table.asked or "",
            doors=table.doors,
            path=path_of(table.path) if table.path else (),
            present=table.present is not False,
            equals=table.equals,
            matches=pattern,
            reach=reach(pattern.pattern) if pattern else LONGEST_TEXT,
        )

    def _pattern(self, pattern: str | None, where: str) -> re.Pattern[str] | None:
        if pattern is None:
            return None
        if wrong := unsound(pattern, searched=True):
            self._fault(where, f"'{pattern[:80]}' {wrong}.", "Correct it.")
            return None
        return re.compile(pattern)


def header_fault(name: str, value: str) -> str:
    """What is wrong with a header to be sent upstream, or an empty string."""
    if not HEADER_NAME.fullmatch(name):
        return f"'{name}' cannot be the name of a header."
    if name.lower() in OWN_HEADERS:
        return f"The header '{name}' belongs to the connection."
    if not HEADER_VALUE.fullmatch(value):
        return "The value holds characters that no header can carry."
    return ""


def _match(table: MatchTable | None) -> Match | None:
    """Which elements are meant. Raises `ValueError` for a path that is none."""
    return None if table is None else Match(path=path_of(table.path) if table.path else (), equals=table.equals)
