"""Reading plain values into the tables of `shape`, so that every fault is found at once and named by its place."""

from __future__ import annotations

import re
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from dragoman.settings.record import Notice
from dragoman.shapes.hints import hint, near

T = TypeVar("T", bound=Struct)


def read_table(table: type[T], found: object, where: str, faults: list[Notice]) -> T | None:
    """The table as its record; None if it lacks what it cannot be without.

    Whenever `faults` grew, what comes back is only good for looking for more of them: faulty values are left out.
    Unknown keys are faults, with the nearest known name.
    """
    if not isinstance(found, dict):
        faults.append(Notice(where, f"A table is expected, not {_kind(found)}.", "See docs/configuration.md."))
        return None
    known = {field.encode_name: field for field in fields(table)}
    faults.extend(
        Notice(_below(where, name), "There is no such key.", near(name, known)) for name in found if name not in known
    )
    values: dict[str, Any] = {}
    for name, field in known.items():
        value = _read_value(field.type, found[name], _below(where, name), faults) if name in found else None
        if value is not None:
            values[field.name] = value
        elif field.required and name not in found:
            faults.append(Notice(where, f"The key '{name}' is missing.", "Add it."))
    return table(**values) if all(f.name in values for f in known.values() if f.required) else None


def _read_value(kind: Any, found: object, where: str, faults: list[Notice]) -> Any:
    """The value in the type that the table wants; None if it has another."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return read_table(kind, found, where, faults)
    item = get_args(kind)[0] if get_origin(kind) is tuple else None
    if isinstance(item, type) and issubclass(item, Struct) and isinstance(found, list):
        items = (read_table(item, one, _of_list(where, one, place), faults) for place, one in enumerate(found, 1))
        return tuple(one for one in items if one is not None)
    return read_value(kind, found, where, faults)


def read_value(kind: Any, found: object, where: str, faults: list[Notice], *, strict: bool = True) -> Any:
    """A plain value in the wanted type; None and a fault if it has another. Not strict: text may hold a number."""
    try:
        return msgspec.convert(found, kind, strict=strict)
    except msgspec.ValidationError as refused:
        wanted, _, inner = str(refused).partition(" - at ")
        place = where + inner.strip("`").removeprefix("$").replace("[...]", "")
        faults.append(Notice(place, _sentence(wanted), hint(refused, kind) or "Correct the value."))
        return None


def _sentence(wanted: str) -> str:
    """msgspec's words without its typography."""
    plain = wanted.replace("`", "").replace(" | null", "").replace("str matching regex", "text matching")
    plain = re.sub(r"\bobject\b|\barray\b", lambda kind: {"object": "table"}.get(kind[0], "list"), plain)
    return plain.rstrip(".") + "."


def _below(where: str, name: str) -> str:
    """The place of a key within a table."""
    return f"{where} {name}" if where.endswith(":") else f"{where}.{name}"


def _of_list(where: str, item: object, place: int) -> str:
    """The place of one of several tables: by its name where it has one, else by counting from 1."""
    name = item.get("name") if isinstance(item, dict) else None
    return f"{where}['{name}']" if isinstance(name, str) and name else f"{where}[{place}]"


def _kind(found: object) -> str:
    """A value's type in words of TOML."""
    words = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return words.get(type(found), "another value")
