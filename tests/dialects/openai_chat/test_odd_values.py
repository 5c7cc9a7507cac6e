"""Values that are legal but that few servers and clients use: none may be lost or bent."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from dragoman.canon.reply import fold
from dragoman.canon.request import ServerTool, Text, ToolCall
from dragoman.dialects.openai_chat import DIALECT
from tests.dialects.openai_chat.wire import HEARING, asked, assistant, user, write


@pytest.mark.parametrize(
    "arguments",
    [
        '{"n":1e400}',
        '{"n":123456789012345678901234567890}',
        '{"n":[1.10,-0.0,1E5]}',
        '{"n":0.1000000000000000055511151231257827}',
    ],
)
def test_numbers_in_arguments_given_as_an_object_stay_as_they_are(arguments: str) -> None:
    call = f'{{"id":"c","type":"function","function":{{"name":"Bash","arguments":{arguments}}}}}'
    message = f'{{"role":"assistant","content":null,"tool_calls":[{call}]}}'
    body = f'{{"id":"a","choices":[{{"index":0,"message":{message},"finish_reason":"tool_calls"}}]}}'

    reply = fold(DIALECT.read_reply(body.encode(), HEARING))

    assert reply.parts == (ToolCall("c", "Bash", arguments),)


def test_a_number_in_place_of_words_is_told_as_it_stands() -> None:
    body = b'{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":4.20},"finish_reason":"stop"}]}'
    assert fold(DIALECT.read_reply(body, HEARING)).parts == (Text("4.20"),)


def test_a_whole_number_of_any_size_stays_exact() -> None:
    seed = 2**63 - 1
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "seed": seed, "max_tokens": 4.0}
    request = DIALECT.read_request(json.dumps(body).encode())
    assert (request.sampling.seed, request.max_output) == (seed, 4)


def test_words_that_stand_for_another_part_are_no_beginning_of_the_next_sentence() -> None:
    searched = ServerTool("tongue", "search_result", Raw(b"{}"), "A page: http://a")
    body, _ = write(asked(user("q"), assistant(searched, "answer", "ed", searched)))
    assert body["messages"][1]["content"] == "A page: http://a\n\nanswered\n\nA page: http://a"
