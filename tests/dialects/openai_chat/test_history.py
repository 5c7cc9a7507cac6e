"""Any history becomes messages that a strict server takes."""

from __future__ import annotations

from msgspec import Raw

from dragoman.canon.request import (
    Audio,
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Refusal,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolReference,
    ToolResult,
    Turn,
    Unknown,
)
from tests.dialects.openai_chat.wire import ORIGIN, asked, assistant, losses, refusals, user, write

PNG = Image(Inline("image/png", "aGk="))
PDF = File(Inline("application/pdf", "aGk="), name="plan.pdf")


def result(call_id: str, *texts: str, is_error: bool | None = None) -> ToolResult:
    return ToolResult(call_id, tuple(Text(text) for text in texts), is_error)


def roles(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [message["role"] for message in body["messages"]]


def test_pitfall_055_results_come_at_once_and_in_the_order_of_the_calls() -> None:
    body, _ = write(
        asked(
            assistant("Look.", ToolCall("a", "Read", "{}"), ToolCall("b", "Read", "{}")),
            user("and now", result("b", "second"), result("a", "first")),
        )
    )
    assert [(message["role"], message.get("content")) for message in body["messages"]] == [
        ("assistant", "Look."),
        ("tool", "first"),
        ("tool", "second"),
        ("user", "and now"),
    ]
    assert refusals(body) == []


def test_a_result_that_came_late_moves_to_its_call() -> None:
    body, written = write(
        asked(assistant(ToolCall("a", "Read", "{}")), user("wait"), assistant("yes"), user(result("a", "late")))
    )
    assert roles(body) == ["assistant", "tool", "user", "assistant"]
    assert losses(written) == ["prefill"]


def test_pitfall_056_words_beside_a_call_are_kept() -> None:
    body, _ = write(asked(assistant("I will read.", ToolCall("a", "Read", "{}")), user(result("a", "x"))))
    assert body["messages"][0]["content"] == "I will read."


def test_neighbouring_texts_are_one_sentence_and_others_paragraphs() -> None:
    body, _ = write(asked(user("hi"), assistant("one ", "two", ToolCall("a", "Read", "{}"), "three"), user("go on")))
    assert body["messages"][1]["content"] == "one two\n\nthree"


def test_pitfall_057_ids_that_are_too_long_or_odd_are_replaced_alike_everywhere() -> None:
    long = "toolu_" + "x" * 60
    body, _ = write(asked(assistant(ToolCall(long, "Read", "{}")), user(result(long, "x"))))
    again, _ = write(asked(assistant(ToolCall(long, "Read", "{}")), user(result(long, "x"))))
    sent = body["messages"][0]["tool_calls"][0]["id"]
    assert len(sent) <= 40
    assert body["messages"][1]["tool_call_id"] == sent
    assert again == body


def test_an_id_that_a_server_takes_stays() -> None:
    body, _ = write(asked(assistant(ToolCall("functions.Bash:0", "Bash", "{}")), user(result("functions.Bash:0", "x"))))
    assert body["messages"][1]["tool_call_id"] == "functions.Bash:0"


def test_pitfall_060_a_call_without_a_result_gets_one_that_says_so() -> None:
    body, written = write(asked(assistant(ToolCall("a", "Read", "{}")), user("stop that")))
    assert body["messages"][1] == {
        "role": "tool",
        "tool_call_id": "a",
        "content": "The tool call was interrupted and gave no result.",
    }
    assert losses(written) == ["tool_result.missing"]


def test_pitfall_060_a_result_without_a_call_becomes_user_text() -> None:
    body, written = write(asked(user(result("gone", "42"), "go on")))
    assert roles(body) == ["user"]
    assert body["messages"][0]["content"][0]["text"] == "[Result of an earlier tool call]\n42"
    assert losses(written) == ["tool_result.orphan"]


def test_pitfall_061_several_results_of_one_call_become_one() -> None:
    body, written = write(asked(assistant(ToolCall("a", "Read", "{}")), user(result("a", "one"), result("a", "two"))))
    assert roles(body) == ["assistant", "tool"]
    assert body["messages"][1]["content"] == "one\n\ntwo"
    assert losses(written) == ["tool_result.duplicate"]


def test_one_id_for_two_calls_is_made_two() -> None:
    body, _ = write(
        asked(
            assistant(ToolCall("a", "Read", "1"), ToolCall("a", "Read", "2")),
            user(result("a", "one"), result("a", "two")),
        )
    )
    sent = [each["id"] for each in body["messages"][0]["tool_calls"]]
    assert sent[0] == "a"
    assert len(set(sent)) == 2
    assert [(m["tool_call_id"], m["content"]) for m in body["messages"][1:]] == [(sent[0], "one"), (sent[1], "two")]
    assert refusals(body) == []


def test_an_id_used_again_in_a_later_turn_is_answered_there() -> None:
    body, _ = write(
        asked(
            assistant(ToolCall("call_0", "Read", "{}")),
            user(result("call_0", "first")),
            assistant(ToolCall("call_0", "Read", "{}")),
            user(result("call_0", "second")),
        )
    )
    assert [message["content"] for message in body["messages"]] == [None, "first", None, "second"]


def test_pitfall_062_empty_arguments_are_an_empty_object() -> None:
    body, _ = write(asked(assistant(ToolCall("a", "List", "")), user(result("a", "x"))))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_arguments_that_are_no_json_go_through_as_they_are() -> None:
    body, _ = write(asked(assistant(ToolCall("a", "List", '{"path": "/tm')), user(result("a", "x"))))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"path": "/tm'


def test_pitfall_072_a_failure_is_told_once() -> None:
    body, _ = write(
        asked(
            assistant(ToolCall("a", "Read", "{}"), ToolCall("b", "Read", "{}"), ToolCall("c", "Read", "{}")),
            user(
                result("a", "no such file", is_error=True),
                result("b", "Error: gone", is_error=True),
                result("c", is_error=True),
            ),
        )
    )
    assert [message["content"] for message in body["messages"][1:]] == [
        "Error: no such file",
        "Error: gone",
        "Error: the tool failed without a word.",
    ]


def test_pitfall_073_an_empty_result_is_an_empty_string() -> None:
    body, _ = write(asked(assistant(ToolCall("a", "Read", "{}")), user(result("a"))))
    assert body["messages"][1]["content"] == ""


def test_pitfall_071_text_and_picture_of_one_result_are_split() -> None:
    both = ToolResult("a", (Text("a cat"), PNG))
    body, written = write(asked(assistant(ToolCall("a", "Read", "{}")), user(both, "nice")))
    assert roles(body) == ["assistant", "tool", "user", "user"]
    assert body["messages"][1]["content"] == "a cat"
    assert body["messages"][2]["content"] == [
        {"type": "text", "text": "[From the result of tool Read:]"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    ]
    assert losses(written) == ["tool_result.media"]


def test_pitfall_018_neighbours_of_one_role_are_merged_where_roles_must_alternate() -> None:
    body, _ = write(
        asked(
            user("one"),
            user("two", PNG),
            assistant("a"),
            assistant("b", ToolCall("x", "Read", "{}")),
            user(result("x", "r")),
            user("three"),
        ),
        strict_roles=True,
    )
    assert roles(body) == ["user", "assistant", "tool", "user"]
    assert [item["type"] for item in body["messages"][0]["content"]] == ["text", "text", "image_url"]
    assert body["messages"][1]["content"] == "a\n\nb"


def test_an_empty_neighbour_adds_nothing() -> None:
    body, _ = write(asked(assistant("a"), assistant(ToolCall("x", "Read", "{}")), dialect="tongue"), strict_roles=True)
    assert body["messages"][0]["content"] == "a"


def test_pitfall_019_nothing_empty_is_sent() -> None:
    body, written = write(asked(user(""), assistant(""), user("hi", "")))
    assert [message["content"] for message in body["messages"]] == ["hi"]
    assert losses(written) == ["turn.empty"]


def test_a_request_with_nothing_to_say_still_has_a_message() -> None:
    body, _ = write(asked(user("")))
    assert body["messages"] == [{"role": "user", "content": ""}]


def test_string_content_is_one_string_where_no_picture_is_in_it() -> None:
    body, _ = write(asked(user("one", "two"), user("three", PNG)), string_content=True)
    assert body["messages"][0]["content"] == "one\n\ntwo"
    assert isinstance(body["messages"][1]["content"], list)


def test_pitfall_005_the_system_is_one_text_joined_by_blank_lines() -> None:
    body, written = write(asked(system=(Text("one", CacheMark()), Text("two"))))
    assert body["messages"][0] == {"role": "system", "content": "one\n\ntwo"}
    assert losses(written) == ["cache_mark"]


def test_the_system_s_role_is_the_upstream_s_word() -> None:
    body, _ = write(asked(system=(Text("one"),)), system_role="developer")
    assert body["messages"][0]["role"] == "developer"


def test_the_billing_line_of_a_plain_system_is_dropped_too() -> None:
    body, written = write(asked(system=(Text("x-anthropic-billing-header: cc_version=2.1;"), Text("two"))))
    assert body["messages"][0]["content"] == "two"
    assert losses(written) == ["system.billing_line"]


def test_system_turns_before_all_others_join_the_system_message() -> None:
    body, written = write(asked(Turn("system", (Text("two"),)), user("hi"), system=(Text("one"),)), system_midway=False)
    assert body["messages"][0]["content"] == "one\n\ntwo"
    assert losses(written) == []


def test_pitfall_001_a_system_message_between_call_and_result_comes_after_the_result() -> None:
    body, _ = write(
        asked(assistant(ToolCall("a", "Read", "{}")), Turn("system", (Text("note"),)), user(result("a", "x")))
    )
    assert roles(body) == ["assistant", "tool", "system"]


def test_cache_marks_are_sent_where_they_are_understood() -> None:
    marked = ToolResult("a", (Text("r"),), cache_mark=CacheMark())
    body, written = write(
        asked(
            user(Text("hi", CacheMark("1h"))),
            assistant(Text("a", CacheMark()), ToolCall("a", "Read", "{}", cache_mark=CacheMark())),
            user(marked, Image(Link("https://a.b/c.png"), cache_mark=CacheMark())),
            system=(Text("one", CacheMark()),),
        ),
        cache_marks=True,
    )
    ephemeral = {"type": "ephemeral"}
    assert body["messages"][0]["content"] == [{"type": "text", "text": "one", "cache_control": ephemeral}]
    assert body["messages"][1]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert body["messages"][2]["content"] == [{"type": "text", "text": "a", "cache_control": ephemeral}]
    assert body["messages"][3]["content"] == [{"type": "text", "text": "r", "cache_control": ephemeral}]
    assert body["messages"][4]["content"][0]["cache_control"] == ephemeral
    assert losses(written) == ["cache_mark"], "a call holds none"


def test_marked_content_gives_way_to_string_content() -> None:
    body, written = write(asked(user(Text("hi", CacheMark()))), cache_marks=True, string_content=True)
    assert body["messages"][0]["content"] == "hi"
    assert losses(written) == ["content.members"]


def test_pitfall_091_a_picture_s_address_is_passed_or_named() -> None:
    picture = Image(Link("https://a.b/c.png"), detail="low")
    passed, _ = write(asked(user(picture)))
    named, written = write(asked(user(picture)), image_links=False)
    assert passed["messages"][0]["content"][0]["image_url"] == {"url": "https://a.b/c.png", "detail": "low"}
    assert "https://a.b/c.png" in named["messages"][0]["content"]
    assert losses(written) == ["image.source"]


def test_a_picture_stored_elsewhere_is_named() -> None:
    body, _ = write(asked(user(Image(Stored("tongue", "file_1")))))
    assert "file_1" in body["messages"][0]["content"]


def test_pitfall_092_a_model_without_eyes_is_told_that_there_was_a_picture() -> None:
    body, written = write(asked(user(PNG, "what is it?")), images=False)
    assert [item["type"] for item in body["messages"][0]["content"]] == ["text", "text"]
    assert losses(written) == ["image"]


def test_pitfall_089_a_pdf_is_a_file_or_a_line_of_text() -> None:
    sent, _ = write(asked(user(PDF)))
    told, written = write(asked(user(PDF)), documents=False)
    file = {"filename": "plan.pdf", "file_data": "data:application/pdf;base64,aGk="}
    assert sent["messages"][0]["content"][0]["file"] == file
    assert "plan.pdf" in told["messages"][0]["content"]
    assert losses(written) == ["file"]


def test_text_documents_are_text() -> None:
    body, written = write(
        asked(
            user(
                File(text="words", name="a.txt", context="from the desk"),
                File(Inline("text/plain", "aGk="), context="c"),
                File(Inline("text/plain", "=broken=")),
                File(Link("https://a.b/c.pdf")),
                File(Inline("application/pdf", "aGk="), context="lost"),
            )
        )
    )
    texts = [item.get("text") for item in body["messages"][0]["content"]]
    assert texts[0] == "a.txt\nfrom the desk\n\nwords"
    assert texts[1] == "c\n\nhi"
    assert "https://a.b/c.pdf" in texts[3]
    assert losses(written) == ["file", "file.context"]


def test_sound_is_sent_as_wav_or_mp3_and_named_otherwise() -> None:
    body, written = write(asked(user(Audio(Inline("audio/mpeg", "aGk=")), Audio(Inline("audio/flac", "aGk=")))))
    first, second = body["messages"][0]["content"]
    assert first["input_audio"] == {"data": "aGk=", "format": "mp3"}
    assert "sound" in second["text"]
    assert losses(written) == ["audio"]


def test_what_only_another_vendor_ran_is_told_or_dropped() -> None:
    body, written = write(
        asked(
            assistant(
                ServerTool("tongue", "search_result", Raw(b"{}"), fallback="Found: x"),
                Unknown("tongue", "odd", Raw(b"{}")),
                "so it is",
            ),
            user("ok"),
        )
    )
    assert body["messages"][0]["content"] == "Found: x\n\nso it is"
    assert losses(written) == ["search_result", "odd"]


def test_pictures_of_an_assistant_are_lost() -> None:
    body, written = write(asked(assistant("see", PNG), user("ok")))
    assert body["messages"][0]["content"] == "see"
    assert losses(written) == ["assistant.media"]


def test_a_refusal_of_another_wire_is_text() -> None:
    body, _ = write(asked(assistant(Refusal("I cannot.")), user("why")))
    assert body["messages"][0] == {"role": "assistant", "content": "I cannot."}


def test_parts_in_the_wrong_role_are_told_as_text_or_dropped() -> None:
    body, written = write(asked(user(ToolCall("a", "Read", "{}"), Thinking("hm"), ToolReference("Write"), "x")))
    assert [item["text"] for item in body["messages"][0]["content"]] == [
        "[Call of tool Read: {}]",
        "The tool Write is now available.",
        "x",
    ]
    assert losses(written) == ["tool_call", "thinking"]


def test_extras_of_another_wire_are_lost_by_name_and_once() -> None:
    def noted(text: str) -> Text:
        return Text(text, extras=Extras("tongue", {"citations": Raw(b"[]")}))

    _, written = write(asked(user(noted("a"), noted("b")), extras=Extras("tongue", {"safeguards": Raw(b"[]")})))
    assert losses(written) == ["text.citations", "safeguards"]


def test_pitfall_017_a_begun_answer_is_sent_and_noted() -> None:
    body, written = write(asked(user("count"), assistant("1, 2,")))
    assert body["messages"][-1] == {"role": "assistant", "content": "1, 2,"}
    assert losses(written) == ["prefill"]


def test_pitfall_017_the_user_speaks_last_where_that_is_demanded() -> None:
    body, written = write(asked(user("count"), assistant("1, 2,")), prefill=False)
    assert body["messages"][-1] == {"role": "user", "content": "Go on."}
    assert losses(written) == ["prefill"]


OWN = Thinking("I think", seal=Seal(ORIGIN, ""))
FOREIGN = Thinking("they think", seal=Seal("elsewhere", "sig"))


def test_pitfall_082_thinking_returns_to_who_thought_it_beside_calls() -> None:
    body, written = write(
        asked(
            assistant(OWN, ToolCall("a", "Read", "{}")),
            user(result("a", "x")),
            assistant(OWN, "done"),
            user("thanks"),
        ),
        reasoning_echo="reasoning_content",
    )
    assert body["messages"][0]["reasoning_content"] == "I think"
    assert "reasoning_content" not in body["messages"][2]
    assert losses(written) == ["thinking"]


def test_pitfall_083_thinking_is_sent_to_nobody_who_did_not_ask() -> None:
    body, written = write(asked(assistant(OWN, ToolCall("a", "Read", "{}")), user(result("a", "x"))))
    assert "reasoning_content" not in body["messages"][0]
    assert losses(written) == ["thinking"]


def test_pitfall_077_foreign_thinking_is_replaced_by_a_blank_where_some_is_demanded() -> None:
    body, written = write(
        asked(assistant(FOREIGN, ToolCall("a", "Read", "{}")), user(result("a", "x"))),
        reasoning_echo="reasoning_content",
    )
    assert body["messages"][0]["reasoning_content"] == " "
    assert losses(written) == ["thinking", "thinking.placeholder"]


def test_signed_thinking_returns_as_the_entries_it_came_in() -> None:
    signed = Thinking("I think", seal=Seal(ORIGIN, '{"type":"reasoning.text","signature":"sig","index":0}'))
    hidden = Thinking("", redacted=True, seal=Seal(ORIGIN, '{"type":"reasoning.encrypted","data":"xyz"}'))
    summed = Thinking("in short", seal=Seal(ORIGIN, '{"type":"reasoning.summary"}'))
    sealed = ToolCall("a", "Read", "{}", seal=Seal(ORIGIN, '{"type":"reasoning.encrypted","id":"a","data":"thought"}'))
    body, written = write(
        asked(assistant(signed, hidden, summed, OWN, sealed), user(result("a", "x"))),
        reasoning_echo="reasoning_details",
    )
    assert body["messages"][0]["reasoning_details"] == [
        {"type": "reasoning.text", "signature": "sig", "index": 0, "text": "I think"},
        {"type": "reasoning.encrypted", "data": "xyz"},
        {"type": "reasoning.summary", "summary": "in short"},
        {"type": "reasoning.text", "text": "I think"},
        {"type": "reasoning.encrypted", "id": "a", "data": "thought"},
    ]
    assert losses(written) == []


def test_signed_thinking_returns_in_both_members_where_words_are_wanted() -> None:
    signed = Thinking("I think", seal=Seal(ORIGIN, '{"type":"reasoning.text","signature":"sig"}'))
    body, _ = write(
        asked(assistant(signed, ToolCall("a", "Read", "{}")), user(result("a", "x"))), reasoning_echo="reasoning"
    )
    assert body["messages"][0]["reasoning"] == "I think"
    assert body["messages"][0]["reasoning_details"][0]["signature"] == "sig"


def test_a_call_s_seal_of_another_account_is_lost() -> None:
    sealed = ToolCall("a", "Read", "{}", seal=Seal("elsewhere", "thought"))
    _, written = write(asked(assistant(sealed), user(result("a", "x"))), reasoning_echo="reasoning_details")
    assert losses(written) == ["tool_call.seal"]


def test_a_blob_that_is_no_entry_is_thinking_without_signature() -> None:
    odd = [Thinking(blob, seal=Seal(ORIGIN, blob)) for blob in ("{broken", '{"no":"type"}')]
    body, _ = write(
        asked(assistant(*odd, ToolCall("a", "Read", "{}")), user(result("a", "x"))), reasoning_echo="reasoning_details"
    )
    assert {each["type"] for each in body["messages"][0]["reasoning_details"]} == {"reasoning.text"}


def test_pitfall_021_half_a_character_is_replaced() -> None:
    body, written = write(asked(user("a\ud83d b")))
    assert body["messages"][0]["content"] == "a\ufffd b"
    assert losses(written) == ["text.surrogate"]
