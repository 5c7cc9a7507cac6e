"""Streams in the shapes of the vendors named, one fact each."""

from __future__ import annotations

import pytest
from msgspec import Struct

from dragoman.canon.reply import fold
from dragoman.canon.usage import NOTHING_SAID, Usage
from tests.dialects.openai_chat.wire import SCENES, ending, events, gist, scene


class Claim(Struct, frozen=True):
    """What a scene amounts to."""

    parts: list[tuple[str, ...]]
    ending: str
    usage: Usage = NOTHING_SAID


READ_A, READ_B = '{"path":"a"}', '{"path":"b"}'
CLAIMS = {
    "deepseek_thinks_then_calls": Claim(
        [
            ("thinking", "The user wants a file."),
            ("text", "I will write it."),
            ("call", "call_00_aB", "Write", READ_A),
        ],
        "tool_calls",
        Usage(input=36, cache_read=64, output=30, thinking=9),
    ),
    "openrouter_signs_its_thinking": Claim(
        [("thinking", "Let me see."), ("text", "Done")],
        "end",
        Usage(input=12, cache_read=0, output=7, thinking=4),
    ),
    "openrouter_provider_fails_midway": Claim([("text", "Half a")], "upstream_error"),
    "azure_filters_first": Claim([("text", "Yes")], "end", Usage(input=8, output=1)),
    "azure_filters_the_answer": Claim([("text", "How to")], "refusal"),
    "ollama_gives_all_calls_index_0": Claim(
        [("call", "call_k1", "Read", READ_A), ("call", "call_k2", "Read", READ_B)], "tool_calls"
    ),
    "gemini_gives_no_index_and_empty_ids": Claim(
        [
            ("call", "call_fcf1a5a81a96566626abcf4a", "Read", READ_A),
            ("call", "call_672edb4806159aecd0eaebb6", "Read", READ_B),
        ],
        "tool_calls",
        Usage(input=50, output=9),
    ),
    "moonshot_counts_inside_the_choice": Claim(
        [("thinking", "Hm."), ("call", "functions.Bash:0", "Bash", '{"command":"ls"}')],
        "tool_calls",
        Usage(input=8, cache_read=32, output=12),
    ),
    "vllm_tells_the_stop_sequence": Claim([("text", "a")], "stop_sequence", Usage(input=4, output=1)),
    "groq_says_a_call_failed": Claim([], "invalid_request"),
    "llama_cpp_stops_without_a_word": Claim([("text", "Now I wr")], "cut_short"),
    "mistral_finishes_with_whole_calls": Claim(
        [("call", "D681PevKs", "Read", '{"path": "a"}')], "tool_calls", Usage(input=5, output=6)
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_vendor_s_stream_amounts_to(name: str) -> None:
    reply = fold(events(scene(f"streams/{name}.sse")))
    claim = CLAIMS[name]
    assert gist(reply) == claim.parts
    assert ending(reply) == claim.ending
    assert reply.usage == claim.usage


def test_every_scene_has_its_claim() -> None:
    assert {path.stem for path in (SCENES / "streams").iterdir()} == CLAIMS.keys()
