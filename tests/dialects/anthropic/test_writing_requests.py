"""What the writer tells an upstream of this dialect. Every body is judged by the vendor's SDK as well."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.request import (
    Audio,
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Loss,
    OutputShape,
    Part,
    ProviderTool,
    Reasoning,
    Refusal,
    Request,
    Role,
    Sampling,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.dialects.anthropic import DIALECT, write_count_request
from dragoman.dialects.anthropic.pairs import NO_RESULT, STRAY
from tests.dialects.anthropic.stage import BODIES, NATIVE, OTHER, SCENES, body, lost, read, said, wire_of, write

SCHEMA = Raw(b'{"type":"object","properties":{}}')
CALL = ToolCall("call_1", "Bash", '{"command":"ls"}')
RESULT = ToolResult("call_1", (Text("a\nb"),))


def turn(role: Role, *parts: Part) -> Turn:
    """A turn, its parts given one by one."""
    return Turn(role, parts)


def asked(*turns: Turn, **members: Any) -> Request:
    """A request of a foreign dialect."""
    given: dict[str, Any] = {"dialect": "foreign", "model": "m", "max_output": 4096, "turns": turns, **members}
    return Request(**given)


def user(*parts: Part) -> list[Any]:
    """The blocks written for the parts of one user turn."""
    found: list[Any] = wire_of(asked(turn("user", *parts)))["messages"][0]["content"]
    return found


def habits(**members: Any) -> Habits:
    """Habits that differ from the published form in a few things."""
    return Habits(**members)


@pytest.mark.parametrize("name", BODIES)
def test_law_4_a_captured_request_comes_out_as_it_came_in(name: str) -> None:
    raw = (SCENES / f"{name}.json").read_bytes()
    wire = body(name)
    target = replace(NATIVE, model=wire["model"], stream=wire.get("stream", False))
    written = write(DIALECT.read_request(raw), target)
    expected = {member: value for member, value in wire.items() if value != []}
    found = json.loads(written.body)
    if "max_tokens" not in wire:
        assert lost(written.losses) == {"max_output"}
        del found["max_tokens"]
    else:
        assert not written.losses
    assert found == expected


@pytest.mark.parametrize("name", BODIES)
def test_a_token_count_has_only_the_members_that_are_counted(name: str) -> None:
    request = read(body(name))
    written = json.loads(write_count_request(request, NATIVE).body)
    assert {"model", "messages"} <= set(written)
    assert not set(written) & {"max_tokens", "stream", "metadata"}


def test_the_stream_flag_and_the_model_are_the_targets() -> None:
    wire = wire_of(read(said(stream=False)), replace(NATIVE, stream=True))
    assert (wire["model"], wire["stream"]) == ("claude-opus-5-5", True)


# Turns and their order


def test_pitfall_055_results_stand_first_and_text_behind_them() -> None:
    wire = wire_of(asked(turn("user", Text("go")), turn("assistant", CALL), turn("user", Text("and?"), RESULT)))
    assert [block["type"] for block in wire["messages"][2]["content"]] == ["tool_result", "text"]


def test_pitfall_055_results_told_one_by_one_come_together_in_one_message() -> None:
    calls = [replace(CALL, id=f"c{number}") for number in range(3)]
    results = [turn("user", replace(RESULT, call_id=f"c{number}")) for number in range(3)]
    turns = (turn("user", Text("go")), turn("assistant", *calls), results[0], turn("user", Text("hm")), *results[1:])
    wire = wire_of(asked(*turns))
    assert [message["role"] for message in wire["messages"]] == ["user", "assistant", "user"]
    kinds = [block.get("tool_use_id", block["type"]) for block in wire["messages"][2]["content"]]
    assert kinds == ["c0", "c1", "c2", "text"]


def test_pitfall_001_a_system_turn_never_comes_between_a_call_and_its_result() -> None:
    turns = (turn("user", Text("go")), turn("assistant", CALL), turn("system", Text("hush")), turn("user", RESULT))
    wire = wire_of(asked(*turns))
    assert [message["role"] for message in wire["messages"]] == ["user", "assistant", "user", "system"]
    more = (*turns[:3], turn("user", Text("and?")), turns[3])
    wire = wire_of(asked(*more))
    assert [message["role"] for message in wire["messages"]] == ["user", "assistant", "user", "system", "user"]
    unanswered = asked(*turns[:3], turn("assistant", Text("hm")))
    wire = wire_of(replace(unanswered, dialect="anthropic"))
    assert [message["role"] for message in wire["messages"]] == ["user", "assistant", "system", "assistant"]


def test_a_system_turn_behind_the_models_words_is_said_as_user_text() -> None:
    # Codex 0.169.0 so tells the model that its answer was filtered.
    spoken = turn("assistant", Text("hm"))
    written = write(asked(turn("user", Text("go")), spoken, turn("system", Text("hush")), turn("system", Text("now"))))
    messages = json.loads(written.body)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[2]["content"] == [{"type": "text", "text": "<system-reminder>\nhush\n\nnow\n</system-reminder>"}]
    assert "turn.system" in lost(written.losses)
    several = wire_of(asked(turn("user", Text("go")), turn("system", Text("hush")), turn("system", Text("now"))))
    assert [message["role"] for message in several["messages"]] == ["user", "system"]


def test_calls_made_one_turn_after_the_other_are_answered_together() -> None:
    calls = [turn("assistant", replace(CALL, id=name)) for name in "ab"]
    results = [turn("user", replace(RESULT, call_id=name)) for name in "ab"]
    written = write(asked(turn("user", Text("go")), *calls, *results, turn("assistant", Text("done"))))
    messages = json.loads(written.body)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]
    assert [len(message["content"]) for message in messages] == [1, 2, 2, 1]
    assert not written.losses


def test_pitfall_060_calls_and_results_that_lost_each_other_are_told_so() -> None:
    stray = replace(RESULT, call_id="gone")
    turns = (
        turn("user", stray, Text("go")),
        turn("assistant", CALL, replace(CALL, id="call_2")),
        turn("user", RESULT, RESULT),
        turn("assistant", replace(CALL, id="call_3")),
    )
    written = write(asked(*turns))
    messages = json.loads(written.body)["messages"]
    assert [block.get("text") for block in messages[0]["content"]] == [STRAY, "a\nb", "go"]
    answered = [(block.get("tool_use_id"), block.get("text")) for block in messages[2]["content"]]
    assert answered == [("call_1", None), ("call_2", None), (None, STRAY), (None, "a\nb")]
    assert messages[2]["content"][1]["is_error"]
    assert messages[2]["content"][1]["content"] == [{"type": "text", "text": NO_RESULT}]
    assert messages[4]["content"][0]["tool_use_id"] == "call_3"
    assert lost(written.losses) == {"tool_call", "tool_result"}
    own = write(replace(asked(*turns), dialect="anthropic"))
    assert not own.losses


def test_pitfall_001_where_no_system_message_may_stand_midway_it_is_said_as_user_text() -> None:
    target = replace(NATIVE, habits=habits(system_midway=False))
    said_system = turn("system", Text("hush"), Text(" "), Text("now"))
    turns = (turn("user", Text("go")), turn("assistant", CALL), said_system, turn("user", RESULT))
    written = write(asked(*turns), target)
    assert "turn.system" in lost(written.losses)
    messages = json.loads(written.body)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    reminder = {"type": "text", "text": "<system-reminder>\nhush\n\nnow\n</system-reminder>"}
    assert messages[2]["content"][1] == reminder
    after_text = wire_of(asked(Turn("user", (Text("go"),), as_string=True), said_system), target)["messages"]
    assert after_text == [{"role": "user", "content": [{"type": "text", "text": "go"}, reminder]}]
    alone = wire_of(asked(turn("user", Text("go")), turn("assistant", Text("hm")), said_system), target)["messages"]
    assert alone[2] == {"role": "user", "content": [reminder]}


def test_members_of_a_system_message_are_lost_with_its_role() -> None:
    request = read(body("claude-code-steers-effort-midway"))
    written = write(request, replace(NATIVE, habits=habits(system_midway=False)))
    assert lost(written.losses) == {"turn.system", "turn.output_config"}


def test_pitfall_018_neighbours_of_one_role_are_merged_where_roles_must_alternate() -> None:
    turns = (turn("user", Text("a")), Turn("user", (Text("b"),), as_string=True), Turn("user", (), as_string=True))
    assert len(wire_of(asked(*turns))["messages"]) == 2
    merged = wire_of(asked(*turns), replace(NATIVE, habits=habits(strict_roles=True)))["messages"]
    assert merged == [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]


def test_pitfall_019_what_says_nothing_is_left_out() -> None:
    turns = (
        turn("user", Text("a"), Text(""), Text(" \n")),
        Turn("assistant", (), as_string=True),
        turn("assistant", Text("")),
        turn("user", Text("b")),
    )
    wire = wire_of(asked(*turns))
    assert [message["content"] for message in wire["messages"]] == [
        [{"type": "text", "text": "a"}],
        [{"type": "text", "text": "b"}],
    ]
    marked = write(asked(turn("user", Text("a"), Text("", CacheMark()))))
    assert lost(marked.losses) == {"cache_mark"}


def test_an_assistant_does_not_speak_first() -> None:
    written = write(asked(turn("assistant", Text("hi")), turn("user", Text("yo"))))
    assert [message["role"] for message in json.loads(written.body)["messages"]] == ["user", "assistant", "user"]
    assert lost(written.losses) == {"turns"}


def test_what_the_system_says_before_anyone_else_is_its_prompt() -> None:
    said = Turn("system", (Text("be kind", CacheMark()),), extras=Extras("foreign", {"name": Raw(b'"x"')}))
    written = write(asked(said, turn("user", Text("go")), system=(Text("be brief"),), system_as_string=True))
    wire = json.loads(written.body)
    marked = {"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}
    assert wire["system"] == [{"type": "text", "text": "be brief"}, marked]
    assert [message["role"] for message in wire["messages"]] == ["user"]
    assert lost(written.losses) == {"turn.name"}
    alone = wire_of(asked(Turn("system", (Text("hush"),), as_string=True), turn("user", Text("go"))))
    assert alone["system"] == "hush"


def test_plain_strings_stay_plain_strings() -> None:
    request = asked(
        Turn("user", (Text("go"),), as_string=True),
        turn("assistant", CALL),
        turn("user", replace(RESULT, as_string=True)),
        system=(Text("be brief"),),
        system_as_string=True,
    )
    wire = wire_of(request)
    assert (wire["system"], wire["messages"][0]["content"]) == ("be brief", "go")
    assert wire["messages"][2]["content"][0]["content"] == "a\nb"
    marked = Turn("user", (Text("go", CacheMark()),), as_string=True)
    assert wire_of(asked(marked))["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


# Calls, their names, ids and arguments


def test_pitfall_057_ids_are_fitted_the_same_way_on_both_sides() -> None:
    call = replace(CALL, id="weird id/№")
    turns = (turn("user", Text("go")), turn("assistant", call), turn("user", replace(RESULT, call_id=call.id)))
    messages = wire_of(asked(*turns))["messages"]
    sent = messages[1]["content"][0]["id"]
    assert sent == messages[2]["content"][0]["tool_use_id"]
    assert sent.startswith("weird_id___")
    assert wire_of(asked(*turns))["messages"][1]["content"][0]["id"] == sent


def test_pitfall_033_long_or_odd_names_are_fitted_and_remembered() -> None:
    names = ["mcp__" + "x" * 140, "get.weather", "имя", "Bash", "get weather"]
    request = asked(
        turn("user", Text("go")),
        turn("assistant", *(ToolCall(f"c{at}", name, "{}") for at, name in enumerate(names))),
        tools=tuple(Tool(name, schema=SCHEMA) for name in names),
        tool_choice=ToolChoice("one", names[0]),
    )
    written = write(request)
    wire = json.loads(written.body)
    sent = [tool["name"] for tool in wire["tools"]]
    assert len(set(sent)) == len(names)
    assert all(len(name) <= 128 and name.isascii() for name in sent)
    assert [written.names.get(name, name) for name in sent] == names
    assert [block["name"] for block in wire["messages"][1]["content"]] == sent
    assert wire["tool_choice"] == {"type": "tool", "name": sent[0]}
    shorter = write(request, OTHER)
    assert all(len(tool["name"]) <= 64 for tool in json.loads(shorter.body)["tools"])


@pytest.mark.parametrize(
    ("arguments", "expected", "whole"),
    [
        ('{"a" : 1}', {"a": 1}, True),
        ("", {}, True),
        ("  ", {}, True),
        ("[1]", {"__unparsed": "[1]"}, False),
        ("null", {"__unparsed": "null"}, False),
        ('{"cut": "he', {"__unparsed": '{"cut": "he'}, False),
        ('{"a": NaN}', {"__unparsed": '{"a": NaN}'}, False),
        ('{"a":' + "[" * 90_000, {"__unparsed": '{"a":' + "[" * 90_000}, False),
    ],
)
def test_pitfall_063_arguments_are_sent_whole_and_never_repaired(arguments: str, expected: Any, whole: bool) -> None:
    called = turn("assistant", replace(CALL, arguments=arguments))
    written = write(asked(turn("user", Text("go")), called, turn("user", RESULT)))
    assert json.loads(written.body)["messages"][1]["content"][0]["input"] == expected
    assert lost(written.losses) == (set() if whole else {"tool_call.arguments"})


def test_half_a_surrogate_pair_in_arguments_is_replaced_in_its_place() -> None:
    called = turn("assistant", replace(CALL, arguments='{"a": "x\\ud83d y", "b": "\\ud83e\\udd8a"}'))
    written = write(asked(turn("user", Text("go")), called, turn("user", RESULT)))
    assert json.loads(written.body)["messages"][1]["content"][0]["input"] == {"a": "x\ufffd y", "b": "\U0001f98a"}
    assert lost(written.losses) == {"text.surrogate"}


@pytest.mark.parametrize("as_string", [True, False])
def test_an_answer_begun_by_another_client_ends_without_blanks(*, as_string: bool) -> None:
    begun = Turn("assistant", (Text("So: \n"),), as_string=as_string)
    written = write(asked(turn("user", Text("go")), begun))
    content = json.loads(written.body)["messages"][-1]["content"]
    assert content == ("So:" if as_string else [{"type": "text", "text": "So:"}])
    assert lost(written.losses) == {"prefill"}
    blank = write(asked(turn("user", Text("go")), Turn("assistant", (Text(" \n"),), as_string=as_string)))
    assert [message["role"] for message in json.loads(blank.body)["messages"]] == ["user"]


def test_a_tool_of_free_text_is_asked_for_a_string() -> None:
    patch = Tool("apply_patch", "patches", form="text")
    call = ToolCall("call_1", "apply_patch", "*** Begin", form="text")
    written = write(asked(turn("user", Text("go")), turn("assistant", call), turn("user", RESULT), tools=(patch,)))
    wire = json.loads(written.body)
    assert wire["tools"][0]["input_schema"]["required"] == ["input"]
    assert wire["messages"][1]["content"][0]["input"] == {"input": "*** Begin"}
    assert lost(written.losses) == {"tool.form", "tool_call.form"}
    assert written.text_tools == {"apply_patch"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (ToolResult("t"), {}),
        (ToolResult("t", as_string=True, is_error=False), {"content": "", "is_error": False}),
        (
            ToolResult("t", (Text("x"), Text("")), True),
            {"content": [{"type": "text", "text": "x"}], "is_error": True},
        ),
    ],
)
def test_pitfall_073_results_are_written_in_every_form(result: ToolResult, expected: Mapping[str, Any]) -> None:
    turns = (turn("user", Text("go")), turn("assistant", replace(CALL, id="t")), turn("user", result))
    assert wire_of(asked(*turns))["messages"][2]["content"] == [{"type": "tool_result", "tool_use_id": "t", **expected}]


# Thinking and seals


@pytest.mark.parametrize(
    ("seal", "target", "sent"),
    [
        (Seal("acme", "sig"), NATIVE, True),
        (Seal("", "sig"), NATIVE, True),
        (Seal("", "sig"), OTHER, False),
        (Seal("elsewhere", "sig"), OTHER, True),
        (Seal("elsewhere", ""), OTHER, True),
        (Seal("elsewhere", "sig"), NATIVE, False),
        (None, NATIVE, False),
    ],
)
def test_pitfall_077_thinking_goes_only_to_whom_it_came_from(seal: Seal | None, target: Any, sent: bool) -> None:
    said_turn = turn("assistant", Thinking("hm", seal=seal), Text("yes"))
    written = write(replace(asked(turn("user", Text("go")), said_turn), dialect="anthropic"), target)
    content = json.loads(written.body)["messages"][1]["content"]
    thinking = [{"type": "thinking", "thinking": "hm", "signature": seal.blob if seal else ""}]
    assert content == (thinking if sent else []) + [{"type": "text", "text": "yes"}]
    assert lost(written.losses) == (set() if sent else {"thinking"})


def test_pitfall_079_redacted_thinking_goes_back_as_it_came() -> None:
    parts = (Thinking("", redacted=True, seal=Seal("acme", "Emw")), Thinking("", redacted=True, seal=Seal("acme", "")))
    written = write(asked(turn("user", Text("go")), turn("assistant", *parts)))
    assert json.loads(written.body)["messages"][1]["content"] == [{"type": "redacted_thinking", "data": "Emw"}]
    assert lost(written.losses) == {"thinking"}


def test_a_seal_that_has_no_place_is_a_loss() -> None:
    called = turn("assistant", replace(CALL, seal=Seal("gem", "x")))
    written = write(asked(turn("user", Text("go")), called, turn("user", RESULT)))
    assert lost(written.losses) == {"seal"}


# Media and other parts


def test_images_of_every_source_are_written() -> None:
    sources = (Inline("image/png", "iVBO"), Link("https://e.com/i"), Stored("anthropic", "file_1"))
    assert [block["source"] for block in user(*(Image(source) for source in sources))] == [
        {"type": "base64", "media_type": "image/png", "data": "iVBO"},
        {"type": "url", "url": "https://e.com/i"},
        {"type": "file", "file_id": "file_1"},
    ]
    assert user(Image(Inline("image/jpg", "x")))[0]["source"]["media_type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("image", "members"),
    [
        (Image(Inline("image/bmp", "x")), {}),
        (Image(Stored("foreign", "file-1")), {}),
        (Image(Inline("image/png", "x")), {"images": False}),
        (Image(Link("https://e.com/i")), {"image_links": False}),
    ],
)
def test_pitfall_092_an_image_that_cannot_be_sent_leaves_a_note(image: Image, members: dict[str, Any]) -> None:
    written = write(asked(turn("user", image)), replace(NATIVE, habits=habits(**members)))
    assert lost(written.losses) == {"image"}
    (block,) = json.loads(written.body)["messages"][0]["content"]
    assert block["text"].startswith("[image omitted: ")


def test_what_an_assistant_showed_leaves_a_note() -> None:
    parts = (Image(Inline("image/png", "x")), File(text="words"))
    written = write(asked(turn("user", Text("go")), turn("assistant", *parts)))
    assert lost(written.losses) == {"image", "document"}


def test_the_detail_of_an_image_is_a_loss() -> None:
    assert lost(write(asked(turn("user", Image(Link("https://e.com/i"), "low")))).losses) == {"image.detail"}


def test_documents_of_every_source_are_written() -> None:
    text = b64encode("слово".encode()).decode()
    documents = (
        File(text="words", name="T", context="C"),
        File(Inline("application/pdf", "JVB")),
        File(Inline("text/markdown", text)),
        File(Link("https://e.com/d")),
        File(Stored("anthropic", "file_1")),
    )
    found = user(*documents)
    assert found[0] == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "words"},
        "title": "T",
        "context": "C",
    }
    assert [block["source"]["type"] for block in found] == ["text", "base64", "text", "url", "file"]
    assert found[2]["source"]["data"] == "слово"


@pytest.mark.parametrize(
    "document",
    [
        File(Inline("application/msword", "x")),
        File(Inline("text/plain", "not base64!")),
        File(Stored("foreign", "file-1")),
    ],
)
def test_pitfall_089_a_document_that_cannot_be_sent_leaves_a_note(document: File) -> None:
    written = write(asked(turn("user", document)))
    assert lost(written.losses) == {"document"}
    pdf = write(asked(turn("user", File(Link("https://e.com/d")))), replace(NATIVE, habits=habits(documents=False)))
    assert lost(pdf.losses) == {"document"}


def test_parts_without_a_counterpart_are_losses() -> None:
    parts = (
        Audio(Inline("audio/wav", "UklG")),
        Refusal("I won't"),
        Unknown("foreign", "novel", Raw(b"{}"), "words"),
        Unknown("foreign", "mute", Raw(b"{}")),
        ServerTool("foreign", "file_search_call", Raw(b"{}")),
    )
    written = write(asked(turn("user", *parts)))
    assert lost(written.losses) == {"audio", "refusal", "novel", "mute", "file_search_call"}
    assert [block["text"] for block in json.loads(written.body)["messages"][0]["content"]][1:] == ["I won't", "words"]


def test_what_the_vendor_ran_itself_goes_back_as_it_came() -> None:
    raw = Raw(b'{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}')
    part = ServerTool("anthropic", "server_tool_use", raw, "words")
    assert json.dumps(user(part)[0], separators=(",", ":")).encode() == bytes(raw)


def test_pitfall_008_the_billing_line_goes_to_its_vendor_alone() -> None:
    request = read(body("claude-code-finds-deferred-tools"))
    assert wire_of(request)["system"][0]["text"].startswith("x-anthropic-billing-header")
    written = write(request, OTHER)
    assert b"billing-header" not in written.body
    assert "billing" in lost(written.losses)


def test_pitfall_051_deferred_tools_are_for_the_native_vendor() -> None:
    request = read(body("claude-code-finds-deferred-tools"))
    written = write(request, OTHER)
    wire = json.loads(written.body)
    names = [tool["name"] for tool in wire["tools"]]
    assert "WebFetch" in names
    assert "DeferredToolPlaceholder" not in names
    assert not any("defer_loading" in tool for tool in wire["tools"])
    assert wire["messages"][3]["content"][0]["content"][0]["text"] == "The tool WebFetch can be called now."
    assert {"tool.deferred", "tool_reference"} <= lost(written.losses)


def test_extras_of_another_dialect_are_losses() -> None:
    foreign = Extras("foreign", {"logit_bias": Raw(b"{}")})
    request = asked(turn("user", Text("a", extras=foreign)), extras=foreign)
    assert lost(write(request).losses) == {"logit_bias", "text.logit_bias"}


# Cache marks


def test_pitfall_006_marks_are_kept_but_never_more_than_four() -> None:
    texts = [Text(str(number), CacheMark("1h" if number < 3 else None)) for number in range(5)]
    request = asked(turn("user", *texts), system=(Text("s", CacheMark()),), tools=(Tool("t", cache_mark=CacheMark()),))
    written = write(request)
    wire = json.loads(written.body)
    marks = [block.get("cache_control") for block in wire["messages"][0]["content"]]
    assert (
        marks
        == [None, {"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral", "ttl": "1h"}] + [{"type": "ephemeral"}] * 2
    )
    assert "cache_control" not in wire["tools"][0]
    assert "cache_control" not in wire["system"][0]
    assert lost(written.losses) == {"cache_mark"}


def test_marks_are_kept_on_blocks_of_every_kind() -> None:
    mark = CacheMark()
    turns = (
        turn("user", Image(Link("https://e.com/i"), cache_mark=mark)),
        turn("assistant", replace(CALL, cache_mark=mark)),
        turn("user", replace(RESULT, parts=(Text("x", mark),), cache_mark=mark)),
    )
    messages = wire_of(asked(*turns))["messages"]
    marked = [block for message in messages for block in message["content"] if "cache_control" in block]
    assert [block["type"] for block in marked] == ["image", "tool_use", "tool_result"]
    assert marked[2]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_no_mark_is_ever_added() -> None:
    assert b"cache_control" not in write(asked(turn("user", Text("a")), system=(Text("s"),))).body


# Tools and their choice


def test_pitfall_041_a_tool_always_has_a_schema() -> None:
    wire = wire_of(asked(turn("user", Text("go")), tools=(Tool("t"),)))
    assert wire["tools"] == [{"name": "t", "input_schema": {"type": "object", "properties": {}}}]


def test_pitfall_042_no_tools_are_not_an_empty_list() -> None:
    assert "tools" not in wire_of(asked(turn("user", Text("go"))))


@pytest.mark.parametrize(
    ("choice", "lost_names"),
    [(ToolChoice("auto"), set()), (ToolChoice("any"), {"tool_choice"}), (ToolChoice("none"), set())],
)
def test_pitfall_043_no_choice_without_tools(choice: ToolChoice, lost_names: set[str]) -> None:
    written = write(asked(turn("user", Text("go")), tool_choice=choice))
    assert b"tool_choice" not in written.body
    assert lost(written.losses) == lost_names


@pytest.mark.parametrize(
    ("members", "target_habits", "expected", "lost_names"),
    [
        ({"tool_choice": ToolChoice("any")}, {}, {"type": "any"}, set()),
        ({"tool_choice": ToolChoice("one", "t")}, {}, {"type": "tool", "name": "t"}, set()),
        ({"tool_choice": ToolChoice("none"), "parallel_tools": False}, {}, {"type": "none"}, set()),
        ({"parallel_tools": False}, {}, {"type": "auto", "disable_parallel_tool_use": True}, set()),
        ({"parallel_tools": True}, {}, None, set()),
        ({"parallel_tools": False}, {"parallel_tools_member": False}, None, {"parallel_tools"}),
        ({"tool_choice": ToolChoice("any")}, {"tool_choice_any": False}, {"type": "auto"}, {"tool_choice"}),
    ],
)
def test_pitfall_044_every_tool_choice_is_written(
    members: dict[str, Any], target_habits: dict[str, Any], expected: Any, lost_names: set[str]
) -> None:
    request = asked(turn("user", Text("go")), tools=(Tool("t"),), **members)
    written = write(request, replace(NATIVE, habits=habits(**target_habits)))
    assert json.loads(written.body).get("tool_choice") == expected
    assert lost(written.losses) == lost_names


def test_strictness_is_told_only_where_it_is_known() -> None:
    request = asked(turn("user", Text("go")), tools=(Tool("t", strict=True), Tool("u", strict=False)))
    assert [tool.get("strict") for tool in wire_of(request)["tools"]] == [True, False]
    written = write(request, replace(NATIVE, habits=habits(tool_strict=False)))
    assert b"strict" not in written.body
    assert lost(written.losses) == {"tool.strict"}


def test_pitfall_054_an_upstream_without_tools_is_offered_none() -> None:
    request = asked(turn("user", Text("go")), tools=(Tool("t"),), tool_choice=ToolChoice("auto"))
    written = write(request, replace(NATIVE, habits=habits(tools=False)))
    assert b"tool" not in written.body
    assert lost(written.losses) == {"tools"}


def test_pitfall_047_another_vendors_tool_is_never_dropped_silently() -> None:
    search = ProviderTool("foreign", "web_search", "web_search", Raw(b'{"type":"web_search"}'))
    code = ProviderTool("foreign", "code_interpreter", "code", Raw(b"{}"))
    written = write(asked(turn("user", Text("go")), tools=(search, code)))
    assert json.loads(written.body)["tools"] == [{"type": "web_search_20250305", "name": "web_search"}]
    assert lost(written.losses) == {"tool.web_search", "tool.code_interpreter"}
    with pytest.raises(Trouble) as found:
        DIALECT.write_request(asked(tools=(code,), tool_choice=ToolChoice("one", "code")), NATIVE)
    assert found.value.problem.kind is Kind.UNSUPPORTED


# Limits and knobs


def test_the_wire_demands_an_output_limit() -> None:
    request = asked(turn("user", Text("go")), max_output=None)
    written = write(request)
    assert json.loads(written.body)["max_tokens"] == 32_000
    assert lost(written.losses) == {"max_output"}
    limited = write(request, replace(NATIVE, habits=habits(max_output_limit=8192)))
    assert json.loads(limited.body)["max_tokens"] == 8192


def test_pitfall_014_a_larger_wish_is_clamped_to_the_upstreams_limit() -> None:
    written = write(asked(turn("user", Text("go"))), replace(NATIVE, habits=habits(max_output_limit=1000)))
    assert json.loads(written.body)["max_tokens"] == 1000
    assert lost(written.losses) == {"max_output"}


def test_pitfall_016_knobs_without_a_counterpart_are_losses() -> None:
    sampling = Sampling(1.7, 0.9, 40, seed=1, frequency_penalty=0.1, presence_penalty=0.1)
    written = write(asked(turn("user", Text("go")), sampling=sampling))
    wire = json.loads(written.body)
    assert (wire["temperature"], wire["top_p"], wire["top_k"]) == (1.0, 0.9, 40)
    assert lost(written.losses) == {
        "sampling.temperature",
        "sampling.seed",
        "sampling.frequency_penalty",
        "sampling.presence_penalty",
    }


def test_pitfall_015_knobs_are_kept_from_models_that_refuse_them() -> None:
    request = asked(turn("user", Text("go")), sampling=Sampling(0.5, 0.9))
    written = write(request, replace(NATIVE, habits=habits(sampling_refused=True)))
    assert lost(written.losses) == {"sampling.temperature", "sampling.top_p"}
    thinking = write(replace(request, reasoning=Reasoning("adaptive"), sampling=Sampling(1.0, 0.95, 3)))
    assert lost(thinking.losses) == {"sampling.top_k"}


# Thinking


@pytest.mark.parametrize(
    ("reasoning", "thinking", "effort", "lost_names"),
    [
        (Reasoning(), None, None, set()),
        (Reasoning("off"), {"type": "disabled"}, None, set()),
        (Reasoning("adaptive", effort="high"), {"type": "adaptive"}, "high", set()),
        (Reasoning("on"), {"type": "adaptive"}, None, set()),
        (
            Reasoning("on", 2000, display="omitted"),
            {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
            None,
            set(),
        ),
        (Reasoning("on", 10), {"type": "enabled", "budget_tokens": 1024}, None, {"reasoning.budget"}),
        (Reasoning("on", 9000), {"type": "enabled", "budget_tokens": 4095}, None, {"reasoning.budget"}),
        (Reasoning(effort="none"), {"type": "disabled"}, None, set()),
        (Reasoning(effort="minimal"), {"type": "adaptive"}, "low", {"reasoning.effort"}),
        (Reasoning(effort="max", display="summarized"), {"type": "adaptive", "display": "summarized"}, "max", set()),
        (
            Reasoning(effort="newer", display="full"),
            {"type": "adaptive"},
            None,
            {"reasoning.effort", "reasoning.display"},
        ),
    ],
)
def test_pitfall_031_every_wish_for_thinking_is_told_to_the_native_vendor(
    reasoning: Reasoning, thinking: Any, effort: str | None, lost_names: set[str]
) -> None:
    written = write(asked(turn("user", Text("go")), reasoning=reasoning))
    wire = json.loads(written.body)
    assert wire.get("thinking") == thinking
    assert wire.get("output_config", {}).get("effort") == effort
    assert lost(written.losses) == lost_names


@pytest.mark.parametrize(
    ("reasoning", "budget", "lost_names"),
    [
        (Reasoning(effort="low"), 4096, {"reasoning.effort"}),
        (Reasoning(effort="newer"), 10_000, {"reasoning.effort"}),
        (Reasoning("on"), 10_000, set()),
        (Reasoning("on", effort="high"), 24_000, set()),
    ],
)
def test_pitfall_029_lookalikes_are_told_a_budget(reasoning: Reasoning, budget: int, lost_names: set[str]) -> None:
    written = write(asked(turn("user", Text("go")), reasoning=reasoning, max_output=32_000), OTHER)
    wire = json.loads(written.body)
    assert wire["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert "output_config" not in wire
    assert lost(written.losses) == lost_names


def test_pitfall_026_an_output_limit_may_leave_no_room_for_thinking() -> None:
    for reasoning, target in ((Reasoning("on", 2000), NATIVE), (Reasoning(effort="high"), OTHER)):
        written = write(asked(turn("user", Text("go")), reasoning=reasoning, max_output=500), target)
        assert b"thinking" not in written.body
        assert "reasoning" in lost(written.losses)


def test_pitfall_027_a_demanded_call_comes_without_thinking() -> None:
    request = asked(
        turn("user", Text("go")), reasoning=Reasoning("adaptive"), tools=(Tool("t"),), tool_choice=ToolChoice("any")
    )
    written = write(request)
    assert b"thinking" not in written.body
    assert lost(written.losses) == {"reasoning"}
    assert "thinking" in wire_of(replace(request, tool_choice=ToolChoice("auto")))


def test_pitfall_081_thinking_is_off_where_the_answered_call_came_without() -> None:
    turns = (turn("user", Text("go")), turn("assistant", CALL), turn("user", RESULT))
    written = write(asked(*turns, reasoning=Reasoning("on", 2000)))
    assert b'"thinking"' not in written.body
    assert lost(written.losses) == {"reasoning"}
    thought = turn("assistant", Thinking("hm", seal=Seal("acme", "s")), CALL)
    assert "thinking" in wire_of(asked(turns[0], thought, turns[2], reasoning=Reasoning("on", 2000)))
    assert "thinking" in wire_of(asked(*turns, reasoning=Reasoning("adaptive")))
    assert "thinking" in wire_of(asked(*turns, turn("assistant", Text("done")), reasoning=Reasoning("on", 2000)))
    spoken = Turn("assistant", (Text("x"),), as_string=True)
    assert "thinking" in wire_of(asked(turns[0], spoken, turns[2], reasoning=Reasoning("on", 2000)))


@pytest.mark.parametrize(
    ("effort", "known", "told"),
    [
        ("max", ("low", "medium", "high"), "high"),
        ("medium", ("low", "high"), "low"),
        ("high", ("high",), "high"),
        ("newer", ("low",), None),
        ("low", ("deep",), None),
    ],
)
def test_the_nearest_effort_that_an_upstream_knows_is_told(
    effort: str, known: tuple[str, ...], told: str | None
) -> None:
    target = replace(NATIVE, habits=habits(efforts=known))
    for request in (asked(reasoning=Reasoning(effort=effort)), read(said(output_config={"effort": effort}))):
        written = DIALECT.write_request(request, target)
        assert json.loads(written.body).get("output_config", {}).get("effort") == told
        assert ("reasoning.effort" in lost(written.losses)) == (told != effort)


def test_effort_of_this_dialects_clients_is_passed_on() -> None:
    request = read(said(output_config={"effort": "newest"}))
    assert wire_of_any(request)["output_config"] == {"effort": "newest"}


def wire_of_any(request: Request) -> dict[str, Any]:
    """The body, where it holds more than the SDK knows."""
    found: dict[str, Any] = json.loads(DIALECT.write_request(request, NATIVE).body)
    return found


# Other members


@pytest.mark.parametrize(
    ("shape", "expected", "lost_names"),
    [
        (OutputShape("json_schema", SCHEMA), {"type": "json_schema", "schema": json.loads(bytes(SCHEMA))}, set()),
        (
            OutputShape("json_schema", SCHEMA, "n", "d", True),
            {"type": "json_schema", "schema": json.loads(bytes(SCHEMA))},
            {"output_shape.name", "output_shape.description", "output_shape.strict"},
        ),
        (OutputShape("json_schema"), None, {"output_shape"}),
        (OutputShape("json_object"), None, {"output_shape"}),
    ],
)
def test_pitfall_029_an_output_shape_is_a_format(shape: OutputShape, expected: Any, lost_names: set[str]) -> None:
    written = write(asked(turn("user", Text("go")), output_shape=shape))
    assert json.loads(written.body).get("output_config", {}).get("format") == expected
    assert lost(written.losses) == lost_names


def test_an_output_shape_that_the_upstream_lacks_is_a_loss() -> None:
    target = replace(NATIVE, habits=habits(output_shapes=()))
    written = write(asked(turn("user", Text("go")), output_shape=OutputShape("json_schema", SCHEMA)), target)
    assert lost(written.losses) == {"output_shape"}


def test_pitfall_011_stop_sequences_that_cannot_be_told_are_enforced_here() -> None:
    stop = ("a", "b", "\n", "c", "d", "e")
    native = write(asked(turn("user", Text("go")), stop=stop))
    assert json.loads(native.body)["stop_sequences"] == ["a", "b", "c", "d", "e"]
    assert native.local_stops == ("\n",)
    other = write(asked(turn("user", Text("go")), stop=stop), OTHER)
    assert json.loads(other.body)["stop_sequences"] == ["a", "b", "c", "d"]
    assert other.local_stops == ("\n", "e")
    assert write(asked(turn("user", Text("go")), stop=("\n",))).local_stops == ("\n",)


@pytest.mark.parametrize(
    ("given", "limit", "expected"),
    [("u", 64, "u"), ("u" * 100, 64, 64), ("u" * 100, 0, None), ("", 64, None)],
)
def test_pitfall_009_a_long_identity_is_hashed(given: str, limit: int, expected: str | int | None) -> None:
    request = asked(turn("user", Text("go")), user=given)
    written = write(request, replace(OTHER, habits=habits(user_limit=limit)))
    found = json.loads(written.body).get("metadata", {}).get("user_id")
    assert (len(found) if isinstance(expected, int) else found) == expected
    assert ("user" in lost(written.losses)) == (given == "u" * 100)


@pytest.mark.parametrize(
    ("tier", "expected"),
    [("auto", "auto"), ("default", "standard_only"), ("flex", None), ("standard_only", "standard_only")],
)
def test_service_tiers_are_translated(tier: str, expected: str | None) -> None:
    written = write(asked(turn("user", Text("go")), service_tier=tier))
    assert json.loads(written.body).get("service_tier") == expected
    assert ("service_tier" in lost(written.losses)) == (expected is None)
    assert wire_of_any(read(said(service_tier=tier)))["service_tier"] == tier


def test_local_data_goes_to_the_vendor_alone() -> None:
    request = read(said(safeguards=[{"type": "dangerous_tool_use"}], container="c"))
    assert "safeguards" in wire_of_any(request)
    written = DIALECT.write_request(request, OTHER)
    assert b"safeguards" not in written.body
    assert b"container" in written.body
    assert lost(written.losses) == {"safeguards"}


def test_leftover_members_of_opened_objects_are_written_again() -> None:
    wire = said(output_config={"effort": "low", "task_budget": {"total": 9}}, metadata={"user_id": "u", "tenant": 7})
    found = wire_of_any(read(wire))
    assert found["output_config"] == wire["output_config"]
    assert found["metadata"] == wire["metadata"]


def test_habits_drop_and_add_members() -> None:
    target = replace(NATIVE, habits=habits(drop_members=("top_k", "absent"), extra_body={"speed": "fast"}))
    written = write(asked(turn("user", Text("go")), sampling=Sampling(top_k=3)), target)
    wire = json.loads(written.body)
    assert "top_k" not in wire
    assert wire["speed"] == "fast"
    assert lost(written.losses) == {"top_k"}


def test_what_was_lost_in_reading_is_told_again() -> None:
    loss = Loss("text.surrogate", "why")
    assert write(asked(turn("user", Text("go")), losses=(loss,))).losses == (loss,)


def test_each_loss_is_told_once() -> None:
    parts = (Thinking("a"), Thinking("b"), Text("c"))
    assert len(write(asked(turn("user", Text("go")), turn("assistant", *parts))).losses) == 1
