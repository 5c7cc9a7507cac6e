"""Schemas made into what a target takes: any schema in, an allowed one out, no parameter lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dragoman.canon.arguments import restored, sent
from dragoman.canon.schema import Lowered, SchemaRules, lower

Json = Any

PLAIN = SchemaRules(
    keywords=frozenset({"type", "description", "enum", "items", "properties", "required", "format"}),
    types="one",
    enum_types=frozenset({"string"}),
    formats={"string": frozenset({"date", "date-time", "time"})},
    typed=True,
    property_characters="A-Za-z0-9_",
    property_limit=64,
)
"""A target that takes little: one type, no alternatives, texts in enums."""
BRANCHING = SchemaRules(
    keywords=frozenset(
        {"type", "description", "nullable", "enum", "items", "properties", "required", "anyOf", "format", "minimum"}
        | {"maximum", "minItems", "maxItems"}
    ),
    types="nullable",
    enum_types=frozenset({"string"}),
    formats={"string": frozenset({"enum", "date-time"})},
    typed=True,
    lone_any_of=True,
)
"""A target like OpenAPI's subset: alternatives that stand alone, and `nullable`."""
MILD = SchemaRules(
    keywords=frozenset(
        {"type", "description", "enum", "items", "properties", "required", "anyOf", "prefixItems", "title", "default"}
        | {"additionalProperties", "minimum", "pattern", "format"}
    ),
    property_characters="A-Za-z0-9_.-",
    property_limit=64,
)
"""A target that takes most, but no references and only plain names."""
TIGHT = SchemaRules(keywords=PLAIN.keywords, types="one", typed=True, levels=3, nodes=12)
RULES = {"plain": PLAIN, "branching": BRANCHING, "mild": MILD, "tight": TIGHT}


def lowered(schema: Json, rules: SchemaRules = PLAIN, *, arguments: bool = True) -> tuple[Json, Lowered]:
    found = lower(Raw(json.dumps(schema).encode()), rules, arguments=arguments)
    return json.loads(bytes(found.schema)), found


def losses(found: Lowered) -> set[str]:
    return {loss.what for loss in found.losses}


# What each target takes.


def schemas_in(schema: Json) -> Iterator[dict[str, Json]]:
    """A schema and all within it."""
    assert isinstance(schema, dict)
    yield schema
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from schemas_in(schema[word])
    for word in ("anyOf", "prefixItems"):
        for each in schema.get(word, ()):
            yield from schemas_in(each)
    for each in schema.get("properties", {}).values():
        yield from schemas_in(each)


def breaches(schema: Json, rules: SchemaRules) -> Iterator[str]:
    """Everything in a schema that the rules do not allow; written without a look at how it is lowered."""
    for each in schemas_in(schema):
        yield from (f"word {word}" for word in each if word not in rules.keywords)
        if rules.types != "list" and not isinstance(each.get("type", ""), str):
            yield f"types {each['type']}"
        if rules.lone_any_of and "anyOf" in each and len(each) > 1:
            yield f"anyOf beside {set(each)}"
        yield from values_out_of_place(each, rules)
        yield from (what_is_untyped(each) if rules.typed else ())
        for name in each.get("properties", {}):
            if rules.property_limit and len(name) > rules.property_limit:
                yield f"long name {name}"


def values_out_of_place(each: dict[str, Json], rules: SchemaRules) -> Iterator[str]:
    if rules.types != "list" and each.get("type") == "null":
        yield "null"
    if rules.enum_types == {"string"} and not all(isinstance(value, str) for value in each.get("enum", ())):
        yield f"enum {each['enum']}"
    if each.get("enum") == []:
        yield "empty enum"
    if (
        rules.formats is not None
        and "format" in each
        and each["format"] not in rules.formats.get(str(each["type"]), ())
    ):
        yield f"format {each['format']}"


def what_is_untyped(each: dict[str, Json]) -> Iterator[str]:
    kind = each.get("type")
    if kind is None and "anyOf" not in each:
        yield "no type"
    if kind == "array" and "items" not in each:
        yield "no items"
    if kind == "object" and "properties" not in each:
        yield "no properties"
    if not set(each.get("required", ())) <= set(each.get("properties", ())):
        yield f"required {each['required']}"


def parameters_of(schema: Json) -> Iterator[str]:
    """The names of all properties in a schema of any form, wherever they stand."""
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        match word, value:
            case "properties" | "$defs", dict():
                if word == "properties":
                    yield from value
                for each in value.values():
                    yield from parameters_of(each)
            case "items" | "additionalProperties" | "not" | "if" | "then" | "else", dict():
                yield from parameters_of(value)
            case "anyOf" | "oneOf" | "allOf", list():
                for each in value:
                    yield from parameters_of(each)


NAMES = st.sampled_from(["a", "b", "type", "format", "default", "title", "properties", "$filter", "имя", "x" * 80])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "x", "1", "true"]))
KINDS = ["string", "integer", "number", "boolean", "object", "array", "null"]
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["type", "x"]), inner)),
    max_leaves=3,
)


def _words(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    many = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(st.sampled_from(KINDS), st.lists(st.sampled_from(KINDS), min_size=1, unique=True)),
            "description": st.sampled_from(["words", ""]),
            "properties": named,
            "required": st.lists(NAMES, max_size=2),
            "items": st.one_of(inner, many),
            "anyOf": many,
            "oneOf": many,
            "allOf": many,
            "enum": st.lists(SCALARS, min_size=1, max_size=3),
            "const": SCALARS,
            "$ref": st.sampled_from(["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#name", "other.json", "#/x/0"]),
            "$anchor": st.just("name"),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "format": st.sampled_from(["date", "uri", "int32"]),
            "minimum": st.integers(0, 3),
            "pattern": st.just("^a$"),
            "default": SCALARS,
            "not": inner,
            "then": inner,
            "title": st.just("T"),
        },
    )


GOOD: st.SearchStrategy[Json] = st.recursive(st.one_of(st.booleans(), st.builds(dict)), _words, max_leaves=6)
DOCUMENTS = st.builds(
    lambda root, defs: {**root, "$defs": defs} if isinstance(root, dict) else root,
    GOOD,
    st.fixed_dictionaries({"a": GOOD, "b": GOOD}),
)
ANY = st.one_of(
    DOCUMENTS,
    JUNK,
    st.dictionaries(st.sampled_from(["type", "properties", "items", "enum", "required", "anyOf", "$ref"]), JUNK),
)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=150)
@given(schema=ANY, arguments=st.booleans())
def test_any_schema_becomes_an_allowed_one(name: str, schema: Json, arguments: bool) -> None:
    rules = RULES[name]
    found, _ = lowered(schema, rules, arguments=arguments)
    assert not list(breaches(found, rules))
    if arguments:
        assert found["type"] == "object"
        assert isinstance(found["properties"], dict)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=150)
@given(schema=ANY, arguments=st.booleans())
def test_lowering_again_changes_nothing(name: str, schema: Json, arguments: bool) -> None:
    once = lower(Raw(json.dumps(schema).encode()), RULES[name], arguments=arguments)
    again = lower(once.schema, RULES[name], arguments=arguments)
    assert json.loads(bytes(again.schema)) == json.loads(bytes(once.schema))
    assert not again.renames


def test_values_of_an_object_that_only_requires_members_are_told_at_once() -> None:
    schema = {"type": "object", "required": ["a"], "enum": [None]}
    found, about = lowered(schema, RULES["mild"], arguments=False)
    assert found == {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {}},
        "description": "(one of [null])",
    }
    assert "schema.enum" in losses(about)


@pytest.mark.parametrize("name", ["plain", "branching", "mild"])
@settings(max_examples=150)
@given(schema=GOOD)
def test_no_parameter_is_lost(name: str, schema: Json) -> None:
    found, about = lowered(schema, RULES[name])
    told = json.dumps(found, ensure_ascii=False)
    known = {about.renames.get(each, each) for each in parameters_of(found)}
    for parameter in parameters_of(schema):
        assert parameter in known or json.dumps(parameter, ensure_ascii=False).replace('"', '\\"') in told


@settings(max_examples=100)
@given(schema=DOCUMENTS)
def test_what_changes_a_schema_is_told(schema: Json) -> None:
    found, about = lowered(schema, PLAIN)
    idle = {"$defs", "$anchor"}
    if found != schema and isinstance(schema, dict) and not about.losses:
        known = {word: value for word, value in schema.items() if word not in idle}
        assert {"type": "object", "properties": {}, **known} == known | {
            "type": "object",
            "properties": found["properties"],
        }


# Arguments on their way back.


@settings(max_examples=100)
@given(arguments=st.dictionaries(NAMES, JUNK, max_size=3))
def test_arguments_return_as_they_went(arguments: dict[str, Json]) -> None:
    schema = {
        "properties": {
            "$filter": {"enum": [1, 2, "x"]},
            "имя": {"type": "array", "items": {"enum": [True, False]}},
            "a": {"properties": {"$filter": {"const": 5}}},
        }
    }
    _, found = lowered(schema)
    text = json.dumps(arguments, ensure_ascii=False)
    there = sent(text, found)
    assert json.loads(restored(there, found)) == arguments or ambiguous(arguments)


def ambiguous(value: Json) -> bool:
    """Whether a value holds a text that reads like one of the listed values."""
    return any(f'"{text}"' in json.dumps(value) for text in ("1", "true"))


def test_a_listed_number_comes_back_as_a_number() -> None:
    schema = {"properties": {"level": {"type": "integer", "enum": [1, 2]}, "flags": {"items": {"enum": [True]}}}}
    found, about = lowered(schema)
    assert found["properties"]["level"] == {"type": "string", "enum": ["1", "2"]}
    assert restored('{"level":"2","flags":["true","no"],"free":"2"}', about) == (
        '{"level":2,"flags":[true,"no"],"free":"2"}'
    )
    assert sent('{"level":2,"flags":[true]}', about) == '{"level":"2","flags":["true"]}'


def test_arguments_without_a_change_stay_the_same_text() -> None:
    _, about = lowered({"properties": {"level": {"enum": [1]}}})
    for text in ('{"level" : 7}', "", "[1]", '{"cut": "he', '{"\\ud800": 1}', "null"):
        assert restored(text, about) == text
        assert sent(text, about) == text
    _, nothing = lowered({"properties": {}})
    assert restored('{"a" : 1}', nothing) == '{"a" : 1}'


def test_pitfall_035_a_property_with_a_strange_name_is_renamed_there_and_back() -> None:
    schema = {
        "properties": {
            "$filter": {"type": "string"},
            "_filter": {"type": "string"},
            "deep": {"properties": {"@id": {}}},
        },
        "required": ["$filter"],
    }
    found, about = lowered(schema)
    assert set(found["properties"]) == {"_filter", "deep", *found["required"]}
    assert "$filter" in about.renames.values()
    arguments = '{"$filter":"a","_filter":"b","deep":{"@id":1}}'
    assert json.loads(sent(arguments, about)) == {found["required"][0]: "a", "_filter": "b", "deep": {"_id": 1}}
    assert restored(sent(arguments, about), about) == arguments
    assert losses(about) >= {"schema.property"}


# Single cases.


def test_pitfall_036_limits_move_into_the_description() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {
            "count": {"type": "integer", "description": "How many.", "exclusiveMinimum": 0, "multipleOf": 2},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "map": {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"pattern": "^a"}},
        },
        "additionalProperties": False,
        "x-vendor": 1,
    }
    found, about = lowered(schema)
    assert found["properties"]["count"]["description"] == "How many. (more than 0; a multiple of 2)"
    assert found["properties"]["tags"]["description"] == "(no item twice)"
    assert '{"type":"string"}' in found["properties"]["map"]["description"]
    assert "description" not in found
    assert losses(about) >= {"schema.exclusiveMinimum", "schema.uniqueItems", "schema.x-vendor"}
    assert "schema.$schema" not in losses(about)


def test_pitfall_037_references_are_brought_in_and_circles_end() -> None:
    schema = {
        "properties": {"tree": {"$ref": "#/$defs/tree", "description": "The tree."}, "far": {"$ref": "else.json#/a"}},
        "$defs": {
            "tree": {"type": "object", "properties": {"leaf": {"type": "string"}, "child": {"$ref": "#/$defs/tree"}}}
        },
    }
    found, about = lowered(schema)
    tree = found["properties"]["tree"]
    assert tree["description"] == "The tree."
    assert tree["properties"]["child"]["properties"]["leaf"] == {"type": "string"}
    assert tree["properties"]["child"]["properties"]["child"] == {"type": "object", "properties": {}}
    assert found["properties"]["far"]["description"].startswith("See else.json#/a.")
    assert "schema.$ref" in losses(about)


def test_references_by_anchor_pointer_and_place_are_found() -> None:
    schema = {
        "properties": {
            "a": {"$ref": "#here"},
            "b": {"$ref": "#/$defs/odd~1na~0me%20x"},
            "c": {"$ref": "#/allOf/0/properties/d"},
            "e": {"$ref": "#/allOf/7"},
            "f": {"$ref": "#/allOf/0/properties/d/type/deeper"},
        },
        "allOf": [{"properties": {"d": {"type": "boolean"}}}],
        "$defs": {"x": [{"$anchor": "here", "type": "integer"}], "odd/na~me x": {"type": "number"}},
    }
    found, _ = lowered(schema)
    kinds = {name: each["type"] for name, each in found["properties"].items()}
    assert kinds == {"a": "integer", "b": "number", "c": "boolean", "d": "boolean", "e": "string", "f": "string"}


def test_definitions_that_multiply_end() -> None:
    doubled = {
        f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"$ref": f"#/$defs/d{n + 1}"}}}
        for n in range(40)
    }
    wide = {f"w{n}": {"allOf": [{"$ref": f"#/$defs/w{n + 1}"}, {"$ref": f"#/$defs/w{n + 1}"}]} for n in range(40)}
    for start in ("d0", "w0"):
        found, about = lowered({"$ref": f"#/$defs/{start}", "$defs": doubled | wide})
        assert found["type"] == "object"
        assert len(json.dumps(found)) < 1_000_000
        assert "schema.depth" in losses(about)


def test_a_schema_nested_without_end_is_cut() -> None:
    deep: Json = {"type": "string"}
    branched: Json = {"type": "string"}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
        branched = (
            {"anyOf": [branched, {"allOf": [branched]}]}
            if len(json.dumps(branched)) < 10_000
            else {"allOf": [branched]}
        )
    found, about = lowered({"properties": {"deep": deep, "branched": branched}})
    assert not list(breaches(found, PLAIN))
    assert "schema.depth" in losses(about)


@pytest.mark.parametrize(
    ("schema", "plain", "branching"),
    [
        ({"const": "a"}, {"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        (
            {"type": ["string", "null"]},
            {"type": "string"},
            {"type": "string", "nullable": True},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"type": "string"},
            {"type": "string", "nullable": True},
        ),
        (
            {"enum": ["a", None]},
            {"type": "string", "enum": ["a"]},
            {"type": "string", "enum": ["a"], "nullable": True},
        ),
        (
            {"type": ["string", "integer"], "minimum": 1, "description": "D"},
            {"type": "string", "description": "D (or integer)"},
            {"anyOf": [{"type": "string", "description": "D"}, {"type": "integer", "minimum": 1}]},
        ),
        (
            {"oneOf": [{"const": "a"}, {"const": "b"}]},
            {"type": "string", "enum": ["a", "b"]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["b"]}]},
        ),
        (
            {"allOf": [{"type": "integer", "minimum": 1}, {"type": "number", "minimum": 3, "maximum": 9}]},
            {"type": "integer", "description": "(minimum 3; maximum 9)"},
            {"type": "integer", "minimum": 3, "maximum": 9},
        ),
        (
            {"type": "array"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "array", "items": {"type": "string"}},
        ),
        ({"type": "string", "format": "uri"}, *[{"type": "string", "description": "(format uri)"}] * 2),
        (
            {"type": "string", "anyOf": [{"format": "uri"}, {"enum": ["a"]}], "description": "D"},
            {
                "type": "string",
                "description": 'D\nTakes any of: [{"format":"uri"},{"enum":["a"]}]',
            },
            {
                "anyOf": [
                    {"type": "string", "description": "D (format uri)"},
                    {"type": "string", "enum": ["a"]},
                ]
            },
        ),
        (
            {"type": ["string", "number"], "enum": [True, 1.5], "items": {"type": "string"}, "minimum": 1},
            {"type": "string", "enum": ["true", "1.5"], "description": '(or number; items {"type":"string"})'},
            {"type": "string", "enum": ["1.5"], "description": '(items {"type":"string"})'},
        ),
        (
            {"type": ["string", "integer"], "enum": [True]},
            {"type": "string", "enum": ["true"], "description": "(or integer)"},
            {"type": "string", "enum": ["true"]},
        ),
        (
            {"anyOf": [{"enum": ["a"]}, {"type": "null"}, {"enum": ["b"]}]},
            {"type": "string", "enum": ["a", "b"]},
            {
                "anyOf": [
                    {"type": "string", "enum": ["a"], "nullable": True},
                    {"type": "string", "enum": ["b"], "nullable": True},
                ]
            },
        ),
        (
            {"allOf": [{"required": ["a"], "anyOf": [{"type": "object"}]}, {"required": ["b"]}]},
            *[
                {
                    "type": "object",
                    "required": ["a", "b"],
                    "properties": {name: {"type": "string", "description": "(any JSON value)"} for name in ("a", "b")},
                }
            ]
            * 2,
        ),
        (
            {"allOf": [{"pattern": "a"}, {"pattern": "b"}, {"type": "string", "title": "T"}, {"items": False}]},
            *[{"type": "string", "description": "(pattern a; titled T)"}] * 2,
        ),
        ({}, *[{"type": "string", "description": "(any JSON value)"}] * 2),
        (True, *[{"type": "string", "description": "(any JSON value)"}] * 2),
        (False, *[{"type": "string", "description": "Must not be given. (any JSON value)"}] * 2),
    ],
)
def test_pitfall_038_what_a_target_cannot_be_told_is_told_otherwise(schema: Json, plain: Json, branching: Json) -> None:
    for rules, wanted in ((PLAIN, plain), (BRANCHING, branching)):
        found, _ = lowered({"properties": {"it": schema}}, rules)
        assert found["properties"]["it"] == wanted


def test_alternatives_of_objects_keep_all_their_members() -> None:
    schema = {
        "anyOf": [
            {"properties": {"path": {"type": "string"}, "mode": {"const": "a"}}, "required": ["path", "mode"]},
            {"properties": {"url": {"type": "string"}, "mode": {"const": "b"}}, "required": ["url", "mode"]},
        ]
    }
    found, about = lowered(schema)
    assert found["properties"]["mode"] == {"type": "string", "enum": ["a", "b"]}
    assert set(found["properties"]) == {"path", "url", "mode"}
    assert found["required"] == ["mode"]
    assert "Takes any of:" in found["description"]
    assert "schema.anyOf" in losses(about)


def test_alternatives_about_required_members_are_told_in_words() -> None:
    schema = {"properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    for rules in (PLAIN, BRANCHING):
        found, _ = lowered({"properties": {"it": schema}}, rules)
        assert '[{"required":["a"]},{"required":["b"]}]' in found["properties"]["it"]["description"]
        assert "required" not in found["properties"]["it"]


def test_conditional_members_are_offered_always() -> None:
    schema = {
        "properties": {"kind": {"type": "string"}},
        "if": {"properties": {"kind": {"const": "file"}}},
        "then": {"properties": {"path": {"type": "string"}}, "required": ["path"]},
        "dependentSchemas": {"kind": {"properties": {"since": {"type": "string", "format": "date"}}}},
    }
    found, _ = lowered(schema)
    assert set(found["properties"]) == {"kind", "path", "since"}
    assert "required" not in found
    assert "then {" in found["description"]


def test_a_tuple_becomes_a_list_of_any_of_its_items() -> None:
    for schema in (
        {"items": [{"type": "string"}, {"type": "integer"}]},
        {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
        {"items": [{"type": "string"}], "additionalItems": {"type": "integer"}},
    ):
        found, _ = lowered({"properties": {"it": schema}}, BRANCHING)
        assert found["properties"]["it"]["items"] == {"anyOf": [{"type": "string"}, {"type": "integer"}]}


def test_pitfall_040_properties_named_like_keywords_survive() -> None:
    names = ["format", "default", "title", "type", "$ref", "properties", "required", "enum", "const", "anyOf"]
    schema = {"properties": {name: {"type": "string"} for name in names}, "required": names}
    found, about = lowered(schema)
    assert {about.renames.get(name, name) for name in found["properties"]} == set(names)
    assert all(each == {"type": "string"} for each in found["properties"].values())


@pytest.mark.parametrize(
    "schema",
    [None, Raw(b"null"), Raw(b"{}"), Raw(b'{"type":"string"}'), Raw(b"[1]"), Raw(b"{"), Raw(b'{"a":"\\ud800"}')],
)
def test_pitfall_041_arguments_are_always_an_object(schema: Raw | None) -> None:
    found = json.loads(bytes(lower(schema, PLAIN).schema))
    assert found["type"] == "object"
    assert found["properties"] == {}


def test_a_required_member_that_is_not_described_becomes_a_property() -> None:
    found, _ = lowered({"type": "object", "required": ["a"]})
    assert found["properties"]["a"]["type"] == "string"


def test_words_with_values_that_no_schema_has_are_left_out() -> None:
    schema = {
        "properties": {"it": {"type": "any", "enum": [], "minLength": "x", "required": [1], "items": 5, "format": None}}
    }
    found, about = lowered(schema)
    assert found["properties"]["it"] == {"type": "string", "description": "(any JSON value)"}
    assert losses(about) >= {"schema.type", "schema.enum", "schema.minLength", "schema.required", "schema.items"}
    assert "schema.format" not in losses(about)


def test_a_target_that_takes_most_is_sent_most() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"], "default": None, "pattern": "^a"},
            "b": {"anyOf": [{"type": "null"}, {}]},
        },
        "required": ["a"],
        "additionalProperties": {"type": "string"},
    }
    found, about = lowered(schema, MILD)
    assert found == schema
    assert not about.losses


def test_references_stay_where_the_target_knows_them() -> None:
    rules = SchemaRules(keywords=MILD.keywords | {"$ref", "$defs", "allOf", "oneOf", "if", "then", "else"})
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/it"}, "b": {"allOf": [{"oneOf": [{"type": "string"}]}]}},
        "$defs": {"it": {"type": "object", "properties": {"a": {"$ref": "#/$defs/it"}}}},
        "then": {"required": ["a"]},
    }
    found, about = lowered(schema, rules)
    assert found == schema
    assert not about.losses


def test_a_default_follows_its_list_into_text() -> None:
    rules = SchemaRules(keywords=PLAIN.keywords | {"default"}, types="one", enum_types=frozenset({"string"}))
    found, _ = lowered({"properties": {"it": {"enum": [1, 2], "default": 1}}}, rules)
    assert found["properties"]["it"] == {"type": "string", "enum": ["1", "2"], "default": "1"}
