"""What the vendor's answers mean, how they are told to a client of this wire, and errors both ways."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from dragoman.canon.events import (
    Beat,
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Started,
    UsageSeen,
)
from dragoman.canon.problem import Kind, problem
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Extras, Refusal, Seal, ServerTool, Text, Thinking, ToolCall
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Hearing
from dragoman.dialects.gigachat import DIALECT
from dragoman.dialects.sse import FRAME_LIMIT
from tests.dialects.gigachat.stage import (
    BARE,
    HEARING,
    ORIGIN,
    OWN,
    TELLING,
    chunk,
    ending,
    events,
    function,
    gist,
    heard,
    scene,
    sse,
)

CLAIMS = {
    "text_then_call": (
        [("text", "Сейчас прочту файл."), ("call", "Read", '{"path":"ёж.py","limit":10}')],
        "tool_calls",
    ),
    "call_with_finish": ([("call", "Read", '{"path":"a"}')], "tool_calls"),
    "two_calls": ([("call", "Read", '{"path":"a"}'), ("call", "Read", '{"path":"b"}')], "tool_calls"),
    "thinks_then_answers": ([("thinking", "Надо подумать."), ("text", "Готово")], "end"),
    "censored": ([("text", "Не люблю менять тему разговора, но вот сейчас тот самый случай.")], "refusal"),
    "draws_a_picture": ([("text", '<img src="b28fbd6d-4b7a-4a1e-a5a7-6c2d1bd1f9d5" fuse="true"/> кот')], "end"),
    "fails_midway": ([("text", "Половина")], "upstream_error"),
    "writes_no_valid_call": ([("text", "Запишу")], "upstream_error"),
    "stops_without_a_word": ([("text", "Пишу"), ("call", "Write", '{"path":"a"}')], "cut_short"),
    "cut_at_the_limit": ([("text", "Длинный")], "max_output"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_scene_amounts_to(name: str) -> None:
    reply = fold(events(scene(f"{name}.sse")))
    assert (gist(reply), ending(reply)) == CLAIMS[name]


def test_every_scene_has_its_claim() -> None:
    assert {path.stem for path in OWN.glob("*.sse")} == CLAIMS.keys()


@pytest.mark.parametrize("name", ["text_then_call", "call_with_finish", "thinks_then_answers", "censored"])
def test_law_5_a_whole_answer_folds_like_a_streamed_one(name: str) -> None:
    streamed = fold(events(scene(f"{name}.sse")))
    whole = fold(DIALECT.read_reply(DIALECT.write_reply(streamed, BARE), HEARING))
    assert gist(whole) == gist(streamed)
    assert (whole.usage, whole.finish) == (streamed.usage, streamed.finish)
    assert [part.seal for part in whole.parts] == [part.seal for part in streamed.parts]
    assert [part.extras for part in whole.parts] == [part.extras for part in streamed.parts]


def test_a_whole_answer_of_the_vendor_is_read() -> None:
    body = {
        "choices": [
            {
                "message": {"role": "assistant", **function("weather", {"place": "Москва"}, "id-1", "Смотрю")},
                "index": 0,
                "finish_reason": "function_call",
            }
        ],
        "created": 1678878333,
        "model": "GigaChat:v1.2.19.2",
        "object": "chat.completion",
        "usage": {"prompt_tokens": 18, "completion_tokens": 68, "total_tokens": 86, "precached_prompt_tokens": 20},
        "thread_id": "t1",
    }
    reply = fold(DIALECT.read_reply(json.dumps(body, ensure_ascii=False).encode(), HEARING))
    assert gist(reply) == [("text", "Смотрю"), ("call", "weather", '{"place": "Москва"}')]
    assert reply.parts[1].seal == Seal(ORIGIN, "id-1")
    assert reply.usage == Usage(input=0, cache_read=20, output=68)
    assert (reply.id, reply.model) == ("", "GigaChat:v1.2.19.2")
    assert reply.extras == Extras("gigachat", {"thread_id": Raw(b'"t1"')})


def test_the_state_of_an_answer_in_words_is_kept_with_them() -> None:
    reply = fold(events(scene("thinks_then_answers.sse")))
    assert reply.parts[1].extras == Extras(
        "gigachat", {"functions_state_id": Raw(b'["0199b2d5-457a-46ba-937e-8d856156d005"]')}
    )
    assert reply.usage_extras == Extras("gigachat", {"system_tokens": Raw(b"5")})
    assert b"0199b2d5-457a-46ba-937e-8d856156d005" in DIALECT.writer(TELLING).write(
        events(scene("thinks_then_answers.sse"))
    )


def test_ids_of_calls_differ_from_answer_to_answer_and_not_from_try_to_try() -> None:
    def call_id(created: int, state: str | None) -> str:
        part = heard(chunk(function("Read", {}, state), "function_call", created=created)).parts[0]
        assert isinstance(part, ToolCall)
        return part.id

    assert call_id(1, "a") == call_id(1, "a")
    assert len({call_id(1, "a"), call_id(2, "a"), call_id(1, "b"), call_id(1, None)}) == 4


@pytest.mark.parametrize(
    ("delta", "arguments"),
    [
        (function("Read", '{"path": "a"}'), '{"path": "a"}'),
        (function("Read", None), "{}"),
        ({"function_call": {"name": "Read"}}, "{}"),
        (function("Read", "{cut"), "{cut"),
        (function("Read", ""), ""),
    ],
)
def test_arguments_are_never_mended(delta: dict[str, object], arguments: str) -> None:
    assert gist(heard(chunk(delta, "function_call"))) == [("call", "Read", arguments)]


def test_what_deviates_from_the_published_shape_is_read_all_the_same() -> None:
    odd = chunk({"content": [{"text": "a"}, "b", 1], "function_call": {"name": 5, "arguments": [1]}}, model=3)
    reply = heard(odd, chunk({"content": 7, "role": 1}), {"choices": [{"delta": 1, "index": "x"}, 2], "usage": []})
    assert reply.parts[0] == Text("ab")
    assert isinstance(reply.parts[1], ToolCall)
    assert (reply.parts[1].name, reply.parts[1].arguments) == ("5", "[1]")
    assert ending(reply) == "cut_short"
    assert reply.model == "3"


def test_half_a_character_spoils_no_answer() -> None:
    reply = heard('{"choices":[{"delta":{"content":"a\\ud83d"},"index":0,"finish_reason":"stop"}],"novel":"\\ud83d"}')
    assert (gist(reply), ending(reply)) == ([("text", "a\ufffd")], "end")


def test_other_answers_than_the_first_are_not_read() -> None:
    second = chunk({"content": "b"}) | {"choices": [{"delta": {"content": "b"}, "index": 1, "finish_reason": "stop"}]}
    assert gist(heard(chunk({"content": "a"}), second, chunk({}, "stop"))) == [("text", "a")]


def test_a_finish_that_cannot_be_is_never_an_end() -> None:
    novel = heard(chunk({"content": "a"}, "novel"))
    assert novel.finish == Finished("unknown", extras=Extras("gigachat", {"finish_reason": Raw(b'"novel"')}))
    assert ending(heard(chunk({"content": "a"}, "function_call"))) == "unknown"
    assert ending(heard(chunk(function("Read", {}), "stop"))) == "tool_calls"
    assert ending(heard(chunk(function("", {}), "stop"))) == "upstream_error"
    assert ending(heard(chunk({"content": "a"}, "stop"), chunk({}, "length"))) == "end"


def test_late_usage_and_a_missing_terminator_are_forgiven() -> None:
    late = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": "x"}}
    reply = heard(chunk({"content": "a"}, "stop"), late, done=False)
    assert (ending(reply), reply.usage) == ("end", Usage(input=3))


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (b"", Kind.CUT_SHORT),
        (b"data: [DONE]\n\n", Kind.CUT_SHORT),
        (b": ping\n\n", Kind.CUT_SHORT),
        (b"data: {broken\n\n", Kind.GARBLED),
        (b"<html>proxy</html>", Kind.GARBLED),
        (b'{"status":402,"message":"Payment Required"}', Kind.UPSTREAM_QUOTA),
        (b'data: {"code":6,"message":"x"}\n\n', Kind.UPSTREAM_ERROR),
        (b'data: {"error":{"message":"bad"}}\n\n', Kind.UPSTREAM_ERROR),
        (b"data: " + b"x" * (FRAME_LIMIT + 9), Kind.GARBLED),
        (b"{" + b"x" * (FRAME_LIMIT + 9), Kind.GARBLED),
    ],
)
def test_what_is_no_answer_is_a_failure(stream: bytes, kind: Kind) -> None:
    found = events(stream)
    assert isinstance(found[-1], Failed)
    assert found[-1].problem.kind is kind


def test_a_whole_answer_given_for_a_stream_is_read() -> None:
    body = chunk() | {"choices": [{"message": {"content": "a"}, "index": 0, "finish_reason": "stop"}]}
    reply = fold(events([b"\xef\xbb\xbf \n", json.dumps(body).encode()[:9], json.dumps(body).encode()[9:]]))
    assert (gist(reply), ending(reply)) == ([("text", "a")], "end")
    reader = DIALECT.reader(HEARING)
    assert reader.feed(b": hello\n\n") == [Beat()]
    assert reader.feed(b'data: {"choices":[]}\n\n') == [Beat()]
    assert reader.feed(sse(chunk({"content": "a"}, "stop")))
    assert reader.feed(b"data: more\n\n") == []


# Told to a client of this wire


def test_a_client_is_told_the_first_call_and_its_own_words_for_the_end() -> None:
    said: list[Event] = [
        Started("id", "m", Extras("gigachat", {"thread_id": Raw(b'"t1"')})),
        PartOpened(0, Refusal("")),
        PartGrew(0, "No."),
        UsageSeen(Usage(input=3, output=4), Extras("gigachat", {"system_tokens": Raw(b"5")})),
    ]
    reply = Reply(
        model="m",
        parts=(
            Refusal("No."),
            Thinking("hm"),
            ServerTool("tongue", "x", Raw(b"{}"), "worded"),
            ToolCall("a", "Read", ' {"p" : 1}', seal=Seal("else", "blob")),
            ToolCall("b", "Write", "{}"),
        ),
        usage=Usage(input=3, cache_read=2, output=4),
        finish=Finished("tool_calls"),
    )
    body = json.loads(DIALECT.write_reply(reply, TELLING))
    message = body["choices"][0]["message"]
    assert message["content"] == "No.worded"
    assert message["reasoning_content"] == "hm"
    assert message["function_call"] == {"name": "Read", "arguments": {"p": 1}}
    assert message["functions_state_id"].startswith("dgm1.")
    assert body["usage"]["precached_prompt_tokens"] == 2
    stream = DIALECT.writer(TELLING).write([*said, Beat()])
    assert json.loads(stream.split(b"\n\n")[0][6:])["thread_id"] == "t1"
    assert stream.endswith(b": ping\n\n")


def test_a_call_that_cannot_be_told_is_the_vendor_s_own_error() -> None:
    reply = Reply(parts=(Text("a"), ToolCall("a", "Write", "{cut")), finish=Finished("tool_calls"))
    body = json.loads(DIALECT.write_reply(reply, TELLING))
    assert body["choices"][0]["finish_reason"] == "error"
    assert "function_call" not in body["choices"][0]["message"]
    assert "usage" not in body


def test_a_call_of_free_text_is_told_in_an_object() -> None:
    reply = Reply(parts=(ToolCall("a", "patch", "*** x", "text"),), finish=Finished("tool_calls"))
    body = json.loads(DIALECT.write_reply(reply, TELLING))
    assert body["choices"][0]["message"]["function_call"]["arguments"] == {"input": "*** x"}


def test_parts_of_other_wires_are_told_in_words_and_notes_of_theirs_left_out() -> None:
    said: list[Event] = [
        Started("", "m"),
        PartOpened(0, ServerTool("tongue", "x", Raw(b"{}"), "worded")),
        PartNoted(0, Extras("tongue", {"citations": Raw(b"[]")})),
        PartSealed(0),
        Finished("end"),
    ]
    told = DIALECT.writer(TELLING).write(said)
    assert gist(fold(events(told))) == [("text", "worded")]
    reply = Reply(parts=(Text("a"),), finish=Finished("end"), extras=Extras("gigachat", {"thread_id": Raw(b'"t"')}))
    assert json.loads(DIALECT.write_reply(reply, TELLING))["thread_id"] == "t"


def test_an_unknown_word_of_this_wire_is_passed_on() -> None:
    extras = Extras("gigachat", {"finish_reason": Raw(b'"novel"')})
    body = json.loads(DIALECT.write_reply(Reply(finish=Finished("unknown", extras=extras)), TELLING))
    assert body["choices"][0]["finish_reason"] == "novel"
    other = json.loads(DIALECT.write_reply(Reply(finish=Finished("unknown")), TELLING))
    assert other["choices"][0]["finish_reason"] == "unknown"


# Passed on with edits


def test_only_the_model_s_name_and_the_state_are_edited() -> None:
    agent = function("Agent", {"model": "sonnet", "functions_state_id": "mine"}, "id-1")
    stream = sse(chunk(agent, "function_call"), "[DONE]", done=False).replace(b"\n", b"\r\n")
    editor = DIALECT.editor(HEARING, TELLING)
    assert editor is not None
    edited = editor.edit(stream[:50]) + editor.edit(stream[50:]) + editor.close()
    first = json.loads(edited.split(b"\r\n")[0][6:])
    assert first["model"] == "asked"
    delta = first["choices"][0]["delta"]
    assert delta["function_call"]["arguments"] == {"model": "sonnet", "functions_state_id": "mine"}
    assert delta["functions_state_id"] == "dgm1.Z2lnYQ.id-1"
    assert edited.endswith(b"data: [DONE]\r\n\r\n")


def test_a_whole_answer_is_edited_alike_and_bare_where_the_vendor_is_native() -> None:
    said = {"message": function("Read", {}, "id-1"), "index": 0, "finish_reason": "function_call"}
    body = json.dumps({"choices": [said], "model": "x"}).encode()
    assert json.loads(DIALECT.edit_reply(body, HEARING, BARE)) == {"choices": [said], "model": "asked"}
    assert b"dgm1." in DIALECT.edit_reply(body, HEARING, TELLING)
    for odd in (b"broken", b'{"choices": 5, "functions_state_id": 1, "model": "x"}'):
        assert DIALECT.edit_reply(odd, HEARING, TELLING) == odd
    nothing = b'{"choices":[{"delta":{"functions_state_id":null},"index":0}]}'
    assert json.loads(DIALECT.edit_reply(nothing, HEARING, TELLING)) == json.loads(nothing)


# Errors


@pytest.mark.parametrize(
    ("status", "message", "kind", "param"),
    [
        (400, "invalid JSON syntax", Kind.INVALID_REQUEST, None),
        (401, "Token has expired", Kind.UPSTREAM_CREDENTIAL, None),
        (402, "Payment Required", Kind.UPSTREAM_QUOTA, None),
        (403, "Permission denied", Kind.UPSTREAM_CREDENTIAL, None),
        (404, "No such model", Kind.MODEL_NOT_FOUND, "model"),
        (404, "page not found", Kind.NOT_FOUND, None),
        (413, "Payload too large", Kind.PROMPT_TOO_LONG, None),
        (413, "Tokens limit exceeded: 140000 (max 131072)", Kind.PROMPT_TOO_LONG, None),
        (413, "Tokens limit exceeded for index 0: 4451 (max 4096)", Kind.TOO_LARGE, "functions.description"),
        (422, "Requested model does not support functions", Kind.UNSUPPORTED, "functions"),
        (422, "Invalid params: context length 140000 exceeds 131072", Kind.PROMPT_TOO_LONG, None),
        (422, "Invalid params: unsupported schema in functions[0]", Kind.INVALID_REQUEST, "functions"),
        (422, "Invalid params: system message must be the first message", Kind.INVALID_REQUEST, None),
        (418, "tea", Kind.INVALID_REQUEST, None),
        (429, "Too many requests", Kind.RATE_LIMITED, None),
        (500, "Internal Server Error", Kind.UPSTREAM_ERROR, None),
        (503, "", Kind.OVERLOADED, None),
        (302, "", Kind.REDIRECTED, None),
    ],
)
def test_an_error_is_known_by_its_status_and_words(status: int, message: str, kind: Kind, param: str | None) -> None:
    body = json.dumps({"status": status, "message": message}).encode()
    found = DIALECT.read_problem(status, {"retry-after": "7"}, body)
    assert (found.kind, found.param, found.upstream_status, found.retry_after_s) == (kind, param, status, 7)
    assert (found.original is not None) is (
        kind in (Kind.INVALID_REQUEST, Kind.PROMPT_TOO_LONG, Kind.TOO_LARGE, Kind.UNSUPPORTED, Kind.MODEL_NOT_FOUND)
    )


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Tokens limit exceeded: 140000 (max 131072)", "prompt is too long: 140000 tokens > 131072 maximum"),
        ("Payload too large", "prompt is too long: Payload too large"),
        ("", "prompt is too long"),
    ],
)
def test_pitfall_126_a_prompt_that_is_too_long_is_told_so_that_claude_code_compacts(message: str, told: str) -> None:
    found = DIALECT.read_problem(413, {}, json.dumps({"status": 413, "message": message}).encode())
    assert found.message == told


def test_an_error_s_body_may_be_anything() -> None:
    for body, words in (
        (b"plain words", "plain words"),
        (b"<html>gateway</html>", "status 500 without a word"),
        (b'{"error":"broken"}', "broken"),
        (b'{"error":{"message":{"a":1}}}', '{"a":1}'),
        (b"[]", "[]"),
    ):
        found = DIALECT.read_problem(500, {"retry-after": "soon"}, body)
        assert words in found.message
        assert found.retry_after_s is None


def test_secrets_never_leave_with_an_error() -> None:
    body = b'{"status":400,"message":"bad header Bearer eyJabc.def.ghi-123456"}'
    found = DIALECT.read_problem(400, {}, body)
    assert "eyJ" not in found.message + found.evidence


def test_a_client_of_this_wire_is_told_errors_in_its_form() -> None:
    told = json.loads(DIALECT.write_problem(problem(Kind.PROMPT_TOO_LONG, "prompt is too long"), "req_1"))
    assert told == {"status": 413, "message": "prompt is too long", "request_id": "req_1"}
    limited = problem(Kind.RATE_LIMITED, "Wait.")
    assert json.loads(DIALECT.write_problem(limited, "r"))["status"] == 429
    body = b'{"status":422,"message":"Invalid params: x"}'
    assert DIALECT.write_problem(DIALECT.read_problem(422, {}, body), "r") == body
    assert heard(DIALECT.writer(TELLING).write([Failed(limited)]).decode().removeprefix("data: ").strip()).problem


def test_names_are_brought_back_for_the_client() -> None:
    hearing = Hearing(origin=ORIGIN, names={"web_search_x": "web_search"})
    reply = heard(chunk(function("web_search_x", {}), "function_call"), hearing=hearing)
    assert gist(reply) == [("call", "web_search", "{}")]
