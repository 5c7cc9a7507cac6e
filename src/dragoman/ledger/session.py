"""Which coding-agent session a request belongs to, told by what clients send.

Sources, measured 2026-11-20. Claude Code, and the Claude Agent SDK, which is Claude Code, send their session in
`x-claude-code-session-id` and in `metadata.user_id` (a JSON text; older versions `user_…_session_<uuid>`); with gateway
hints turned on also the class of a request and the id of the prompt it serves. Codex 0.169.0 sends `session-id`, the
`thread-id` of the agent that speaks, and `x-codex-turn-metadata`, a JSON text that tells what a request is for;
opencode 1.18.33 sends `x-session-id`; both repeat the id as `prompt_cache_key` in a body of OpenAI's Responses.
Gemini CLI 0.61.0 tells nothing: its sessions are known by how they begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice, takewhile
from typing import Literal

import msgspec
from msgspec import Struct

from dragoman.canon.request import Part, Request, Text

SESSION_HEADERS = ("x-claude-code-session-id", "session-id", "x-session-id", "x-session-affinity")
AGENT_HEADER = "x-claude-code-agent-id"
CLASS_HEADER = "x-claude-code-request-class"
PROMPT_HEADER = "x-claude-code-prompt-id"
THREAD_HEADER = "thread-id"
TURN_HEADER = "x-codex-turn-metadata"
ALWAYS_WITH_TOOLS = ("session-id", "x-session-id")
"""Headers of agents that offer tools on every turn of their own: what they ask without is a side call."""
CACHE_KEY = "prompt_cache_key"
SUBAGENT_MARK = "cc_is_subagent=true"
"""Stands in the first system block of a sub-agent's requests."""
DIGEST_CHARACTERS = 2000
"""Characters of a part that tell one conversation from another."""
DIGEST_PARTS = 8
"""Parts that do."""

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


class _CodexTurn(Struct):
    """What Codex tells of a request."""

    root_turn_id: str = ""
    """Id of the prompt it serves."""
    request_kind: str = "turn"
    """`turn` for the agent's own."""
    thread_source: str = "user"
    """Who began the thread: the user, or the agent for one that it sent out."""


_NO_TURN = _CodexTurn()


def session_of(headers: Mapping[str, str], request: Request) -> Session:
    """The session a request belongs to; header names are in lower case. Never raises."""
    told = next(filter(None, (_name(headers.get(header)) for header in SESSION_HEADERS)), None)
    told = told or _of_user(request.user or "") or _of_cache_key(request)
    thread = _name(headers.get(THREAD_HEADER)) if told else None
    agent_id = _name(headers.get(AGENT_HEADER)) or (None if thread == told else thread)
    turn = _turn(headers.get(TURN_HEADER))
    return Session(
        id=told or _digest(request),
        agent_id=agent_id,
        agent=_agent(headers, turn, agent_id, request),
        trace_hint=_name(headers.get(PROMPT_HEADER)) or _name(turn.root_turn_id),
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


def _of_cache_key(request: Request) -> str | None:
    """The name that the client gave to all requests with one prefix, which are those of a session."""
    raw = request.extras.members.get(CACHE_KEY) if request.extras else None
    try:
        return None if raw is None else _name(msgspec.json.decode(raw, type=str))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _turn(text: str | None) -> _CodexTurn:
    try:
        return msgspec.json.decode(text, type=_CodexTurn) if text else _NO_TURN
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _NO_TURN


def _agent(headers: Mapping[str, str], turn: _CodexTurn, agent_id: str | None, request: Request) -> Agent:
    """Who speaks: the client's word, else a sub-agent's marks, else a call without tools that is none of its turns."""
    told = _CLASSES.get(headers.get(CLASS_HEADER, ""))
    if told:
        return told
    if turn.request_kind != "turn":
        return "background"
    first = request.system[0] if request.system else None
    marked = isinstance(first, Text) and SUBAGENT_MARK in first.text[:DIGEST_CHARACTERS]
    if agent_id or marked or turn.thread_source != "user":
        return "subagent"
    aside = request.output_shape or any(header in headers for header in ALWAYS_WITH_TOOLS)
    return "background" if aside and not request.tools else "main"


def _digest(request: Request) -> str:
    """A name made of how a conversation begins, which stays the same while it grows."""
    opening = takewhile(lambda turn: turn.role != "assistant", request.turns)
    said = [part for turn in opening if turn.role == "user" for part in turn.parts]
    text = "\x1f".join(("\x1e".join(_beginnings(request.system)), "\x1e".join(_beginnings(said))))
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _beginnings(parts: Iterable[Part]) -> Iterator[str]:
    """How each of the first texts begins: the user's own words may stand behind a long one that all sessions share."""
    return islice((part.text[:DIGEST_CHARACTERS] for part in parts if isinstance(part, Text)), DIGEST_PARTS)
