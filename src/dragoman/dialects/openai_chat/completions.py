"""The older Completions of this vendor, as a door: a prompt is a conversation of one message, an answer its text.

There is no upstream of this wire: whoever answers is asked as for a chat. Thinking is not shown, for it has no place.
Source: platform.openai.com, Completions reference (legacy), and SDK 3.51, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.events import Beat, Event, Failed, Finished, PartGrew, PartOpened, Started, UsageSeen
from dragoman.canon.problem import Kind, refuse
from dragoman.canon.reply import Reply
from dragoman.canon.request import Extras, Refusal, Request, Text
from dragoman.canon.usage import NOTHING_SAID, merge
from dragoman.dialects.base import Telling
from dragoman.dialects.body import read_members
from dragoman.dialects.error_objects import error_object
from dragoman.dialects.openai_chat.request import read_request
from dragoman.dialects.openai_chat.speak import BEAT, DONE, finish_word
from dragoman.dialects.openai_chat.usage import write_usage
from dragoman.dialects.take import Members, first_byte, wrong

NAME = "openai_completions"
IDLE: dict[str, frozenset[bytes]] = {
    "echo": frozenset({b"false"}),
    "suffix": frozenset({b'""'}),
    "best_of": frozenset({b"1"}),
    "logprobs": frozenset(),
}
"""Members that ask for what a chat cannot give, with the values at which they ask for nothing."""

Wire = dict[str, object]
_encode = msgspec.json.encode


def read_completion(body: bytes) -> Request:
    """A client's body. Raises `Trouble` (invalid_request or unsupported, naming the member) and nothing else."""
    members, losses = read_members(body)
    for name, idle in IDLE.items():
        raw = members.raw(name)
        if raw is not None and bytes(raw) not in idle:
            raise refuse(
                Kind.UNSUPPORTED,
                f"The request asks for '{name}', but completions are answered as chats here, which have no such thing. "
                "Leave it out.",
                param=name,
            )
    message = {"role": "user", "content": _prompt(members)}
    members.put_back("messages", Raw(_encode([message])))
    request = read_request(bytes(members.whole_again()))
    return replace(request, losses=(*losses, *request.losses))


def _prompt(members: Members) -> str:
    raw = members.need("prompt", members.raw("prompt"))
    if first_byte(raw) != b'"':
        members.put_back("prompt", raw)
        prompts = members.items("prompt") or []
        if len(prompts) != 1 or first_byte(prompts[0]) != b'"':
            raise wrong("prompt", "one text: several prompts, and tokens, have no place in a chat")
        raw = prompts[0]
    return msgspec.json.decode(raw, type=str)


class CompletionWriter:
    """Writes one answer. Mutable: it knows which parts are words for the reader, and gathers the usage."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._head = b""
        self._words: set[int] = set()
        self._usage = NOTHING_SAID
        self._usage_extras: Extras | None = None

    def write(self, events: list[Event]) -> bytes:
        """The chunks that say these events."""
        return b"".join([self._say(event) for event in events])

    def _say(self, event: Event) -> bytes:
        match event:
            case PartGrew(index=index, text=text) if index in self._words:
                return self._chunk(text, None)
            case Started(id=upstream_id):
                self._head = b"data: " + _encode(_head(upstream_id, self._telling))[:-1]
            case PartOpened(index=index, head=Text() | Refusal()):
                self._words.add(index)
            case UsageSeen():
                self._usage = merge(self._usage, event.usage)
                self._usage_extras = event.extras or self._usage_extras
            case Finished():
                return self._finish(event)
            case Failed(problem=found):
                return b"data: " + _encode({"error": error_object(found)}) + b"\n\n"
            case Beat():
                return BEAT
        return b""

    def _chunk(self, text: str, finish: object) -> bytes:
        return self._head + b',"choices":' + _encode([_choice(text, finish)]) + b"}\n\n"

    def _finish(self, event: Finished) -> bytes:
        said = self._chunk("", finish_word(event, refused=False, legacy=False))
        if self._telling.include_usage and (self._usage != NOTHING_SAID or self._usage_extras):
            usage = _encode(write_usage(self._usage, self._usage_extras))
            said += self._head + b',"choices":[],"usage":' + usage + b"}\n\n"
        return said + DONE


def write_completion(reply: Reply, telling: Telling) -> bytes:
    """A whole answer for a client."""
    text = "".join(part.text for part in reply.parts if isinstance(part, Text | Refusal))
    finish = finish_word(reply.finish or Finished("unknown"), refused=False, legacy=False)
    body = {**_head(reply.id, telling), "choices": [_choice(text, finish)]}
    if reply.usage != NOTHING_SAID or reply.usage_extras:
        body["usage"] = write_usage(reply.usage, reply.usage_extras)
    return _encode(body)


def _head(upstream_id: str, telling: Telling) -> Wire:
    return {
        "id": upstream_id or f"cmpl-{telling.exchange_id}",
        "object": "text_completion",
        "created": telling.created_s,
        "model": telling.model,
    }


def _choice(text: str, finish: object) -> Wire:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
