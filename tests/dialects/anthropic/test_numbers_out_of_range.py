"""Numbers that are legal JSON and that no float holds, where a word is due: a reader never raises."""

from __future__ import annotations

from msgspec import Raw

from dragoman.canon.events import Finished, PartOpened
from dragoman.canon.request import Unknown
from dragoman.dialects.anthropic import DIALECT
from tests.dialects.anthropic.stage import HEARING

WHOLE = b'{"id":"1","model":"m","content":[],"stop_reason":1e400,"usage":{}}'
START = b'data: {"type":"message_start","message":{"id":"1","model":"m","usage":{}}}\n\n'


def test_a_stop_reason_that_is_no_word_is_unknown() -> None:
    last = DIALECT.read_reply(WHOLE, HEARING)[-1]
    assert isinstance(last, Finished)
    assert last.reason == "unknown"


def test_a_block_of_the_vendors_own_kind_may_grow_by_numbers() -> None:
    reader = DIALECT.reader(HEARING)
    block = b'"index":0,"content_block":{"type":"compaction","content":1e400}}'
    delta = b'"index":0,"delta":{"type":"compaction_delta","content":1e999}}'
    stream = (
        START
        + b'data: {"type":"content_block_start",%b\n\ndata: {"type":"content_block_delta",%b\n\n' % (block, delta)
        + b'data: {"type":"content_block_stop","index":0}\n\n'
    )
    events = [*reader.feed(stream), *reader.close()]
    heads = [event.head for event in events if isinstance(event, PartOpened)]
    assert heads == [Unknown("anthropic", "compaction", Raw(b'{"type":"compaction","content":1e999}'))]
