"""A form of output that the upstream cannot be held to is asked for in words, as in every other dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.request import OutputShape, Part, Request, Text, Turn
from tests.dialects.anthropic.stage import NATIVE, lost, write

SCHEMA = Raw(b'{"type":"object"}')
WISH = "Answer with one JSON object and nothing else."
LACKING = replace(NATIVE, habits=Habits(output_shapes=()))


def asked(shape: OutputShape, **members: Any) -> Request:
    """A request of a foreign dialect."""
    return Request(
        dialect="foreign", model="m", turns=(Turn("user", (Text("go"),)),), max_output=9, output_shape=shape, **members
    )


@pytest.mark.parametrize(
    ("system", "as_string", "told"),
    [
        ((), False, WISH),
        ((Text("Be kind."),), True, f"Be kind.\n\n{WISH}"),
        ((Text("Be kind."),), False, [{"type": "text", "text": "Be kind."}, {"type": "text", "text": WISH}]),
    ],
)
def test_a_json_object_is_asked_for(system: tuple[Part, ...], as_string: bool, told: object) -> None:
    written = write(asked(OutputShape("json_object"), system=system, system_as_string=as_string))
    assert json.loads(written.body)["system"] == told
    assert lost(written.losses) == {"output_shape"}


def test_a_schema_is_told_to_those_that_cannot_be_held_to_it() -> None:
    written = write(asked(OutputShape("json_schema", SCHEMA)), LACKING)
    assert json.loads(written.body)["system"] == f'{WISH} It must match this JSON Schema:\n{{"type":"object"}}'


def test_where_the_form_can_be_demanded_nothing_is_added() -> None:
    assert "system" not in json.loads(write(asked(OutputShape("json_schema", SCHEMA))).body)
