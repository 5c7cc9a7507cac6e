"""What every dialect offers, as a record of functions.

Rules: pure (no socket, clock, chance or environment); a reader never raises for what an upstream did; a writer never
says what the events did not. What a dialect needs to know about its counterpart comes as one of the frozen values
below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Raw, Struct, field

from dragoman.canon.embedding import Embedding, Vectors
from dragoman.canon.events import Event
from dragoman.canon.habits import Habits
from dragoman.canon.problem import Problem
from dragoman.canon.reply import Reply
from dragoman.canon.request import Loss, Part, Request, ServerTool, Unknown
from dragoman.canon.schema import Lowered
from dragoman.canon.usage import NOTHING_SAID, Usage


class Target(Struct, frozen=True, kw_only=True):
    """Where a request is going, as far as its writer must know."""

    model: str
    """The upstream's name of the model."""
    origin: str
    """The account; seals of this origin may be sent to it."""
    native: bool = False
    """Whether this is the vendor whose own dialect it is: unmarked seals are its own."""
    stream: bool = True
    habits: Habits = Habits()


class Written(Struct, frozen=True):
    """A request body for an upstream, and what must be remembered to read its answer."""

    body: bytes
    losses: tuple[Loss, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """Tool names as sent, where they differ, to the names the client knows."""
    local_stops: tuple[str, ...] = ()
    """Stop sequences the upstream could not be told, to be enforced here."""
    text_tools: frozenset[str] = frozenset()
    """Names as sent of tools that take free text, for an upstream that knows only JSON: it gives `{"input": text}`."""
    lowered: Mapping[str, Lowered] = field(default_factory=dict)
    """By tool name as sent, schemas that were lowered so that a call's arguments must be brought back from it."""
    functions: Mapping[str, Raw] = field(default_factory=dict)
    """By tool name as sent, the schemas that were offered, where a habit makes the reader need them."""


class Hearing(Struct, frozen=True, kw_only=True):
    """What a reader of an upstream's answer must know."""

    origin: str
    """The account; seals found are bound to it."""
    habits: Habits = Habits()
    names: Mapping[str, str] = field(default_factory=dict)
    """`Written.names`."""
    text_tools: frozenset[str] = frozenset()
    """`Written.text_tools`."""
    lowered: Mapping[str, Lowered] = field(default_factory=dict)
    """`Written.lowered`."""
    functions: Mapping[str, Raw] = field(default_factory=dict)
    """`Written.functions`."""
    lose: Callable[[Loss], None] = lambda _: None
    """Takes what of the answer is not read as it came."""


class Telling(Struct, frozen=True, kw_only=True):
    """What a writer of an answer to a client must know."""

    model: str
    """The model's name as the client asked for it."""
    exchange_id: str
    """For ids the wire needs and the upstream did not give; unique, URL-safe."""
    created_s: int
    """Unix time of the exchange, for wires that carry one."""
    input_estimate: int = 0
    """Prompt tokens as estimated, for wires that tell them at the start."""
    bare_seals: bool = False
    """Whether seals leave unwrapped: the upstream is the door's native vendor and the only account to issue them."""
    include_usage: bool = True
    """Whether the client asked for usage in a stream, on wires where one must ask."""
    legacy_calls: bool = False
    """`Request.legacy_calls`."""
    lose: Callable[[Loss], None] = lambda _: None
    """Is told what of the answer the wire cannot say."""

    def let_go(self, part: Part, instead: str | None = None) -> str | None:
        """The words that stand in a part's place, if any, once its loss is told."""
        kind = part.kind if isinstance(part, ServerTool | Unknown) else type(part).__name__.lower()
        if instead:
            self.lose(Loss(f"answer.{kind}", "The client's wire has no such part; it is told as text."))
        else:
            self.lose(Loss(f"answer.{kind}", "The client's wire has no such part.", "dropped"))
        return instead

    def let_seal_go(self) -> None:
        """Tells that a part's seal has no place."""
        self.lose(Loss("answer.seal", "The client's wire has no place for the seal of such a part.", "dropped"))

    request: Request | None = None
    """What was asked, for wires whose answers repeat it, or say a call as its tool was offered."""


class Reader(Protocol):
    """Turns the bytes of one streamed answer into events. Mutable; one per answer."""

    def feed(self, data: bytes) -> list[Event]:
        """Events completed by these bytes; any slice of the stream will do, and an unfinished frame is kept."""

    def close(self) -> list[Event]:
        """Events due at the end of the bytes: nothing after a proper end, else `Failed(cut_short)`, or a `Finished`
        that was only waiting for late usage."""


class Writer(Protocol):
    """Turns legal events (one open part at a time where the dialect needs it) into bytes for a client. Mutable."""

    def write(self, events: list[Event]) -> bytes:
        """The bytes that say these events; may be empty."""


class Editor(Protocol):
    """Passes an upstream's stream on verbatim but for the listed edits. Mutable; one per answer."""

    def edit(self, data: bytes) -> bytes:
        """All whole frames now complete, edited; an unfinished frame is kept back."""

    def close(self) -> bytes:
        """What was kept back."""


class Upload(Struct, frozen=True):
    """A file that must be uploaded before a request can show it."""

    digest: str
    """Of type and content; the same file is the same upload."""
    media_type: str
    name: str
    data: bytes
    to_png: bool = False
    """Whether it must be made a PNG first, for the vendor does not take its type."""
    most_bytes: int = 0
    """Bytes that the vendor takes; a larger picture must be made smaller first. 0: any number."""
    as_text: bool = False
    """Whether it is not to be uploaded, but told as text where it has any."""


class Uploads(Struct, frozen=True):
    """How a wire that shows files only by id is given them."""

    path: str
    """Path of the endpoint that takes files."""
    find: Callable[[Request], tuple[Upload, ...]]
    """The files of a request that can be uploaded, each once."""
    body: Callable[[Upload], tuple[str, bytes]]
    """Content type and body of the call that uploads one."""
    read: Callable[[bytes], str | None]
    """The id that it was given, in the answer's body."""
    place: Callable[[Request, Mapping[str, str], Mapping[str, str]], Request]
    """The request with files in place by the ids given, by digest, and documents by their texts, likewise."""


class Embedder(Struct, frozen=True, kw_only=True):
    """How one endpoint makes texts vectors. What no client asks for here has no reading, and the reverse."""

    read_wish: Callable[[bytes], Embedding] | None = None
    """A client's body. Raises `Trouble` (invalid_request or unsupported, naming the member)."""
    write_wish: Callable[[Embedding, str], Written] | None = None
    """The body for an upstream, for a model by the upstream's name."""
    read_vectors: Callable[[bytes], Vectors | None] | None = None
    """What an upstream answered; None if it cannot be read. Never raises."""
    write_vectors: Callable[[Vectors, Embedding, str], bytes] | None = None
    """The answer for a client that asked for a model by this name. Raises `ValueError` for what are no vectors."""


class Dialect(Struct, frozen=True, kw_only=True):
    """One wire format, both ways."""

    name: str
    one_part_at_a_time: bool
    """Whether its writer needs `canon.order.SingleFile` before it."""
    path: str
    """Path of the chat endpoint under a provider's base address, as `/v1/messages`; `{model}` stands for the model."""
    beat: bytes
    """A keep-alive for a waiting client, valid between frames and before the first; empty if the wire has none."""
    stream_type: str
    """Content type of a streamed answer."""

    read_request: Callable[[bytes], Request]
    """A client's body as a `Request`. Raises `Trouble` (invalid_request, naming the member) and nothing else."""
    write_request: Callable[[Request, Target], Written]
    """The body for an upstream. Raises `Trouble` (unsupported) for what must not be dropped silently."""
    reader: Callable[[Hearing], Reader]
    read_reply: Callable[[bytes, Hearing], list[Event]]
    """Events of a whole answer: legal, ending in `Finished` or `Failed`; never raises."""
    writer: Callable[[Telling], Writer]
    write_reply: Callable[[Reply, Telling], bytes]
    """A whole answer for a client; the reply has no problem."""
    read_problem: Callable[[int, Mapping[str, str], bytes], Problem]
    """An upstream's answer with a status other than 2xx (headers in lower case) as a problem; never raises."""
    write_problem: Callable[[Problem, str], bytes]
    """An error body for a client, with the request id."""
    editor: Callable[[Hearing, Telling], Editor | None]
    """Edits needed on a verbatim stream (`model` of the first frame, wrapped seals); None if there are none."""
    edit_reply: Callable[[bytes, Hearing, Telling], bytes]
    """The same edits on a verbatim whole answer."""
    members: Mapping[str, tuple[str, ...]]
    """Fields of `Request` that live in top-level members of the body, by field name: what a verbatim body can be
    spliced with. Fields not listed need translation when they change."""
    stream_path: str = ""
    """Path, and query, where a stream is asked for; empty if it is the same."""
    count_path: str = ""
    """Path of the token counting endpoint; empty if the dialect has none."""
    write_count: Callable[[Request, Target], Written] | None = None
    """The body of a token count, for a request of any dialect; None if it cannot be asked so."""
    read_count: Callable[[bytes], int | None] | None = None
    """Tokens in the answer to a token count; None if it tells none. Never raises."""
    statuses: Mapping[int, int] = field(default_factory=dict)
    """Statuses that this wire has no word for, with its own that mean the same."""
    limit_headers: str = ""
    """Beginning of the headers by which its vendor tells of its limits; empty if it has none."""
    tell_count: Callable[[int], bytes] = lambda tokens: b'{"input_tokens":%d}' % tokens
    """The answer to a client that asked for a token count."""
    concessions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Habits that may mend a refusal, by its `Problem.param`: asked again with them, and from then on at once."""
    embedders: Mapping[str, Embedder] = field(default_factory=dict)
    """By path under a base address: the endpoints that make texts vectors. Upstreams are asked by the first."""
    read_use: Callable[[bytes], Usage] = lambda _: NOTHING_SAID
    """What the answer to an errand says it has used. Never raises."""
    uploads: Uploads | None = None
    """How files are shown, where that takes a call of its own first."""
    carries: frozenset[str] = frozenset()
    """Names of top-level members that only this dialect's vendor understands and that may hold local data; a body
    that has one is not passed verbatim to another vendor of the dialect."""
    wants_long_context: Callable[[Mapping[str, str]], bool] = lambda _: False
    """Whether a client's headers (names in lower case) ask for a longer context, where the wire says it there."""
