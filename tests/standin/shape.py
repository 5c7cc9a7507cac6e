"""How a reply is put on the wire: every oddity that real vendors show, one field each."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

Pieces = Literal["whole", "words", "fragments", "chars"]


class Shape(Struct, frozen=True, kw_only=True):
    """One way of writing a reply; the defaults are what a well-behaved vendor does."""

    writes: Literal["event", "whole", "byte", "random"] = "event"
    """How the bytes are cut into socket writes (and HTTP chunks)."""
    seed: int = 0
    """For `writes="random"`."""
    newline: Literal["\n", "\r\n", "\r"] = "\n"
    bom: bool = False
    """A byte order mark before the first event."""
    comments: bool = False
    """A comment line before every event."""
    blank_after_colon: bool = True
    multiline_data: bool = False
    """JSON printed over several lines, each in a `data:` line of its own."""
    last_blank_line: bool = True
    pings: bool = False
    """Anthropic: a ping event after each event. Chat: an empty-delta chunk, as some gateways send."""
    event_lines: bool = True
    """Anthropic only: Chat has none."""
    text: Pieces = "words"
    """How text and thinking are cut into deltas."""
    arguments: Pieces = "fragments"
    """How tool arguments are cut into deltas."""
    usage: Literal["final", "finish", "every", "none", "null"] = "final"
    """Chat: in a last chunk with empty choices, in the chunk with the finish reason, cumulative in every chunk,
    nowhere, or null. Anthropic: `none` and `null` leave it out or make it null, all others are the vendor's way."""
    ignore_include_usage: bool = False
    """Chat: send usage although the client did not ask for it."""
    ending: Literal["once", "twice", "none", "foreign"] = "once"
    """The terminal event: `[DONE]` or `message_stop`; `foreign` adds `[DONE]` to an Anthropic stream."""
    calls: Literal["in_order", "interleaved", "index_zero", "no_index", "with_finish"] = "in_order"
    """Parallel calls one after another, or their fragments interleaved. Chat only: all at index 0, without index, or
    each call whole in the chunk that also carries the finish reason."""
    reasoning: Literal["reasoning_content", "reasoning", "reasoning_details", "think_tags"] = "reasoning_content"
    """Chat: where thinking goes."""
    ids: Literal["given", "missing", "empty", "duplicate", "every_chunk"] = "given"
    """Tool call ids; `every_chunk` repeats id and name in each fragment."""
    late_names: bool = False
    """Chat: a call's name comes one chunk after its id."""
    object_arguments: bool = False
    """Chat: arguments as a JSON object instead of text, as some local servers send."""
    unknown_events: bool = False
    """Events, blocks' members and chunk members that no published schema knows."""
    empty_choices_first: bool = False
    """Chat: a first chunk without choices, holding filter results, as Azure sends."""
    legacy_function_call: bool = False
    """Chat: the first call as the old `function_call` member."""
    empty_starts: bool = False
    """Chat: `content: ""` beside every reasoning or call delta, as many compatible servers send."""
    role_chunk: bool = True
    """Chat: False leaves out the first chunk with the role and no content."""
    empty_finish: bool = False
    """Chat: `finish_reason: ""` instead of null until the last chunk."""
    event_delay_s: float = 0.0
    gzip: bool = False
    """Compressed with gzip when the client accepts it."""


class Frame(Struct, frozen=True):
    """One server-sent event before framing."""

    data: str | bytes
    event: str | None = None
    of: Literal["start", "text", "thinking", "call", "finish", "end", "other"] = "other"
    """What it carries: a delta of content, or the stage of the stream it belongs to."""


CONTENT = ("text", "thinking", "call")


def pieces(text: str, how: Pieces) -> list[str]:
    """The text cut into deltas; joined they give the text again, and there is always at least one."""
    match how:
        case "whole":
            return [text]
        case "chars":
            return list(text) or [""]
        case "fragments":
            return [text[start : start + 7] for start in range(0, len(text), 7)] or [""]
        case "words":
            return re.findall(r"\s*\S+\s*$|\s*\S+|\s+$", text) or [text]


def frame_bytes(frame: Frame, shape: Shape, *, last: bool = False) -> bytes:
    """One event as the shape writes it, blank line included."""
    newline = shape.newline.encode()
    colon = b": " if shape.blank_after_colon else b":"
    data = frame.data if isinstance(frame.data, bytes) else frame.data.encode("utf-8", "surrogatepass")
    lines: list[bytes] = []
    if shape.comments:
        lines += [b": keep-alive", b":"]
    if frame.event is not None and shape.event_lines:
        lines.append(b"event" + colon + frame.event.encode())
    lines += [b"data" + colon + line for line in data.split(b"\n")]
    if not (last and not shape.last_blank_line):
        lines.append(b"")
    return newline.join(lines) + newline


def stream_bytes(frames: list[Frame], shape: Shape) -> list[bytes]:
    """The framed events, one item each; a byte order mark is glued to the first."""
    framed = [frame_bytes(frame, shape, last=place == len(frames) - 1) for place, frame in enumerate(frames)]
    if shape.bom and framed:
        framed[0] = b"\xef\xbb\xbf" + framed[0]
    return framed


def writes(framed: list[bytes], shape: Shape) -> Iterator[bytes]:
    """The same bytes cut into socket writes."""
    match shape.writes:
        case "event":
            yield from framed
        case "whole":
            yield b"".join(framed)
        case "byte":
            for byte in b"".join(framed):
                yield bytes((byte,))
        case "random":
            chance, rest = random.Random(shape.seed), b"".join(framed)
            while rest:
                size = chance.choice((1, 2, 3, 7, 50, 200, 1500))
                yield rest[:size]
                rest = rest[size:]
