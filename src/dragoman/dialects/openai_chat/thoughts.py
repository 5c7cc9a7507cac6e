"""Thinking on this wire: `reasoning_content` for the words, `reasoning_details` for what belongs to their issuer.

Theory. One entry of `reasoning_details` is one thinking part. Its seal holds the entry as JSON without the words, so
that it can be rebuilt. Towards a client the entry's `signature` or `data` is wrapped with the name of the issuer;
entries for seals of other wires have the format `dragoman`. `span` tells which characters of `reasoning_content` an
entry belongs to, for the words are not sent twice. The seal of a tool call is an encrypted entry with the call's id.
Google's servers put a call's signature into the call itself (`extra_content`); here it becomes such an entry.

Source: openrouter.ai, reasoning tokens, `reasoning_details` (types `reasoning.text`, `reasoning.summary`,
`reasoning.encrypted`); api-docs.deepseek.com, thinking mode, tool calls; ai.google.dev, thought signatures, OpenAI
compatibility; all read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.request import Seal, Thinking, ToolCall
from dragoman.canon.seal import unwrap, wrap
from dragoman.dialects.openai_chat.pen import Pen

OURS = "dragoman"
DETAILS = "reasoning_details"
EXTRA_CONTENT = "extra_content"
"""Google's place for the signature of a call, by its name in the habits too."""
UNSIGNED = "skip_thought_signature_validator"
"""Google's own mark for a call that its model did not make, without which the first call of a turn is refused."""
PLACEHOLDER = " "
"""Stands for thinking that another model did: DeepSeek and Moonshot refuse a tool turn whose `reasoning_content` is
missing or empty. To be dropped once they take such turns. Read 2026-11-20 in their answers as users report them."""

Entry = dict[str, object]
_ENTRY = msgspec.json.Decoder(dict[str, object])


class _Google(Struct, frozen=True):
    thought_signature: str = ""


class _ExtraContent(Struct, frozen=True):
    google: _Google = _Google()


_EXTRA_CONTENT = msgspec.json.Decoder(_ExtraContent)


def words_of(entry: Mapping[str, object]) -> str:
    """The words of an entry."""
    said = entry.get("text") or entry.get("summary") or ""
    return said if isinstance(said, str) else ""


def is_redacted(entry: Mapping[str, object]) -> bool:
    """Whether the entry holds no words, only what its issuer can read."""
    return entry.get("type") == "reasoning.encrypted"


def blob_of(entry: Mapping[str, object]) -> str:
    """What a seal keeps of an entry: all but the words."""
    kept = {name: value for name, value in entry.items() if name not in ("text", "summary", "span")}
    return msgspec.json.encode(kept).decode()


def entry_of(blob: str) -> Entry | None:
    """The entry that a seal keeps; None if the blob is of another wire."""
    if not blob.startswith("{"):
        return None
    try:
        entry = _ENTRY.decode(blob)
    except (msgspec.DecodeError, RecursionError):
        return None
    return entry if isinstance(entry.get("type"), str) else None


def rebuilt(blob: str, text: str) -> Entry:
    """The entry as its issuer gave it, words included."""
    entry = entry_of(blob)
    if entry is None:
        return {"type": "reasoning.text", "text": text}
    if is_redacted(entry):
        return entry
    return {**entry, "summary" if entry.get("type") == "reasoning.summary" else "text": text}


def echo(thoughts: Sequence[Thinking], calls: Sequence[ToolCall], pen: Pen) -> dict[str, object]:
    """Members that give earlier thinking back to the upstream that did it; empty where none may or need be sent."""
    member = pen.habits.reasoning_echo
    if member == EXTRA_CONTENT:
        if thoughts:
            pen.lose("thinking", "Of earlier thinking the upstream takes only the calls' signatures.", "dropped")
        return {}
    if not thoughts and not member and [call.seal for call in calls].count(None) == len(calls):
        return {}
    for part in thoughts:
        pen.kept(part.extras, "thinking")
    own = [part for part in thoughts if pen.belongs(part.seal)] if member else []
    if len(own) < len(thoughts):
        pen.lose(
            "thinking", "Earlier thinking is not sent to an upstream that did not do it or does not want it.", "dropped"
        )
    sealed = [call for call in calls if call.seal]
    known = [call for call in sealed if member and call.seal and call.seal.blob and pen.belongs(call.seal)]
    if len(known) < len(sealed):
        pen.lose("tool_call.seal", "A tool call's seal is not sent to an upstream that did not issue it.", "dropped")
    if not member or not calls:
        if own:
            pen.lose("thinking", "Earlier thinking is sent back only beside tool calls.", "dropped")
        return {}
    echoed: dict[str, object] = {}
    details = [rebuilt(part.seal.blob if part.seal else "", part.text) for part in own]
    details += [rebuilt(call.seal.blob, "") for call in known if call.seal and entry_of(call.seal.blob)]
    if member != DETAILS:
        text = "".join(part.text for part in own)
        if not text:
            pen.lose("thinking.placeholder", "The upstream demands thinking beside tool calls; a blank stands for it.")
        echoed[member] = text or PLACEHOLDER
    if details and (member == DETAILS or known or any(part.seal and part.seal.blob for part in own)):
        echoed[DETAILS] = details
    return echoed


def google_entry(raw: Raw) -> Entry | None:
    """The entry for the signature in a call's `extra_content`; None if there is none."""
    try:
        signature = _EXTRA_CONTENT.decode(raw).google.thought_signature
    except msgspec.DecodeError:
        return None
    return {"type": "reasoning.encrypted", "format": "google-gemini-v1", "data": signature} if signature else None


def google_signature(call: ToolCall, pen: Pen, *, first: bool) -> dict[str, object]:
    """The member that signs a call for Google; each turn's first call must have one."""
    if pen.habits.reasoning_echo != EXTRA_CONTENT or (call.extras and EXTRA_CONTENT in call.extras.members):
        return {}
    entry = entry_of(call.seal.blob) if call.seal and pen.belongs(call.seal) else None
    signature = entry.get("data") if entry else None
    if signature is None and (call.seal or first):
        how = "Google's mark for none stands in its place." if first else "It is left out."
        pen.lose("tool_call.seal", f"A call has no signature of this upstream. {how}")
    if signature is None and not first:
        return {}
    return {EXTRA_CONTENT: {"google": {"thought_signature": signature or UNSIGNED}}}


def carried(seal: Seal, *, bare: bool, redacted: bool = False, call_id: str = "") -> Entry:
    """The entry that carries a seal through a client."""
    entry = entry_of(seal.blob)
    if entry is None:
        kind = "reasoning.encrypted" if redacted or call_id else "reasoning.text"
        entry = {"type": kind, "format": OURS}
        entry["data" if redacted or call_id else "signature"] = seal.blob if bare else wrap(seal)
    elif not bare:
        for name in ("signature", "data"):
            value = entry.get(name)
            if isinstance(value, str):
                entry[name] = wrap(Seal(seal.origin, value))
                break
        else:
            entry["signature"] = wrap(Seal(seal.origin, ""))
    if call_id:
        entry["id"] = call_id
    return entry


def seal_in(entry: Entry) -> Seal:
    """The seal that an entry from a client carries."""
    origin = ""
    bare = dict(entry)
    for name in ("signature", "data"):
        value = entry.get(name)
        if isinstance(value, str):
            found = unwrap(value)
            origin = found.origin
            if entry.get("format") == OURS:
                return found
            bare[name] = found.blob
            if not found.blob:
                del bare[name]
            break
    return Seal(origin, blob_of(bare))


def parted(
    text: str, entries: Iterable[Entry], call_ids: Container[object]
) -> tuple[list[tuple[str, Entry | None]], dict[str, Entry]]:
    """A message's thinking, part by part, each with its words and its entry; and the entries of calls by call id."""
    parts: list[tuple[str, Entry | None]] = []
    of_calls: dict[str, Entry] = {}
    position = 0
    worded = spanned = False
    for entry in entries:
        span = entry.get("span")
        if is_redacted(entry) and entry.get("id") in call_ids:
            of_calls[str(entry["id"])] = entry
        elif isinstance(span, list) and len(span) == 2 and all(isinstance(end, int) for end in span):
            spanned = True
            start, end = max(span[0], position), max(span[1], position)
            if text[position:start]:
                parts.append((text[position:start], None))
            parts.append((text[start:end], entry))
            position = end
        elif is_redacted(entry):
            parts.append(("", entry))
        elif words_of(entry):
            worded = True
            parts.append((words_of(entry), entry))
        else:
            parts.append((text[position:], entry))
            position = len(text)
    if text[position:] and not worded:
        redacted = [place for place, (_, entry) in enumerate(parts) if entry and is_redacted(entry) and not spanned]
        parts.insert(min(redacted, default=len(parts)), (text[position:], None))
    return parts, of_calls
