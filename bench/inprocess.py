"""Measures 11 and 12: what translation itself costs, without any socket. Prints one line of JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import bodies
from dragoman.canon.order import OrderKeeper, SingleFile
from dragoman.dialects.base import Dialect, Hearing, Target, Telling

EXTRA_PACKAGES = Path(__file__).parent / "build" / "python"
EVENTS = 1_000
REPEATS = 15
MODEL = "bench-text-32x20-e1-p0"


def main() -> None:
    sys.path.append(str(EXTRA_PACKAGES))
    anthropic, chat = dialect("anthropic"), dialect("openai_chat")
    body = bodies.dump(bodies.large(MODEL))
    round_trip, note = json_round_trip()
    request_us, json_us = side_by_side(lambda: translate_request(anthropic, chat, body), lambda: round_trip(body))
    frames = chat_frames()
    (stream_us,) = side_by_side(lambda: translate_stream(chat, anthropic, frames))
    figures = {
        "request_us": request_us,
        "json_us": json_us,
        "request_ratio": request_us / json_us,
        "event_us": stream_us / len(frames),
        "skipped": {"orjson": note} if note else {},
    }
    print(json.dumps(figures))


def dialect(name: str) -> Dialect:
    """The one dialect record that the folder of this name offers."""
    module = importlib.import_module(f"dragoman.dialects.{name}")
    found = [value for value in vars(module).values() if isinstance(value, Dialect)]
    if not found:
        raise SystemExit(f"dragoman.dialects.{name} offers no Dialect")
    return found[0]


def json_round_trip() -> tuple[Callable[[bytes], bytes], str]:
    """What measure 11 is compared with, and a note where it is not orjson."""
    try:
        orjson = importlib.import_module("orjson")
    except ImportError:
        note = (
            f"not installed (pip install --target {EXTRA_PACKAGES} orjson); 11 is against msgspec's untyped round trip"
        )
        return (lambda body: msgspec.json.encode(msgspec.json.decode(body))), note
    return (lambda body: orjson.dumps(orjson.loads(body))), ""


def translate_request(door: Dialect, upstream: Dialect, body: bytes) -> bytes:
    return upstream.write_request(door.read_request(body), Target(model=MODEL, origin="bench")).body


def chat_frames() -> list[bytes]:
    """Deltas of 20 bytes as the stand-in writes them, an escape in every fourth, each a network read of its own."""
    head = (
        f'data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1763600000,"model":"{MODEL}",'
        '"system_fingerprint":"fp_bench","choices":[{"index":0,"delta":{"content":"'
    )
    texts = [
        f"{number} the quick brown fox jumps"[:18] + ("\\n" if number % 4 == 3 else "ab") for number in range(EVENTS)
    ]
    return [f'{head}{text}"}},"finish_reason":null}}]}}\n\n'.encode() for text in texts]


def translate_stream(upstream: Dialect, door: Dialect, frames: list[bytes]) -> None:
    """Each frame read, its events kept in order and written, as a stream's are."""
    feed = upstream.reader(Hearing(origin="bench")).feed
    keep = OrderKeeper().keep
    line_up = SingleFile().line_up if door.one_part_at_a_time else list
    write = door.writer(Telling(model=MODEL, exchange_id="bench", created_s=1763600000)).write
    for frame in frames:
        write(line_up(keep(feed(frame))))


def side_by_side(*works: Callable[[], object]) -> tuple[float, ...]:
    """The least time of each in microseconds, taken in turn so that a slow moment meets all alike."""
    least = [float("inf")] * len(works)
    for _ in range(REPEATS):
        for place, work in enumerate(works):
            began = time.perf_counter_ns()
            for _ in range(10):
                work()
            least[place] = min(least[place], (time.perf_counter_ns() - began) / 10_000)
    return tuple(least)


if __name__ == "__main__":
    main()
