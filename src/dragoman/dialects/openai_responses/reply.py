"""Whole answers, both ways: a whole answer is the object with which its stream would end."""

from __future__ import annotations

import msgspec

from dragoman.canon.events import Event, Finished
from dragoman.canon.reply import Reply, unfold
from dragoman.dialects.base import Hearing, Telling
from dragoman.dialects.openai_responses.answer import Answer
from dragoman.dialects.openai_responses.speak import StreamWriter


def read_reply(body: bytes, hearing: Hearing) -> list[Event]:
    """Events of a whole answer; never raises."""
    answer = Answer(hearing)
    return [*answer.take(body), *answer.end()]


def write_reply(reply: Reply, telling: Telling) -> bytes:
    """A whole answer for a client."""
    writer = StreamWriter(telling)
    events = unfold(reply)
    writer.write(events if reply.finish else [*events, Finished("unknown")])
    return msgspec.json.encode(writer.told)
