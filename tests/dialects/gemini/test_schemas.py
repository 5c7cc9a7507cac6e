"""Any schema at all becomes one that the strict vendor takes in `parameters`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dragoman.canon.schema import lower
from dragoman.dialects.gemini.schemas import PARAMETERS
from tests.canon.test_schema import ANY
from tests.canon.test_schema_circles import CIRCLES
from tests.standin.gemini_schema import check_schema


@settings(max_examples=200)
@given(schema=st.one_of(ANY, CIRCLES), arguments=st.booleans())
def test_the_vendor_takes_whatever_was_lowered(schema: Any, arguments: bool) -> None:
    found = lower(Raw(json.dumps(schema).encode()), PARAMETERS, arguments=arguments)
    check_schema(json.loads(bytes(found.schema)), "parameters")


def test_an_empty_text_among_listed_values_is_told_in_words() -> None:
    schema = {"properties": {"a": {"enum": ["", "x"]}, "b": {"type": "string", "enum": [""]}}}
    found = lower(Raw(json.dumps(schema).encode()), PARAMETERS)
    told = json.loads(bytes(found.schema))["properties"]
    assert told["a"] == {"type": "string", "enum": ["x"], "description": '(one of ["","x"])'}
    assert told["b"] == {"type": "string", "description": '(one of [""])'}
    assert [loss.what for loss in found.losses] == ["schema.enum"]


def test_items_that_any_value_or_none_may_be_are_told_as_a_schema() -> None:
    schema = {"properties": {"a": {"type": "array", "items": False}, "b": {"type": "array", "items": True}}}
    found = lower(Raw(json.dumps(schema).encode()), PARAMETERS)
    told = json.loads(bytes(found.schema))
    check_schema(told, "parameters")
    assert told["properties"]["a"]["items"]["description"].startswith("Must not be given.")


def test_listed_texts_of_what_is_said_to_be_a_number_are_texts() -> None:
    schema = {"properties": {"a": {"type": "integer", "enum": ["1", "2"]}}}
    found = lower(Raw(json.dumps(schema).encode()), PARAMETERS)
    assert json.loads(bytes(found.schema))["properties"] == {"a": {"type": "string", "enum": ["1", "2"]}}
    assert found.casts == {}
