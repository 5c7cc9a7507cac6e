"""The answer as an object, without what was said: its head, what it repeats of the request, and how it stands.

Source: SDK types 3.51 (`response`), read 2026-11-20.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from dragoman.canon.events import Finished
from dragoman.canon.problem import Kind, Problem
from dragoman.canon.request import Request, Text
from dragoman.dialects.base import Target, Telling
from dragoman.dialects.openai_responses.pen import Pen
from dragoman.dialects.openai_responses.wire import NAME, TOLD_INCOMPLETE
from dragoman.dialects.openai_responses.write import settings

ECHOED = (
    *("max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "previous_response_id", "prompt"),
    *("prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store"),
    *("temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user", "conversation"),
)
"""Members of a request that its answer repeats."""
Wire = dict[str, Any]

ERROR_CODES: dict[Kind, str] = {
    Kind.RATE_LIMITED: "rate_limit_exceeded",
    Kind.PROMPT_TOO_LONG: "context_length_exceeded",
    Kind.INVALID_REQUEST: "invalid_prompt",
    Kind.REFUSED: "invalid_prompt",
    Kind.UNSUPPORTED: "invalid_prompt",
    Kind.BILLING: "insufficient_quota",
}
"""Codes of a failed answer; all others are `server_error`. Two are not among the published ones, but Codex 0.169.0
looks for them (seen 2026-11-20)."""


class Shell:
    """One answer's object. Mutable: what it repeats is made once."""

    def __init__(self, telling: Telling, answer_id: str) -> None:
        self._head: Wire = {
            "id": answer_id or f"resp_{telling.exchange_id}",
            "object": "response",
            "created_at": telling.created_s,
        }
        self._model = telling.model
        self._echo = echo(telling.request)

    def told(self, status: str, output: list[Any], **members: Any) -> Wire:
        """The object as it stands."""
        return {
            **self._head,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": self._model,
            "output": output,
            **self._echo,
            "usage": None,
            **members,
        }

    def finished(self, event: Finished, output: list[Any], usage: Wire | None, *, refused: bool) -> Wire:
        """The object of an answer that ended well, or at a limit."""
        word = TOLD_INCOMPLETE.get(event.reason)
        if word is None and event.reason != "unknown":
            return self.told("completed", output, usage=usage)
        if event.reason == "refusal" and refused:
            return self.told("completed", output, usage=usage)
        details: Any = {"reason": word} if word else {}
        if event.extras and event.extras.dialect == NAME:
            details = event.extras.members.get("incomplete_details", details)
        return self.told("incomplete", output, usage=usage, incomplete_details=details)

    def failed(self, found: Problem, output: list[Any]) -> Wire:
        """The object of an answer that broke off."""
        error = {"code": ERROR_CODES.get(found.kind, "server_error"), "message": message_of(found)}
        return self.told("failed", output, error=error)


def message_of(found: Problem) -> str:
    """A problem's message, with the wait in the words from which Codex 0.169.0 takes it (seen 2026-11-20)."""
    if found.retry_after_s is None or not found.retryable:
        return found.message
    return f"{found.message} Please try again in {found.retry_after_s:g}s."


def echo(request: Request | None) -> Wire:
    """What an answer repeats of its request; the least that the wire demands where that was of another dialect."""
    said: Wire = {
        "instructions": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": None,
        "top_p": None,
        "metadata": {},
    }
    if request is None or request.dialect != NAME:
        return said
    first = request.system[0] if request.system else None
    if isinstance(first, Text) and first.group is None:
        said["instructions"] = first.text
    members = settings(request, Pen(Target(model=request.model, origin=""), NAME))
    said |= {name: members[name] for name in ECHOED if members.get(name) is not None}
    if isinstance(said.get("text"), dict):
        said["text"] = {"format": {"type": "text"}, **said["text"]}
    return said


def encoded(said: object) -> Raw:
    """Said once as JSON, to be put into several places."""
    return Raw(msgspec.json.encode(said))
