"""Answers told to clients of this wire: each event one that the vendor's SDK knows, and what it gathers from them."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from msgspec import Raw
from msgspec.structs import replace
from openai import APIError, OpenAI
from openai.types.responses import ResponseTextDeltaEvent

from dragoman.canon.events import (
    Beat,
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Reason,
    Started,
    UsageSeen,
)
from dragoman.canon.problem import Kind, problem
from dragoman.canon.reply import Reply, unfold
from dragoman.canon.request import (
    Extras,
    Image,
    Inline,
    Loss,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Telling
from dragoman.dialects.openai_responses import DIALECT
from dragoman.dialects.openai_responses.wire import COMPACTION_TYPE, RAW_THOUGHT
from tests.dialects.openai_responses.stage import TELLING, Json, checked, read, told

NAME = DIALECT.name
RAW = Extras(NAME, {"type": RAW_THOUGHT})


def stream(*parts: Part, reason: Reason = "end", telling: Telling = TELLING) -> bytes:
    """A streamed answer with these parts."""
    return DIALECT.writer(telling).write(unfold(Reply(parts=parts, finish=Finished(reason), usage=Usage(output=1))))


def answer(*parts: Part, reason: Reason = "end", telling: Telling = TELLING) -> Json:
    """The answer's object at the end, which is that of the whole answer."""
    last = told(stream(*parts, reason=reason, telling=telling))[-1]["response"]
    reply = Reply(parts=parts, finish=Finished(reason), usage=Usage(output=1))
    assert last == checked(DIALECT.write_reply(reply, telling))
    found: Json = last
    return found


def client(body: bytes) -> OpenAI:
    """The vendor's SDK, given this stream for an answer."""
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=body))
    http = httpx2.Client(transport=transport)
    return OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", http_client=http, max_retries=0)


PARTS: tuple[Part, ...] = (
    Thinking("Hm.", seal=Seal("claude", "sig")),
    Thinking("", True, seal=Seal("claude", "hidden")),
    Text("Привет"),
    ToolCall("call_1", "Read", '{"a":1}', seal=Seal("gemini", "sig")),
    ToolCall("call_2", "patch", "*** x", "text"),
)


def test_the_vendors_sdk_gathers_what_was_meant() -> None:
    with client(stream(*PARTS, reason="tool_calls")).responses.stream(model="m", input="x") as gathered:
        kinds = [event.type for event in gathered]
        final = gathered.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text == "Привет"
    items = [item.model_dump(exclude_none=True) for item in final.output]
    assert [item["type"] for item in items] == [
        *("reasoning", "reasoning", "message", "function_call", "reasoning", "custom_tool_call"),
    ]
    assert items[0]["summary"] == [{"text": "Hm.", "type": "summary_text"}]
    assert (items[3]["call_id"], items[3]["name"], items[3]["arguments"]) == ("call_1", "Read", '{"a":1}')
    assert (items[5]["call_id"], items[5]["input"]) == ("call_2", "*** x")
    assert final.usage is not None
    assert final.usage.output_tokens == 1


def test_text_reaches_the_sdk_piece_by_piece() -> None:
    events: list[Event] = [Started("r", "m"), PartOpened(0, Text(""))]
    events += [PartGrew(0, "Hel"), PartGrew(0, "lo"), PartSealed(0), Finished("end")]
    body = DIALECT.writer(TELLING).write(events)
    with client(body).responses.stream(model="m", input="x") as gathered:
        pieces = [event.delta for event in gathered if isinstance(event, ResponseTextDeltaEvent)]
    assert pieces == ["Hel", "lo"]


def broken(*events: Event, **members: Any) -> bytes:
    """An answer that breaks off after these events."""
    found = problem(Kind.RATE_LIMITED, "Too many.", **members)
    return DIALECT.writer(TELLING).write([*events, Failed(found)])


@pytest.mark.parametrize("events", [(), (Started("r", "m"), PartOpened(0, Text("")), PartGrew(0, "Hel"))])
def test_the_sdk_raises_for_an_answer_that_broke_off(events: tuple[Event, ...]) -> None:
    with (
        pytest.raises(APIError, match="Too many"),
        client(broken(*events)).responses.stream(model="m", input="x") as gathered,
    ):
        list(gathered)


def test_agents_are_told_that_an_answer_failed_and_when_to_ask_again() -> None:
    error, failed = told(broken(Started("r", "m"), retry_after_s=2))[-2:]
    assert error["error"]["code"] == error["code"] == "rate_limit_exceeded"
    assert failed["type"] == "response.failed"
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {
        "code": "rate_limit_exceeded",
        "message": "Too many. Please try again in 2s.",
    }
    assert failed["response"]["output"] == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.PROMPT_TOO_LONG, "context_length_exceeded"),
        (Kind.UPSTREAM_ERROR, "server_error"),
        (Kind.REFUSED, "invalid_prompt"),
    ],
)
def test_a_failure_has_a_code_that_agents_know(kind: Kind, code: str) -> None:
    body = DIALECT.writer(TELLING).write([Failed(problem(kind, "x"))])
    assert told(body)[-1]["response"]["error"]["code"] == code


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("end", "completed", None),
        ("tool_calls", "completed", None),
        ("stop_sequence", "completed", None),
        ("max_output", "incomplete", {"reason": "max_output_tokens"}),
        ("context_full", "incomplete", {"reason": "max_output_tokens"}),
        ("pause", "incomplete", {"reason": "max_output_tokens"}),
        ("refusal", "incomplete", {"reason": "content_filter"}),
        ("unknown", "incomplete", {}),
    ],
)
def test_every_ending_says_what_it_is(reason: Reason, status: str, why: Json | None) -> None:
    found = answer(Text("x"), reason=reason)
    assert (found["status"], found["incomplete_details"]) == (status, why)


def test_an_ending_of_this_wire_is_told_as_it_was() -> None:
    details = Extras(NAME, {"incomplete_details": Raw(b'{"reason":"steered"}')})
    body = DIALECT.writer(TELLING).write([Started("", ""), Finished("unknown", extras=details)])
    assert told(body)[-1]["response"]["incomplete_details"] == {"reason": "steered"}


def test_words_of_refusal_make_an_answer_complete() -> None:
    found = answer(Refusal("I can't."), reason="refusal")
    assert (found["status"], found["output"][0]["content"]) == (
        "completed",
        [{"type": "refusal", "refusal": "I can't."}],
    )


def test_parts_of_one_item_are_told_as_one() -> None:
    parts = (Text("a", group="msg_7"), Refusal("b", group="msg_7"), Text("c", group="msg_8"), Text("d"), Text("e"))
    output = answer(*parts)["output"]
    assert [(item["id"], len(item["content"])) for item in output] == [
        ("msg_7", 2),
        ("msg_8", 1),
        ("msg_x1_2", 1),
        ("msg_x1_3", 1),
    ]
    thoughts = (Thinking("a", seal=Seal("o", ""), group="rs_1"), Thinking("b", seal=Seal("o", "s"), group="rs_1"))
    (item,) = answer(*thoughts)["output"]
    assert [each["text"] for each in item["summary"]] == ["a", "b"]
    assert item["encrypted_content"].endswith(".s")


def test_the_models_own_thoughts_are_no_summary() -> None:
    part = Thinking("Hm", seal=Seal("o", "s"), extras=RAW)
    (item,) = answer(part)["output"]
    assert (item["summary"], item["content"]) == ([], [{"type": "reasoning_text", "text": "Hm"}])


def test_seals_leave_bare_where_only_one_could_have_issued_them() -> None:
    bare = Telling(model="m", exchange_id="x", created_s=1, bare_seals=True)
    (item,) = answer(Thinking("", True, seal=Seal("o", "s")), telling=bare)["output"]
    assert item["encrypted_content"] == "s"
    (item,) = answer(Thinking("a", seal=Seal("o", "")), telling=bare)["output"]
    assert "encrypted_content" not in item


def test_a_compacted_conversation_is_told_as_one() -> None:
    part = Thinking("", True, group="cmp_1", extras=Extras(NAME, {"type": COMPACTION_TYPE}), seal=Seal("o", "s"))
    (item,) = answer(part)["output"]
    assert item == {"id": "cmp_1", "type": "compaction", "encrypted_content": item["encrypted_content"]}
    assert item["encrypted_content"].endswith(".s")


def test_items_of_this_wire_are_told_as_they_came() -> None:
    raw = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}}
    parts = (ServerTool(NAME, "web_search_call", Raw(json.dumps(raw).encode())), Text("x"))
    assert answer(*parts)["output"][0] == raw


def test_what_other_wires_ran_is_told_in_words_or_not_at_all() -> None:
    parts = (ServerTool("tongue", "a", Raw(b"{}"), "I searched."), Unknown("tongue", "b", Raw(b"{}")), Text("x"))
    assert [item["content"][0]["text"] for item in answer(*parts)["output"]] == ["I searched.", "x"]


def test_a_call_without_arguments_is_told_with_an_empty_object() -> None:
    said = told(stream(ToolCall("call_1", "f", ""), reason="tool_calls"))
    (done,) = [each for each in said if each["type"] == "response.function_call_arguments.done"]
    (item,) = said[-1]["response"]["output"]
    assert (done["arguments"], item["arguments"]) == ("{}", "{}")


def test_a_part_that_the_wire_cannot_say_is_a_loss() -> None:
    lost: list[Loss] = []
    telling = replace(TELLING, lose=lost.append)
    ran = ServerTool("tongue", "ran", Raw(b"{}"), "I searched.")
    dot = Image(Inline("image/png", "AAAA"))
    compaction = Thinking("", True, extras=Extras(NAME, {"type": COMPACTION_TYPE}), seal=Seal("o", "s"))
    stream(ran, Unknown("tongue", "new", Raw(b"{}")), dot, compaction, Text("x"), telling=telling)
    assert [(loss.what, loss.how) for loss in lost] == [
        ("answer.ran", "changed"),
        ("answer.new", "dropped"),
        ("answer.image", "dropped"),
    ]


def test_citations_are_told_while_the_text_grows_and_with_it() -> None:
    citation = {"type": "url_citation", "start_index": 0, "end_index": 1, "url": "https://a.b", "title": "t"}
    note = Extras(NAME, {"annotations": Raw(json.dumps(citation).encode())})
    events: list[Event] = [Started("r", "m"), PartOpened(0, Text("")), PartGrew(0, "x"), PartNoted(0, note)]
    events += [PartNoted(0, Extras("tongue", note.members)), PartNoted(0, Extras(NAME, {"logprobs": Raw(b"3")}))]
    events += [PartSealed(0), PartOpened(1, ToolCall("1", "f", "")), PartNoted(1, note), PartSealed(1)]
    found = told(DIALECT.writer(TELLING).write([*events, Finished("tool_calls")]))
    noted = [said for said in found if said["type"] == "response.output_text.annotation.added"]
    assert [said["annotation"] for said in noted] == [citation]
    assert found[-1]["response"]["output"][0]["content"][0]["annotations"] == [citation]


def test_log_probabilities_are_told_with_the_text() -> None:
    noted = Extras(NAME, {"logprobs": Raw(b'[{"token":"x","bytes":[120],"logprob":-0.1,"top_logprobs":[]}]')})
    events: list[Event] = [Started("r", "m"), PartOpened(0, Text("")), PartGrew(0, "xx"), PartNoted(0, noted)]
    events += [PartNoted(0, noted), PartSealed(0), Finished("end")]
    found = told(DIALECT.writer(TELLING).write(events))
    (said,) = [each for each in found if each["type"] == "response.output_text.done"]
    assert [each["token"] for each in said["logprobs"]] == ["x", "x"]
    assert found[-1]["response"]["output"][0]["content"][0]["logprobs"] == said["logprobs"]


def test_a_phase_is_told() -> None:
    (item,) = answer(Text("x", extras=Extras(NAME, {"phase": Raw(b'"commentary"')})))["output"]
    assert item["phase"] == "commentary"


def test_a_namespace_that_the_upstream_named_is_told_though_it_was_never_offered() -> None:
    call = ToolCall("1", "box__f", "{}", extras=Extras(NAME, {"namespace": Raw(b'"box"')}))
    (item,) = answer(call)["output"]
    assert (item["namespace"], item["name"]) == ("box", "f")


def test_an_answer_repeats_what_was_asked() -> None:
    request = read(
        instructions="be",
        temperature=0.5,
        tools=[{"type": "function", "name": "f", "parameters": {}, "strict": False}],
        tool_choice="required",
        text={"verbosity": "low"},
        metadata={"a": "b"},
        include=["reasoning.encrypted_content"],
        store=False,
        max_output_tokens=50,
    )
    found = answer(Text("x"), telling=Telling(model="m", exchange_id="x", created_s=1, request=request))
    said = {name: found[name] for name in ("instructions", "temperature", "tool_choice", "metadata", "store")}
    assert said == {
        "instructions": "be",
        "temperature": 0.5,
        "tool_choice": "required",
        "metadata": {"a": "b"},
        "store": False,
    }
    assert found["tools"][0]["name"] == "f"
    assert found["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert found["max_output_tokens"] == 50
    assert "include" not in found


def test_usage_is_told_with_every_count() -> None:
    writer = DIALECT.writer(TELLING)
    usage = Usage(input=1, cache_read=2, cache_write_5m=3, output=4, thinking=2)
    events: list[Event] = [Started("r", "m"), UsageSeen(usage, Extras(NAME, {"novel": Raw(b"1")})), Finished("end")]
    assert told(writer.write(events))[-1]["response"]["usage"] == {
        "input_tokens": 6,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 10,
        "novel": 1,
    }
    body = DIALECT.writer(TELLING).write([Started("r", "m"), Finished("end")])
    assert told(body)[-1]["response"]["usage"] is None


def test_an_answer_may_end_without_having_begun() -> None:
    found = json.loads(DIALECT.write_reply(Reply(), TELLING))
    assert found["status"] == "incomplete"
    assert told(DIALECT.writer(TELLING).write([Finished("end")]))[-1]["response"]["id"] == "resp_x1"


def test_a_waiting_client_is_sent_comments() -> None:
    assert DIALECT.beat == DIALECT.writer(TELLING).write([Beat()]) == b": ping\n\n"


def test_a_problem_is_worded_as_the_vendor_words_it() -> None:
    found = json.loads(DIALECT.write_problem(problem(Kind.RATE_LIMITED, "Too many."), "r1"))
    assert found["error"] == {
        "message": "Too many.",
        "type": "rate_limit_error",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    body = b'{"error":{"message":"bad","type":"invalid_request_error","param":"input","code":null}}'
    found_upstream = DIALECT.read_problem(400, {}, body)
    assert (found_upstream.kind, found_upstream.param) == (Kind.INVALID_REQUEST, "input")
    assert DIALECT.write_problem(found_upstream, "r1") == body
