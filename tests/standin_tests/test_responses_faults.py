"""The rows of the fault table do in Responses what they do in the dialects they name."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.standin import EVERY_KIND, FAULTS, StandIn
from tests.standin_tests.test_faults import ENDINGS, SILENT, heard
from tests.standin_tests.wire import Heard

BOTH = ("anthropic", "openai_chat")
KEYS = [key for key, row in FAULTS.items() if row.dialects == BOTH and "stream" in row.modes]


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn(lambda _ask: EVERY_KIND, dialects=("openai_responses",)) as upstream:
        yield upstream


@pytest.mark.parametrize("key", KEYS)
def test_a_fault_ends_as_its_row_says(standin: StandIn, key: str) -> None:
    answer = heard(standin, key, "openai_responses", "stream")

    assert answer.ending == ENDINGS.get(key, "end")
    assert answer.status == (0 if key in SILENT else FAULTS[key].status or 200)


def test_a_data_fault_says_the_whole_truth(standin: StandIn) -> None:
    for key, row in FAULTS.items():
        own = ("F36", "F42", "F50", "length")
        if row.stage == "data" and row.dialects == BOTH and row.modes[0] == "stream" and not key.startswith(own):
            assert text_of(heard(standin, key, "openai_responses", "stream")) == EVERY_KIND.text, key


@pytest.mark.parametrize("kind", ["text", "thinking", "call"])
def test_what_is_cut_was_begun_and_not_finished(standin: StandIn, kind: str) -> None:
    cut = heard(standin, f"F52.{kind}", "openai_responses", "stream").body

    assert cut.count(b"\n\n") > 4
    assert b"response.completed" not in cut
    assert b"response.completed" in heard(standin, "F42.comments", "openai_responses", "stream").body


def text_of(answer: Heard) -> str:
    """All words of a stream, in their order."""
    lines = [line.removeprefix("data: ") for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    return "".join(event["delta"] for event in map(json.loads, lines) if event["type"] == "response.output_text.delta")
