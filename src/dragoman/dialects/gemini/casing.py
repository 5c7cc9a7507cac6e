"""Members under one spelling: the wire takes `camelCase` and `snake_case`, mixed as the sender likes.

Source: protobuf's JSON mapping, which the vendor's servers follow; the SDK 3.3 sends `parameters_json_schema` among
camel-case members (measured 2026-11-20).
"""

from __future__ import annotations

from msgspec import Raw

from dragoman.dialects.gemini.wire import NAME
from dragoman.dialects.take import Members, first_byte


def camel(name: str) -> str:
    """A member's name in camel case."""
    first, *others = name.split("_")
    return first + "".join(each[:1].upper() + each[1:] for each in others) if first else name


def spelled(members: Members) -> Members:
    """The same members under their camel-case names; a name that is said both ways keeps the camel-case one's value."""
    left = members.rest(NAME)
    if left is None or not any("_" in name for name in left.members):
        return members
    renamed: dict[str, Raw] = {}
    for name, value in left.members.items():
        if camel(name) == name or camel(name) not in left.members:
            renamed[camel(name)] = value
    return Members(renamed, members.path)


def opened(raw: Raw | bytes, path: str) -> Members:
    """The members of an object. Raises `Trouble`."""
    return spelled(Members.of(raw, path))


def inner(members: Members, name: str) -> Members | None:
    """A member that is an object. Raises `Trouble`."""
    found = members.members(name)
    return None if found is None else spelled(found)


def listed(members: Members, name: str) -> list[Members]:
    """A member that is a list of objects, or one object in place of a list. Raises `Trouble`."""
    raw = members.raw(name)
    if raw is None:
        return []
    if first_byte(raw) == b"{":
        return [opened(raw, members.where(name))]
    members.put_back(name, raw)
    return [spelled(each) for each in members.objects(name) or ()]
