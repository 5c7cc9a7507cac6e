"""Messages in an order that the vendor takes.

Source: the vendor's pages on tool use and on mid-conversation system messages, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Raw

Wire = dict[str, Any]
"""An object on its way to JSON."""


class Conversation:
    """Puts messages in an order that the vendor takes. Mutable: it holds what is settled, and what must wait.

    What comes between calls and their results is said after the results.
    """

    def __init__(self, strict_roles: bool) -> None:
        self._strict = strict_roles
        self._settled: list[Wire] = []
        self._waiting: list[Wire] = []
        self._awaiting = 0
        """Calls whose results have not come yet."""

    def of(self, messages: Iterable[Wire]) -> list[Wire]:
        """The same messages, settled; those that say nothing at all are left out."""
        for message in messages:
            role, content = message["role"], message["content"]
            if not content and len(message) == 2:
                continue
            if role == "assistant":
                self._add_assistant(message, _count(content, "tool_use"))
            elif role == "user":
                self._add_user(message, content, _count(content, "tool_result"))
            elif self._awaiting:
                self._waiting.append(message)
            else:
                self._say(message)
        self._release()
        return self._settled

    def _add_assistant(self, message: Wire, calls: int) -> None:
        """Calls that were made one message after the other are one message, for their results come in one."""
        if self._waiting:
            self._release()
        if self._awaiting and self._settled[-1]["role"] == "assistant":
            self._join(message, 0)
            self._awaiting += calls
        else:
            self._add(message)
            self._awaiting = calls

    def _add_user(self, message: Wire, content: str | list[Wire | Raw], results: int) -> None:
        if not results:
            (self._waiting.append if self._waiting else self._add)(message)
            return
        if results != len(content):
            message["content"] = sorted(content, key=lambda block: not _count([block], "tool_result"))
        while len(self._settled) > 1 and self._settled[-1]["role"] == self._settled[-2]["role"] == "user":
            self._join(self._settled.pop(), 0)
        if self._settled and self._settled[-1]["role"] == "user":
            self._join(message, results)
        else:
            self._add(message)
        self._awaiting = max(self._awaiting - results, 0)
        if self._waiting and not self._awaiting:
            self._release()

    def _add(self, message: Wire) -> None:
        if self._strict and self._settled and self._settled[-1]["role"] == message["role"]:
            self._join(message, 0)
        else:
            self._settled.append(message)

    def _join(self, message: Wire, results: int) -> None:
        """Adds a message to the one before; its results go behind that one's results."""
        before = self._settled[-1]
        earlier, later = _as_blocks(before.pop("content")), _as_blocks(message.pop("content"))
        place = _count(earlier, "tool_result") if results else len(earlier)
        before.update(message)
        before["content"] = earlier[:place] + later[:results] + earlier[place:] + later[results:]

    def _say(self, message: Wire) -> None:
        """A system message, or a reminder as part of the user message before it or as one of its own."""
        if message["role"] == "reminder":
            message["role"] = "user"
            if self._settled and self._settled[-1]["role"] == "user":
                self._join(message, 0)
                return
        self._add(message)

    def _release(self) -> None:
        waiting, self._waiting, self._awaiting = self._waiting, [], 0
        for message in waiting:
            self._say(message)


def _count(content: Iterable[object], kind: Literal["tool_use", "tool_result"]) -> int:
    """How many blocks are of this type."""
    found = 0
    for block in content if type(content) is list else ():
        if type(block) is dict and block["type"] == kind:
            found += 1
    return found


def _as_blocks(content: str | list[Wire | Raw]) -> list[Wire | Raw]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content.strip() else []
    return content
