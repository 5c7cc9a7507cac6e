"""Estimates of tokens: near what tokenizers say, blind to nothing in a request, and corrected by providers."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dragoman.canon.request import (
    Audio,
    File,
    Image,
    Inline,
    Link,
    Part,
    ProviderTool,
    Refusal,
    Request,
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
from dragoman.ledger import tokens
from dragoman.ledger.tokens import Calibration, calibrate, count_text, estimate_prompt, estimate_text, image_size

ENGLISH = "The gateway reads what the client sent, and writes what the provider understands. " * 40
RUSSIAN = "Шлюз читает то, что прислал клиент, и пишет то, что поймёт поставщик. " * 40
CHINESE = "网关读取客户端发送的内容并写出提供商能理解的内容" * 40
CODE = "def fold(events):\n    return [event for event in events if event.kind == 'text']\n" * 40


def asked(*parts: Part, tools: tuple[Tool | ProviderTool, ...] = ()) -> Request:
    """A request of one turn."""
    return Request(dialect="tongue", model="m", turns=(Turn("user", parts),), tools=tools)


def cost(*parts: Part) -> int:
    """Tokens that parts add to a request."""
    return estimate_prompt(asked(*parts)) - estimate_prompt(asked())


def png(width: int, height: int) -> str:
    """The beginning of a PNG in base64."""
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4) + height.to_bytes(4)
    return b64encode(head + b"\x08\x06\x00\x00\x00" * 20).decode()


def jpeg(width: int, height: int, *before: bytes) -> str:
    """The beginning of a JPEG in base64, with segments before its frame header."""
    frame = b"\xff\xc0\x00\x11\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x03" * 10
    return b64encode(b"\xff\xd8" + b"".join(before) + frame).decode()


@pytest.mark.parametrize(
    ("text", "per_token", "least", "most"),
    [
        (ENGLISH, tokens.PROSE, 3.43, 6.08),
        (RUSSIAN, tokens.PROSE, 2.05, 3.67),
        (CHINESE, tokens.PROSE, 0.93, 1.39),
        (CODE, tokens.CODE, 3.07, 4.94),
    ],
)
def test_characters_per_token_lie_within_what_tokenizers_of_2026_give(
    text: str, per_token: float, least: float, most: float
) -> None:
    assert least < len(text) / count_text(text, per_token) < most


def test_scripts_are_told_apart_within_one_text() -> None:
    mixed = count_text(ENGLISH + RUSSIAN + CHINESE)
    assert mixed == pytest.approx(count_text(ENGLISH) + count_text(RUSSIAN) + count_text(CHINESE), rel=0.01)


def test_a_long_text_is_judged_by_some_of_its_pieces() -> None:
    assert count_text(RUSSIAN * 50) == pytest.approx(50 * count_text(RUSSIAN), rel=0.02)


@given(st.text(st.characters()))
def test_any_text_has_an_estimate_between_nothing_and_four_tokens_a_character(text: str) -> None:
    assert 0 <= count_text(text) <= 4 * len(text)


def test_everything_in_a_prompt_counts() -> None:
    parts: list[Part] = [
        Text(ENGLISH),
        Refusal(ENGLISH),
        Thinking(ENGLISH),
        ToolCall("id", "Write", '{"path":"a"}'),
        ToolResult("id", (Text(CODE), Image(Inline("image/png", png(100, 100))))),
        Image(Link("https://a.test/b.png")),
        File(Inline("application/pdf", "A" * 400)),
        File(text=ENGLISH),
        File(Stored("tongue", "file_1")),
        Audio(Inline("audio/wav", "A" * 40_000)),
        Audio(Link("https://a.test/b.wav")),
        ServerTool("tongue", "search", Raw(b'{"query":"weather"}')),
        Unknown("tongue", "new", Raw(b'{"some":"thing"}')),
        ToolReference("WebFetch"),
    ]
    assert all(cost(part) > 0 for part in parts)
    assert cost(*parts) == pytest.approx(sum(cost(part) for part in parts), abs=len(parts))


def test_system_and_tools_count() -> None:
    schema = Raw(b'{"type":"object","properties":{"path":{"type":"string"}}}')
    bare = asked(Text("hello"))
    with_tool = asked(Text("hello"), tools=(Tool("Read", "Reads a file.", schema),))
    with_known = asked(Text("hello"), tools=(ProviderTool("tongue", "bash_1", "bash", Raw(b'{"type":"bash_1"}')),))
    with_system = Request(dialect="tongue", model="m", turns=bare.turns, system=(Text(ENGLISH),))
    assert estimate_prompt(with_tool) > estimate_prompt(bare) + tokens.TOOL_TOKENS
    assert estimate_prompt(with_known) > estimate_prompt(bare) + tokens.TOOL_TOKENS
    assert estimate_prompt(with_system) > estimate_prompt(bare) + 700
    assert estimate_prompt(asked(tools=(Tool("Bare"),))) > estimate_prompt(asked())


def test_a_deferred_tool_counts_once_it_is_referred_to() -> None:
    later = Tool("WebFetch", ENGLISH, deferred=True)
    found = ToolResult("id", (ToolReference("WebFetch"),))
    assert estimate_prompt(asked(tools=(later,))) == estimate_prompt(asked())
    assert estimate_prompt(asked(found, tools=(later,))) > estimate_prompt(asked(found)) + 700


@pytest.mark.parametrize(
    ("base64", "expected"),
    [
        (png(750, 100), 100),
        (png(4000, 4000), tokens.IMAGE_TOKENS),
        (jpeg(300, 250), 100),
        (jpeg(300, 250, b"\xff\xe0\x00\x10" + b"\x00" * 14, b"\xff\xc4\x00\x04\x00\x00"), 100),
        ("R0lGODlhAQABAIAAAP", tokens.IMAGE_TOKENS),
        ("", tokens.IMAGE_TOKENS),
    ],
)
def test_a_picture_counts_by_its_size_where_it_can_be_read(base64: str, expected: int) -> None:
    assert cost(Image(Inline("image/any", base64))) == expected


@pytest.mark.parametrize(
    "base64",
    ["iVBORw0KGgo", "iVBORw0KGgo=" + "é" * 40, "/9j/", "/9j/4AAQ", "/9j/" + "A" * 100, "/9j/é", jpeg(1, 1)[:12]],
)
def test_a_picture_that_is_cut_or_broken_has_no_size(base64: str) -> None:
    assert image_size(base64) is None


def test_a_document_counts_by_its_pages() -> None:
    assert cost(File(Inline("application/pdf", "A" * 400_000))) == 7 * tokens.PAGE_TOKENS


def test_what_only_a_vendor_understands_never_counts_without_bound() -> None:
    assert cost(Unknown("tongue", "movie", Raw(b'"' + b"A" * 10_000_000 + b'"'))) == tokens.OPAQUE_TOKENS


def test_generated_text_has_a_floor() -> None:
    assert [estimate_text(characters) for characters in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_the_first_report_of_a_model_sets_its_ratio_and_later_ones_move_it() -> None:
    seen = calibrate(Calibration(), "m", 1000, 1500)
    assert seen.ratio("m") == 1.5
    assert seen.ratio("other") == 1.0
    moved = calibrate(seen, "m", 1000, 1000)
    assert 1.0 < moved.ratio("m") < 1.5
    assert estimate_prompt(asked(Text(ENGLISH)), seen.ratio("m")) == pytest.approx(
        1.5 * estimate_prompt(asked(Text(ENGLISH))), abs=1
    )


def test_repeated_reports_bring_the_ratio_home() -> None:
    learned = calibrate(Calibration(), "m", 1000, 2000)
    for _ in range(60):
        learned = calibrate(learned, "m", 1000, 1200)
    assert learned.ratio("m") == pytest.approx(1.2, rel=0.03)


def test_reports_that_say_nothing_are_ignored() -> None:
    seen = calibrate(Calibration(), "m", 1000, 1500)
    assert calibrate(seen, "m", 100, 10_000) is seen
    assert calibrate(seen, "m", 1000, 0) is seen
    assert calibrate(seen, "m", 1000, 1501) is seen


@pytest.mark.parametrize("reported", [1, 12, 499, 2001, 1_000_000])
def test_a_count_that_no_tokenizer_gives_is_not_believed(reported: int) -> None:
    assert calibrate(Calibration(), "m", 1000, reported) == Calibration()


def test_the_memory_of_models_is_bounded() -> None:
    learned = Calibration()
    for place in range(tokens.MODEL_LIMIT + 5):
        learned = calibrate(learned, str(place), 1000, 2000)
    assert len(learned.ratios) == tokens.MODEL_LIMIT
    assert learned.ratio("0") == 1.0
