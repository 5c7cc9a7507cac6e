"""Values that are never shown, and the mark that stands for one."""

from __future__ import annotations


class Secret:
    """A value that never shows itself: printing gives `***`; only `reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


SEALED = "sealed:"
"""What begins the mark that stands for a secret of the database, where its description is looked at."""
