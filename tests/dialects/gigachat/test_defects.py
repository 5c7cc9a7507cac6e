"""What the proxies that exist do wrong with this wire, each defect by its letter: here it is done right.

Where a defect is of the door's side, GigaChat's events go through the writer of that door.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.events import Event, PartOpened
from dragoman.canon.order import OrderKeeper, SingleFile
from dragoman.canon.problem import Kind
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import File, Inline, Reasoning, Seal, Text, Tool, ToolCall, ToolChoice
from dragoman.canon.usage import Usage
from dragoman.dialects import anthropic, gemini, openai_chat, openai_responses
from dragoman.dialects.base import Dialect, Hearing
from dragoman.dialects.gigachat import DIALECT
from tests.dialects.gigachat.stage import (
    HEARING,
    NEWER,
    OLDER,
    TELLING,
    Json,
    asked,
    assistant,
    called,
    chunk,
    ending,
    events,
    function,
    gave,
    gist,
    heard,
    losses,
    messages,
    scene,
    sse,
    target,
    user,
    write,
)

READ = Tool("Read", "Reads a file.", Raw(b'{"type":"object","properties":{"path":{"type":"string"}}}'))
DOORS = (anthropic.DIALECT, openai_chat.DIALECT, openai_responses.DIALECT, gemini.DIALECT)
CALL = ("call", "Read", '{"path":"ёж.py","limit":10}')


def told(door: Dialect, said: list[Event]) -> bytes:
    """What a client of a door gets for these events."""
    lined = SingleFile().line_up(said) if door.one_part_at_a_time else said
    return door.writer(TELLING).write(lined)


def read_back(door: Dialect, stream: bytes) -> Reply:
    """What a client of a door understands."""
    reader = door.reader(HEARING)
    found = [*reader.feed(stream), *reader.close()]
    assert OrderKeeper().keep(found) == found
    return fold(found)


def frames(stream: bytes) -> list[Json]:
    """The JSON of each frame."""
    lines = [line.removeprefix(b"data: ") for line in stream.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line) for line in lines]


def test_a_a_call_after_text_is_a_block_of_its_own() -> None:
    stream = told(anthropic.DIALECT, events(scene("text_then_call.sse")))
    steps = [(each["type"], each.get("index")) for each in frames(stream) if each["type"].startswith("content_block")]
    starts = [step for step in steps if step[0] == "content_block_start"]
    stops = [step for step in steps if step[0] == "content_block_stop"]
    assert [index for _, index in starts] == [index for _, index in stops] == list(range(len(starts)))
    for place in range(len(starts) - 1):
        assert steps.index(stops[place]) < steps.index(starts[place + 1])
    assert ("text", "Сейчас прочту файл.") in gist(read_back(anthropic.DIALECT, stream))
    assert CALL in gist(read_back(anthropic.DIALECT, stream))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
@pytest.mark.parametrize("name", ["text_then_call.sse", "call_with_finish.sse"])
def test_b_a_call_and_its_finish_may_come_in_one_chunk_or_two(door: Dialect, name: str) -> None:
    reply = read_back(door, told(door, events(scene(name))))
    assert [part for part in gist(reply) if part[0] == "call"]
    assert ending(reply) == "tool_calls"


def test_c_a_chat_client_gets_tool_calls_with_an_id_and_its_own_word_for_censorship() -> None:
    said = frames(told(openai_chat.DIALECT, events(scene("text_then_call.sse"))))
    deltas = [choice["delta"] for each in said for choice in each["choices"]]
    opened = [delta["tool_calls"][0] for delta in deltas if delta.get("tool_calls") and "id" in delta["tool_calls"][0]]
    assert [(call["function"]["name"], bool(call["id"])) for call in opened] == [("Read", True)]
    assert not [delta for delta in deltas if "function_call" in delta]
    censored = told(openai_chat.DIALECT, events(scene("censored.sse")))
    assert b'"content_filter"' in censored
    assert b"blacklist" not in censored


def test_d_parts_have_indices_of_their_own() -> None:
    opened = [event.index for event in events(scene("text_then_call.sse")) if isinstance(event, PartOpened)]
    assert opened == [0, 1]


def test_d_a_client_of_responses_gets_a_call_beside_the_message_and_not_in_its_place() -> None:
    said = frames(told(openai_responses.DIALECT, events(scene("text_then_call.sse"))))
    added = [each for each in said if each["type"] == "response.output_item.added"]
    places = {each["item"]["type"]: each["output_index"] for each in added}
    assert places["function_call"] > places["message"]
    done = [each["output_index"] for each in said if each["type"] == "response.output_item.done"]
    assert sorted(done) == sorted(each["output_index"] for each in added) == sorted(set(done))


def test_e_two_calls_in_a_turn_are_two_calls() -> None:
    streamed = fold(events(scene("two_calls.sse")))
    calls = [part for part in streamed.parts if isinstance(part, ToolCall)]
    assert [call.arguments for call in calls] == ['{"path":"a"}', '{"path":"b"}']
    assert calls[0].id != calls[1].id
    assert all(call.seal is not None for call in calls)
    for door in DOORS:
        both = read_back(door, told(door, events(scene("two_calls.sse"))))
        assert [part[2] for part in gist(both) if part[0] == "call"] == ['{"path":"a"}', '{"path":"b"}']


def test_e_a_call_told_twice_is_one_call() -> None:
    call = function("Read", {"path": "a"})
    assert len(heard(chunk(call), chunk(call, "function_call")).parts) == 1


def test_f_parallel_calls_of_the_history_are_told_one_by_one_each_with_its_result() -> None:
    said = messages(
        asked(
            user("go"),
            assistant("I read both.", called("a", arguments='{"path":"a"}'), called("b", arguments='{"path":"b"}')),
            user(gave("b", "B"), gave("a", "A"), "and now?"),
            tools=(READ,),
        )
    )
    assert [(each["role"], each["content"]) for each in said] == [
        ("user", "go"),
        ("assistant", "I read both."),
        ("function", '{"result":"A"}'),
        ("assistant", ""),
        ("function", '{"result":"B"}'),
        ("user", "and now?"),
    ]
    assert [each["function_call"]["arguments"] for each in said if "function_call" in each] == [
        {"path": "a"},
        {"path": "b"},
    ]


@pytest.mark.parametrize("text", ["12345", "", "{'a': True}", "NaN", '{"a":1}', "[1]", "None", "0x10", '"quoted"'])
def test_g_a_result_is_the_tool_s_text_and_nothing_that_it_looks_like(text: str) -> None:
    said = messages(asked(user("go"), assistant(called("a")), user(gave("a", text)), tools=(READ,)))
    assert json.loads(said[-1]["content"]) == {"result": text}


def test_g_a_failed_tool_s_result_says_so() -> None:
    body, written = write(asked(user("go"), assistant(called("a")), user(gave("a", "no file", is_error=True))))
    assert json.loads(body["messages"][-1]["content"]) == {"result": "Error: no file", "is_error": True}
    assert "tool_result.is_error" in losses(written)


def test_g_pictures_and_documents_are_never_dropped_in_silence() -> None:
    picture = Inline("image/png", "iVBORw0KGgo=")
    request = asked(
        user("see", File(Inline("application/pdf", "JVBERi0="), name="a.pdf")),
        assistant(called("a")),
        user(gave("a", "shot", File(picture))),
    )
    body, written = write(request)
    assert "[A document was here, named a.pdf; it cannot be shown to this model.]" in body["messages"][0]["content"]
    assert "it cannot be shown to this model" in body["messages"][-1]["content"]
    assert "file" in losses(written)


def test_h_usage_tells_the_prompt_and_what_of_it_was_cached() -> None:
    reply = fold(events(scene("text_then_call.sse")))
    assert reply.usage == Usage(input=17, cache_read=100, output=23)
    last = frames(told(anthropic.DIALECT, events(scene("text_then_call.sse"))))[-2]
    assert last["usage"]["input_tokens"] == 17
    assert last["usage"]["cache_read_input_tokens"] == 100
    assert last["usage"]["output_tokens"] == 23


@pytest.mark.parametrize(
    ("name", "meant", "word"),
    [
        ("cut_at_the_limit.sse", "max_output", "max_tokens"),
        ("censored.sse", "refusal", "refusal"),
        ("text_then_call.sse", "tool_calls", "tool_use"),
        ("thinks_then_answers.sse", "end", "end_turn"),
    ],
)
def test_i_every_finish_reason_is_told(name: str, meant: str, word: str) -> None:
    assert ending(fold(events(scene(name)))) == meant
    stops = [each["delta"]["stop_reason"] for each in frames(told(anthropic.DIALECT, events(scene(name))))[-2:-1]]
    assert stops == [word]


def test_i_an_answer_with_no_valid_call_is_a_failure_and_not_an_end() -> None:
    reply = fold(events(scene("writes_no_valid_call.sse")))
    assert ending(reply) == Kind.UPSTREAM_ERROR
    assert reply.problem is not None
    assert reply.problem.retryable


def test_j_an_error_within_a_stream_keeps_its_status_and_tells_no_address() -> None:
    limited = '{"status":429,"message":"Too many requests"}'
    reply = heard(limited)
    assert reply.problem is not None
    assert reply.problem.kind is Kind.RATE_LIMITED
    assert "http" not in reply.problem.message
    later = fold(events(scene("fails_midway.sse")))
    assert ending(later) == Kind.UPSTREAM_ERROR
    assert gist(later) == [("text", "Половина")]


@pytest.mark.parametrize(
    ("reasoning", "word"),
    [
        (Reasoning("adaptive", effort="high"), "high"),
        (Reasoning(effort="minimal"), "low"),
        (Reasoning(effort="max"), "high"),
        (Reasoning("on", 2000), "low"),
        (Reasoning("on", 30000), "high"),
        (Reasoning("off", effort="high"), "low"),
        (Reasoning("adaptive"), None),
        (Reasoning(), None),
    ],
)
def test_k_a_wish_for_thinking_is_told_in_the_vendor_s_words(reasoning: Reasoning, word: str | None) -> None:
    body, written = write(asked(reasoning=reasoning), NEWER)
    assert body.get("reasoning_effort") == word
    if reasoning.effort in ("minimal", "max"):
        assert "reasoning.effort" in losses(written)
    assert "reasoning_effort" not in write(asked(reasoning=reasoning), OLDER)[0]


def test_k_a_demand_for_any_call_forces_the_only_function_or_is_made_in_words() -> None:
    one = write(asked(tools=(READ,), tool_choice=ToolChoice("any")))[0]
    assert one["function_call"] == {"name": "Read"}
    body, written = write(asked(tools=(READ, Tool("Write")), tool_choice=ToolChoice("any")))
    assert body["function_call"] == "auto"
    assert "Answer with a function call now" in body["messages"][0]["content"]
    assert "tool_choice" in losses(written)


def test_k_a_tool_of_free_text_is_offered_and_its_call_read_back() -> None:
    patch = Tool("apply_patch", "Changes files.", form="text")
    history = asked(
        user("go"),
        assistant(called("a", "apply_patch", "*** Begin", form="text")),
        user(gave("a", "ok")),
        tools=(patch,),
    )
    body, written = write(history)
    assert body["functions"][0]["parameters"]["properties"] == {"input": {"type": "string"}}
    assert body["messages"][1]["function_call"]["arguments"] == {"input": "*** Begin"}
    hearing = Hearing(origin="giga", text_tools=written.text_tools)
    for arguments, text in (({"input": "*** Begin"}, "*** Begin"), ({"other": 1}, '{"other":1}'), ("raw {", "raw {")):
        reply = heard(chunk(function("apply_patch", arguments), "function_call"), hearing=hearing)
        part = reply.parts[0]
        assert isinstance(part, ToolCall)
        assert (part.form, part.arguments.replace(" ", "")) == ("text", text.replace(" ", ""))


def test_l_tokens_are_counted_for_the_model_that_will_answer_with_tools_and_calls() -> None:
    assert DIALECT.write_count is not None
    assert DIALECT.read_count is not None
    request = asked(user("имя"), assistant(called("a", arguments='{"path":"a"}')), user(gave("a", "A")), tools=(READ,))
    body = json.loads(DIALECT.write_count(request, target()).body)
    assert body["model"] == "GigaChat-2-Max"
    assert set(body) == {"model", "input"}
    assert json.loads(DIALECT.write_count(asked(user("имя")), target()).body)["input"] == ["имя"]
    assert [text for text in body["input"] if text in ("имя", '{"result":"A"}')] == ["имя", '{"result":"A"}']
    assert any("Reads a file." in text for text in body["input"])
    assert any('"path":"a"' in text for text in body["input"])
    assert DIALECT.read_count(b'[{"object":"tokens","tokens":3,"characters":9},{"tokens":4}]') == 7
    for bad in (b"[]", b'[{"characters":9}]', b"{}", b"\xff"):
        assert DIALECT.read_count(bad) is None


def test_m_a_state_id_goes_back_to_its_account_and_never_a_client_s_call_id() -> None:
    reply = fold(events(scene("text_then_call.sse")))
    call = next(part for part in reply.parts if isinstance(part, ToolCall))
    history = asked(user("go"), assistant("Сейчас", call), user(gave(call.id, "text")))
    said = messages(history)
    assert said[1]["functions_state_id"] == "77d3fb14-457a-46ba-937e-8d856156d003"
    other = called("toolu_1", seal=Seal("claude", "c2ln"))
    body, written = write(asked(user("go"), assistant(other), user(gave("toolu_1", "text"))))
    assert "functions_state_id" not in body["messages"][1]
    assert "seal" in losses(written)


def test_m_a_state_id_that_comes_with_a_call_is_told_before_it_however_the_chunks_arrive() -> None:
    reader, writer = DIALECT.reader(HEARING), anthropic.DIALECT.writer(TELLING)
    pieces = [piece + b"\n\n" for piece in scene("text_then_call.sse").split(b"\n\n")]
    stream = b"".join(writer.write(reader.feed(piece)) for piece in pieces) + writer.write(reader.close())
    starts = [each["content_block"]["type"] for each in frames(stream) if each["type"] == "content_block_start"]
    assert starts == ["text", "thinking", "tool_use"]


def test_m_a_state_id_survives_a_client_of_messages_and_of_chat() -> None:
    said = fold(events(scene("text_then_call.sse")))
    for door in (anthropic.DIALECT, openai_chat.DIALECT):
        body = json.loads(door.write_reply(said, TELLING))
        message = body["choices"][0]["message"] if "choices" in body else {k: body[k] for k in ("role", "content")}
        back: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}, message]}
        call = next(p for p in door.read_request(json.dumps(back).encode()).turns[1].parts if isinstance(p, ToolCall))
        assert call.seal is not None
        assert (call.seal.origin, call.seal.blob) == ("giga", "77d3fb14-457a-46ba-937e-8d856156d003")


def test_n_a_conversation_in_which_nobody_speaks_is_not_sent_empty() -> None:
    for request in (asked(user()), asked(user(Text(""))), asked(user("x"), system=(Text("only"),))):
        assert any(each["role"] == "user" and each["content"] for each in messages(request))


def test_n_built_in_functions_at_work_are_signs_of_life_only() -> None:
    found = events(scene("draws_a_picture.sse"))
    assert [type(event).__name__ for event in found[:3]] == ["Started", "Beat", "PartOpened"]
    assert gist(fold(found)) == [("text", '<img src="b28fbd6d-4b7a-4a1e-a5a7-6c2d1bd1f9d5" fuse="true"/> кот')]


def test_o_cyrillic_is_sent_as_it_is() -> None:
    written = DIALECT.write_request(asked(user("Привет, ёж")), target())
    assert "Привет, ёж".encode() in written.body
    assert "Привет".encode() in told(DIALECT, events(sse(chunk({"content": "Привет"}, "stop"))))


def test_p_nothing_of_the_client_s_own_vendor_reaches_the_wire() -> None:
    request = asked(
        user("hi"),
        system=(Text("x-anthropic-billing-header: cc_version=2; cch=abc12;"), Text("You help.")),
        user='{"session_id":"secret-session"}',
        service_tier="auto",
    )
    body, written = write(request)
    assert body["messages"][0] == {"role": "system", "content": "You help."}
    assert "secret-session" not in json.dumps(body)
    assert {"system.billing_line", "user", "service_tier"} <= set(losses(written))
