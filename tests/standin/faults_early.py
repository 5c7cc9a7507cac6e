"""Faults before any content: F06 to F19, and the garbage that comes instead of an answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from tests.standin.acts import (
    Act,
    Body,
    Close,
    Doom,
    End,
    Head,
    Pause,
    Raw,
    Reset,
    Scene,
    Silence,
    answer,
    head,
    squeezed,
    streamed,
    whole,
)
from tests.standin.faults_no import HTML
from tests.standin.shape import Frame, frame_bytes

MIB = 1024 * 1024


def silent(_scene: Scene) -> Iterator[Act]:
    yield Silence()


def reset(_scene: Scene) -> Iterator[Act]:
    yield Reset()


def closed_when_idle(scene: Scene) -> Iterator[Act]:
    """A good answer, then the kept connection is closed without a word."""
    yield from answer(scene)
    yield Close()


def dead_when_reused(scene: Scene) -> Iterator[Act]:
    """A good answer, then the kept connection is reset as soon as it is used again."""
    yield Doom()
    yield from answer(scene)


def headers_then_silence(scene: Scene) -> Iterator[Act]:
    yield head(scene) if scene.stream else head(scene, ("content-length", "1000"))
    yield Silence()


def pings_for_ever(scene: Scene) -> Iterator[Act]:
    """Signs of life and nothing else (wait_s: between two of them)."""
    yield head(scene) if scene.stream else Head(200, (("content-type", "application/json"),), "chunked")
    if not scene.stream:
        sign = b" "
    elif scene.voice.dialect == "anthropic":
        sign = frame_bytes(Frame('{"type":"ping"}', "ping"), scene.shape)
    else:
        sign = b": PROCESSING\n\n"
    while True:
        yield Body(sign)
        yield Pause(0.05 if scene.wait_s is None else scene.wait_s)


def no_event(scene: Scene) -> Iterator[Act]:
    """200 and an orderly end with nothing in it."""
    if scene.stream:
        yield from streamed(scene, [])
    else:
        yield from whole(scene, b"")


def only_done(scene: Scene) -> Iterator[Act]:
    """200 and nothing but the terminal event."""
    yield from streamed(scene, [frame for frame in scene.voice.frames(scene.speech) if frame.of == "end"][:1])


def only_comment(scene: Scene) -> Iterator[Act]:
    yield head(scene)
    yield Body(b": nothing to say\n\n")
    yield End()


def start_then_error(scene: Scene) -> Iterator[Act]:
    """The events that come before content, then an error event (value: its status)."""
    starts = list(itertools.takewhile(lambda frame: frame.of in ("start", "other"), scene.voice.frames(scene.speech)))
    status = int(scene.value or "529")
    yield from streamed(scene, [*starts, scene.voice.error_frame(status, "Overloaded")])


def error_first(scene: Scene) -> Iterator[Act]:
    """An error as the very first event of a 200 stream (value: its status)."""
    yield from streamed(scene, [scene.voice.error_frame(int(scene.value or "529"), "Overloaded")])


def trickled_headers(scene: Scene) -> Iterator[Act]:
    """A header byte now and then, for ever (wait_s: between two bytes)."""
    yield Raw(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        for byte in f"x-slow-{number}: 1\r\n".encode():
            yield Raw(bytes((byte,)))
            yield Pause(0.02 if scene.wait_s is None else scene.wait_s)


def huge_headers(_scene: Scene) -> Iterator[Act]:
    """A megabyte of headers."""
    yield Raw(b"HTTP/1.1 200 OK\r\n")
    for number in range(256):
        yield Raw(f"x-huge-{number}: {'h' * 4096}\r\n".encode())
    yield Raw(b"content-length: 2\r\n\r\n{}")
    yield Close()


def page_instead(scene: Scene) -> Iterator[Act]:
    """200 and an HTML page."""
    yield from whole(scene, HTML % b"Sign in to the network", ("content-type", "text/html; charset=utf-8"))


def broken_whole(scene: Scene) -> Iterator[Act]:
    """JSON that stops in the middle, though its length is as promised."""
    data = json.dumps(scene.voice.whole(scene.speech)).encode()
    yield from whole(scene, data[: len(data) * 2 // 3])


def not_an_object(scene: Scene) -> Iterator[Act]:
    """Good JSON of the wrong kind (value: the JSON)."""
    yield from whole(scene, (scene.value or "[]").encode())


def wrong_encoding(scene: Scene) -> Iterator[Act]:
    """Plain bytes under `content-encoding: gzip` (value: another encoding's name)."""
    name = scene.value or "gzip"
    for act in answer(scene):
        match act:
            case Head(status, headers, framing):
                yield Head(status, (*headers, ("content-encoding", name)), framing)
            case _:
                yield act


def bomb(scene: Scene) -> Iterator[Act]:
    """Blanks (value: MiB, 128 of them) squeezed to a thousandth, whether the client accepts gzip or not."""
    size = int(scene.value or "128")
    line = b":" + b" " * (MIB - 2) + b"\n" if scene.stream else b" " * MIB
    yield Head(200, (*head(scene).headers, ("content-encoding", "gzip")), "chunked")
    for piece in squeezed(itertools.repeat(line, size)):
        yield Body(piece)
    yield End()


def unasked_gzip(scene: Scene) -> Iterator[Act]:
    """Good gzip, although the client may have asked for identity."""
    if scene.stream:
        yield head(scene, ("content-encoding", "gzip"))
        framed = [frame_bytes(frame, scene.shape) for frame in scene.voice.frames(scene.speech)]
        for piece in squeezed(framed):
            yield Body(piece, True)
    else:
        data = b"".join(squeezed([json.dumps(scene.voice.whole(scene.speech)).encode()]))
        yield head(scene, ("content-encoding", "gzip"), ("content-length", str(len(data))))
        yield Body(data, True)
    yield End()


def late(scene: Scene) -> Iterator[Act]:
    """A good answer, long after it was asked for (wait_s)."""
    yield Pause(2.0 if scene.wait_s is None else scene.wait_s)
    yield from answer(scene)
