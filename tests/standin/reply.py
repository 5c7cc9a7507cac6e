"""What the stand-in says, in its own neutral form, before any wire shape is put on it.

Independent of the gateway on purpose: it is the oracle that the gateway's reading and writing is compared with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Literal

from msgspec import Struct

from tests.standin.shape import Shape

Stop = Literal["stop", "calls", "length", "stop_sequence", "refusal", "pause", "context_full"]


class Text(Struct, frozen=True, tag="text"):
    """Words for the user."""

    text: str


class Thinking(Struct, frozen=True, tag="thinking"):
    """Reasoning shown to the client, or hidden when redacted."""

    text: str
    signature: str | None = None
    """None: the stand-in signs it itself, so that it can recognise it when it comes back."""
    redacted: bool = False
    """True: sent as an opaque block without readable text."""


class Call(Struct, frozen=True, tag="call"):
    """One tool call; the arguments are text, so that they can be broken on purpose."""

    name: str
    arguments: str
    id: str | None = None
    """None: made from the call's content, the same on every retry."""


class Refusal(Struct, frozen=True, tag="refusal"):
    """The model declines; Chat has a member of its own for it, Anthropic says it as text."""

    text: str


Part = Text | Thinking | Call | Refusal


class Usage(Struct, frozen=True):
    """Disjoint token counts, except that `thinking` lies within `output`."""

    input: int = 0
    """Prompt tokens that were neither read from nor written to the cache."""
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    thinking: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.thinking + other.thinking,
        )


class Reply(Struct, frozen=True, tag="reply"):
    """One answer of the model."""

    parts: tuple[Part, ...] = ()
    stop: Stop | None = None
    """None: `calls` when there is a call, else `stop`."""
    stop_text: str | None = None
    """The stop sequence that was met, with stop `stop_sequence`."""
    usage: Usage | None = None
    """None: estimated from the request's and the reply's size."""
    shape: Shape | None = None
    """None: the stand-in's default shape."""
    foreign_stop: str | None = None
    """A stop reason of the wire that no published schema knows; sent instead of `stop`."""

    @property
    def reason(self) -> Stop:
        """The stop reason, derived from the parts when it was not given."""
        if self.stop is not None:
            return self.stop
        return "calls" if self.calls else "stop"

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(part for part in self.parts if isinstance(part, Call))

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))


def said(text: str) -> Reply:
    """A plain text answer."""
    return Reply(parts=(Text(text),))


def estimate(reply: Reply, body_bytes: int) -> Usage:
    """Usage at four bytes a token, never zero."""
    output = sum(len(part.arguments if isinstance(part, Call) else part.text) for part in reply.parts) // 4 + 1
    return Usage(input=body_bytes // 4 + 1, output=output, thinking=min(output, len(reply.thinking) // 4))


class Signer(Struct, frozen=True):
    """Signs thinking for one account, and recognises what this account signed and nobody else."""

    account: str = "standin"

    def sign(self, thinking: str) -> str:
        digest = hmac.new(self.account.encode(), thinking.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.b64encode(b"standin-signature:" + digest.digest()).decode()

    def owns(self, thinking: str, signature: str) -> bool:
        """Whether the signature is ours for this text, or for a text that was not shown (empty)."""
        return hmac.compare_digest(self.sign(thinking), signature)

    def hide(self, thinking: str) -> str:
        """The opaque data of a redacted block: the text and its signature."""
        text = base64.b64encode(thinking.encode()).decode()
        return f"{text}.{self.sign(thinking)}"

    def owns_hidden(self, data: str) -> bool:
        text, dot, signature = data.partition(".")
        try:
            return bool(dot) and self.owns(base64.b64decode(text, validate=True).decode(), signature)
        except ValueError:
            return False


def with_ids(reply: Reply, prefix: str, salt: str) -> Reply:
    """The reply with an id on every call that has none: equal for equal content and salt."""
    parts: list[Part] = []
    for place, part in enumerate(reply.parts):
        if isinstance(part, Call) and part.id is None:
            digest = hashlib.sha256(f"{salt}:{place}:{part.name}:{part.arguments}".encode()).hexdigest()
            parts.append(Call(part.name, part.arguments, f"{prefix}{digest[:24]}"))
        else:
            parts.append(part)
    return Reply(tuple(parts), reply.stop, reply.stop_text, reply.usage, reply.shape, reply.foreign_stop)
