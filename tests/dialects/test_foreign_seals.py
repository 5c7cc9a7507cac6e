"""An unmarked seal belongs to the native vendor of the wire it came in, and to no other native vendor."""

from __future__ import annotations

from dragoman.assembly import DIALECTS
from dragoman.canon.habits import Habits
from dragoman.canon.request import Request, Seal, Text, Thinking, ToolCall, ToolResult, Turn
from dragoman.dialects.base import Dialect, Target


def asked_in(dialect: str) -> Request:
    """A turn with thinking and a call, sealed by whoever is native to a wire."""
    seal = Seal("", "c2VhbGVkLWVsc2V3aGVyZQ==")
    call = ToolCall("call_1", "read", "{}", seal=seal)
    turns = (
        Turn("user", (Text("Look."),)),
        Turn("assistant", (Thinking("Hm.", seal=seal), call)),
        Turn("user", (ToolResult("call_1", (Text("done"),)),)),
    )
    return Request(dialect=dialect, model="m", turns=turns, max_output=4000)


def written(upstream: Dialect, request: Request) -> bytes:
    """What the native vendor of a dialect is sent."""
    habits = Habits(reasoning_echo="reasoning_content")
    return upstream.write_request(request, Target(model="m", origin="account", native=True, habits=habits)).body


def test_no_native_vendor_is_sent_the_unmarked_seal_of_another() -> None:
    for upstream in DIALECTS:
        for other in DIALECTS:
            if other.name != upstream.name:
                assert b"c2VhbGVk" not in written(upstream, asked_in(other.name)), (other.name, upstream.name)
