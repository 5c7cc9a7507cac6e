"""What the stand-in does on a connection, one small step at a time; a reply and a fault are both lists of these."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct

from tests.standin.shape import Frame, Shape, stream_bytes, writes
from tests.standin.voice import Speech, Voice


class Head(Struct, frozen=True):
    """The status line and headers; `chunked` wraps every later Body in an HTTP chunk."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    framing: Literal["chunked", "length", "until_close"] = "chunked"


class Body(Struct, frozen=True):
    """Bytes of the body, written at once."""

    data: bytes
    of_model: bool = False
    """Whether they carry something the model said."""


class Raw(Struct, frozen=True):
    """Bytes outside HTTP's rules."""

    data: bytes


class End(Struct, frozen=True):
    """The HTTP body ends as it should; the connection is kept."""


class Pause(Struct, frozen=True):
    seconds: float


class Silence(Struct, frozen=True):
    """Nothing more, until the client leaves."""


class Reset(Struct, frozen=True):
    """TCP RST."""


class Close(Struct, frozen=True):
    """TCP FIN, whatever HTTP had promised."""


class Doom(Struct, frozen=True):
    """The connection will be reset when the next request arrives on it."""


Act = Head | Body | Raw | End | Pause | Silence | Reset | Close | Doom


class Scene(Struct, frozen=True, kw_only=True):
    """One request to be answered, with all that a reply or a fault needs to know."""

    speech: Speech
    voice: Voice
    accepts_gzip: bool = False
    canary: str = ""
    """An address that must never be asked with credentials."""
    value: str | None = None
    after: int | None = None
    wait_s: float | None = None
    """The fault's own settings; see its row."""

    @property
    def stream(self) -> bool:
        return self.speech.ask.stream

    @property
    def shape(self) -> Shape:
        return self.speech.shape


def head(scene: Scene, *extra: tuple[str, str], status: int = 200, stream: bool | None = None) -> Head:
    """The headers of an answer in the vendor's manner."""
    streamed = scene.stream if stream is None else stream
    name = "request-id" if scene.voice.dialect == "anthropic" else "x-request-id"
    kind = "text/event-stream; charset=utf-8" if streamed else "application/json"
    base = {"content-type": kind, name: f"req_{scene.speech.id}", "server": "standin", "set-cookie": "standin=1"}
    return Head(status, tuple((base | dict(extra)).items()), "chunked" if streamed else "length")


def answer(scene: Scene) -> Iterator[Act]:
    """The reply as the model means it."""
    if scene.stream:
        yield from streamed(scene, scene.voice.frames(scene.speech))
    else:
        yield from whole(scene, scene.voice.whole(scene.speech))


def streamed(scene: Scene, frames: Iterable[Frame], *, end: bool = True) -> Iterator[Act]:
    """Events in the scene's shape; without `end` the HTTP body stays open."""
    shape, said = scene.shape, list(frames)
    model = {place for place, frame in enumerate(said) if frame.of in ("text", "thinking", "call")}
    if shape.gzip and scene.accepts_gzip:
        yield head(scene, ("content-encoding", "gzip"))
        yield from (Body(data, True) for data in squeezed(stream_bytes(said, shape)))
    else:
        yield head(scene)
        framed = stream_bytes(said, shape)
        if shape.writes == "event":
            for place, data in enumerate(framed):
                yield Body(data, place in model)
                if shape.event_delay_s:
                    yield Pause(shape.event_delay_s)
        else:
            yield from (Body(data, bool(model)) for data in writes(framed, shape))
    if end:
        yield End()


def squeezed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes as one gzip stream, flushed after each chunk."""
    packer = zlib.compressobj(wbits=31)
    for chunk in chunks:
        yield packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def whole(scene: Scene, body: Any, *extra: tuple[str, str], status: int = 200) -> Iterator[Act]:
    """One JSON document (or bytes as they are) with its length."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if scene.shape.gzip and scene.accepts_gzip:
        data, extra = b"".join(squeezed([data])), (*extra, ("content-encoding", "gzip"))
    yield head(scene, *extra, ("content-length", str(len(data))), status=status, stream=False)
    for piece in writes([data], scene.shape):
        yield Body(piece, status == 200)
    yield End()


def refusal(
    scene: Scene, status: int, message: str, *extra: tuple[str, str], code: str | None = None, param: str | None = None
) -> Iterator[Act]:
    """An error with a status, in the dialect's envelope."""
    return whole(scene, scene.voice.error(status, message, code, param), *extra, status=status)
