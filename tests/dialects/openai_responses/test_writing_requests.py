"""Requests of other wires as bodies: what is said, and what is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.problem import Trouble
from dragoman.canon.request import (
    Audio,
    CacheMark,
    Extras,
    File,
    Grammar,
    Image,
    Inline,
    Link,
    OutputShape,
    Part,
    ProviderTool,
    Reasoning,
    Refusal,
    Request,
    Sampling,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolReference,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.canon.seal import wrap
from dragoman.dialects.openai_responses import DIALECT
from tests.dialects.openai_responses.stage import (
    ORIGIN,
    Json,
    asked,
    assistant,
    losses,
    read,
    refusals,
    target,
    user,
    write,
)

NAME = DIALECT.name


def items(*turns: Turn, **members: Any) -> list[Json]:
    body, _ = write(asked(*turns, **members))
    assert refusals(body) == []
    found: list[Json] = body["input"]
    return found


def test_a_request_of_another_wire_asks_the_server_to_keep_nothing() -> None:
    body, written = write(asked(user("hi"), system=(Text("be kind"), Text("be brief"))))
    assert body == {
        "model": "model-x",
        "instructions": "be kind\n\nbe brief",
        "input": [{"type": "message", "role": "user", "content": "hi"}],
        "store": False,
        "stream": True,
    }
    assert written.losses == ()
    assert write(asked(), effort="yes")[0]["include"] == ["reasoning.encrypted_content"]


def test_calls_and_results_stand_together() -> None:
    found = items(
        user("go"),
        assistant("I read.", ToolCall("1", "Read", '{"a":1}'), ToolCall("2", "patch", "*", "text")),
        user(ToolResult("2", (Text("ok"),)), "and now", ToolResult("1", (Text("no"),), is_error=True)),
    )
    assert [each["type"] for each in found] == [
        *("message", "message", "function_call", "function_call"),
        *("function_call_output", "function_call_output", "message"),
    ]
    assert found[3]["arguments"] == '{"input":"*"}'
    assert (found[4]["call_id"], found[4]["output"]) == ("1", "Error: no")
    assert found[6]["content"] == "and now"


def test_free_text_stays_free_where_the_vendor_knows_it() -> None:
    tool = Tool("patch", "p", form="text", grammar=Grammar("lark", "start: x"))
    turns = (user("go"), assistant(ToolCall("1", "patch", "*", "text")), user(ToolResult("1", (Text("ok"),))))
    body, written = write(asked(*turns, tools=(tool,)), native=True)
    assert body["tools"] == [
        {
            "type": "custom",
            "name": "patch",
            "description": "p",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        }
    ]
    assert [each["type"] for each in body["input"]] == ["message", "custom_tool_call", "custom_tool_call_output"]
    assert written.text_tools == frozenset()
    body, written = write(asked(*turns, tools=(tool,), tool_choice=ToolChoice("one", "patch")))
    assert body["tools"][0]["description"].endswith("start: x")
    assert body["tool_choice"] == {"type": "function", "name": "patch"}
    assert written.text_tools == {"patch"}
    assert refusals(body) == []


def test_a_call_without_a_result_is_given_one_that_says_so() -> None:
    body, written = write(asked(user("x"), assistant(ToolCall("1", "f", "")), user("y")))
    assert body["input"][1]["arguments"] == "{}"
    assert body["input"][2] == {
        "type": "function_call_output",
        "call_id": "1",
        "output": "The tool call was interrupted and gave no result.",
    }
    assert losses(written) == ["tool_result.missing"]


def test_several_results_of_a_call_are_one() -> None:
    result = ToolResult("1", (Text("a"),), extras=Extras("tongue", {"novel": Raw(b"1")}))
    body, written = write(asked(user("x"), assistant(ToolCall("1", "f", "{}")), user(result, result)))
    assert body["input"][-1]["output"] == "a\n\na"
    assert set(losses(written)) == {"tool_result.duplicate", "tool_result.novel"}


def test_a_result_without_a_call_becomes_words() -> None:
    body, written = write(asked(user(ToolResult("9", (Text("a"), Image(Inline("image/png", "aGk=")))))))
    assert body["input"][0]["content"] == "[Result of an earlier tool call]\na\n\n[input_image]"
    assert losses(written) == ["tool_result.orphan"]


@pytest.mark.parametrize(
    ("part", "output"),
    [
        (Image(Inline("image/png", "aGk=")), [{"type": "input_text", "text": "Error:"}, None]),
        (Text("error: x"), "error: x"),
        (None, "Error: the tool failed without a word."),
    ],
)
def test_a_failed_result_says_so_in_words(part: Part | None, output: Any) -> None:
    result = ToolResult("1", () if part is None else (part,), is_error=True)
    found = items(user("x"), assistant(ToolCall("1", "f", "{}")), user(result))[-1]["output"]
    assert found[0] == output[0] if isinstance(output, list) else found == output


def test_pictures_in_results_stay_there_or_are_named() -> None:
    result = ToolResult("1", (Text("see"), Image(Inline("image/png", "aGk="))))
    turns = (user("x"), assistant(ToolCall("1", "f", "{}")), user(result))
    picture = {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,aGk="}
    assert items(*turns)[-1]["output"] == [{"type": "input_text", "text": "see"}, picture]
    body, written = write(asked(*turns), result_media=False)
    assert body["input"][2]["output"] == "see"
    assert body["input"][3]["content"] == [{"type": "input_text", "text": "[From the result of tool f:]"}, picture]
    assert losses(written) == ["tool_result.media"]


def test_thinking_goes_back_to_whom_did_it_item_by_item() -> None:
    own, bare = Seal(ORIGIN, "sealed"), Seal(ORIGIN, "")
    talk = assistant(
        Thinking("a", seal=bare),
        Thinking("b", seal=own),
        Thinking("", True, seal=own),
        Thinking("c", seal=Seal("claude", "x")),
        "So.",
    )
    body, written = write(asked(user("x"), talk, user("y")))
    first, second, words = body["input"][1:4]
    assert [each["text"] for each in first["summary"]] == ["a", "b"]
    assert (first["encrypted_content"], second["encrypted_content"], second["summary"]) == ("sealed", "sealed", [])
    assert "id" not in first
    assert words["content"] == "So."
    assert losses(written) == ["thinking"]


def test_thinking_that_was_not_sealed_is_sent_where_the_upstream_wants_it() -> None:
    talk = (user("x"), assistant(Thinking("a", seal=Seal(ORIGIN, "")), "So."), user("y"))
    assert losses(write(asked(*talk))[1]) == ["thinking"]
    body, written = write(asked(*talk), reasoning_echo="reasoning")
    assert body["input"][1]["summary"] == [{"type": "summary_text", "text": "a"}]
    assert written.losses == ()


def test_thoughts_of_two_items_of_which_one_is_not_sealed_stay_two() -> None:
    talk = [
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]},
        {"id": "rs_2", "type": "reasoning", "summary": [{"type": "summary_text", "text": "b"}]},
    ]
    assert write(read(input=talk))[0]["input"] == talk


def test_thinking_that_led_to_nothing_is_not_sent() -> None:
    body, written = write(asked(user("x"), assistant(Thinking("a", seal=Seal(ORIGIN, "s"))), user("y")))
    assert [each["role"] for each in body["input"]] == ["user", "user"]
    assert losses(written) == ["thinking"]


def test_a_conversation_that_was_compacted_goes_to_its_issuer_only() -> None:
    item = {"id": "cmp_1", "type": "compaction", "encrypted_content": wrap(Seal(ORIGIN, "sealed"))}
    request = read(input=[item, {"role": "user", "content": "x"}])
    assert write(request)[0]["input"][0] == {**item, "encrypted_content": "sealed"}
    item["encrypted_content"] = wrap(Seal("elsewhere", "sealed"))
    elsewhere = read(input=[item, {"role": "user", "content": "x"}])
    assert elsewhere.bound == ("compaction",)
    with pytest.raises(Trouble, match="made short by another account"):
        write(elsewhere)


def test_messages_of_the_system_stand_where_they_stood() -> None:
    turns = (user("x"), Turn("system", (Text("mind"),)), assistant("y"), user("z"))
    assert items(*turns)[1] == {"type": "message", "role": "system", "content": "mind"}
    body, written = write(asked(*turns), system_midway=False)
    assert body["input"][1]["content"] == "<system-reminder>\nmind\n</system-reminder>"
    assert losses(written) == ["turn.system"]
    assert write(asked(*turns), system_role="developer")[0]["input"][1]["role"] == "developer"


def test_the_billing_line_stays_with_its_vendor() -> None:
    line = Text("x-anthropic-billing-header: cc_version=1;")
    body, written = write(asked(system=(line, Text("be"))))
    assert body["instructions"] == "be"
    assert losses(written) == ["system.billing_line"]


def test_a_picture_in_the_system_prompt_is_shown() -> None:
    body, _ = write(asked(system=(Text("see"), Image(Inline("image/png", "aGk=")))))
    assert "instructions" not in body
    assert [each["type"] for each in body["input"][0]["content"]] == ["input_text", "input_image"]
    assert refusals(body) == []


def test_nothing_to_say_is_said_as_nothing() -> None:
    body, _ = write(asked(user(""), assistant()))
    assert body["input"] == [{"type": "message", "role": "user", "content": ""}]


def test_a_beginning_cannot_be_put_into_the_models_mouth() -> None:
    assert losses(write(asked(user("x"), assistant("The answer is")))[1]) == ["prefill"]


@pytest.mark.parametrize(
    ("part", "content", "lost"),
    [
        (Image(Link("https://a.b/c.png"), "high"), {"type": "input_image", "detail": "high"}, []),
        (Image(Inline("image/svg+xml", "aGk=")), "[An image that cannot be shown here", ["image.source"]),
        (Image(Stored("tongue", "f")), "[An image that cannot be shown here", ["image.source"]),
        (Image(Stored(NAME, "f")), {"type": "input_image", "file_id": "f"}, []),
        (File(Inline("application/pdf", "aGk=")), {"type": "input_file", "filename": "document.pdf"}, []),
        (File(Link("https://a.b/c.pdf")), {"type": "input_file", "file_url": "https://a.b/c.pdf"}, []),
        (File(Stored(NAME, "f")), {"type": "input_file", "file_id": "f"}, []),
        (File(Stored("tongue", "f"), name="n"), "[A document was here, named n;", ["file"]),
        (File(Inline("text/plain", "aGk="), name="n"), "n\n\nhi", []),
        (File(Inline("text/plain", "not base64")), "not base64", []),
        (File(text="words", name="n", context="c"), "n\nc\n\nwords", []),
        (File(Inline("application/pdf", "aGk="), context="c"), {"type": "input_file"}, ["file.context"]),
        (Audio(Inline("audio/wav", "aGk=")), "[A sound recording was here", ["audio"]),
        (ToolReference("f"), "The tool f is now available.", []),
        (Refusal("no"), "no", []),
        (Thinking("t"), "", ["thinking"]),
        (ToolCall("1", "f", "{}"), "[Call of tool f: {}]", ["tool_call"]),
        (Unknown("tongue", "odd", Raw(b"{}"), "words"), "words", ["odd"]),
        (Unknown("tongue", "odd", Raw(b"{}")), "", ["odd"]),
        (Text("x", cache_mark=CacheMark(), seal=Seal("a", "b")), "x", ["cache_mark", "seal"]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_each_part_is_said_as_well_as_can_be(part: Part, content: str | Json, lost: list[str]) -> None:
    body, written = write(asked(user(part)))
    said = body["input"][0]["content"]
    if isinstance(content, str):
        assert said.startswith(content)
    else:
        assert content.items() <= said[0].items()
    assert losses(written) == lost
    assert refusals(body) == []


def test_pictures_in_what_nobody_knows_are_shown() -> None:
    part = Unknown("tongue", "odd", Raw(b"{}"), "words", pictures=(Image(Inline("image/png", "aGk=")),))
    said = items(user(part))[0]["content"]
    assert [each["type"] for each in said] == ["input_text", "input_image"]


def test_what_an_upstream_cannot_see_is_told() -> None:
    parts = (Image(Link("https://a.b/c.png")), File(Link("https://a.b/c.pdf")))
    body, written = write(asked(user(*parts)), images=False, documents=False)
    assert [each["type"] for each in body["input"][0]["content"]] == ["input_text", "input_text"]
    assert losses(written) == ["image", "file"]
    assert losses(write(asked(user(parts[0])), image_links=False)[1]) == ["image.source"]


def test_what_other_vendors_ran_is_told_in_words_or_lost() -> None:
    parts = (
        ServerTool("tongue", "search", Raw(b"{}"), "I searched."),
        ServerTool("tongue", "fetch", Raw(b"{}")),
        Image(Inline("image/png", "aGk=")),
        "Found.",
        Refusal("But no."),
    )
    body, written = write(asked(user("x"), assistant(*parts)))
    assert [each["content"] for each in body["input"]] == ["x", "I searched.", "Found.But no."]
    assert losses(written) == ["search", "fetch", "assistant.media", "prefill"]


def test_a_seal_of_a_call_has_no_place_here() -> None:
    call = ToolCall("1", "f", "{}", seal=Seal("gemini", "s"))
    assert "tool_call.seal" in losses(write(asked(user("x"), assistant(call), user("y")))[1])


SCHEMA = Raw(b'{"type":"object","properties":{}}')


def test_tools_are_not_held_to_their_schema_unless_asked() -> None:
    tools = (Tool("a", schema=SCHEMA), Tool("b", "d", SCHEMA, strict=True), Tool("c"))
    body, written = write(asked(tools=tools, parallel_tools=False))
    assert [tool["strict"] for tool in body["tools"]] == [False, True, False]
    assert body["parallel_tool_calls"] is False
    body, written = write(asked(tools=tools, parallel_tools=False), tool_strict=False, parallel_tools_member=False)
    assert [tool["strict"] for tool in body["tools"]] == [False, False, False]
    assert losses(written) == ["tool.strict", "parallel_tools"]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice("one", "a"), {"type": "function", "name": "a"}),
        (ToolChoice("any"), "required"),
        (ToolChoice("none"), "none"),
        (ToolChoice("auto"), "auto"),
    ],
)
def test_the_choice_among_tools_is_told(choice: ToolChoice, said: Any) -> None:
    assert write(asked(tools=(Tool("a"),), tool_choice=choice))[0]["tool_choice"] == said


def test_a_choice_that_cannot_be_told_is_left_free() -> None:
    body, written = write(asked(tools=(Tool("a"),), tool_choice=ToolChoice("any")), tool_choice_any=False)
    assert body["tool_choice"] == "auto"
    assert losses(written) == ["tool_choice"]
    choice = ToolChoice("auto", extras=Extras("tongue", {"novel": Raw(b"1")}))
    body, written = write(asked(tool_choice=choice))
    assert "tool_choice" not in body
    assert losses(written) == ["tool_choice.novel"]


def test_a_choice_of_a_tool_in_a_namespace_names_both() -> None:
    box = {"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "function", "name": "f"}]}
    request = read(tools=[box], tool_choice={"type": "function", "name": "f", "namespace": "n"})
    assert request.tool_choice == ToolChoice("one", "n__f")
    assert write(request)[0]["tool_choice"] == {"type": "function", "name": "f", "namespace": "n"}


def test_an_upstream_without_tools_is_told_none_unless_the_request_lives_by_them() -> None:
    assert losses(write(asked(tools=(Tool("a"),)), tools=False)[1]) == ["tools"]
    with pytest.raises(Trouble, match="cannot call tools"):
        write(asked(tools=(Tool("a"),), tool_choice=ToolChoice("any")), tools=False)


def provider_tool(kind: str, name: str = "t") -> ProviderTool:
    return ProviderTool("tongue", kind, name, Raw(b"{}"), CacheMark())


def test_tools_that_other_vendors_run_are_the_vendors_own_or_lost() -> None:
    own = Tool("a", schema=SCHEMA, cache_mark=CacheMark())
    body, written = write(asked(tools=(provider_tool("web_search_20250305"),)), native=True)
    assert body["tools"] == [{"type": "web_search"}]
    assert losses(written) == ["cache_mark", "tools.web_search_20250305"]
    tools = (provider_tool("code_execution_20250825", "code"), own)
    body, _ = write(asked(tools=tools, tool_choice=ToolChoice("one", "code")), native=True)
    assert body["tools"][0] == {"type": "code_interpreter", "container": {"type": "auto"}}
    assert body["tool_choice"] == {"type": "code_interpreter"}
    assert refusals(body) == []
    body, written = write(asked(tools=(own, provider_tool("web_search_20250305"))))
    assert [tool["name"] for tool in body["tools"]] == ["a"]
    assert losses(written) == ["cache_mark", "tools.web_search_20250305"]
    body, written = write(asked(tools=(provider_tool("bash_20250124", "bash"),)))
    assert body["tools"][0]["name"] == "bash"
    with pytest.raises(Trouble, match="run by its own vendor only"):
        write(asked(tools=(provider_tool("computer_20250124"),)))


def test_servers_that_a_vendor_was_to_call_are_refused() -> None:
    servers = Extras("tongue", {"mcp_servers": Raw(b'[{"url":"https://a.b"}]')})
    with pytest.raises(Trouble, match="MCP servers"):
        write(asked(extras=servers))


def test_tools_that_no_search_has_found_yet_are_not_offered() -> None:
    tools = (Tool("a", schema=SCHEMA), Tool("b", schema=SCHEMA, deferred=True))
    body, written = write(asked(tools=tools))
    assert [tool["name"] for tool in body["tools"]] == ["a"]
    assert losses(written) == ["tools.deferred"]


@pytest.mark.parametrize(
    ("wished", "said", "lost"),
    [
        (Reasoning(effort="high"), {"effort": "high"}, []),
        (Reasoning("on", 1000), {"effort": "low", "summary": "auto"}, ["reasoning.budget"]),
        (Reasoning("adaptive", effort="max"), {"effort": "high", "summary": "auto"}, ["reasoning.effort"]),
        (Reasoning("adaptive", effort="low", display="omitted"), {"effort": "low"}, []),
        (Reasoning("off"), {"effort": "none"}, []),
        (Reasoning(), None, []),
    ],
)
def test_a_wish_for_thinking_is_told_in_words(wished: Reasoning, said: Json | None, lost: list[str]) -> None:
    body, written = write(asked(reasoning=wished), effort="yes", efforts=("none", "low", "high"))
    assert body.get("reasoning") == said
    assert losses(written) == lost
    assert losses(write(asked(reasoning=wished))[1]) == ([] if wished == Reasoning() else ["reasoning"])


def test_a_client_of_this_wire_has_its_own_words_for_effort() -> None:
    request = read(reasoning={"effort": "xhigh", "summary": "detailed"})
    assert write(request)[0]["reasoning"] == {"effort": "xhigh", "summary": "detailed"}
    body, written = write(request, effort="yes", efforts=("low", "high"))
    assert body["reasoning"] == {"effort": "high", "summary": "detailed"}
    assert losses(written) == ["reasoning.effort"]


def test_the_form_of_the_answer_is_told() -> None:
    shape = OutputShape("json_schema", SCHEMA, "имя", "d", True, Extras(NAME, {"novel": Raw(b"1")}))
    body, _ = write(asked(output_shape=shape))
    told = body["text"]["format"]
    assert (told["type"], told["schema"], told["description"], told["strict"], told["novel"]) == (
        *("json_schema", {"type": "object", "properties": {}}, "d", True),
        1,
    )
    assert told["name"].isascii()
    body, _ = write(asked(output_shape=OutputShape("json_schema")))
    assert body["text"]["format"]["schema"] == {}


def test_the_word_json_stands_in_a_message_where_the_vendor_looks_for_it() -> None:
    body, _ = write(asked(output_shape=OutputShape("json_object")))
    assert "JSON" in body["input"][0]["content"]
    assert refusals(body) == []


def test_a_form_that_an_upstream_does_not_know_is_asked_for_in_words() -> None:
    body, written = write(asked(output_shape=OutputShape("json_schema", SCHEMA)), output_shapes=())
    assert body["input"][0]["content"].endswith(SCHEMA_TEXT)
    assert "text" not in body
    assert losses(written) == ["output_shape"]
    body, _ = write(asked(output_shape=OutputShape("json_schema")), output_shapes=())
    assert body["input"][0]["content"].endswith("nothing else.")


SCHEMA_TEXT = '{"type":"object","properties":{}}'


def test_limits_are_those_of_the_upstream() -> None:
    assert write(asked(max_output=1))[0]["max_output_tokens"] == 16
    body, written = write(asked(max_output=99), max_output_limit=50)
    assert body["max_output_tokens"] == 50
    assert losses(written) == ["max_output"]
    assert write(read(max_output_tokens=1))[0]["max_output_tokens"] == 1


def test_sampling_is_told_as_far_as_there_are_words() -> None:
    wished = Sampling(0.5, 0.5, 3, 7, 0.1, 0.1)
    body, written = write(asked(sampling=wished))
    assert (body["temperature"], body["top_p"]) == (0.5, 0.5)
    assert losses(written) == ["top_k", "seed", "frequency_penalty", "presence_penalty"]
    body, written = write(asked(sampling=Sampling(0.5)), sampling_refused=True)
    assert "temperature" not in body
    assert losses(written) == ["temperature"]


def test_stop_sequences_are_enforced_here() -> None:
    _, written = write(asked(stop=("a", "", "b", "a")))
    assert written.local_stops == ("a", "b")
    assert losses(written) == ["stop"]


def test_an_identity_is_told_as_far_as_it_is_one() -> None:
    body, written = write(asked(user='{"session_id":"s"}', service_tier="standard_only"), native=True)
    assert body["user"] == body["prompt_cache_key"] != '{"session_id":"s"}'
    assert losses(written) == ["user", "service_tier"]
    body, written = write(asked(user="u"), user_limit=0)
    assert "user" not in body
    assert "prompt_cache_key" not in write(asked(user="u"))[0]


def test_a_tier_of_service_goes_to_the_vendor_whose_word_it_is() -> None:
    request = asked(service_tier="flex")
    assert write(request, native=True)[0]["service_tier"] == "flex"
    assert losses(write(request)[1]) == ["service_tier"]


def test_members_that_an_upstream_must_not_see_are_dropped() -> None:
    request = read(client_metadata={"a": "b"})
    body, written = write(request, drop_members=("client_metadata", "novel"), extra_body={"more": 1})
    assert "client_metadata" not in body
    assert body["more"] == 1
    assert losses(written) == ["client_metadata"]


def test_half_a_character_is_replaced() -> None:
    body, written = write(asked(user("a\ud83d")))
    assert body["input"][0]["content"] == "a\ufffd"
    assert losses(written) == ["text.surrogate"]
    assert [loss.what for loss in read(input="a\ud83d").losses] == ["text.surrogate"]


def test_ids_that_are_too_long_are_shortened_in_calls_and_results_alike() -> None:
    long = "x" * 80
    found = items(user("x"), assistant(ToolCall(long, "f", "{}")), user(ToolResult(long, (Text("r"),))))
    assert found[1]["call_id"] == found[2]["call_id"]
    assert len(found[1]["call_id"]) <= 64


def test_a_token_count_says_what_would_be_asked() -> None:
    assert DIALECT.write_count is not None
    assert DIALECT.read_count is not None
    written = DIALECT.write_count(asked(user("x"), tools=(Tool("a"),)), target(stream=False))
    assert json.loads(written.body).keys() == {"model", "input", "tools"}
    assert DIALECT.read_count(b'{"object":"response.input_tokens","input_tokens":11}') == 11
    assert DIALECT.read_count(b"[]") is None
    assert DIALECT.read_count(b"x") is None
    assert json.loads(DIALECT.tell_count(11)) == {"object": "response.input_tokens", "input_tokens": 11}


def test_the_request_of_another_wire_is_not_repeated() -> None:
    request = Request(dialect="tongue", model="m", turns=())
    assert DIALECT.write_request(request, target()).losses == ()
