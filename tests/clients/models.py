"""Small models of the tests: what they say depends on the request alone, so that a retry is answered alike."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tests.standin import Ask, Call, Reply, Text, Thinking, said
from tests.standin.responders import Responder

SUB_TASK = "Count the files here."


def call(name: str, **arguments: Any) -> Call:
    """A call whose arguments are good JSON."""
    return Call(name, json.dumps(arguments))


def turns_with_calls(ask: Ask) -> int:
    return sum(1 for turn in ask.turns if turn.calls)


def in_turn(*replies: Reply) -> Responder:
    """One reply after another; the last one again and again."""

    def respond(ask: Ask) -> Reply:
        return replies[min(turns_with_calls(ask), len(replies) - 1)]

    return respond


def thoughtful(responder: Responder) -> Responder:
    """The same, but every reply begins with thinking, as models do whose thinking is always on."""

    def respond(ask: Ask) -> Reply:
        reply = responder(ask)
        if any(isinstance(part, Thinking) for part in reply.parts):
            return reply
        return msgspec.structs.replace(reply, parts=(Thinking("Hm."), *reply.parts))

    return respond


def delegating(ask: Ask) -> Reply:
    """Hands its task to a sub-agent, which counts."""
    if any(SUB_TASK in turn.text for turn in ask.turns):
        return said("There are two files.")
    if turns_with_calls(ask) == 0 and "Agent" in ask.tools:
        return Reply((call("Agent", description="Count files", prompt=SUB_TASK, subagent_type="general-purpose"),))
    return said("It was counted.")


def looking(ask: Ask) -> Reply:
    """Thinks, looks something up with a call, thinks again, and tells how often it has answered before."""
    told = sum(turn.role == "assistant" and not turn.calls for turn in ask.turns)
    if not ask.turns[-1].results:
        return Reply((Thinking(f"Question {told}."), call("Bash", command=f"echo {told}", description="Look")))
    return Reply((Thinking(f"Thought {told}."), Text(f"Answer {told}.")))


def talking(ask: Ask) -> Reply:
    """Thinks, and tells how often it has spoken before."""
    spoken = sum(turn.role == "assistant" for turn in ask.turns)
    return Reply((Thinking(f"Thought {spoken}."), Text(f"Answer {spoken}.")))
