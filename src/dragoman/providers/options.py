"""What a channel's options ask of its provider's row: members of the body, and words for the system prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from dragoman.canon.request import Loss, Text
from dragoman.providers.base import MemberType, Provider
from dragoman.providers.wish import Wish


def with_members(row: Provider, options: Mapping[str, str]) -> Provider:
    """The row with the options that are habits or members of the body. Raises `ValueError` for one that is wrong."""
    members, habits = _given(row.body_options, options), _given(row.habit_options, options)
    if members:
        habits["extra_body"] = {**row.habits.extra_body, **members}
    return replace(row, habits=replace(row.habits, **habits)) if habits else row


def _given(known: Mapping[str, MemberType], options: Mapping[str, str]) -> dict[str, Any]:
    return {name: read_member(kind, options[name]) for name, kind in known.items() if name in options}


def with_addendum(row: Provider, options: Mapping[str, str], wish: Wish) -> Wish:
    """The wish with the row's words for this model behind the system prompt, for agents: where tools are offered.

    The channel's option `addendum` switches it off.
    """
    if not wish.request.tools or options.get("addendum") == "false":
        return wish
    text = next((text for pattern, text in row.addendum.items() if wish.is_one_of(pattern)), "")
    if not text:
        return wish
    system = (*wish.request.system, Text(text))
    return wish.changed([Loss("addendum", "The provider's row adds words to the system prompt.")], system=system)


def read_member(kind: MemberType, text: str) -> object:
    """The value of a member as an option tells it. Raises `ValueError` with what it must be."""
    try:
        return READERS[kind](text)
    except (msgspec.DecodeError, KeyError):
        raise ValueError(f"'{text}' is not {MEANT[kind]}.") from None


def _number(text: str) -> int | float:
    return msgspec.json.decode(text, type=int | float)


def _whole(text: str) -> int:
    found: int = msgspec.json.decode(text, type=Annotated[int, Meta(ge=0)])
    return found


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.strip().lower()]


def _texts(text: str) -> list[str]:
    """A list by commas, or as JSON, which the vendor's SDK takes."""
    if text.lstrip().startswith("["):
        return msgspec.json.decode(text, type=list[str])
    return [word.strip() for word in text.split(",") if word.strip()]


READERS: dict[MemberType, Callable[[str], Any]] = {
    "number": _number,
    "whole": _whole,
    "boolean": _boolean,
    "texts": _texts,
}
MEANT: dict[MemberType, str] = {
    "number": "a number",
    "whole": "a whole number, 0 or more",
    "boolean": "true or false",
    "texts": "a list of words",
}
