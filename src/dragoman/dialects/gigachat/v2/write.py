"""A request as a body that version 2 accepts.

Theory: both versions say the same in other places, under the same rules for histories. So version 1's body is written
and its members are put where version 2 has them: words, files, calls and results as parts of a message's content,
thinking as a message of its own, knobs in `model_options`, functions in `tools`. Calls that this account made together
are told together, with the ids it gave them; all others one by one, without ids.
Source: the vendor's SDKs (see `wire`), migration guide and recorded answers, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Raw

from dragoman.canon.request import ToolChoice
from dragoman.dialects.gigachat.functions import Offer
from dragoman.dialects.gigachat.names import is_made
from dragoman.dialects.gigachat.pen import Pen
from dragoman.dialects.gigachat.v2.wire import STATE
from dragoman.dialects.gigachat.wire import EFFORTS, Message, Version
from dragoman.dialects.gigachat.wire import STATE as STATE_1
from dragoman.dialects.gigachat.write import written_as
from dragoman.dialects.pairs import Slot

OPTIONS = (
    "temperature",
    "top_p",
    "max_tokens",
    "repetition_penalty",
    "update_interval",
    "parallel_tool_calls",
    "response_format",
)
"""Members of the body in version 1 that are members of `model_options` here."""
ROLES = {"function": "tool"}
ECHO = "reasoning_content"


def say_offer(offer: Offer, _: Pen) -> Message:
    """The members `tools` and `tool_config`."""
    tools: list[Message] = [{"functions": {"specifications": offer.functions}}] if offer.functions else []
    tools += [{name: {}} for name in offer.hosted]
    members: Message = {"tools": tools} if tools else {}
    match offer.choice:
        case None:
            return members
        case ToolChoice(mode="one", name=name):
            told: Message = {"mode": "forced", "tool_name" if name in offer.hosted else "function_name": name}
        case ToolChoice(mode="any"):
            told = {"mode": "any", "functions_names_any": [function["name"] for function in offer.functions]}
        case ToolChoice(mode=mode):
            told = {"mode": mode}
    return members | {"tool_config": told}


def joined(told: list[Message], slots: Sequence[Slot]) -> list[Message]:
    """Pairs of call and result as a message with all the calls, and one with all their results."""
    calls: list[Message] = []
    results: list[Message] = []
    for slot, call, result in zip(slots, told[::2], told[1::2], strict=True):
        function = call["function_call"]
        assert isinstance(function, dict)  # noqa: S101 - made by our own writer
        known: Message = {"id": slot.call.id} if STATE_1 in call and not is_made(slot.call.id) else {}
        calls.append({"function_call": known | function})
        given = Raw(str(result["content"]).encode())
        results.append({"function_result": known | {"name": result["name"], "result": given}})
    state: Message = {STATE_1: told[0][STATE_1]} if STATE_1 in told[0] else {}
    return [{**told[0], "parts": calls}, {"role": "function", "content": "", "parts": results, **state}]


def arranged(body: Message, _: Pen) -> Message:
    """The body with each member where version 2 has it."""
    options: Message = {name: body.pop(name) for name in OPTIONS if name in body}
    if "reasoning_effort" in body:
        options["reasoning"] = {"effort": body.pop("reasoning_effort")}
    if "profanity_check" in body:
        body["disable_filter"] = not body.pop("profanity_check")
    messages = body["messages"]
    assert isinstance(messages, list)  # noqa: S101 - made by our own writer
    body["messages"] = [said for message in messages for said in _said(message)]
    return body | ({"model_options": options} if options else {})


def _said(message: Message) -> Iterator[Message]:
    """A message of version 1 as those that say the same here."""
    if thoughts := message.get(ECHO):
        yield {"role": "reasoning", "content": [{"text": thoughts}]}
    content: list[object] = [{"text": message["content"]}] if message["content"] else []
    files, parts = message.get("attachments", []), message.get("parts", [])
    assert isinstance(files, list)  # noqa: S101 - made by our own writer
    assert isinstance(parts, list)  # noqa: S101
    content += [{"files": [{"id": file} for file in files]}] if files else []
    role = str(message["role"])
    said: Message = {"role": ROLES.get(role, role), "content": [*content, *parts]}
    yield said | ({STATE: message[STATE_1]} if STATE_1 in message else {})


V2 = Version(
    efforts={**EFFORTS, "none": "off"},
    hosted=(
        ("web_search", "web_search"),
        ("web_fetch", "url_content_extraction"),
        ("code_execution", "code_interpreter"),
    ),
    any_call=True,
    echo=ECHO,
    joined=joined,
)
write_request = written_as(V2, say_offer, arranged)
"""The body for an upstream of version 2. Raises `Trouble` (unsupported) for tools that only another vendor runs."""
