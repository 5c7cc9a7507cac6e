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
