"""The stage of the SDK tests: one gateway before one stand-in, a channel for each wire and for each fault on it.

A fault has a channel for each test so that what the gateway learns from it touches no other test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tests.clients.gateway import Upstream, Wire, gateway
from tests.standin import Call, Reply, StandIn, Text, Thinking, Usage

WIRES: tuple[Wire, ...] = ("openai_chat", "anthropic")
PROVIDERS: dict[Wire, str] = {"openai_chat": "openai", "anthropic": "anthropic"}
"""The vendors themselves, since they know the whole of their dialects."""
MODELS: dict[Wire, str] = {"openai_chat": "gpt-standin", "anthropic": "claude-standin"}

REPLY = Reply(
    (
        Thinking("Подумаю: two files, then a run."),
        Text("Сначала напишу файл ✓ 🎉."),
        Call("Write", '{"file_path": "/tmp/a b.py", "content": "print(\\"привет\\")\\n"}', "call_one"),
        Call("Bash", '{"command": "ls -la"}', "call_two"),
    ),
    usage=Usage(input=100, cache_read=1000, output=70, thinking=20),
)
"""Thinking, text and two calls at once, with letters that take several bytes."""

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
"""A PNG image of one pixel."""
PDF = "JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2c+PgplbmRvYmoKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+PgolJUVPRgo="
"""The smallest of documents."""
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["title", "count"],
    "additionalProperties": False,
}
TOOL_SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}


class Stage(Struct, frozen=True):
    """What a test asks, and what it looks at afterwards."""

    url: str
    """Of the gateway."""
    upstream: StandIn

    def fault(self, key: str, model: str, value: str | None = None) -> None:
        """From now on this model answers with a fault."""
        self.upstream.fault(key, value=value, times=None, when=lambda ask: ask.model == model)

    def script(self, reply: Reply) -> None:
        """What is said next."""
        self.upstream.script(reply)

    @property
    def asked(self) -> dict[str, object]:
        """The last body that reached the upstream."""
        body: dict[str, object] = self.upstream.requests[-1].body
        return body


def fault_model(key: str, wire: Wire, *test: str) -> str:
    """The model that shows one fault on one wire to one test."""
    return "-".join((key, wire, *test))


@contextmanager
def stage(folder: Path, fault_models: Iterable[tuple[str, Wire]]) -> Iterator[Stage]:
    """The gateway and the stand-in, with channels for these models that show faults."""
    with StandIn() as upstream:
        channels = [
            Upstream(
                url=upstream.url,
                provider=PROVIDERS[wire],
                name=model,
                models=(model,),
            )
            for model, wire in [*((MODELS[wire], wire) for wire in WIRES), *fault_models]
        ]
        with gateway(folder, *channels, in_turn=False) as door:
            yield Stage(door.url, upstream)
