"""Answers of OpenAI's Responses as its official clients and Codex read them."""

from __future__ import annotations

import json

from tests.faults.parts import Heard, Json, Part, events

DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "thinking",
    "response.reasoning_text.delta": "thinking",
    "response.function_call_arguments.delta": "call",
}
ENDINGS = ("response.completed", "response.incomplete")


def streamed(body: bytes) -> Heard:
    """A stream of events. After an error only the failed answer may follow, which says the same again."""
    heard = Heard()
    parts: dict[int, Part] = {}
    numbers: list[int] = []
    for name, data in events(body):
        if name == ":":
            heard.pings += 1
            continue
        event = json.loads(data)
        kind = event.get("type", "")
        if heard.ended or (heard.error is not None and kind != "response.failed"):
            heard.odd.append(f"{kind} after the end")
        if kind and name not in ("", kind):
            heard.odd.append(f"{kind} is called {name}")
        numbers.append(event.get("sequence_number", -1))
        if error := event.get("error"):
            heard.error = error if isinstance(error, dict) else {"message": error}
        else:
            _take(kind, event, heard, parts)
    if numbers != sorted(set(numbers)):
        heard.misnumbered = True
    return heard


def whole(reply: Json) -> Heard:
    """A whole answer."""
    heard = Heard()
    for item in reply["output"]:
        heard.parts.append(_part(item, whole=True))
    _end(reply, heard)
    return heard


def _take(kind: str, event: Json, heard: Heard, parts: dict[int, Part]) -> None:
    match kind:
        case "response.created":
            heard.model = event["response"]["model"]
        case "response.output_item.added":
            parts[event["output_index"]] = _part(event["item"], whole=False)
            heard.parts.append(parts[event["output_index"]])
        case "response.output_item.done" if event["output_index"] in parts:
            _done(event, heard, parts)
        case "error":
            heard.error = event
        case "response.failed":
            heard.error = heard.error or event["response"]["error"]
        case _ if kind in DELTAS:
            part = parts.get(event["output_index"])
            if part is None or part.kind != DELTAS[kind]:
                heard.odd.append(f"{kind} for an item that is not open")
            else:
                part.text += event["delta"]
        case _ if kind in ENDINGS:
            if any(not part.closed for part in parts.values()):
                heard.odd.append("ended with open items")
            _end(event["response"], heard)


def _done(event: Json, heard: Heard, parts: dict[int, Part]) -> None:
    """An item is complete; what it holds now is what grew."""
    part = parts[event["output_index"]]
    part.closed = True
    meant = _part(event["item"], whole=True)
    if part.text and meant.said != part.said:
        heard.odd.append(f"an item grew to {part.text[:40]!r} and is {meant.text[:40]!r}")
    part.text = part.text or meant.text


def _part(item: Json, *, whole: bool) -> Part:
    """An item; as it opens its texts are still to come."""
    match item["type"]:
        case "function_call":
            text = item.get("arguments", "") if whole else ""
            return Part("call", item["name"], item.get("call_id", ""), text, closed=whole)
        case "reasoning":
            told = item.get("summary") or item.get("content") or []
            return Part("thinking", text="".join(each["text"] for each in told) if whole else "", closed=whole)
        case "message":
            said = [each.get("text") or each.get("refusal") or "" for each in item["content"]]
            return Part("text", text="".join(said) if whole else "", closed=whole)
    return Part(item["type"], closed=whole)


def _end(response: Json, heard: Heard) -> None:
    """The state in which the answer was left."""
    heard.ended = True
    heard.model = response["model"]
    heard.usage = response.get("usage")
    refused = any(
        each["type"] == "refusal" for item in response["output"] for each in item.get("content") or () if "type" in each
    )
    match response["status"], (response.get("incomplete_details") or {}).get("reason"):
        case "completed", _ if refused:
            heard.stop = "refusal"
        case "completed", _:
            heard.stop = "calls" if any(part.kind == "call" for part in heard.parts) else "stop"
        case "incomplete", "content_filter":
            heard.stop = "refusal"
        case "incomplete", _:
            heard.stop = "length"
        case "failed", _:
            heard.ended, heard.error = False, response["error"]
