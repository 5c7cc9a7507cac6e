"""What was stored, read again; and what this version cannot read, as it stands.

Rule. A row that cannot be read is never taken for one that is not there, nor for a part of itself: what it does not
tell may be a limit.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import Row as SqlRow

from dragoman.store.ports import Row, StoreTrouble, Trouble

S = TypeVar("S", bound=Struct)


class Named(Struct, frozen=True):
    """What every description has."""

    name: str


def read_spec(text: str, kind: type[S], what: str) -> S:
    """A description as it was stored. Trouble: newer, where it has members that this version does not know (one of them
    may be a limit, so the rest is not taken for the whole); damaged, where it is no description at all."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as found:
        told: Trouble = "newer" if "unknown field" in str(found) else "damaged"
        raise StoreTrouble(told, f"What the database says of the {what} cannot be read: {found}.") from None


def read_or_raw(text: str, kind: type[S], what: str, name: str) -> tuple[S | Raw, str]:
    """A description as it was stored; or one that cannot be read as it stands, which has at least its name, and why."""
    try:
        return read_spec(text, kind, f"{what} '{name}'"), ""
    except StoreTrouble as trouble:
        return _raw(text, name), str(trouble)


def read_row(found: SqlRow[Any], kind: type[S], what: str) -> Row[Any]:
    """A row as it was stored; one that cannot be read has its `fault`, and is described by raw JSON."""
    spec, fault = read_or_raw(found.spec, kind, what, found.name)
    return Row(
        id=found.id,
        spec=spec,
        state=found.state,
        revision=found.revision,
        created_ms=found.created_ms,
        updated_ms=found.updated_ms,
        fault=fault,
    )


def as_stored(spec: Struct) -> Raw:
    """A description as raw JSON."""
    return Raw(msgspec.json.encode(spec))


def name_of(spec: Struct | Raw) -> str:
    """The name that a description gives, also one that cannot be read."""
    if isinstance(spec, Raw):
        return msgspec.json.decode(spec, type=Named).name
    name: str = spec.name  # type: ignore[attr-defined]  # Every kind of description has one.
    return name


def _raw(text: str, name: str) -> Raw:
    """What was stored, if it is JSON of this name; else the name alone."""
    try:
        if msgspec.json.decode(text, type=Named).name == name:
            msgspec.json.decode(text)
            return Raw(text.encode())
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass
    return as_stored(Named(name))
