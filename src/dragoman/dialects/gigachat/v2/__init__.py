"""GigaChat's chat API, version 2, towards the vendor: no client speaks it here, so that door's side is version 1's."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from dragoman.dialects.gigachat.reply import read_reply
from dragoman.dialects.gigachat.stream import StreamReader
from dragoman.dialects.gigachat.v2.chunk import WIRE
from dragoman.dialects.gigachat.v2.wire import NAME
from dragoman.dialects.gigachat.v2.write import write_request
from dragoman.dialects.gigachat.version1 import DIALECT as VERSION_1

DIALECT = replace(
    VERSION_1,
    name=NAME,
    path="/v2/chat/completions",
    write_request=write_request,
    reader=partial(StreamReader, wire=WIRE),
    read_reply=partial(read_reply, wire=WIRE),
    members={},
)
