"""Tokens of sounds and pictures are known apart where a provider tells them, within what they belong to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dragoman.canon.usage import Usage, merge
from dragoman.dialects.gemini import usage as gemini
from dragoman.dialects.openai_chat import usage as chat
from dragoman.dialects.take import Members


def of_chat(**said: Any) -> Usage:
    return chat.read_usage(Raw(msgspec.json.encode(said)))[0]


def of_gemini(**said: Any) -> Usage:
    return gemini.read_usage(Members.of(msgspec.json.encode(said)))[0]


def test_chat_tells_sounds_within_prompt_and_answer() -> None:
    found = of_chat(
        prompt_tokens=100,
        completion_tokens=50,
        prompt_tokens_details={"cached_tokens": 10, "audio_tokens": 60},
        completion_tokens_details={"audio_tokens": 40},
    )
    assert found == Usage(input=90, cache_read=10, output=50, input_audio=60, output_audio=40)


def test_gemini_tells_each_modality() -> None:
    found = of_gemini(
        promptTokenCount=300,
        candidatesTokenCount=20,
        promptTokensDetails=[
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "IMAGE", "tokenCount": 258},
            {"modality": "AUDIO", "tokenCount": 32},
        ],
        candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 20}],
    )
    assert (found.input_image, found.input_audio, found.output_image, found.output_audio) == (258, 32, 20, None)


@pytest.mark.parametrize(
    "details", [None, -5, "x", [5], [{"modality": 5}], [{"modality": "AUDIO", "tokenCount": -1}], {}]
)
def test_details_that_mean_nothing_are_nothing(details: Any) -> None:
    assert of_gemini(promptTokenCount=5, promptTokensDetails=details).input_audio is None
    assert of_chat(prompt_tokens=5, prompt_tokens_details={"audio_tokens": details}).input_audio is None


def test_the_later_word_counts() -> None:
    assert merge(Usage(input=5, input_audio=1), Usage(input=6, input_audio=2)).input_audio == 2
    assert merge(Usage(input=5, input_audio=1), Usage(output=6)).input_audio == 1
