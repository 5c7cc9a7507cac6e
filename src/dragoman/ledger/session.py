"""Which coding-agent session a request belongs to, told by what clients send.

Sources, measured 2026-11-20: Claude Code sends its session in `x-claude-code-session-id` and in `metadata.user_id`
(a JSON text; older versions `user_…_session_<uuid>`), Codex in `session-id`, opencode in `x-session-id`. With gateway
hints turned on, Claude Code also tells the class of a request and the id of the prompt it serves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Struct

from dragoman.canon.request import Part, Request, Text

SESSION_HEADERS = ("x-claude-code-session-id", "session-id", "x-session-id")
AGENT_HEADER = "x-claude-code-agent-id"
CLASS_HEADER = "x-claude-code-request-class"
PROMPT_HEADER = "x-claude-code-prompt-id"
SUBAGENT_MARK = "cc_is_subagent=true"
"""Stands in the first system block of a sub-agent's requests."""
DIGEST_CHARACTERS = 2000
"""Characters of system and first turn that tell one conversation from another."""

_NAME = re.compile(r"[\x21-\x7e]{1,128}")
_OLD_USER = re.compile(r"user_.*_session_([0-9a-f-]{36})")

Agent = Literal["main", "subagent", "background"]
"""Who speaks: the agent itself, one it has sent out, or a side call such as a title or a summary."""

_CLASSES: dict[str, Agent] = {
    "main": "main",
    "subagent": "subagent",
    "workflow": "subagent",
    "compaction": "background",
    "auxiliary": "background",
    "side_reply": "background",
}


class Session(Struct, frozen=True, kw_only=True):
    """The session of one request."""

    id: str
    agent_id: str | None = None
    """Id of the sub-agent, where one speaks and the client tells it."""
    agent: Agent = "main"
    trace_hint: str | None = None
    """The client's id of the prompt this request serves."""
    told: bool = True
    """Whether the client named the session; if not, `id` is a digest of how the conversation begins."""

    @property
    def key(self) -> str:
        """What sticks to a channel: each agent of a session has a prompt cache of its own."""
        return f"{self.id}:{self.agent_id}" if self.agent_id else self.id


class _User(Struct):
    """The JSON form of `metadata.user_id`."""

    session_id: str = ""


def session_of(headers: Mapping[str, str], request: Request) -> Session:
    """The session a request belongs to; header names are in lower case. Never raises."""
    told = next(filter(None, (_name(headers.get(header)) for header in SESSION_HEADERS)), None)
    told = told or _of_user(request.user or "")
    agent_id = _name(headers.get(AGENT_HEADER))
    return Session(
        id=told or _digest(request),
        agent_id=agent_id,
        agent=_agent(headers, agent_id, request),
        trace_hint=_name(headers.get(PROMPT_HEADER)),
        told=told is not None,
    )


def _name(text: str | None) -> str | None:
    """The text, if it can be an id: short and printable, as it goes into logs."""
    return text if text and _NAME.fullmatch(text) else None


def _of_user(user: str) -> str | None:
    if user.startswith("{"):
        try:
            return _name(msgspec.json.decode(user, type=_User).session_id)
        except msgspec.DecodeError:
            return None
    old = _OLD_USER.fullmatch(user)
    return old[1] if old else None


def _agent(headers: Mapping[str, str], agent_id: str | None, request: Request) -> Agent:
    """Who speaks: the client's word, else a sub-agent's marks, else a call without tools that wants an object."""
    told = _CLASSES.get(headers.get(CLASS_HEADER, ""))
    if told:
        return told
    first = request.system[0] if request.system else None
    if agent_id or (isinstance(first, Text) and SUBAGENT_MARK in first.text[:DIGEST_CHARACTERS]):
        return "subagent"
    return "background" if request.output_shape and not request.tools else "main"


def _digest(request: Request) -> str:
    """A name made of how a conversation begins, which stays the same while it grows."""
    first = next((turn.parts for turn in request.turns if turn.role == "user"), ())
    text = f"{_beginning(request.system)}\x1f{_beginning(first)}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _beginning(parts: Iterable[Part]) -> str:
    return "\x1e".join(part.text[:DIGEST_CHARACTERS] for part in parts if isinstance(part, Text))[:DIGEST_CHARACTERS]
