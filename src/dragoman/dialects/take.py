"""Typed reading of JSON objects that returns what was not taken: nothing is lost by decoding.

`Members` is an object under its names, each value still raw. A reader takes the members it knows by type; what is
left over becomes `Extras`. A value of the wrong type raises `Trouble` with the member's path, never its content.
"""

from __future__ import annotations

from typing import Any, TypeVar, overload

import msgspec
from msgspec import Raw

from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.canon.request import Extras

T = TypeVar("T")

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_OBJECTS = msgspec.json.Decoder(list[dict[str, Raw]])
_ITEMS = msgspec.json.Decoder(list[Raw])
_TEXT = msgspec.json.Decoder(str)
_WHOLE = msgspec.json.Decoder(int | float)
_NUMBER = msgspec.json.Decoder(float)
_TRUTH = msgspec.json.Decoder(bool)
_TEXTS = msgspec.json.Decoder(list[str])
_ANY = msgspec.json.Decoder()
_NULL = b"null"
FIRST_TOO_LARGE = 2**64
"""No member means a number of that size, and few servers read one."""


def first_byte(raw: Raw) -> bytes:
    """The first byte of a JSON value, which tells its type; a `Raw` never begins with a blank."""
    return memoryview(raw)[:1].tobytes()


class Members:
    """The members of one JSON object, taken one by one. Mutable: taking removes."""

    __slots__ = ("_left", "path")

    def __init__(self, members: dict[str, Raw], path: str = "") -> None:
        self._left = members
        self.path = path

    @classmethod
    def of(cls, raw: bytes | Raw, path: str = "") -> Members:
        """The members of a JSON object given as bytes. Raises `Trouble`."""
        try:
            return cls(_OBJECT.decode(raw), path)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise wrong(path or "body", "an object") from None

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def where(self, name: str) -> str:
        """The path of a member, for messages."""
        return f"{self.path}.{name}" if self.path else name

    def raw(self, name: str) -> Raw | None:
        """A member as raw JSON; None where absent or null."""
        value = self._left.pop(name, None)
        return None if value is None or memoryview(value) == _NULL else value

    def _take(self, name: str, decoder: msgspec.json.Decoder[T], wanted: str) -> T | None:
        value = self._left.pop(name, None)
        if value is None:
            return None
        try:
            return decoder.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            if memoryview(value) == _NULL:
                return None
            raise wrong(self.where(name), wanted) from None

    @overload
    def text(self, name: str) -> str | None: ...
    @overload
    def text(self, name: str, default: str) -> str: ...
    def text(self, name: str, default: str | None = None) -> str | None:
        """A string member."""
        value = self._take(name, _TEXT, "a string")
        return default if value is None else value

    def whole(self, name: str) -> int | None:
        """A whole number member; `4.0` counts as one."""
        value = self._take(name, _WHOLE, "a whole number")
        if value is not None and (abs(value) >= FIRST_TOO_LARGE or value % 1):
            raise wrong(self.where(name), "a whole number")
        return None if value is None else int(value)

    def number(self, name: str) -> float | None:
        """A number member."""
        return self._take(name, _NUMBER, "a number")

    def truth(self, name: str) -> bool | None:
        """A boolean member."""
        return self._take(name, _TRUTH, "true or false")

    def texts(self, name: str) -> list[str] | None:
        """A member that is a list of strings."""
        return self._take(name, _TEXTS, "a list of strings")

    def members(self, name: str) -> Members | None:
        """A member that is an object."""
        value = self._take(name, _OBJECT, "an object")
        return None if value is None else Members(value, self.where(name))

    def objects(self, name: str) -> list[Members] | None:
        """A member that is a list of objects."""
        value = self._take(name, _OBJECTS, "a list of objects")
        if value is None:
            return None
        where = self.where(name)
        return [Members(item, f"{where}[{position}]") for position, item in enumerate(value)]

    def items(self, name: str) -> list[Raw] | None:
        """A member that is a list of anything."""
        return self._take(name, _ITEMS, "a list")

    def anything(self, name: str) -> Any:
        """A member as plain Python values; None where absent."""
        return self._take(name, _ANY, "JSON")

    def need(self, name: str, value: T | None) -> T:
        """The value, or a `Trouble` that the member is missing."""
        if value is None:
            raise refuse(
                Kind.INVALID_REQUEST,
                f"The request was read but '{self.where(name)}' is missing. Add it and send the request again.",
                param=self.where(name),
            )
        return value

    def put_back(self, name: str, value: Raw) -> None:
        """Returns a member that was taken and not understood after all, so that it counts as left over."""
        self._left[name] = value

    def rest(self, dialect: str) -> Extras | None:
        """What was not taken; None if nothing is left."""
        return Extras(dialect, self._left) if self._left else None

    def whole_again(self) -> Raw:
        """The members not yet taken as one JSON object. Call before taking, to keep an object as it was."""
        return Raw(msgspec.json.encode(self._left))


def wrong(path: str, wanted: str) -> Trouble:
    """A `Trouble` about a member of the wrong type."""
    return refuse(
        Kind.INVALID_REQUEST,
        f"The request was read but '{path}' is not {wanted}. Correct it and send the request again.",
        param=path,
    )
