"""What the dialects have in common when the stand-in speaks: one record of functions each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tests.standin.ask import Ask, Dialect
from tests.standin.reply import Reply, Signer, Usage
from tests.standin.shape import Frame, Shape


class Speech(Struct, frozen=True):
    """Everything a dialect needs to put one reply on the wire."""

    ask: Ask
    reply: Reply
    usage: Usage
    shape: Shape
    signer: Signer
    id: str
    """Of the message or completion."""


class Refused(Exception):  # noqa: N818 - it is what the vendor does, not a defect
    """The vendor's published schema refuses this request."""

    def __init__(self, message: str, param: str | None = None, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.status = status
        self.code = code


def need(truth: object, message: str, param: str | None = None, code: str | None = None) -> None:
    """Refuses with the message unless the condition holds."""
    if not truth:
        raise Refused(message, param, 400, code)


class Voice(Struct, frozen=True):
    """How one dialect says things."""

    dialect: Dialect
    call_prefix: str
    message_prefix: str
    frames: Callable[[Speech], list[Frame]]
    whole: Callable[[Speech], dict[str, Any]]
    error: Callable[[int, str, str | None, str | None], dict[str, Any]]
    """The error envelope for a status, message, vendor's code (None: the usual of the status) and parameter."""
    error_frame: Callable[[int, str], Frame]
    """An error inside a stream that has already begun with 200."""


def printed(value: Any, shape: Shape) -> str:
    """JSON as the shape prints it: compact, or over several lines."""
    if shape.multiline_data:
        return json.dumps(value, ensure_ascii=False, indent=1)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


NOVELTY = {"novel_member": {"of": ["a", "later", "release"]}, "novel_null": None}
"""Members that no published schema knows; a vendor that sends them takes them back in the history."""
