"""Texts of files that the model escaped twice, brought back to one escaping; a habit asks for it.

Theory: some answers hold `\\\\n` where a line should end, and `\\\\"` for a quote: a file becomes one long line.
Only members that hold the text of a file are looked at, and only texts that have no line end of their own and are
throughout the inside of a JSON string: what has a bare quote, or a backslash that begins no escape, is as it was meant.
Source: ai-forever/pi-gigachat, which does likewise, read 2026-11-20.
"""

from __future__ import annotations

import re

import msgspec

TEXTS = frozenset(
    {"content", "file_text", "insert_text", "old_string", "new_string", "old_str", "new_str", "new_source"}
)
"""Members of arguments that hold the text of a file, or a piece of one."""
_ESCAPED = re.compile(r'\\[n"]')
_OBJECT = msgspec.json.Decoder(dict[str, object])
_TEXT = msgspec.json.Decoder(str)


def unescaped(arguments: str) -> str:
    """The arguments with texts of files as they were meant; the very same where nothing was escaped twice."""
    if "\\\\" not in arguments:
        return arguments
    try:
        told = _OBJECT.decode(arguments)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return arguments
    mended = {name: _once(value) if name in TEXTS and isinstance(value, str) else value for name, value in told.items()}
    return arguments if mended == told else msgspec.json.encode(mended).decode()


def _once(text: str) -> str:
    if "\n" in text or not _ESCAPED.search(text):
        return text
    try:
        return _TEXT.decode(f'"{text}"')
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
