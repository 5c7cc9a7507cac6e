"""Gemini's `generateContent`, as a door and as an upstream."""

from __future__ import annotations

from dragoman.dialects.base import Dialect, Embedder
from dragoman.dialects.gemini import embedding
from dragoman.dialects.gemini.concessions import CONCESSIONS
from dragoman.dialects.gemini.edit import edit_reply, editor
from dragoman.dialects.gemini.errors import STATUSES, read_problem, write_problem
from dragoman.dialects.gemini.reply import read_reply, write_reply
from dragoman.dialects.gemini.request import read_request
from dragoman.dialects.gemini.speak import StreamWriter
from dragoman.dialects.gemini.stream import StreamReader
from dragoman.dialects.gemini.wire import NAME
from dragoman.dialects.gemini.write import read_count, tell_count, write_count, write_request

DIALECT = Dialect(
    name=NAME,
    one_part_at_a_time=True,
    path="/v1beta/models/{model}:generateContent",
    stream_path="/v1beta/models/{model}:streamGenerateContent?alt=sse",
    beat=b"",
    stream_type="text/event-stream",
    statuses=STATUSES,
    read_request=read_request,
    write_request=write_request,
    reader=StreamReader,
    read_reply=read_reply,
    writer=StreamWriter,
    write_reply=write_reply,
    read_problem=read_problem,
    write_problem=write_problem,
    editor=editor,
    edit_reply=edit_reply,
    members={
        "system": ("systemInstruction",),
        "tools": ("tools",),
        "tool_choice": ("toolConfig",),
        "max_output": ("generationConfig",),
        "sampling": ("generationConfig",),
        "reasoning": ("generationConfig",),
        "output_shape": ("generationConfig",),
        "stop": ("generationConfig",),
        "service_tier": ("serviceTier",),
    },
    count_path="/v1beta/models/{model}:countTokens",
    write_count=write_count,
    read_count=read_count,
    tell_count=tell_count,
    concessions=CONCESSIONS,
    embedders={
        embedding.PATH: Embedder(
            read_wish=embedding.read_many,
            write_wish=embedding.write_embedding,
            read_vectors=embedding.read_vectors,
            write_vectors=embedding.write_many,
        ),
        embedding.ONE_PATH: Embedder(read_wish=embedding.read_one, write_vectors=embedding.write_one),
    },
)
