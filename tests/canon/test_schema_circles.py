"""Schemas that refer to themselves and name parameters like words of the schema language: none is lost, all end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.canon.test_schema import DOCUMENTS, GOOD, NAMES, RULES, breaches, lowered, parameters_of

Json = Any


def _circle(names: list[str], shape: Json, through: str) -> Json:
    """A document whose definition `a` holds itself, by a way that the rest of it does not show."""
    again: Json = {"$ref": "#/$defs/a"}
    held = {
        "properties": {"properties": {names[-1]: again}},
        "items": {"items": again},
        "anyOf": {"anyOf": [{"type": "null"}, again]},
        "allOf": {"allOf": [again, {"description": "Another."}]},
        "itself": again,
        "two": {"properties": {"b": {"$ref": "#/$defs/b"}}},
        "root": {"properties": {"c": {"$ref": "#"}}},
    }[through]
    properties = {name: {"type": "string"} for name in names}
    inner = {"type": "object", "properties": {**properties, "more": held}}
    root = {**(shape if isinstance(shape, dict) else {}), "$ref": "#/$defs/a"}
    return {**root, "$defs": {"a": inner, "b": {"properties": {"back": again}}}}


CIRCLES = st.builds(
    _circle,
    st.lists(NAMES, min_size=1, max_size=3, unique=True),
    GOOD,
    st.sampled_from(["properties", "items", "anyOf", "allOf", "itself", "two", "root"]),
)


def refs_in(schema: Json) -> Iterator[str]:
    """Every reference within a schema."""
    if isinstance(schema, dict):
        for word, value in schema.items():
            if word == "$ref" and isinstance(value, str):
                yield value
            yield from refs_in(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from refs_in(each)


def is_circular(document: Json) -> bool:
    """Whether the document, or a definition in it, leads back to itself."""
    if not isinstance(document, dict):
        return False
    parts = {f"#/$defs/{name}": inner for name, inner in document.get("$defs", {}).items()}
    parts["#"] = {word: value for word, value in document.items() if word != "$defs"}
    leads = {name: {*refs_in(inner)} & parts.keys() for name, inner in parts.items()}
    for _ in parts:
        leads = {name: ways.union(*(leads[way] for way in ways)) for name, ways in leads.items()}
    return any(name in ways for name, ways in leads.items())


def reachable(document: Json) -> Iterator[str]:
    """The parameters of a document as far as references to definitions, followed once each, lead."""
    seen: set[str] = set()
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, dict):
            continue
        own = {word: value for word, value in each.items() if word != "$defs"}
        yield from parameters_of(own)
        for ref in refs_in(own):
            target = document["$defs"].get(ref.removeprefix("#/$defs/")) if ref.startswith("#/$defs/") else None
            if target is not None and ref not in seen:
                seen.add(ref)
                waiting.append(target)


@pytest.mark.parametrize("word", ["type", "format", "default", "title", "properties", "enum", "$ref", "required"])
@pytest.mark.parametrize("name", RULES)
def test_a_parameter_named_like_a_word_stays_within_a_circle(name: str, word: str) -> None:
    found, about = lowered(_circle([word, "a"], {}, "properties"), RULES[name])
    sent = next((each for each, known in about.renames.items() if known == word), word)
    assert {sent, "a", "more"} == found["properties"].keys()
    assert sent in [*parameters_of(found["properties"]["more"])] or name == "tight"


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=80)
@given(schema=CIRCLES, arguments=st.booleans())
def test_circles_end_in_an_allowed_schema(name: str, schema: Json, arguments: bool) -> None:
    assert is_circular(schema)
    found, about = lowered(schema, RULES[name], arguments=arguments)
    assert not list(breaches(found, RULES[name]))
    assert len(json.dumps(found)) < 200_000
    assert about.losses


@pytest.mark.parametrize("name", ["plain", "branching", "mild"])
@settings(max_examples=80)
@given(schema=st.one_of(CIRCLES, DOCUMENTS))
def test_no_parameter_is_lost_behind_a_reference(name: str, schema: Json) -> None:
    if not isinstance(schema, dict):
        return
    found, about = lowered(schema, RULES[name])
    told = json.dumps(found, ensure_ascii=False)
    known = {about.renames.get(each, each) for each in parameters_of(found)}
    for parameter in reachable(schema):
        assert parameter in known or json.dumps(parameter, ensure_ascii=False).replace('"', '\\"') in told
