"""What `parameters` and `responseSchema` of the Gemini wire may hold: a subset of OpenAPI 3.0.

Source: ai.google.dev, API reference of `Schema`, SDK 3.3, and refusals that users report; read 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Any

from tests.standin.rules import words
from tests.standin.voice import need

WORDS = words(
    """
    type format title description nullable enum default example anyOf items minItems maxItems minLength maxLength
    pattern minimum maximum properties required propertyOrdering minProperties maxProperties
    """
)
FORMATS = {"STRING": {"enum", "date-time"}, "NUMBER": {"float", "double"}, "INTEGER": {"int32", "int64"}}


def check_schema(schema: Any, where: str) -> None:
    """Raises Refused for the first thing the vendor would refuse in a schema."""
    need(isinstance(schema, dict), f"Invalid value at '{where}', expected an object")
    for word in schema:
        message = f"Invalid JSON payload received. Unknown name \"{word}\" at '{where}': Cannot find field."
        need(word in WORDS, message, where)
    if "anyOf" in schema:
        # [seen] at Vertex AI
        need(set(schema) == {"anyOf"}, f"{where}: When using any_of, it must be the only field set.")
        for place, branch in enumerate(schema["anyOf"]):
            check_schema(branch, f"{where}.any_of[{place}]")
        return
    kind = schema.get("type")
    need(isinstance(kind, str), f"{where}.type: Proto field is not repeating, cannot start list.")
    kind = kind.upper()
    need(kind in words("STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL"), f"{where}.type: unknown {kind}")
    values = schema.get("enum", [])
    need(kind == "STRING" or not values, f"{where}.enum: only allowed for STRING type")
    need(all(isinstance(value, str) and value for value in values), f"{where}.enum[0]: cannot be empty")
    form = schema.get("format")
    need(form is None or form in FORMATS.get(kind, ()), f"{where}.format: '{form}' is not supported for {kind} type")
    need(kind != "ARRAY" or "items" in schema, f"{where}.items: missing field.")
    if "items" in schema:
        check_schema(schema["items"], f"{where}.items")
    properties = schema.get("properties", {})
    for name, inner in properties.items():
        good = re.fullmatch(r"[a-zA-Z0-9_]{1,64}", name)
        need(good, f"{where}.properties: invalid name '{name}'")
        check_schema(inner, f"{where}.properties[{name}]")
    for name in schema.get("required", []):
        need(name in properties, f"{where}.required[0]: property is not defined")
