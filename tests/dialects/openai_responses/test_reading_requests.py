"""Bodies of clients as neutral requests: what each member becomes, and what cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.request import (
    Audio,
    File,
    Inline,
    Seal,
    Text,
    Thinking,
    Tool,
    ToolResult,
)
from dragoman.canon.seal import wrap
from dragoman.dialects.openai_responses import DIALECT
from tests.dialects.openai_responses.stage import (
    Json,
    read,
    write,
)

NAME = DIALECT.name


def fault(**members: Any) -> tuple[Kind, str | None]:
    with pytest.raises(Trouble) as found:
        read(**members)
    return found.value.problem.kind, found.value.problem.param


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"background": True}, "background"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"input": [{"role": "critic", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].file_data"),
        ({"input": [{"type": "function_call", "call_id": "a"}]}, "input[0].name"),
        ({"tools": [{"type": "namespace", "tools": []}]}, "tools[0].name"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(members: Json, param: str) -> None:
    assert fault(**members) == (Kind.INVALID_REQUEST, param)


def test_an_answer_in_the_background_is_refused_in_clear_words() -> None:
    with pytest.raises(Trouble, match="keeps no answers"):
        read(background=True)
    assert read(background=False).extras is None


@pytest.mark.parametrize("member", ["previous_response_id", "conversation", "prompt"])
def test_what_a_server_keeps_binds_a_request_to_this_wire(member: str) -> None:
    request = read(**{member: "x"})
    assert request.bound == (member,)
    assert write(request)[0][member] == "x"


def test_a_request_may_lean_on_an_earlier_answer_and_say_nothing_else() -> None:
    request = DIALECT.read_request(b'{"model":"m","previous_response_id":"resp_1"}')
    assert request.turns == ()
    assert write(request)[0] == {"model": "model-x", "input": [], "stream": True, "previous_response_id": "resp_1"}


def test_results_of_calls_that_a_server_keeps_stand_alone() -> None:
    item = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    body, written = write(read(input=[item], previous_response_id="resp_1"))
    assert body["input"] == [item]
    assert written.losses == ()


def test_an_item_that_is_only_referred_to_binds_too() -> None:
    assert read(input=[{"type": "item_reference", "id": "msg_1"}]).bound == ("item_reference",)
    assert read(input=[{"id": "msg_1"}]).bound == ("item_reference",)


def test_a_wish_to_make_the_conversation_short_binds_too() -> None:
    talk = [{"type": "message", "role": "user", "content": "x"}, {"type": "compaction_trigger"}]
    request = read(input=talk)
    assert request.bound == ("compaction_trigger",)
    assert write(request)[0]["input"] == talk


def test_instructions_and_first_messages_are_the_system() -> None:
    talk = [{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}, {"role": "system", "content": "c"}]
    request = read(input=talk, instructions="i")
    assert [part.text for part in request.system if isinstance(part, Text)] == ["i", "a"]
    assert [turn.role for turn in request.turns] == ["user", "system"]
    assert not request.system_as_string
    assert read(instructions="i").system_as_string


def test_a_message_of_the_model_may_be_one_string() -> None:
    request = read(input=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])
    (item,) = write(request)[0]["input"][1:]
    assert item == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "b", "annotations": []}],
    }


def test_items_of_the_model_that_are_neighbours_are_one_turn() -> None:
    talk = [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}]},
        {"role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{"},
        {"type": "function_call_output", "call_id": "1", "output": [{"type": "input_text", "text": "r"}]},
        {"type": "function_call_output", "call_id": "2", "output": "s"},
    ]
    turns = read(input=talk).turns
    assert [turn.role for turn in turns] == ["assistant", "user"]
    assert [type(part).__name__ for part in turns[0].parts] == ["Thinking", "Text", "ToolCall"]
    assert [part.as_string for part in turns[1].parts if isinstance(part, ToolResult)] == [False, True]


def test_a_cut_message_of_the_model_keeps_its_status() -> None:
    item = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "incomplete",
        "content": [{"type": "output_text", "text": "x", "annotations": []}],
    }
    assert write(read(input=[item]))[0]["input"] == [item]


def test_content_of_the_model_that_nobody_knows_stays_in_its_message() -> None:
    content = [{"type": "output_text", "text": "x", "annotations": []}, {"type": "output_audio", "data": "aGk="}]
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    assert write(read(input=[item]))[0]["input"] == [item]


def test_a_seal_of_another_account_is_known_again() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": wrap(Seal("claude", "=sig"))}
    (part,) = read(input=[item]).turns[0].parts
    assert part == Thinking("", seal=Seal("claude", "sig"), group="rs_1")


def test_a_carried_seal_is_known_where_a_client_gave_it_empty_words() -> None:
    talk = [
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": ""}],
            "encrypted_content": wrap(Seal("gemini", "<sig")),
        },
    ]
    (part,) = read(input=talk).turns[0].parts
    assert part.seal == Seal("gemini", "sig")


def test_reasoning_without_words_or_seal_is_kept() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    (part,) = read(input=[item]).turns[0].parts
    assert part == Thinking("", group="rs_1")
    assert write(read(input=[item]))[0]["input"] == [item]


def test_a_format_that_is_no_grammar_is_left_as_it_is() -> None:
    tool = {"type": "custom", "name": "t", "format": {"type": "grammar", "syntax": "lark"}}
    for given in (tool, {**tool, "format": None}):
        (found,) = read(tools=[given]).tools
        assert isinstance(found, Tool)
        assert found.grammar is None
    assert write(read(tools=[tool]))[0]["tools"] == [tool]


def test_an_unknown_format_of_the_answer_is_left_as_it_is() -> None:
    text = {"format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
    request = read(text=text)
    assert request.output_shape is None
    assert write(request)[0]["text"] == text


def test_sound_is_read_and_written_again() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    request = read(input=[{"type": "message", "role": "user", "content": [sound]}])
    assert write(request)[0]["input"][0]["content"] == [sound]
    odd = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "flac"}}
    assert read(input=[{"role": "user", "content": [odd]}]).turns[0].parts[0] == Audio(Inline("audio/flac", "aGk="))


def test_a_file_that_is_no_address_is_taken_for_a_pdf() -> None:
    item = {"type": "input_file", "filename": "a.pdf", "file_data": "aGk="}
    (part,) = read(input=[{"role": "user", "content": [item]}]).turns[0].parts
    assert part == File(Inline("application/pdf", "aGk="), name="a.pdf")
