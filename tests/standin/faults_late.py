"""Faults within an answer: what breaks after content, what is out of order, what is only odd."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tests.standin.acts import Act, Body, End, Pause, Reset, Scene, answer, head, streamed, whole
from tests.standin.reply import Call, Part, Reply, Text, Thinking, with_ids
from tests.standin.responses_voice import failed_frame, flat_error_frame
from tests.standin.shape import Frame, frame_bytes

Doing = Callable[[Scene], Iterator[Act]]
MIB = 1024 * 1024

EVERY_KIND = Reply(
    (
        Thinking("First I think about the task, slowly and well."),
        Text("Here is what I am going to do next, step by step."),
        Call("Bash", '{"command": "echo one two three", "description": "Says three numbers"}', "call_every_1"),
        Call("Read", '{"file_path": "/tmp/standin.txt"}', "call_every_2"),
    )
)
"""What is said when a fault needs a kind of content that the reply does not have."""


def saying(scene: Scene, reply: Reply) -> Scene:
    """The same scene with another reply."""
    return msgspec.structs.replace(scene, speech=msgspec.structs.replace(scene.speech, reply=reply))


def shaped(**changes: Any) -> Doing:
    """The true reply in a changed shape."""

    def act(scene: Scene) -> Iterator[Act]:
        shape = msgspec.structs.replace(scene.shape, **changes)
        speech = msgspec.structs.replace(scene.speech, shape=shape)
        return answer(msgspec.structs.replace(scene, speech=speech))

    return act


def shaped_calls(**changes: Any) -> Doing:
    """The same, with a reply that has at least two calls."""

    def act(scene: Scene) -> Iterator[Act]:
        reply = scene.speech.reply
        if len(reply.calls) < 2:
            scene = saying(scene, msgspec.structs.replace(EVERY_KIND, usage=reply.usage))
        return shaped(**changes)(scene)

    return act


def with_kind(scene: Scene, kind: str) -> Scene:
    """The scene, with a reply that holds this kind of part, cut finely enough to be broken in the middle."""
    kinds = {"text": Text, "thinking": Thinking, "call": Call}
    reply = scene.speech.reply
    if not any(isinstance(part, kinds[kind]) for part in reply.parts):
        bare = msgspec.structs.replace(EVERY_KIND, shape=reply.shape, usage=reply.usage)
        reply = with_ids(bare, scene.voice.call_prefix, str(len(scene.speech.ask.turns)))
    shape = msgspec.structs.replace(
        scene.shape,
        text="fragments" if scene.shape.text == "whole" else scene.shape.text,
        arguments="fragments" if scene.shape.arguments == "whole" else scene.shape.arguments,
    )
    speech = msgspec.structs.replace(scene.speech, reply=reply, shape=shape)
    return msgspec.structs.replace(scene, speech=speech)


def until(scene: Scene, kind: str) -> tuple[Scene, list[Frame]]:
    """The frames up to the second (or `after`-th) delta of a kind."""
    scene = with_kind(scene, kind)
    frames = scene.voice.frames(scene.speech)
    places = [place for place, frame in enumerate(frames) if frame.of == kind]
    wanted = 2 if scene.after is None else scene.after
    return scene, frames[: places[min(wanted, len(places)) - 1] + 1]


def cut(kind: str, *ending: Act) -> Doing:
    """The answer up to the middle of a part of this kind, then the ending; a whole answer is cut in half."""

    def act(scene: Scene) -> Iterator[Act]:
        if scene.stream:
            scene, said = until(scene, kind)
            yield from streamed(scene, said, end=False)
        else:
            data = json.dumps(scene.voice.whole(scene.speech)).encode()
            yield head(scene, ("content-length", str(len(data))))
            yield Body(data[: len(data) // 2], True)
        yield from ending

    return act


RESET = (Pause(0.05), Reset())
"""The pause lets the peer read what was sent before the reset throws it away."""


def polite(kind: str) -> Doing:
    """The HTTP body ends in an orderly way, the model's stream in the middle."""
    return cut(kind, End())


def before_finish(scene: Scene) -> Iterator[Act]:
    """All content, every part closed, but neither finish reason nor terminal event; then an orderly end."""
    frames = itertools.takewhile(lambda frame: frame.of != "finish", scene.voice.frames(scene.speech))
    yield from streamed(scene, frames)


def only_start(scene: Scene) -> Iterator[Act]:
    """The opening events, then an orderly end."""
    frames = itertools.takewhile(lambda frame: frame.of in ("start", "other"), scene.voice.frames(scene.speech))
    yield from streamed(scene, frames)


def then_frame(kind: str, make: Callable[[Scene], Frame]) -> Doing:
    """The answer up to the middle of a part, then one more frame and an orderly end."""

    def act(scene: Scene) -> Iterator[Act]:
        scene, said = until(scene, kind)
        yield from streamed(scene, [*said, make(scene)])

    return act


def with_frame_early(make: Callable[[Scene], Frame]) -> Doing:
    """One frame before anything else, then the whole true answer."""

    def act(scene: Scene) -> Iterator[Act]:
        yield from streamed(scene, [make(scene), *scene.voice.frames(scene.speech)])

    return act


def error_event(scene: Scene) -> Frame:
    """An error event (value: its status)."""
    return scene.voice.error_frame(int(scene.value or "529"), "Overloaded in the middle of the answer")


def error_choice(scene: Scene) -> Frame:
    """An aggregator's way: the error beside a choice that finishes with `error`.

    Source: openrouter.ai, Errors during streaming; read 2026-11-20.
    """
    error = {"code": int(scene.value or "502"), "message": "Provider disconnected unexpectedly"}
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    body = {"id": scene.speech.id, "object": "chat.completion.chunk", "error": error, "choices": [choice]}
    return Frame(json.dumps(body))


def failed_event(scene: Scene) -> Frame:
    """Responses' own way: the answer as a whole has failed (value: its status)."""
    return failed_frame(scene.speech, int(scene.value or "503"), "Overloaded in the middle of the answer")


def flat_event(scene: Scene) -> Frame:
    """Responses' error event as its reference has it, which compatible servers follow (value: its status)."""
    return flat_error_frame(int(scene.value or "503"), "Overloaded in the middle of the answer")


def error_words(scene: Scene) -> Frame:
    """A local server's way: the error is nothing but words."""
    return Frame(json.dumps({"error": scene.value or "llama runner process has terminated"}))


def broken_event(scene: Scene) -> Frame:
    """An event whose JSON stops in the middle."""
    good = next(
        frame for frame in scene.voice.frames(scene.speech) if frame.of in ("text", "thinking", "call", "start")
    )
    return Frame(good.data[: len(good.data) // 2], good.event, "other")


def bad_utf8_event(scene: Scene) -> Frame:
    """An event with bytes that are not UTF-8 outside any string."""
    good = scene.voice.frames(scene.speech)[0]
    data = good.data if isinstance(good.data, bytes) else good.data.encode()
    return Frame(data[:1] + b"\xff\xfe" + data[1:], good.event, "other")


def huge_event(scene: Scene) -> Frame:
    """One text delta of 17 MiB (value: MiB)."""
    size = int(scene.value or "17") * MIB
    reply = Reply((Text("h" * size),))
    shape = msgspec.structs.replace(scene.shape, text="whole")
    speech = msgspec.structs.replace(scene.speech, reply=reply, shape=shape)
    return next(frame for frame in scene.voice.frames(speech) if frame.of == "text")


def huge_before(scene: Scene) -> Iterator[Act]:
    """One line of 17 MiB as the first event."""
    yield from streamed(scene, [huge_event(scene)])


MARK = "\u2612"


def bad_utf8_text(scene: Scene) -> Iterator[Act]:
    """Text with bytes that are not UTF-8 inside its string; what is meant there is U+FFFD."""
    scene = saying(scene, Reply((Text(f"before {MARK} after"),)))
    if not scene.stream:
        data = json.dumps(scene.voice.whole(scene.speech), ensure_ascii=False).encode()
        yield from whole(scene, data.replace(MARK.encode(), b"\xff"))
        return
    frames = scene.voice.frames(scene.speech)
    bad = [Frame(str(frame.data).encode().replace(MARK.encode(), b"\xff"), frame.event, frame.of) for frame in frames]
    yield from streamed(scene, bad)


def endless(scene: Scene) -> Iterator[Act]:
    """The same delta for ever, as fast as the client reads."""
    scene, said = until(scene, "text")
    yield from streamed(scene, said, end=False)
    again = frame_bytes(said[-1], scene.shape)
    while True:
        yield Body(again * 64, True)


def dripping(scene: Scene) -> Iterator[Act]:
    """The true answer, one character an event, slowly (wait_s: between events)."""
    delay = 0.05 if scene.wait_s is None else scene.wait_s
    yield from shaped(text="chars", arguments="chars", event_delay_s=delay, writes="event")(scene)


def edited(edit: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Doing:
    """The true stream with its events edited as JSON."""

    def act(scene: Scene) -> Iterator[Act]:
        scene = with_kind(scene, "call")
        bodies: list[dict[str, Any]] = []
        ends: list[Frame] = []
        for frame in scene.voice.frames(scene.speech):
            if frame.data == "[DONE]":
                ends.append(frame)
            else:
                bodies.append(json.loads(frame.data))
        frames = [Frame(json.dumps(body), body.get("type"), _stage(body)) for body in edit(bodies)]
        yield from streamed(scene, frames + ends)

    return act


def _stage(body: dict[str, Any]) -> Any:
    kind = str(body.get("type"))
    return "text" if kind == "content_block_delta" or kind.endswith("text.delta") or body.get("choices") else "other"


def _opens(body: dict[str, Any]) -> bool:
    """Whether an event opens a part: a block's start, or a call's first delta."""
    if body.get("type") in ("content_block_start", "response.output_item.added"):
        return True
    return any(call.get("function", {}).get("name") for call in _calls(body))


def _calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [call for choice in body.get("choices", []) for call in choice["delta"].get("tool_calls", [])]


def without_start(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """No part is opened; their deltas come all the same."""
    return [body for body in bodies if not _opens(body)]


def two_starts(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every part is opened twice."""
    return [each for body in bodies for each in ([body, body] if _opens(body) else [body])]


def two_messages(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first event comes twice."""
    return [bodies[0], *bodies]


def index_jump(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Indexes leave gaps: 0, 7, 14."""
    for body in bodies:
        for name in {"index", "output_index"} & body.keys():
            body[name] *= 7
        for call in _calls(body):
            call["index"] = (call.get("index", 0) + 1) * 7
    return bodies


def after_finish(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first piece of content once more, after the finish reason."""
    content = next(body for body in bodies if _stage(body) == "text")
    return [*bodies, content]


def usage_as(change: Callable[[int, int], Any]) -> Doing:
    """Every count of every usage replaced, given its place in the stream and its true value."""

    def spoil(value: Any, place: int) -> Any:
        if isinstance(value, dict):
            return {name: spoil(inner, place) for name, inner in value.items()}
        return change(place, value) if isinstance(value, int) else value

    def spoiled(body: dict[str, Any], place: int) -> dict[str, Any]:
        for holder in (body, body.get("message", {}), body.get("response", {})):
            if isinstance(holder.get("usage"), dict):
                holder["usage"] = spoil(holder["usage"], place)
        return body

    def act(scene: Scene) -> Iterator[Act]:
        if not scene.stream:
            yield from whole(scene, spoiled(scene.voice.whole(scene.speech), 1))
            return
        scene = msgspec.structs.replace(
            scene,
            speech=msgspec.structs.replace(
                scene.speech, shape=msgspec.structs.replace(scene.shape, usage="every", ignore_include_usage=True)
            ),
        )
        said = []
        for place, frame in enumerate(scene.voice.frames(scene.speech)):
            if frame.data == "[DONE]":
                said.append(frame)
            else:
                said.append(Frame(json.dumps(spoiled(json.loads(frame.data), place)), frame.event, frame.of))
        yield from streamed(scene, said)

    return act


def arguments_as(text: str) -> Doing:
    """A call with these arguments, whatever they are worth."""

    def act(scene: Scene) -> Iterator[Act]:
        parts: tuple[Part, ...] = (Text("I call it."), Call("Bash", scene.value or text, "call_broken"))
        return answer(saying(scene, Reply(parts)))

    return act


def stopped(kind: str) -> Doing:
    """The output limit is met in the middle of a part: a true answer with stop reason `length`."""

    def act(scene: Scene) -> Iterator[Act]:
        scene = with_kind(scene, kind)
        parts: list[Part] = []
        for part in scene.speech.reply.parts:
            match part:
                case Call(name, arguments, id) if kind == "call":
                    parts.append(Call(name, arguments[: len(arguments) // 2], id))
                    break
                case Text(text) if kind == "text":
                    parts.append(Text(text[: len(text) // 2]))
                    break
                case _:
                    parts.append(part)
        return answer(saying(scene, Reply(tuple(parts), stop="length")))

    return act


def refused(scene: Scene) -> Iterator[Act]:
    """A beginning of text, then the model's safety stop as finish reason."""
    return answer(saying(scene, Reply((Text("I cannot help with that."),), stop="refusal")))


def foreign_stop(scene: Scene) -> Iterator[Act]:
    """A stop reason that no published schema knows (value)."""
    reply = msgspec.structs.replace(scene.speech.reply, foreign_stop=scene.value or "novel_reason")
    return answer(saying(scene, reply))


def whole_instead(scene: Scene) -> Iterator[Act]:
    """One JSON document although a stream was asked for."""
    return whole(scene, scene.voice.whole(scene.speech))


def stream_instead(scene: Scene) -> Iterator[Act]:
    """A stream although one JSON document was asked for."""
    ask = msgspec.structs.replace(scene.speech.ask, stream=True, include_usage=True)
    speech = msgspec.structs.replace(scene.speech, ask=ask)
    return answer(msgspec.structs.replace(scene, speech=speech))


def empty_answer(scene: Scene) -> Iterator[Act]:
    """An orderly answer in which nothing was said."""
    return answer(saying(scene, Reply((), stop="stop")))
