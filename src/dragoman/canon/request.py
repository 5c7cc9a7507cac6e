"""A request in neutral form: who said what, with which tools, and what is wished of the answer.

Rules. A part is one thing that was said. What a reader does not understand is kept, never lost: whole parts as
`Unknown`, single members as `Extras` under the reader's dialect, which only that dialect's writer emits again.
Arguments of tool calls stay the text they were on the wire.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Raw, Struct


class Extras(Struct, frozen=True):
    """Members that the reader of `dialect` did not take, as raw JSON by member name."""

    dialect: str
    members: dict[str, Raw]


class Seal(Struct, frozen=True):
    """An opaque provider value bound to the account that issued it."""

    origin: str
    """Account that issued it (see `canon.seal`); empty means the native vendor of the dialect it came in."""
    blob: str
    """The value itself. Empty marks text that came unsigned, so that it can find its way back to its origin."""


class CacheMark(Struct, frozen=True):
    """A wish that the prompt up to here be cached."""

    ttl: str | None = None
    """`5m`, `1h`, or None for the provider's default."""


class Inline(Struct, frozen=True):
    """Media carried in the request."""

    media_type: str
    base64: str


class Link(Struct, frozen=True):
    """Media behind an address."""

    url: str


class Stored(Struct, frozen=True):
    """Media kept at a provider, known by an id there."""

    dialect: str
    id: str


Source: TypeAlias = Inline | Link | Stored


class Text(Struct, frozen=True, tag="text"):
    """Words."""

    text: str
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class Image(Struct, frozen=True, tag="image"):
    """A picture."""

    source: Source
    detail: str | None = None
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class Audio(Struct, frozen=True, tag="audio"):
    """Sound."""

    source: Source
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class File(Struct, frozen=True, tag="file"):
    """A document: inline bytes (PDF …), a link, a stored file, or plain text."""

    source: Source | None = None
    text: str | None = None
    """The document itself where it is plain text; then `source` is None."""
    name: str | None = None
    context: str | None = None
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class Thinking(Struct, frozen=True, tag="thinking"):
    """Reasoning. Redacted reasoning has no text and a seal that holds it."""

    text: str
    redacted: bool = False
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class Refusal(Struct, frozen=True, tag="refusal"):
    """The model's words when it declines."""

    text: str
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class ToolCall(Struct, frozen=True, tag="tool_call"):
    """A wish to call a tool."""

    id: str
    name: str
    arguments: str
    """Raw text as it was on the wire: JSON for form `json`, anything for form `text`. May be broken or cut."""
    form: Literal["json", "text"] = "json"
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class ToolResult(Struct, frozen=True, tag="tool_result"):
    """What a tool gave back."""

    call_id: str
    parts: tuple[Part, ...] = ()
    is_error: bool | None = None
    name: str | None = None
    """Name of the tool, where the wire tells it."""
    form: Literal["json", "text"] = "json"
    as_string: bool = False
    """The wire carried one plain string; a writer of that dialect writes one again."""
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class ToolReference(Struct, frozen=True, tag="tool_reference"):
    """A tool found by a search: from now on the tool of this name is offered."""

    name: str
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class ServerTool(Struct, frozen=True, tag="server_tool"):
    """A tool call or result that the provider ran itself; carried whole in its dialect."""

    dialect: str
    kind: str
    """The dialect's own word for it."""
    raw: Raw
    fallback: str | None = None
    """What another dialect may say in its place; None when it can only be dropped, which is a loss."""
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None


class Unknown(Struct, frozen=True, tag="unknown"):
    """A part its reader did not understand; carried whole in its dialect."""

    dialect: str
    kind: str
    """The dialect's own word for it."""
    raw: Raw
    fallback: str | None = None
    cache_mark: CacheMark | None = None
    seal: Seal | None = None
    group: str | None = None
    extras: Extras | None = None
    pictures: tuple[Image, ...] = ()
    """Pictures in it, which `fallback` cannot say."""


Part: TypeAlias = (
    Text | Image | Audio | File | Thinking | Refusal | ToolCall | ToolResult | ToolReference | ServerTool | Unknown
)

Role: TypeAlias = Literal["user", "assistant", "system"]


class Turn(Struct, frozen=True):
    """One message of the conversation. Tool results stand in user turns; a system turn speaks mid-conversation."""

    role: Role
    parts: tuple[Part, ...]
    as_string: bool = False
    """The wire carried one plain string; a writer of that dialect writes one again."""
    extras: Extras | None = None


class Grammar(Struct, frozen=True):
    """The language of the text that a tool takes."""

    syntax: str
    """`lark` or `regex`."""
    definition: str


class Tool(Struct, frozen=True):
    """A tool that the client runs."""

    name: str
    description: str | None = None
    schema: Raw | None = None
    """JSON Schema of the arguments, as it was on the wire."""
    form: Literal["json", "text"] = "json"
    strict: bool | None = None
    deferred: bool = False
    """Not to be shown to the model until a search has referred to it."""
    cache_mark: CacheMark | None = None
    extras: Extras | None = None
    grammar: Grammar | None = None
    """What the text must look like, for form `text`; None where any will do."""


class ProviderTool(Struct, frozen=True):
    """A tool known to a provider by type (web search, bash, text editor …); carried whole in its dialect."""

    dialect: str
    kind: str
    """The dialect's own word for it, as `web_search_20250305`."""
    name: str
    raw: Raw
    cache_mark: CacheMark | None = None


AnyTool: TypeAlias = Tool | ProviderTool


class ToolChoice(Struct, frozen=True):
    """How far the model is free in calling tools."""

    mode: Literal["auto", "any", "none", "one"]
    name: str | None = None
    """The tool that must be called, for mode `one`."""
    extras: Extras | None = None


class Sampling(Struct, frozen=True):
    """Knobs of the sampler; None leaves the provider's default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Words of effort, lowest first."""


class Reasoning(Struct, frozen=True):
    """How much thinking is wished, and whether it is shown."""

    mode: Literal["off", "on", "adaptive"] | None = None
    budget: int | None = None
    """Tokens, for mode `on`."""
    effort: str | None = None
    """`none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max` or a newer word."""
    display: str | None = None
    extras: Extras | None = None


class OutputShape(Struct, frozen=True):
    """The form that the answer's text must take."""

    kind: Literal["json_object", "json_schema"]
    schema: Raw | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extras: Extras | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One wish for an answer, in neutral form."""

    dialect: str
    """The dialect it was read from."""
    model: str
    turns: tuple[Turn, ...]
    system: tuple[Part, ...] = ()
    system_as_string: bool = False
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    legacy_calls: bool = False
    """Whether the client knows calls only in its wire's older form, one to an answer."""
    max_output: int | None = None
    """Most tokens to generate, thinking included."""
    sampling: Sampling = Sampling()
    reasoning: Reasoning = Reasoning()
    output_shape: OutputShape | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    stream_usage: bool = True
    """Whether the client wants token counts in the stream, on wires where one must ask for them."""
    user: str | None = None
    """Opaque identity of the end user or session, as the client gave it."""
    service_tier: str | None = None
    extras: Extras | None = None
    bound: tuple[str, ...] = ()
    """Members that only a server of this dialect can heed, as an earlier answer that it keeps; no other is asked."""
    losses: tuple[Loss, ...] = ()
    """What could not even be read as it was meant; a writer adds these to its own."""


class Loss(Struct, frozen=True):
    """Something that could not be said to the target as the client meant it."""

    what: str
    """Short stable name, as `top_k` or `tool_result.image`; no content."""
    why: str
    """One sentence for people."""
    how: Literal["dropped", "changed"] = "changed"
