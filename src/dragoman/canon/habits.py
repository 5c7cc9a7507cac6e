"""What an upstream takes and how it wants it, where servers that speak one dialect differ.

Provider rows set habits, quirks change them for one request, and writers and readers obey them; they live here since
neither of those rooms sees the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Habits(Struct, frozen=True, kw_only=True):
    """What an upstream takes and how it wants it, where servers of one dialect differ. Rows set, quirks change.

    A dialect reads those that concern it and ignores the rest. The defaults are the dialect's own published form.
    """

    max_output_member: str = ""
    """Member that tells the output limit, as `max_tokens` or `max_completion_tokens`; empty: the dialect's own."""
    max_output_limit: int | None = None
    """Tokens the upstream accepts at most; a larger wish is clamped."""
    system_role: str = "system"
    """Role of system messages on a chat wire: `system` or `developer`."""
    system_midway: bool = True
    """Whether a system message may stand between others; if not, it becomes user text."""
    strict_roles: bool = False
    """Whether user and assistant must alternate; if so, neighbours of one role are merged."""
    string_content: bool = False
    """Whether message content must be one plain string where no image is in it."""
    stop_limit: int | None = 4
    """Stop sequences that are sent at most; the rest is enforced here."""
    tool_name_limit: int = 64
    """Characters of a tool's name."""
    tools: bool = True
    tool_budget: int | None = None
    """Tokens that the descriptions of all tools may take together; longer ones are cut. None or 0: as they are."""
    parallel_tools_member: bool = True
    """Whether `parallel_tool_calls` is understood."""
    tool_choice_any: bool = True
    """Whether a call can be demanded (`required`)."""
    tool_strict: bool = True
    """Whether `strict` on a tool is understood."""
    images: bool = True
    image_links: bool = True
    documents: bool = True
    """Whether files (PDF) are understood natively; if not, they become text where that is possible."""
    result_media: bool = True
    """Whether a tool's result may hold pictures and documents, on wires that have a place for them there."""
    json_schema: bool = True
    """Whether any JSON Schema is understood; if not, schemas are lowered to what the dialect says is understood."""
    mixed_tools: bool = True
    """Whether the vendor's own tools, or a shape of the output, may stand beside the client's tools."""
    call_ids: bool = True
    """Whether calls and their results may bear ids, on wires that can do without."""
    count_wrapped: bool = True
    """Whether a token count takes the prompt inside `generateContentRequest`, as Google AI Studio."""
    prefill: bool = True
    """Whether the conversation may end with the assistant's turn; if not, the user is made to speak last."""
    cache_marks: bool = False
    """Whether cache marks may be sent (always true for the dialect that invented them)."""
    effort: str = ""
    """How effort is told: `reasoning_effort`, `reasoning` (object), `thinking` (object), `enable_thinking`; or not."""
    efforts: tuple[str, ...] = ()
    """Words of effort the upstream knows, lowest first; empty: low, medium, high."""
    reasoning_echo: str = ""
    """Member in which earlier thinking must be sent back on assistant turns, as `reasoning_content`; empty: never."""
    summaries: bool = True
    """Whether a summary of thinking may be asked for; OpenAI refuses it to organizations that it has not verified."""
    sealed_thinking: bool = True
    """Whether thinking may be asked for in sealed form, to be given back to a server that keeps nothing."""
    think_tags: bool = False
    """Whether thinking comes inside the text between <think> tags."""
    leaked_calls: bool = False
    """Whether calls that stand in the text are to be read as calls."""
    overescaped: bool = False
    """Whether texts of files in arguments come escaped twice and are to be brought back."""
    repeats: int = 0
    """Times in a row that the same call may give the same result before the model is told so; 0: any number."""
    stream_usage: bool = True
    """Whether `stream_options.include_usage` is understood."""
    output_shapes: tuple[str, ...] = ("json_schema", "json_object")
    """Forms of structured output that are understood."""
    sampling_refused: bool = False
    """Whether temperature, top_p and penalties are refused, as by reasoning models."""
    top_k: bool = False
    """Whether `top_k` is understood."""
    user_limit: int = 64
    """Characters of the user member; a longer identity is hashed. 0: never sent."""
    drop_members: tuple[str, ...] = ()
    """Members of the body that must not be sent, whatever they hold."""
    extra_body: Mapping[str, object] = field(default_factory=dict)
    """Members added to every body."""
