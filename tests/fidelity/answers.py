"""What becomes of each thing that an answer may hold, from each upstream's dialect to each door.

A reply is written as the upstream's dialect says it, read as the gateway reads it, written for the door, and read as
a client reads it. What an upstream's dialect has no words for is never said there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from dragoman.canon.events import Finished, Reason
from dragoman.canon.problem import Trouble
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Part, Refusal, Text, Thinking, ToolCall
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Dialect, Hearing
from tests.fidelity.pairs import TELLING, Verdict
from tests.fidelity.samples import HOME

COUNTED = Usage(input=100, output=50)


class Answer(Struct, frozen=True):
    """One thing that an answer may hold."""

    name: str
    """As the page calls it."""
    sample: Reply
    found: Callable[[Reply], Any]
    """What makes it up."""


def reply(*parts: Part, reason: Reason = "end", usage: Usage = COUNTED) -> Reply:
    """A whole answer."""
    return Reply(id="r_1", model="m", parts=parts or (Text("Yes."),), usage=usage, finish=Finished(reason=reason))


def texts(kind: type[Text | Thinking | Refusal]) -> Callable[[Reply], Any]:
    """What finds the words of one kind."""
    return lambda answer: [part.text for part in answer.parts if isinstance(part, kind)]


def calls(answer: Reply) -> list[tuple[str, str]]:
    """What is to be called."""
    return [(part.name, part.arguments) for part in answer.parts if isinstance(part, ToolCall)]


def counted(name: str) -> Callable[[Reply], Any]:
    """What finds one count of tokens."""
    return lambda answer: getattr(answer.usage, name)


def ending(answer: Reply) -> str:
    """Why it ended."""
    return answer.finish.reason if answer.finish else ""


def ends(reason: Reason) -> Callable[[Reply], Any]:
    """Whether it ended for this reason."""
    return lambda answer: ending(answer) == reason


CALL = ToolCall("call_1", "shell", '{"command":"ls"}')
OTHER = ToolCall("call_2", "shell", '{"command":"pwd"}')

ANSWERS = (
    Answer("text", reply(), texts(Text)),
    Answer("thinking", reply(Thinking("Hm."), Text("Yes.")), texts(Thinking)),
    Answer("a call", reply(CALL, reason="tool_calls"), calls),
    Answer("text, then a call", reply(Text("Look:"), CALL, reason="tool_calls"), lambda a: (texts(Text)(a), calls(a))),
    Answer("parallel calls", reply(CALL, OTHER, reason="tool_calls"), lambda answer: calls(answer)[1:]),
    Answer("words of refusal", reply(Refusal("No."), reason="refusal"), texts(Refusal)),
    Answer("ended by refusing", reply(reason="refusal"), ends("refusal")),
    Answer("ended at the most tokens", reply(reason="max_output"), ends("max_output")),
    Answer("ended by a stop sequence", reply(reason="stop_sequence"), ends("stop_sequence")),
    Answer("ended by calls", reply(CALL, reason="tool_calls"), ends("tool_calls")),
    Answer("tokens of prompt and answer", reply(), lambda answer: (answer.usage.input, answer.usage.output)),
    Answer("tokens read from a cache", reply(usage=Usage(input=10, output=50, cache_read=90)), counted("cache_read")),
    Answer(
        "tokens written to a cache",
        reply(usage=Usage(input=10, output=50, cache_write_5m=90)),
        counted("cache_write_5m"),
    ),
    Answer("tokens of thinking", reply(usage=Usage(input=100, output=50, thinking=20)), counted("thinking")),
)


class Beside(Struct, frozen=True):
    """Something beside the text of an answer, for which each wire has a form of its own."""

    name: str
    mark: str
    """What can be found of it in an answer's body."""
    forms: Mapping[str, tuple[tuple[str | int, ...], str, Any]]
    """By dialect, where in a whole answer it stands: the path, the member and the value."""


SOURCE = "https://cited.example/page"
LIKELY = "-0.4321"
URL_CITATION = {"url": SOURCE, "title": "Page", "start_index": 0, "end_index": 4}
TOKEN = {"token": "Yes.", "logprob": float(LIKELY), "bytes": None, "top_logprobs": []}
BESIDE = (
    Beside(
        "sources that are cited",
        SOURCE,
        {
            "anthropic": (
                ("content", 0),
                "citations",
                [
                    {
                        "type": "web_search_result_location",
                        "url": SOURCE,
                        "title": "Page",
                        "cited_text": "Yes.",
                        "encrypted_index": "aW5kZXg=",
                    }
                ],
            ),
            "openai_chat": (
                ("choices", 0, "message"),
                "annotations",
                [{"type": "url_citation", "url_citation": URL_CITATION}],
            ),
            "openai_responses": (
                ("output", 0, "content", 0),
                "annotations",
                [{"type": "url_citation", **URL_CITATION}],
            ),
            "gemini": (
                ("candidates", 0),
                "groundingMetadata",
                {"groundingChunks": [{"web": {"uri": SOURCE, "title": "Page"}}]},
            ),
        },
    ),
    Beside(
        "log probabilities",
        LIKELY,
        {
            "openai_chat": (("choices", 0), "logprobs", {"content": [TOKEN], "refusal": None}),
            "openai_responses": (("output", 0, "content", 0), "logprobs", [TOKEN]),
            "gemini": (
                ("candidates", 0),
                "logprobsResult",
                {"chosenCandidates": [{"token": "Yes.", "logProbability": float(LIKELY)}]},
            ),
        },
    ),
)


def carried(beside: Beside, upstream: Dialect, door: Dialect) -> Verdict:
    """What becomes of something beside the text."""
    if upstream.name not in beside.forms:
        return "never said"
    if upstream.name == door.name:
        return "exact"
    path, member, value = beside.forms[upstream.name]
    said: Any = json.loads(upstream.write_reply(reply(), TELLING))
    place = said
    for step in path:
        place = place[step]
    place[member] = value
    heard = fold(upstream.read_reply(json.dumps(said).encode(), Hearing(origin=HOME)))
    return "exact" if beside.mark.encode() in door.write_reply(heard, TELLING) else "unsupported"


def passed(answer: Answer, upstream: Dialect, door: Dialect) -> Verdict:
    """What becomes of it on its way from an upstream to a client."""
    said = upstream.write_reply(answer.sample, TELLING)
    heard = fold(upstream.read_reply(said, Hearing(origin=HOME)))
    expected = answer.found(answer.sample)
    if answer.found(heard) != expected:
        return "never said"
    if upstream.name == door.name:
        return "exact"
    try:
        arrived = fold(door.read_reply(door.write_reply(heard, TELLING), Hearing(origin=HOME)))
    except Trouble:
        return "unsupported"
    return "exact" if answer.found(arrived) == expected else "unsupported"
