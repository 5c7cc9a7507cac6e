"""The Anthropic Messages dialect, as a door and as an upstream."""

from __future__ import annotations

from dragoman.dialects.anthropic.answer import read_reply
from dragoman.dialects.anthropic.body import CARRIES, write_count_request, write_request
from dragoman.dialects.anthropic.count import read_count, write_count
from dragoman.dialects.anthropic.edit import StreamEditor, edit_reply
from dragoman.dialects.anthropic.errors import read_problem, write_problem
from dragoman.dialects.anthropic.reader import StreamReader
from dragoman.dialects.anthropic.reply import write_reply
from dragoman.dialects.anthropic.request import read_request, wants_long_context
from dragoman.dialects.anthropic.words import NAME
from dragoman.dialects.anthropic.writer import BEAT, StreamWriter
from dragoman.dialects.base import Dialect

DIALECT = Dialect(
    name=NAME,
    one_part_at_a_time=True,
    path="/v1/messages",
    beat=BEAT,
    stream_type="text/event-stream; charset=utf-8",
    read_request=read_request,
    write_request=write_request,
    reader=StreamReader,
    read_reply=read_reply,
    writer=StreamWriter,
    write_reply=write_reply,
    read_problem=read_problem,
    write_problem=write_problem,
    editor=StreamEditor,
    edit_reply=edit_reply,
    members={
        "model": ("model",),
        "system": ("system",),
        "tools": ("tools",),
        "tool_choice": ("tool_choice",),
        "parallel_tools": ("tool_choice",),
        "max_output": ("max_tokens",),
        "sampling": ("temperature", "top_p", "top_k"),
        "reasoning": ("thinking", "output_config"),
        "output_shape": ("output_config",),
        "stop": ("stop_sequences",),
        "stream": ("stream",),
        "user": ("metadata",),
        "service_tier": ("service_tier",),
    },
    limit_headers="anthropic-ratelimit-",
    count_path="/v1/messages/count_tokens",
    write_count=write_count_request,
    read_count=read_count,
    carries=CARRIES,
    wants_long_context=wants_long_context,
)

__all__ = ["DIALECT", "read_count", "write_count", "write_count_request"]
