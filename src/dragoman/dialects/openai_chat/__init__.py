"""OpenAI Chat Completions, and the servers compatible with it, both ways."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from dragoman.dialects.base import Dialect, Embedder
from dragoman.dialects.error_objects import read_problem, write_problem
from dragoman.dialects.openai_chat import completions, embedding
from dragoman.dialects.openai_chat.edit import StreamEditor, edit_reply
from dragoman.dialects.openai_chat.reply import read_reply, write_reply
from dragoman.dialects.openai_chat.request import read_request
from dragoman.dialects.openai_chat.speak import BEAT, StreamWriter
from dragoman.dialects.openai_chat.stream import StreamReader
from dragoman.dialects.openai_chat.wire import NAME
from dragoman.dialects.openai_chat.write import write_request

DIALECT = Dialect(
    name=NAME,
    one_part_at_a_time=False,
    path="/chat/completions",
    beat=BEAT,
    stream_type="text/event-stream",
    statuses={529: 503},
    read_request=read_request,
    write_request=write_request,
    reader=StreamReader,
    read_reply=read_reply,
    writer=StreamWriter,
    write_reply=write_reply,
    read_problem=partial(read_problem, NAME),
    write_problem=partial(write_problem, NAME),
    limit_headers="x-ratelimit-",
    embedders={
        embedding.PATH: Embedder(
            read_wish=embedding.read_embedding,
            write_wish=embedding.write_embedding,
            read_vectors=embedding.read_vectors,
            write_vectors=embedding.write_vectors,
        )
    },
    read_use=embedding.read_use,
    editor=StreamEditor,
    edit_reply=edit_reply,
    members={
        "model": ("model",),
        "tools": ("tools",),
        "tool_choice": ("tool_choice",),
        "parallel_tools": ("parallel_tool_calls",),
        "max_output": ("max_tokens", "max_completion_tokens"),
        "sampling": ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"),
        "reasoning": ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget"),
        "output_shape": ("response_format",),
        "stop": ("stop",),
        "stream": ("stream", "stream_options"),
        "stream_usage": ("stream_options",),
        "user": ("user",),
        "service_tier": ("service_tier",),
    },
)

COMPLETIONS = replace(
    DIALECT,
    name=completions.NAME,
    read_request=completions.read_completion,
    writer=completions.CompletionWriter,
    write_reply=completions.write_completion,
    members={},
)
"""A door alone: no upstream is asked so."""
