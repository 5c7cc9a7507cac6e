"""Version 1 of the chat API, as a record."""

from __future__ import annotations

from dragoman.dialects.base import Dialect, Embedder
from dragoman.dialects.gigachat import embedding
from dragoman.dialects.gigachat.brevity import TOOL_BUDGET
from dragoman.dialects.gigachat.count import read_count, write_count
from dragoman.dialects.gigachat.edit import StreamEditor, edit_reply
from dragoman.dialects.gigachat.errors import DESCRIPTIONS, EFFORT, FUNCTIONS, LIMIT, read_problem, write_problem
from dragoman.dialects.gigachat.reply import read_reply, write_reply
from dragoman.dialects.gigachat.request import read_request
from dragoman.dialects.gigachat.speak import BEAT, StreamWriter
from dragoman.dialects.gigachat.stream import StreamReader
from dragoman.dialects.gigachat.uploads import UPLOADS
from dragoman.dialects.gigachat.wire import NAME
from dragoman.dialects.gigachat.write import write_request

SMALL_OUTPUT = 8192
"""Tokens that every model writes, as far as others have found; the vendor tells no limit."""

DIALECT = Dialect(
    name=NAME,
    one_part_at_a_time=False,
    path="/chat/completions",
    beat=BEAT,
    stream_type="text/event-stream",
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
        "tools": ("functions",),
        "tool_choice": ("function_call",),
        "max_output": ("max_tokens",),
        "sampling": ("temperature", "top_p"),
        "reasoning": ("reasoning_effort",),
        "output_shape": ("response_format",),
        "stream": ("stream",),
    },
    count_path="/tokens/count",
    write_count=write_count,
    read_count=read_count,
    concessions={
        FUNCTIONS: {"json_schema": False},
        DESCRIPTIONS: {"tool_budget": TOOL_BUDGET},
        LIMIT: {"max_output_limit": SMALL_OUTPUT},
        EFFORT: {"drop_members": (EFFORT,)},
    },
    uploads=UPLOADS,
    embedders={embedding.PATH: Embedder(write_wish=embedding.write_embedding, read_vectors=embedding.read_vectors)},
)
