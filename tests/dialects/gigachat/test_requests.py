"""What a request becomes on this wire, and what a client of this wire is understood to want."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

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
    OutputShape,
    ProviderTool,
    Refusal,
    Sampling,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolReference,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.dialects.base import Hearing
from dragoman.dialects.gigachat import DIALECT
from tests.dialects.gigachat.stage import (
    NEWER,
    OLDER,
    ORIGIN,
    asked,
    assistant,
    called,
    gave,
    heard,
    losses,
    messages,
    target,
    user,
    write,
)
from tests.dialects.gigachat.stage import chunk as said
from tests.dialects.gigachat.stage import function as call

OBJECT = Raw(b'{"type":"object","properties":{"path":{"type":"string"}}}')
READ = Tool("Read", "Reads a file.", OBJECT)


def refusal(**members: Any) -> Trouble:
    """The refusal of a request with these members."""
    with pytest.raises(Trouble) as found:
        write(asked(**members))
    assert found.value.problem.kind is Kind.UNSUPPORTED
    return found.value


# Names


@pytest.mark.parametrize(
    "name", ["mcp__server.tool", "1st", "имя", "web_search", "get_file_content", "n" * 90, "a:b", "_x", ""]
)
def test_pitfalls_033_and_034_a_name_goes_changed_and_comes_back(name: str) -> None:
    request = asked(
        user("go"),
        assistant(called("a", name)),
        user(gave("a", "x", ToolReference(name))),
        tools=(Tool(name, "d", OBJECT),),
        tool_choice=ToolChoice("one", name),
    )
    body, written = write(request)
    sent = body["functions"][0]["name"]
    assert sent != name
    assert body["messages"][1]["function_call"]["name"] == body["messages"][2]["name"] == sent
    assert body["function_call"] == {"name": sent}
    assert sent in body["messages"][2]["content"]
    reply = heard(said(call(sent, {}), "function_call"), hearing=Hearing(origin=ORIGIN, names=written.names))
    assert [getattr(part, "name", None) for part in reply.parts] == [name]


def test_a_name_that_the_vendor_takes_stays() -> None:
    body, written = write(asked(tools=(Tool("mcp__server__tool-1", None, OBJECT),)))
    assert body["functions"] == [{"name": "mcp__server__tool-1", "parameters": json.loads(bytes(OBJECT))}]
    assert not written.names


# Schemas


def test_pitfall_075_schemas_are_lowered_for_models_that_take_little_and_calls_brought_back() -> None:
    schema = Raw(
        b'{"type":"object","properties":{"$level":{"enum":[1,2]},"tags":{"type":["array","null"]},'
        b'"where":{"anyOf":[{"$ref":"#/$defs/p"},{"type":"null"}]}},"$defs":{"p":{"type":"string","format":"uri"}}}'
    )
    body, written = write(asked(tools=(Tool("Set", "Sets.", schema),)))
    assert body["functions"][0]["parameters"]["properties"] == {
        "_level": {"type": "string", "enum": ["1", "2"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "where": {"type": "string", "description": "(format uri)"},
    }
    assert {"tool.schema.property", "tool.schema.enum", "tool.schema.format"} <= set(losses(written))
    hearing = Hearing(origin=ORIGIN, lowered=written.lowered)
    reply = heard(said(call("Set", {"_level": "2", "tags": []}), "function_call"), hearing=hearing)
    assert json.loads(getattr(reply.parts[0], "arguments", "")) == {"$level": 2, "tags": []}
    history = asked(
        user("go"),
        assistant(called("a", "Set", '{"$level":2}')),
        user(gave("a", "ok")),
        tools=(Tool("Set", "Sets.", schema),),
    )
    assert messages(history)[1]["function_call"]["arguments"] == {"_level": "2"}


@pytest.mark.parametrize(
    ("schema", "parameters", "lost"),
    [
        (None, {"type": "object", "properties": {}}, False),
        (Raw(b"{}"), {"type": "object", "properties": {}}, False),
        (Raw(b'{"type":"string"}'), {"type": "object", "properties": {}}, True),
        (Raw(b"[]"), {"type": "object", "properties": {}}, True),
        (
            Raw(b'{"type":"object","properties":{"a":{"anyOf":[{}]}},"x-y":1}'),
            {"type": "object", "properties": {"a": {"anyOf": [{}]}}, "x-y": 1},
            False,
        ),
    ],
)
def test_pitfall_041_newer_models_are_sent_schemas_as_they_are_but_always_of_an_object(
    schema: Raw | None, parameters: dict[str, object], lost: bool
) -> None:
    body, written = write(asked(tools=(Tool("Set", None, schema),)), NEWER)
    assert body["functions"][0]["parameters"] == parameters
    assert ("tool.schema" in losses(written)) is lost


# Tools and the choice among them


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, "auto"),
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("one", "Read"), {"name": "Read"}),
        (ToolChoice("one", "Missing"), "auto"),
    ],
)
def test_the_choice_is_always_told_where_there_are_functions(choice: ToolChoice | None, told: object) -> None:
    body, _ = write(asked(tools=(READ, Tool("Write")), tool_choice=choice))
    assert body["function_call"] == told


def test_a_choice_without_tools_is_left_out() -> None:
    for mode in ("any", "auto", "none"):
        body, written = write(asked(tool_choice=ToolChoice(mode)))
        assert not body.keys() & {"function_call", "functions"}
        assert ("tool_choice" in losses(written)) is (mode == "any")


def test_deferred_tools_are_offered_once_they_were_found() -> None:
    hidden, shown = Tool("Hidden", deferred=True), Tool("Shown", deferred=True)
    request = asked(
        user("go"),
        assistant(called("a", "search")),
        user(gave("a", ToolReference("Shown"))),
        tools=(hidden, shown, READ),
    )
    body, written = write(request)
    assert [each["name"] for each in body["functions"]] == ["Shown", "Read"]
    assert "tools.deferred" in losses(written)
    forced = write(asked(tools=(hidden,), tool_choice=ToolChoice("one", "Hidden")))[0]
    assert forced["functions"][0]["name"] == "Hidden"


def test_a_tool_known_by_type_is_described_in_full() -> None:
    bash = ProviderTool("tongue", "bash_20250124", "bash", Raw(b"{}"), CacheMark())
    body, written = write(asked(tools=(bash,)))
    assert "command" in body["functions"][0]["parameters"]["properties"]
    assert {"tools.bash_20250124", "cache_mark"} <= set(losses(written))


def test_another_vendor_s_tool_is_a_loss_beside_others_and_else_a_refusal() -> None:
    search = ProviderTool("tongue", "web_search_20250305", "web_search", Raw(b"{}"))
    computer = ProviderTool("tongue", "computer_20250124", "computer", Raw(b"{}"))
    body, written = write(asked(tools=(READ, search)))
    assert [each["name"] for each in body["functions"]] == ["Read"]
    assert "tools.web_search_20250305" in losses(written)
    assert "web_search" in str(refusal(tools=(search,)))
    assert "computer" in str(refusal(tools=(READ, computer)))
    refusal(tools=(READ, search), tool_choice=ToolChoice("one", "web_search"))
    refusal(extras=Extras("tongue", {"mcp_servers": Raw(b'[{"url":"x"}]')}))


def test_a_model_without_functions_is_refused_what_needs_them_and_spared_the_rest() -> None:
    body, written = write(asked(tools=(READ,)), OLDER, tools=False)
    assert "functions" not in body
    assert "tools" in losses(written)
    with pytest.raises(Trouble):
        write(asked(user("x"), assistant(called("a")), user(gave("a", "y")), tools=(READ,)), OLDER, tools=False)


# History


def test_pitfall_060_a_call_without_a_result_gets_one_and_a_result_without_a_call_is_told() -> None:
    body, written = write(
        asked(user("go"), assistant(called("a"), called("b")), user(gave("b", "B"), gave("zzz", "lost")))
    )
    roles = [each["role"] for each in body["messages"]]
    assert roles == ["user", "assistant", "function", "assistant", "function", "user"]
    assert json.loads(body["messages"][2]["content"])["is_error"] is True
    assert body["messages"][-1]["content"] == "[Result of an earlier tool call]\nlost"
    assert {"tool_result.missing", "tool_result.orphan", "tool_calls.parallel"} <= set(losses(written))


def test_pitfall_061_several_results_of_a_call_are_one() -> None:
    body, written = write(
        asked(user("go"), assistant(called("a")), user(gave("a", "1"), gave("a", "2", is_error=True)))
    )
    assert json.loads(body["messages"][-1]["content"]) == {"result": "Error: 1\n\n2", "is_error": True}
    assert "tool_result.duplicate" in losses(written)


@pytest.mark.parametrize(
    ("text", "told"), [("", "Error: the tool failed without a word."), ("error: x", "error: x"), ("x", "Error: x")]
)
def test_pitfall_072_a_failure_is_told_once(text: str, told: str) -> None:
    found = messages(asked(user("go"), assistant(called("a")), user(gave("a", text, is_error=True))))
    assert json.loads(found[-1]["content"])["result"] == told


@pytest.mark.parametrize(
    ("arguments", "told"), [("", {}), ("  ", {}), ("{cut", {"input": "{cut"}), ("[1]", {"input": "[1]"})]
)
def test_pitfalls_062_and_063_arguments_are_an_object(arguments: str, told: object) -> None:
    body, written = write(asked(user("go"), assistant(called("a", arguments=arguments)), user(gave("a", "x"))))
    assert body["messages"][1]["function_call"]["arguments"] == told
    assert ("tool_call.arguments" in losses(written)) is bool(told)


def test_arguments_keep_every_digit() -> None:
    written = DIALECT.write_request(
        asked(user("go"), assistant(called("a", arguments='{"n": 1.0, "big": 123456789012345678901234567890}'))),
        target(),
    )
    assert b'{"n": 1.0, "big": 123456789012345678901234567890}' in written.body


def test_pitfall_001_a_system_message_between_others_is_a_user_s_reminder() -> None:
    body, written = write(
        asked(
            Turn("system", (Text("first"),)),
            user("go"),
            assistant(called("a")),
            user(gave("a", "A")),
            Turn("system", (Text("midway"),)),
            Turn("system", ()),
            user("next"),
            system=(Text("base"), Text("more")),
        )
    )
    assert body["messages"][0] == {"role": "system", "content": "base\n\nmore\n\nfirst"}
    assert body["messages"][-1]["content"] == "<system-reminder>\nmidway\n</system-reminder>\n\nnext"
    assert "turn.system" in losses(written)


def test_pitfall_017_an_answer_begun_is_followed_by_a_word_of_the_user_where_demanded() -> None:
    body, written = write(asked(user("go"), assistant("Sure,")))
    assert body["messages"][-1]["role"] == "user"
    assert "prefill" in losses(written)
    free = DIALECT.write_request(asked(user("go"), assistant("Sure,")), target(Habits(prefill=True)))
    assert json.loads(free.body)["messages"][-1] == {"role": "assistant", "content": "Sure,"}


def test_texts_keep_their_borders_and_empty_turns_go() -> None:
    request = asked(
        user("a", "b"),
        assistant("one ", "sentence.", Thinking("hm"), "Next."),
        user("c"),
        assistant(Text(""), Thinking("only")),
        user("d"),
    )
    body, written = write(request)
    assert [each["content"] for each in body["messages"]] == ["ab", "one sentence.\n\nNext.", "c\n\nd"]
    assert {"thinking", "turn.empty"} <= set(losses(written))


def test_thinking_goes_back_to_who_did_it_where_it_is_wanted() -> None:
    own, other = Thinking("mine", seal=Seal(ORIGIN, "")), Thinking("theirs", seal=Seal("claude", "c2ln"))
    request = asked(user("go"), assistant(own, other, "said"), user("next"))
    body, written = write(request, NEWER)
    assert body["messages"][1]["reasoning_content"] == "mine"
    assert "thinking" in losses(written)
    assert "reasoning_content" not in messages(request, OLDER)[1]


def test_parts_of_other_dialects_are_told_in_words_or_lost() -> None:
    request = asked(
        user(
            Unknown("tongue", "novel", Raw(b"{}"), "in words"),
            Unknown("tongue", "other", Raw(b"{}")),
            ToolReference("web_search"),
            Text("marked", CacheMark(), extras=Extras("tongue", {"citations": Raw(b"[]")})),
            called("stray"),
            Thinking("stray"),
        ),
        assistant(
            ServerTool("tongue", "server_tool_use", Raw(b"{}")), Refusal("No."), Text("so", seal=Seal("else", "x"))
        ),
        user("next"),
        extras=Extras("tongue", {"novel_member": Raw(b"1")}),
    )
    body, written = write(request)
    assert body["messages"][0]["content"].startswith("in words\n\nThe tool web_search_")
    assert "[Call of tool Read: {}]" in body["messages"][0]["content"]
    assert body["messages"][1]["content"] == "No.\n\nso"
    names = (
        "novel",
        "other",
        "cache_mark",
        "text.citations",
        "server_tool_use",
        "tool_call",
        "thinking",
        "seal",
        "novel_member",
    )
    assert set(names) <= set(losses(written))


# Files


def test_files_that_were_uploaded_stand_one_to_a_message() -> None:
    pictures = [Image(Stored("gigachat", f"file_{n}")) for n in (1, 2)]
    found = messages(asked(user("look:", *pictures)))
    assert found == [
        {"role": "user", "content": "[File 1]", "attachments": ["file_1"]},
        {"role": "user", "content": "look:", "attachments": ["file_2"]},
    ]
    shot = messages(asked(user("go"), assistant(called("a")), user(gave("a", "shot", pictures[0]), "and?")))
    assert shot[-2] == {"role": "user", "content": "[Files from the results above]", "attachments": ["file_1"]}
    assert shot[-1] == {"role": "user", "content": "and?"}


def test_the_oldest_of_too_many_files_are_no_longer_shown() -> None:
    turns = [turn for _ in range(12) for turn in (user("see", Image(Stored("gigachat", "file_1"))), assistant("ok"))]
    body, written = write(asked(*turns, user("end")))
    shown = [each for each in body["messages"] if "attachments" in each]
    assert len(shown) == 10
    assert "no longer shown" in body["messages"][0]["content"]
    assert "attachments" in losses(written)


@pytest.mark.parametrize(
    ("part", "words", "loss"),
    [
        (Image(Inline("image/png", "aGk=")), "An image was here", "image"),
        (Image(Link("https://a.b/c.png")), "An image was here at https://a.b/c.png", "image"),
        (Image(Stored("anthropic", "f")), "An image was here", "image"),
        (Audio(Inline("audio/wav", "aGk=")), "A sound recording was here", "audio"),
        (File(Inline("application/pdf", "aGk="), name="a.pdf"), "named a.pdf", "file"),
        (File(text="body", name="n.txt", context="why"), "n.txt\nwhy\n\nbody", ""),
        (File(Inline("text/plain", "0LjQvNGP")), "имя", ""),
        (File(Inline("text/plain", "a")), "a", ""),
        (File(Stored("gigachat", "file_1"), context="why"), "", "file.context"),
    ],
)
def test_pitfalls_089_and_092_media_become_words_where_they_cannot_be_shown(part: Image, words: str, loss: str) -> None:
    body, written = write(asked(user(part, "!")))
    assert words in body["messages"][0]["content"]
    assert [loss] == [each for each in losses(written) if each != "!"] or not loss


def test_files_the_model_showed_are_not_shown_to_it_again() -> None:
    body, written = write(asked(user("draw"), assistant("here", File(Stored("gigachat", "file_1"))), user("thanks")))
    assert body["messages"][1] == {"role": "assistant", "content": "here"}
    assert "assistant.media" in losses(written)


# Settings


@pytest.mark.parametrize(
    ("sampling", "told", "lost"),
    [
        (Sampling(temperature=0.0), {"top_p": 0}, {"temperature"}),
        (Sampling(temperature=0.0, top_p=0.9), {"top_p": 0}, {"temperature"}),
        (Sampling(temperature=0.7, top_p=0.9), {"temperature": 0.7, "top_p": 0.9}, set()),
        (Sampling(None, None, 5, 6, 0.1, 0.2), {}, {"top_k", "seed", "frequency_penalty", "presence_penalty"}),
    ],
)
def test_sampling_is_told_as_the_wire_has_it(sampling: Sampling, told: dict[str, float], lost: set[str]) -> None:
    body, written = write(asked(sampling=sampling))
    assert {name: body[name] for name in ("temperature", "top_p") if name in body} == told
    assert lost <= set(losses(written))


def test_habits_of_the_row_are_obeyed() -> None:
    request = asked(max_output=50_000, sampling=Sampling(temperature=0.5), stop=("END", "", "END", "\n"))
    body, written = write(
        request,
        max_output_limit=8192,
        sampling_refused=True,
        drop_members=("messages_", "stream"),
        extra_body={"profanity_check": False},
    )
    assert body["max_tokens"] == 8192
    assert "temperature" not in body
    assert "stream" not in body
    assert body["profanity_check"] is False
    assert written.local_stops == ("END", "\n")
    assert {"max_output", "sampling", "stream", "stop"} <= set(losses(written))


def test_a_form_of_the_answer_is_told_flat_or_in_words() -> None:
    schema = Raw(b'{"type":"object","properties":{"a":{"type":["string","null"]}}}')
    shape = OutputShape("json_schema", schema, "answer", strict=True)
    newer = write(asked(output_shape=shape), NEWER)[0]["response_format"]
    assert newer == {"type": "json_schema", "schema": json.loads(bytes(schema)), "strict": True}
    older, written = write(asked(output_shape=shape))
    assert older["response_format"]["schema"]["properties"] == {"a": {"type": "string"}}
    assert "output_shape.schema.null" in losses(written)
    worded, lost = write(asked(output_shape=shape), output_shapes=())
    assert "response_format" not in worded
    assert "JSON Schema" in worded["messages"][0]["content"]
    plain = write(asked(output_shape=OutputShape("json_object"), system=(Text("S"),)))[0]
    assert plain["messages"][0]["content"] == "S\n\nAnswer with one JSON object and nothing else."
    assert "output_shape" in losses(lost)


def test_half_characters_never_break_a_body() -> None:
    written = DIALECT.write_request(asked(user("a\ud83d"), system=(Text("b\udc00"),)), target())
    assert json.loads(written.body)["messages"][1]["content"] == "a\ufffd"
    assert "text.surrogate" in losses(written)


# Clients of this wire


def test_a_client_s_history_is_understood() -> None:
    body = {
        "model": "GigaChat",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u", "attachments": ["f1"]},
            {
                "role": "assistant",
                "content": "t",
                "reasoning_content": "hm",
                "function_call": {"name": "Read", "arguments": {"a": 1}},
                "functions_state_id": "id-1",
            },
            {"role": "function", "name": "Read", "content": '{"b":2}'},
            {"role": "assistant", "content": "done"},
            {"role": "function", "name": "Other", "content": "{}"},
            {"role": "function", "content": "{}"},
        ],
        "functions": [{"name": "Read", "description": "d", "parameters": {"type": "object"}, "few_shot_examples": []}],
        "function_call": {"name": "Read"},
        "max_tokens": 5,
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "schema": {"type": "object"}},
        "stream": True,
        "flags": ["x"],
    }
    request = DIALECT.read_request(json.dumps(body).encode())
    assert request.system == (Text("s"),)
    turns = request.turns
    assert turns[0].parts == (Text("u"), File(Stored("gigachat", "f1")))
    thought, text, call = turns[1].parts
    assert (thought, text) == (Thinking("hm"), Text("t"))
    assert call == called("call_2", "Read", '{"a": 1}', seal=Seal("", "id-1"))
    results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
    assert [(part.call_id, part.name) for part in results] == [
        ("call_2", "Read"),
        ("call_none", "Other"),
        ("call_2", None),
    ]
    assert request.tool_choice == ToolChoice("one", "Read")
    assert (request.max_output, request.reasoning.effort, request.stream) == (5, "low", True)
    assert request.extras is not None
    assert set(request.extras.members) == {"flags"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "function_call": {}}]}, "messages[0].function_call.name"),
        ({"function_call": "any"}, "function_call"),
        ({"function_call": 1}, "function_call"),
        ({"functions": [{}]}, "functions[0].name"),
        ({"response_format": "text"}, "response_format"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_the_member_s_name(members: dict[str, object], param: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **members}
    with pytest.raises(Trouble) as found:
        DIALECT.read_request(json.dumps(body).encode())
    assert found.value.problem.param == param


def test_a_body_with_half_a_character_is_read_and_one_that_is_no_text_refused() -> None:
    request = DIALECT.read_request(b'{"model":"m","messages":[{"role":"user","content":"a\\ud83d"}]}')
    assert [loss.what for loss in request.losses] == ["text.surrogate"]
    for body in (b"\xff{}", b"{"):
        with pytest.raises(Trouble):
            DIALECT.read_request(body)


def test_a_client_of_this_wire_may_name_the_vendor_s_own_functions() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "draw"}], "functions": [{"name": "text2image"}]}
    request = DIALECT.read_request(json.dumps(body).encode())
    assert json.loads(DIALECT.write_request(request, target(stream=False)).body)["functions"] == [
        {"name": "text2image"}
    ]


def test_a_model_that_repeats_itself_is_told_so_where_a_habit_asks() -> None:
    turns = [user("go")]
    for n in range(4):
        turns += [assistant(called(f"c{n}", arguments='{"path":"a"}')), user(gave(f"c{n}", "no file"))]
    turns += [assistant(called("d", arguments='{"path":"b"}')), user(gave("d", "no file"))]
    body, written = write(asked(*turns), repeats=3)
    results = [json.loads(message["content"]) for message in body["messages"] if message["role"] == "function"]
    assert ["note" in result for result in results] == [False, False, True, True, False]
    assert "4 times" in results[3]["note"]
    assert all(result["result"] == "no file" for result in results)
    assert "tool_calls.repeated" in losses(written)
    assert "note" not in json.dumps(write(asked(*turns))[0])
