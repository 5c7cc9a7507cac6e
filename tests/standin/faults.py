"""The table of misbehaviour, keyed by the numbers of the fault catalogue; a suffix names the variant.

Rows F02 to F05, F07, F10, F11 and F55 need a resolver, TLS, HTTP/2, a proxy or a power cut and are not here;
F01 is `StandIn.refusing()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from msgspec import Struct

from tests.standin import faults_early as early
from tests.standin import faults_late as late
from tests.standin import faults_no as no
from tests.standin.acts import Act, Close, Scene, Silence
from tests.standin.reply import Reply

Stage = Literal["connect", "before", "data", "after", "either"]
"""When it shows: before any request is read, before any content, never (the answer is true and whole), after content,
or in a place where mending and failing are both honest."""

BOTH = ("stream", "whole")


class Row(Struct, frozen=True):
    """One kind of misbehaviour."""

    what: str
    stage: Stage
    act: Callable[[Scene], Iterator[Act]]
    modes: tuple[str, ...] = BOTH
    dialects: tuple[str, ...] = ("anthropic", "openai_chat")
    status: int | None = None
    """The HTTP status of a refusal."""


class Fault(Struct, frozen=True, kw_only=True, tag="fault"):
    """One fault to be shown instead of, or in the middle of, the answer."""

    key: str
    reply: Reply | None = None
    """What the model would have said; None: what the responder says."""
    value: str | None = None
    after: int | None = None
    """How many deltas of the part are sent before it breaks; two by default."""
    wait_s: float | None = None


STREAM = ("stream",)
WHOLE = ("whole",)


def _connect() -> dict[str, Row]:
    return {
        "F06": Row("the connection is accepted and nothing ever said", "connect", early.silent),
        "F08": Row("the connection is reset as soon as it is made", "connect", early.reset),
        "F09": Row("a good answer, then the kept connection is closed", "data", early.closed_when_idle),
        "F09.reuse": Row("a good answer, then the connection is reset on reuse", "data", early.dead_when_reused),
    }


def _before() -> dict[str, Row]:
    return {
        "F12": Row("the request is read and nothing said", "before", early.silent),
        "F13": Row("headers, then silence", "before", early.headers_then_silence),
        "F14": Row("headers, then signs of life for ever", "before", early.pings_for_ever),
        "F15": Row("200 and an orderly end without any event", "before", early.no_event, STREAM),
        "F15.done": Row("200 and only the terminal event", "before", early.only_done, STREAM),
        "F15.comment": Row("200 and only a comment line", "before", early.only_comment, STREAM),
        "F16": Row("opening events, then an error event", "before", early.start_then_error, STREAM),
        "F16.first": Row("an error as first event", "before", early.error_first, STREAM),
        "F17": Row("reset instead of headers", "before", early.reset),
        "F18": Row("200 with an empty body", "before", early.no_event, WHOLE),
        "F19": Row("headers that trickle for ever", "before", early.trickled_headers),
        "F19.huge": Row("a megabyte of headers", "before", early.huge_headers),
        "F59": Row("the true answer, long after (wait_s)", "data", early.late),
    }


def _refusals() -> dict[str, Row]:
    rows = {key: Row(what, "before", act, status=act.status) for key, (what, act) in no.REFUSALS.items()}
    for name, (status, _) in no.TOO_LONG.items():
        rows[f"F32.{name}"] = Row("the prompt is too long", "before", no.too_long(name), status=status)
    for name in no.TOO_LONG_BARE:
        rows[f"F32.{name}"] = Row("the prompt is too long", "before", no.too_long(name), status=400)
    for name, value in no.ODD_WAITS.items():
        rows[f"F108.{name}"] = Row(f"429 with retry-after: {value}", "before", no.odd_wait(value), status=429)
    rows["F108.ms"] = Row("429 with retry-after-ms", "before", no.milliseconds, status=429)
    for status in (502, 503, 504):
        rows[f"F26.{status}"] = Row(f"{status} with an HTML page", "before", no.page(status), status=status)
    for status in (301, 302, 303, 307, 308):
        rows[f"F35.{status}"] = Row(f"{status} to the canary", "before", no.redirect(status), status=status)
    rows["F36.finish"] = Row("the safety stop is the finish reason", "data", late.refused)
    return rows


def _garbage() -> dict[str, Row]:
    return {
        "F37": Row("200 and an HTML page", "before", early.page_instead),
        "F38": Row("200, JSON, and an error inside", "before", no.error_in_200),
        "F39": Row("JSON that stops in the middle", "before", early.broken_whole, WHOLE),
        "F39.kind": Row("good JSON that is not an object", "before", early.not_an_object, WHOLE),
        "F40.before": Row("broken JSON as first event", "before", late.with_frame_early(late.broken_event), STREAM),
        "F40.after": Row("broken JSON after content", "after", late.then_frame("text", late.broken_event), STREAM),
        "F41.split": Row("every character split between two writes", "data", late.shaped(writes="byte")),
        "F41.text": Row("bytes that are not UTF-8 within text", "either", late.bad_utf8_text),
        "F41.json": Row(
            "bytes that are not UTF-8 in structure", "after", late.then_frame("text", late.bad_utf8_event), STREAM
        ),
        "F42.cr": Row("lines end in CR", "data", late.shaped(newline="\r"), STREAM),
        "F42.crlf": Row("lines end in CRLF", "data", late.shaped(newline="\r\n"), STREAM),
        "F42.bom": Row("a byte order mark", "data", late.shaped(bom=True), STREAM),
        "F42.comments": Row("comment lines", "data", late.shaped(comments=True), STREAM),
        "F42.no_blank": Row("no blank after the colon", "data", late.shaped(blank_after_colon=False), STREAM),
        "F42.multiline": Row("data over several lines", "data", late.shaped(multiline_data=True), STREAM),
        "F42.last_blank": Row("the last blank line is missing", "data", late.shaped(last_blank_line=False), STREAM),
        "F42.random": Row("cut anywhere", "data", late.shaped(writes="random")),
        "F43.before": Row("a line of 17 MiB as first event", "before", late.huge_before, STREAM),
        "F43.after": Row("a line of 17 MiB after content", "after", late.then_frame("text", late.huge_event), STREAM),
        "F44.bomb": Row("a gzip bomb", "before", early.bomb),
        "F44.wrong": Row("plain bytes called gzip", "before", early.wrong_encoding),
        "F44.unasked": Row("good gzip that was not asked for", "either", early.unasked_gzip),
        "F45.event": Row("events and members of a later release", "data", late.shaped(unknown_events=True)),
        "F45.stop": Row("a stop reason of a later release", "either", late.foreign_stop),
    }


def _odd() -> dict[str, Row]:
    return {
        "F46.no_start": Row("deltas of parts never opened", "either", late.edited(late.without_start), STREAM),
        "F46.two_starts": Row("parts opened twice", "either", late.edited(late.two_starts), STREAM),
        "F46.two_messages": Row("the first event twice", "either", late.edited(late.two_messages), STREAM),
        "F46.index_jump": Row("indexes with gaps", "either", late.edited(late.index_jump), STREAM),
        "F46.after_finish": Row("content after the finish reason", "either", late.edited(late.after_finish), STREAM),
        "F46.braided": Row("parts interleaved", "data", late.shaped_calls(calls="interleaved"), STREAM),
        "F47.foreign": Row("[DONE] after message_stop", "data", late.shaped(ending="foreign"), STREAM, ("anthropic",)),
        "F47.twice": Row("the terminal event twice", "data", late.shaped(ending="twice"), STREAM),
        "F47.none": Row("no terminal event after the finish reason", "data", late.shaped(ending="none"), STREAM),
        "F48.start": Row("an orderly end after the opening events", "before", late.only_start, STREAM),
        "F48.text": Row("an orderly end in the middle of text", "after", late.polite("text"), STREAM),
        "F48.call": Row("an orderly end in the middle of a call", "after", late.polite("call"), STREAM),
        "F48.finish": Row("an orderly end, only the finish reason missing", "after", late.before_finish, STREAM),
        "F49.missing": Row("no usage", "data", late.shaped(usage="none")),
        "F49.null": Row("usage null", "data", late.shaped(usage="null", ignore_include_usage=True)),
        "F49.zero": Row("usage zero", "data", late.usage_as(lambda _place, _value: 0)),
        "F49.negative": Row("usage negative", "data", late.usage_as(lambda _place, value: -value - 1)),
        "F49.shrinking": Row("usage shrinks", "data", late.usage_as(lambda place, value: max(0, value * 9 - place))),
        "F49.string": Row("usage as strings", "data", late.usage_as(lambda _place, value: str(value))),
        "F50": Row("arguments that are not JSON", "data", late.arguments_as('{"command": "ls'), STREAM),
        "F50.array": Row("arguments that are not an object", "data", late.arguments_as('["ls"]')),
        "F50.empty": Row("no arguments at all", "data", late.arguments_as("")),
        "F51.duplicate": Row("equal call ids", "data", late.shaped_calls(ids="duplicate")),
        "F51.empty": Row("empty call ids", "data", late.shaped_calls(ids="empty")),
        "F51.missing": Row("no call ids", "data", late.shaped_calls(ids="missing")),
        "mode.whole": Row("JSON although a stream was asked for", "either", late.whole_instead, STREAM),
        "mode.stream": Row("a stream although JSON was asked for", "either", late.stream_instead, WHOLE),
        "empty": Row("an orderly answer in which nothing was said", "either", late.empty_answer),
        "length.text": Row("the output limit in the middle of text", "data", late.stopped("text")),
        "length.call": Row("the output limit in the middle of a call", "data", late.stopped("call"), STREAM),
    }


def _late() -> dict[str, Row]:
    rows = {
        "F54": Row("silence after content", "after", late.cut("text", Silence())),
        "F56": Row("the true answer, drop by drop (wait_s)", "data", late.dripping, STREAM),
        "F57": Row(
            "an error event after content (value: status)", "after", late.then_frame("text", late.error_event), STREAM
        ),
        "F57.call": Row("an error event within a call", "after", late.then_frame("call", late.error_event), STREAM),
        "F57.choice": Row(
            "an error beside a choice", "after", late.then_frame("text", late.error_choice), STREAM, ("openai_chat",)
        ),
        "F57.failed": Row(
            "the answer failed (value: status)",
            "after",
            late.then_frame("text", late.failed_event),
            STREAM,
            ("openai_responses",),
        ),
        "F57.flat": Row(
            "an error event as documented",
            "after",
            late.then_frame("text", late.flat_event),
            STREAM,
            ("openai_responses",),
        ),
        "F57.words": Row(
            "an error that is only words", "after", late.then_frame("text", late.error_words), STREAM, ("openai_chat",)
        ),
        "F58": Row("an answer without end", "after", late.endless, STREAM),
    }
    for kind in ("text", "thinking", "call"):
        modes = BOTH if kind == "text" else STREAM
        rows[f"F52.{kind}"] = Row(f"reset within {kind}", "after", late.cut(kind, *late.RESET), modes)
        rows[f"F53.{kind}"] = Row(f"connection closed within {kind}", "after", late.cut(kind, Close()), modes)
    return rows


FAULTS: dict[str, Row] = {**_connect(), **_before(), **_refusals(), **_garbage(), **_odd(), **_late()}
