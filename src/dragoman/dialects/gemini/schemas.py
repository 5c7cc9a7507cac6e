"""Schemas of this wire: its subset of OpenAPI 3.0 as JSON Schema, and what may be left of a JSON Schema in it.

Source: ai.google.dev, API reference of `Schema`, and SDK 3.3, read 2026-11-20; the limits that the reference does not
tell are those that users were answered 400 with (pitfalls 36 to 41).
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from dragoman.canon.schema import SchemaRules
from dragoman.dialects.gemini.casing import camel

PARAMETERS = SchemaRules(
    keywords=frozenset(
        {"type", "format", "title", "description", "nullable", "enum", "default", "example", "anyOf"}
        | {"items", "minItems", "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum"}
        | {"properties", "required", "propertyOrdering", "minProperties", "maxProperties"}
    ),
    types="nullable",
    enum_types=frozenset({"string"}),
    empty_values=False,
    formats={
        "string": frozenset({"enum", "date-time"}),
        "number": frozenset({"float", "double"}),
        "integer": frozenset({"int32", "int64"}),
    },
    typed=True,
    lone_any_of=True,
    property_characters="a-zA-Z0-9_",
    property_limit=64,
)
"""What `parameters` and `responseSchema` take."""

_ANY = msgspec.json.Decoder()
_OPENAPI = re.compile(rb'"(?:STRING|NUMBER|INTEGER|BOOLEAN|ARRAY|OBJECT|NULL|nullable|any_of)"')
"""Words by which a schema of this wire differs; anywhere, for what does not differ is converted to itself."""
_TYPES = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})


def plain_schema(raw: Raw) -> Raw:
    """The schema in JSON Schema's words: types in lower case, `nullable` as a type; the very same if it has them."""
    if not _OPENAPI.search(raw):
        return raw
    try:
        return Raw(msgspec.json.encode(_plain(_ANY.decode(raw))))
    except (msgspec.DecodeError, RecursionError):
        return raw


def _plain(schema: object) -> object:
    if not isinstance(schema, dict):
        return schema
    said = {camel(str(word)): value for word, value in schema.items()}
    kind = said.get("type")
    if isinstance(kind, str) and kind in _TYPES:
        said["type"] = kind.lower()
    if said.pop("nullable", None) is True and isinstance(said.get("type"), str):
        said["type"] = [said["type"], "null"]
    for word in ("items", "additionalProperties"):
        if word in said:
            said[word] = _plain(said[word])
    for word in ("anyOf", "oneOf", "prefixItems"):
        branches = said.get(word)
        if isinstance(branches, list):
            said[word] = [_plain(branch) for branch in branches]
    for word in ("properties", "$defs"):
        named = said.get(word)
        if isinstance(named, dict):
            said[word] = {name: _plain(value) for name, value in named.items()}
    return said
