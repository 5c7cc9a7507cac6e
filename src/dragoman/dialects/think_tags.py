"""Thinking between <think> tags at the beginning of the text, as some open models write it."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class ThinkTags:
    """Parts text from thinking. Mutable: it keeps what may be the beginning of a tag.

    Only a tag that begins the answer counts: later ones may be what the answer is about.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "before"
        """`before` the first word, `thinking`, `after` the closing tag, or in plain `text`."""

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Pieces that are certain now, each with whether it is thinking."""
        held = self._held + text
        pieces: list[tuple[bool, str]] = []
        if self._state == "before":
            begun = held.lstrip()
            if not begun or (len(begun) < len(OPEN) and OPEN.startswith(begun)):
                self._held = held
                return []
            self._state = "thinking" if begun.startswith(OPEN) else "text"
            held = begun.removeprefix(OPEN) if self._state == "thinking" else held
        if self._state == "thinking":
            thought, tag, rest = held.partition(CLOSE)
            if not tag:
                kept = _beginning_of_tag(held)
                self._held = held[len(held) - kept :]
                return [(True, held[: len(held) - kept])] if held[: len(held) - kept] else []
            if thought:
                pieces.append((True, thought))
            self._state, held = "after", rest
        if self._state == "after":
            held = held.lstrip("\n")
            self._state = "text" if held else "after"
        self._held = ""
        return [*pieces, (False, held)] if held else pieces

    def close(self) -> list[tuple[bool, str]]:
        """What was kept back, at the end of the text."""
        held, self._held = self._held, ""
        return [(self._state == "thinking", held)] if held else []


def _beginning_of_tag(text: str) -> int:
    """How many of the last characters may be the beginning of the closing tag."""
    return next((size for size in range(min(len(CLOSE) - 1, len(text)), 0, -1) if CLOSE.startswith(text[-size:])), 0)
