"""How a conversation of another dialect is said, so that the vendor takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.request import (
    Audio,
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolReference,
    ToolResult,
    Turn,
    Unknown,
)
from tests.dialects.gemini.stage import (
    NEW,
    OLD,
    ORIGIN,
    Json,
    asked,
    assistant,
    contents,
    losses,
    read,
    strictly,
    target,
    user,
    write,
)

SKIP = "skip_thought_signature_validator"
CALL = ToolCall("c1", "Read", '{"path": "a"}')
OTHER = ToolCall("c2", "Bash", '{"command": "ls"}')
DOT = Image(Inline("image/png", "iVBORw0KGgo="))
PDF = File(Inline("application/pdf", "JVBERi0="))


def result(call: ToolCall, *parts: Part | str, **members: Any) -> ToolResult:
    return ToolResult(call.id, tuple(Text(part) if isinstance(part, str) else part for part in parts), **members)


def parts_of(*turns: Turn, **habits: Any) -> list[Json]:
    """All parts that the last content of a conversation holds."""
    found: list[Json] = contents(asked(*turns), **habits)[-1]["parts"]
    return found


def test_words_of_neighbours_of_one_role_are_one_content() -> None:
    assert contents(asked(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "parts": [{"text": "e"}]},
    ]


def test_pitfall_020_the_user_speaks_first() -> None:
    body, written = write(asked(assistant("a"), user("b")))
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert "turns" in losses(written)
    strictly(body)


def test_pitfall_017_the_user_speaks_last_where_that_is_demanded() -> None:
    body, written = write(asked(user("a"), assistant("{")))
    assert body["contents"][-1] == {"role": "user", "parts": [{"text": "(Go on from where your last answer ends.)"}]}
    assert "prefill" in losses(written)
    strictly(body)
    assert contents(asked(user("a"), assistant("{")), prefill=True)[-1]["role"] == "model"


def test_a_request_without_a_word_is_given_one() -> None:
    body, _ = write(asked(user("")))
    strictly(body)


def test_pitfall_055_results_follow_their_calls_and_stand_alone() -> None:
    body, _ = write(
        asked(
            user("go"), assistant("I look.", CALL, OTHER), user("and then", result(OTHER, "two"), result(CALL, "one"))
        )
    )
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "I look."},
                {"functionCall": {"id": "c1", "name": "Read", "args": {"path": "a"}}, "thoughtSignature": SKIP},
                {"functionCall": {"id": "c2", "name": "Bash", "args": {"command": "ls"}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c1", "name": "Read", "response": {"output": "one"}}},
                {"functionResponse": {"id": "c2", "name": "Bash", "response": {"output": "two"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "and then"}]},
    ]
    strictly(body)


def test_pitfall_074_a_response_bears_the_name_of_its_call() -> None:
    found = parts_of(user("go"), assistant(CALL), user(result(CALL, "x", name="wrong")))
    assert found[0]["functionResponse"]["name"] == "Read"


def test_pitfall_060_a_lost_result_is_told_as_lost_and_an_orphan_in_words() -> None:
    body, written = write(asked(user("go"), assistant(CALL), user(ToolResult("gone", (Text("late"),)))))
    response = body["contents"][2]["parts"][0]["functionResponse"]
    assert response["response"] == {"error": "The tool call was interrupted and gave no result."}
    assert body["contents"][3]["parts"] == [{"text": "[Result of an earlier tool call]\nlate"}]
    assert {"tool_result.missing", "tool_result.orphan"} <= set(losses(written))
    strictly(body)


def test_pitfall_061_two_results_of_one_call_are_one() -> None:
    body, written = write(asked(user("go"), assistant(CALL), user(result(CALL, "a"), result(CALL, "b"))))
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": "a\n\nb"}
    assert "tool_result.duplicate" in losses(written)


@pytest.mark.parametrize(
    ("parts", "failed", "expected"),
    [
        (("ok",), None, {"output": "ok"}),
        (("broken",), True, {"error": "broken"}),
        ((), None, {"output": ""}),
        ((), True, {"error": "The tool failed without a word."}),
        (('{"a": 1}',), False, {"output": '{"a": 1}'}),
    ],
)
def test_pitfall_075_a_response_is_always_an_object(
    parts: tuple[str, ...], failed: bool | None, expected: Json
) -> None:
    found = parts_of(user("go"), assistant(CALL), user(result(CALL, *parts, is_error=failed)))
    assert found[0]["functionResponse"]["response"] == expected


def test_pitfall_070_pictures_of_a_result_stand_within_it_or_behind() -> None:
    turns = user("go"), assistant(CALL), user(result(CALL, "seen", DOT, PDF))
    within = parts_of(*turns)[0]["functionResponse"]
    assert within["response"] == {"output": "seen"}
    assert [part["inlineData"]["mimeType"] for part in within["parts"]] == ["image/png", "application/pdf"]
    body, written = write(asked(*turns), OLD, reasoning_echo="thoughtSignature")
    strictly(body)
    assert [list(part) for part in body["contents"][-1]["parts"]] == [["text"], ["inlineData"], ["inlineData"]]
    assert body["contents"][-1]["parts"][0] == {"text": "[From the result of tool Read:]"}
    assert "tool_result.media" in losses(written)


def test_a_picture_by_address_in_a_result_follows_behind() -> None:
    body, _ = write(asked(user("go"), assistant(CALL), user(result(CALL, Image(Link("https://a.b/c.webp?x=1"))))))
    assert body["contents"][-1]["parts"][1] == {
        "fileData": {"fileUri": "https://a.b/c.webp?x=1", "mimeType": "image/webp"}
    }
    strictly(body)


def test_pitfall_033_names_that_do_not_fit_are_the_same_everywhere() -> None:
    name = "1 слишком/длинное " + "x" * 90
    call = ToolCall("c", name, "{}")
    body, written = write(asked(user("go"), assistant(call), user(result(call, "ok")), tools=(Tool(name),)))
    sent = body["tools"][0]["functionDeclarations"][0]["name"]
    assert body["contents"][1]["parts"][0]["functionCall"]["name"] == sent
    assert body["contents"][2]["parts"][0]["functionResponse"]["name"] == sent
    assert written.names == {sent: name}
    strictly(body)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("", {}), ("{}", {}), ("[1]", {"__unparsed": "[1]"}), ('{"a": ', {"__unparsed": '{"a": '})],
)
def test_pitfall_063_arguments_are_always_an_object(arguments: str, expected: Json) -> None:
    call = ToolCall("c", "Read", arguments)
    found = contents(asked(user("go"), assistant(call), user(result(call, "ok"))))
    assert found[1]["parts"][0]["functionCall"]["args"] == expected


def test_free_text_stands_in_input() -> None:
    call = ToolCall("c", "patch", "*** Begin", "text")
    found = contents(asked(user("go"), assistant(call), user(result(call, "ok"))))
    assert found[1]["parts"][0]["functionCall"]["args"] == {"input": "*** Begin"}


def test_calls_go_without_ids_where_the_model_takes_none() -> None:
    found = contents(asked(user("go"), assistant(CALL), user(result(CALL, "ok"))), OLD)
    assert "id" not in found[1]["parts"][0]["functionCall"]
    assert "id" not in found[2]["parts"][0]["functionResponse"]


def sealed(blob: str, origin: str = ORIGIN) -> Seal:
    return Seal(origin, blob)


def test_pitfall_086_signatures_go_back_to_their_account_alone() -> None:
    turns = (
        user("go"),
        assistant(
            Thinking("thought", seal=sealed("")),
            Text("said", seal=sealed("UzEx")),
            ToolCall("c1", "Read", "{}", seal=sealed("UzIy")),
            ToolCall("c2", "Bash", "{}", seal=sealed("S3", "acme")),
        ),
        user(result(CALL, "1"), result(OTHER, "2")),
    )
    body, written = write(asked(*turns))
    found = body["contents"][1]["parts"]
    assert found[0] == {"text": "thought", "thought": True}
    assert [part.get("thoughtSignature") for part in found] == [None, "UzEx", "UzIy", None]
    assert "seal" in losses(written)
    assert "tool_call.seal" not in losses(written)


def test_a_first_call_without_its_own_signature_bears_the_vendor_s_mark_only_where_one_is_demanded() -> None:
    turns = user("go"), assistant(CALL, OTHER), user(result(CALL, "1"), result(OTHER, "2"))
    body, written = write(asked(*turns))
    assert [part.get("thoughtSignature") for part in body["contents"][1]["parts"]] == [SKIP, None]
    assert "tool_call.seal" in losses(written)
    assert "thoughtSignature" not in json.dumps(contents(asked(*turns), OLD))


@pytest.mark.parametrize(
    "part",
    [
        Thinking("foreign"),
        Thinking("foreign", seal=Seal("acme", "S")),
        Thinking("", redacted=True, seal=Seal("acme", "S")),
        Thinking("unmarked, so of the client's vendor", seal=Seal("", "S")),
    ],
)
def test_pitfall_077_thinking_of_others_is_not_sent(part: Thinking) -> None:
    body, written = write(asked(user("go"), assistant(part, "said"), user("on")))
    assert body["contents"][1]["parts"] == [{"text": "said"}]
    assert "thinking" in losses(written)


def test_own_thinking_without_words_is_sent_for_its_signature_only() -> None:
    turn = assistant(
        Thinking("", seal=sealed("")), Thinking("", seal=sealed("UzEx")), Text("", seal=sealed("UzIy")), "said"
    )
    assert contents(asked(user("go"), turn, user("on")))[1]["parts"] == [
        {"text": "", "thought": True, "thoughtSignature": "UzEx"},
        {"text": "", "thoughtSignature": "UzIy"},
        {"text": "said"},
    ]


def test_pitfall_019_empty_texts_are_left_out() -> None:
    assert contents(asked(user("", "a", ""), assistant(""), user("b"))) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}
    ]


@pytest.mark.parametrize(
    ("part", "expected", "loss"),
    [
        (DOT, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}, None),
        (Image(Inline("image/jpg", "AA==")), {"inlineData": {"mimeType": "image/jpeg", "data": "AA=="}}, None),
        (Image(Link("https://a.b/c")), {"fileData": {"fileUri": "https://a.b/c"}}, None),
        (Image(Stored("gemini", "files/x")), {"fileData": {"fileUri": "files/x"}}, None),
        (Image(Stored("other", "file_1")), {"text": "[An image was here; it was not read.]"}, "image.source"),
        (
            Image(Inline("image/gif", "R0lG")),
            {"text": "[An image of type image/gif was here; this model cannot see it.]"},
            "image",
        ),
        (PDF, {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}, None),
        (File(Inline("video/mp4", "AA==")), {"inlineData": {"mimeType": "video/mp4", "data": "AA=="}}, None),
        (
            File(Link("https://a.b/c.PDF")),
            {"fileData": {"fileUri": "https://a.b/c.PDF", "mimeType": "application/pdf"}},
            None,
        ),
        (File(text="words", name="a.txt", context="of b"), {"text": "a.txt\nof b\n\nwords"}, None),
        (File(text="words"), {"text": "words"}, None),
        (File(Inline("text/plain", "aGk=")), {"text": "hi"}, None),
        (File(Inline("text/plain", "A")), {"text": "A"}, None),
        (
            File(Inline("application/zip", "AA=="), name="a.zip"),
            {"text": "[A document of type application/zip was here, named a.zip; it was not read.]"},
            "file",
        ),
        (File(Stored("other", "f")), {"text": "[A document was here; it was not read.]"}, "file.source"),
        (
            File(PDF.source, name="a.pdf"),
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
            "file.name",
        ),
        (Audio(Inline("audio/x-wav", "AA==")), {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}, None),
        (Audio(Link("https://a.b/c.mp3")), {"fileData": {"fileUri": "https://a.b/c.mp3"}}, None),
        (
            Audio(Inline("audio/midi", "AA==")),
            {"text": "[A sound recording was here; this model cannot hear it.]"},
            "audio",
        ),
        (Refusal("I will not."), {"text": "I will not."}, None),
        (ToolReference("WebFetch"), {"text": "The tool WebFetch is now available."}, None),
        (Unknown("other", "novel", Raw(b"{}"), "in words"), {"text": "in words"}, "novel"),
        (ServerTool("other", "search", Raw(b"{}"), "found"), {"text": "found"}, "search"),
        (
            ServerTool("gemini", "executableCode", Raw(b'{"executableCode":{"code":"1"}}'), seal=Seal(ORIGIN, "QUJD")),
            {"executableCode": {"code": "1"}, "thoughtSignature": "QUJD"},
            None,
        ),
        (ToolCall("x", "Read", "{}"), {"text": "[Call of tool Read: {}]"}, "tool_call"),
    ],
)
def test_parts_are_said(part: Part, expected: Json, loss: str | None) -> None:
    body, written = write(asked(user(part)))
    assert body["contents"][0]["parts"] == [expected]
    assert losses(written) == ([loss] if loss else [])


@pytest.mark.parametrize(
    "part",
    [
        Unknown("other", "novel", Raw(b"{}")),
        ServerTool("other", "search", Raw(b"{}")),
        ServerTool("gemini", "groundingMetadata", Raw(b"{}"), "Sources:"),
    ],
)
def test_parts_that_have_no_words_are_left_out(part: Part) -> None:
    assert contents(asked(user("a", part))) == [{"role": "user", "parts": [{"text": "a"}]}]


def test_pitfall_092_pictures_for_a_model_without_eyes_are_a_line_of_text() -> None:
    body, written = write(asked(user(DOT)), images=False)
    assert body["contents"][0]["parts"] == [{"text": "[An image was here; this model cannot see images.]"}]
    assert losses(written) == ["image"]


def test_pitfall_091_an_address_that_cannot_be_fetched_is_named() -> None:
    found = contents(asked(user(Image(Link("https://a.b/c.png")))), image_links=False)
    assert found[0]["parts"] == [{"text": "[An image was here at https://a.b/c.png; it was not read.]"}]


def test_what_this_wire_has_no_member_for_is_recorded() -> None:
    mark = CacheMark("1h")
    body, written = write(
        asked(
            Turn(
                "user",
                (Text("a", mark, extras=Extras("other", {"x": Raw(b"1")})),),
                extras=Extras("other", {"y": Raw(b"1")}),
            ),
            assistant(ToolCall("c1", "Read", "{}", cache_mark=mark)),
            user(ToolResult("c1", (Text("r"),), cache_mark=mark), Image(Inline("image/png", "AA=="), detail="high")),
            user="someone",
        )
    )
    assert {"cache_mark", "text.x", "turn.y", "image.detail", "user"} <= set(losses(written))
    strictly(body)


def test_system_turns_before_the_first_word_are_of_the_system_instruction() -> None:
    body, _ = write(
        asked(
            Turn("system", (Text("first"),)),
            user("a"),
            Turn("system", (Text("later"), DOT)),
            Turn("system", (Text(""),)),
            system=(Text("x-anthropic-billing-header: cc_version=1;"), Text("you are")),
        )
    )
    assert body["systemInstruction"] == {"parts": [{"text": "you are"}, {"text": "first"}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "<system-reminder>\nlater\n</system-reminder>"}]}
    ]


def test_half_characters_are_replaced() -> None:
    body, written = write(asked(user("half \ud83d"), system=(Text("ok"),)))
    assert body["contents"][0]["parts"] == [{"text": "half �"}]
    assert "text.surrogate" in losses(written)


OWN_CALL = {"functionCall": {"name": "Read", "args": {"a": 1}}}
OWN_TURNS: list[Json] = [
    {"role": "model", "parts": [{"text": ""}, OWN_CALL, {"text": "t", "thought": True}]},
    {
        "role": "user",
        "parts": [
            {"text": "before"},
            {"functionResponse": {"name": "Read", "response": {"output": "x"}, "willContinue": False}},
            {"functionResponse": {"id": "gone", "name": "Bash", "response": {"a": [1]}}},
            {"functionResponse": {"name": "Bash", "response": {"result": "r", "name": "Bash"}}},
            {"functionResponse": {"name": "Bash", "response": {"error": "e"}}},
            {"functionResponse": {"name": "Bash"}},
            {
                "functionResponse": {
                    "name": "See",
                    "response": {},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
                }
            },
        ],
    },
    {"role": "user", "parts": [{"inlineData": {"mimeType": "image/gif", "data": "AA==", "displayName": "a"}}]},
    {"role": "user", "parts": [{"inlineData": {"mimeType": "application/pdf", "data": "AA==", "displayName": "b"}}]},
    {"role": "user", "parts": [{"fileData": {"fileUri": "https://a/b", "mimeType": "image/png"}}, {"novel": 1}]},
    {"role": "user", "parts": [{"text": "v", "videoMetadata": {"fps": 1}}], "novel": True},
    {"role": "model", "parts": [{"text": "begun"}]},
]


def test_what_a_client_of_this_wire_said_stays_in_its_order() -> None:
    from dragoman.dialects.gemini import DIALECT

    written = DIALECT.write_request(read({"contents": OWN_TURNS}), target())
    assert json.loads(written.body)["contents"] == OWN_TURNS
    assert written.losses == ()


def test_a_client_s_own_call_signed_by_another_account_bears_the_mark() -> None:
    from dragoman.canon.seal import wrap
    from dragoman.dialects.gemini.seals import signature_of

    assert wrap(Seal("acme", "S"))
    part = {**OWN_CALL, "thoughtSignature": signature_of(Seal("acme", "S"), bare=False)}
    turns = [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [part, OWN_CALL]}]
    found = contents(read({"contents": turns}), NEW)[1]["parts"]
    assert [each.get("thoughtSignature") for each in found] == [SKIP, None]
