"""Tools that clients run but name by type only, because one vendor knows their schemas: the schemas, for all others.

Source: docs.claude.com, bash tool, text editor tool and memory tool, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct


class Known(Struct, frozen=True):
    """What a model must be told of a typed tool."""

    description: str
    schema: Raw


def _known(description: str, required: list[str], properties: Mapping[str, object]) -> Known:
    schema = {"type": "object", "properties": properties, "required": required}
    return Known(description, Raw(msgspec.json.encode(schema)))


def _text(description: str) -> dict[str, object]:
    return {"type": "string", "description": description}


def _command(*words: str) -> dict[str, object]:
    return {"type": "string", "enum": list(words), "description": "What to do."}


_PATH = _text("Absolute path of a file or directory.")
_RANGE = {
    "type": "array",
    "items": {"type": "integer"},
    "minItems": 2,
    "maxItems": 2,
    "description": "First and last line to view, counted from 1; -1 as last line means the end. For `view`.",
}
_EDITS: dict[str, object] = {
    "path": _PATH,
    "view_range": _RANGE,
    "file_text": _text("Content of the new file. For `create`."),
    "old_str": _text("Text to replace; it must occur exactly once. For `str_replace`."),
    "insert_line": {"type": "integer", "description": "Line after which to insert; 0 is the beginning. For `insert`."},
}
_NEW = _text("Text to put in its place. For `str_replace`.")
_EDITOR = "Views, creates and edits text files on the user's machine."

BASH = _known(
    "Runs commands in a bash shell that keeps its state between calls.",
    [],
    {
        "command": _text("The command to run. Needed unless the shell is restarted."),
        "restart": {"type": "boolean", "description": "Restarts the shell instead of running a command."},
    },
)
EDITOR = _known(
    _EDITOR,
    ["command", "path"],
    {
        "command": _command("view", "create", "str_replace", "insert"),
        **_EDITS,
        "new_str": _NEW,
        "insert_text": _text("Text to insert. For `insert`."),
    },
)
OLD_EDITOR = _known(
    _EDITOR,
    ["command", "path"],
    {
        "command": _command("view", "create", "str_replace", "insert", "undo_edit"),
        **_EDITS,
        "new_str": _text("Text to put in its place, or to insert. For `str_replace` and `insert`."),
    },
)
MEMORY = _known(
    "Keeps notes as files under /memories, so that they last beyond this conversation. Look there before you begin.",
    ["command"],
    {
        "command": _command("view", "create", "str_replace", "insert", "delete", "rename"),
        **_EDITS,
        "new_str": _NEW,
        "insert_text": _text("Text to insert. For `insert`."),
        "old_path": _text("Path before renaming. For `rename`."),
        "new_path": _text("Path after renaming. For `rename`."),
    },
)

_BY_KIND: tuple[tuple[str, Known], ...] = (
    ("bash_", BASH),
    ("text_editor_2024", OLD_EDITOR),
    ("text_editor_20250124", OLD_EDITOR),
    ("text_editor_20250429", OLD_EDITOR),
    ("text_editor_", EDITOR),
    ("memory_", MEMORY),
)


def known(kind: str) -> Known | None:
    """The typed tool of this kind; None if it is run by the vendor, or unknown."""
    return next((tool for beginning, tool in _BY_KIND if kind.startswith(beginning)), None)
