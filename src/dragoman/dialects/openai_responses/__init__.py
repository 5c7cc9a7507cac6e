"""OpenAI Responses, and the servers compatible with it, both ways.

`request`, `turns`, `parts` and `offers` read what a client asks, `write`, `input`, `content` and `tools` write it for
an upstream; `answer` and `frame` hear what that answers, `speak` and `shell` tell it to a client. `builtin` knows the
tools that have items of their own, `seals` how seals of all wires travel here.
"""

from __future__ import annotations

from functools import partial

from dragoman.dialects.base import Dialect
from dragoman.dialects.error_objects import read_problem, write_problem
from dragoman.dialects.openai_responses.edit import StreamEditor, edit_reply
from dragoman.dialects.openai_responses.reply import read_reply, write_reply
from dragoman.dialects.openai_responses.request import read_request
from dragoman.dialects.openai_responses.speak import BEAT, StreamWriter
from dragoman.dialects.openai_responses.stream import StreamReader
from dragoman.dialects.openai_responses.usage import read_use
from dragoman.dialects.openai_responses.wire import NAME
from dragoman.dialects.openai_responses.write import CONCESSIONS, read_count, tell_count, write_count, write_request

DIALECT = Dialect(
    name=NAME,
    one_part_at_a_time=True,
    path="/responses",
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
    editor=StreamEditor,
    edit_reply=edit_reply,
    members={
        "model": ("model",),
        "tools": ("tools",),
        "tool_choice": ("tool_choice",),
        "parallel_tools": ("parallel_tool_calls",),
        "max_output": ("max_output_tokens",),
        "sampling": ("temperature", "top_p"),
        "reasoning": ("reasoning",),
        "output_shape": ("text",),
        "stream": ("stream",),
        "user": ("user",),
        "service_tier": ("service_tier",),
    },
    count_path="/responses/input_tokens",
    write_count=write_count,
    read_count=read_count,
    tell_count=tell_count,
    concessions=CONCESSIONS,
    read_use=read_use,
)
