"""What GigaChat refuses of a request, with the vendor's own statuses and words where they are known.

Stricter than the vendor where nobody outside knows what it does: members that no published type has are refused.
Source: developers.sber.ru, POST /chat/completions, functions, files, errors; the SDK 0.2.3; read 2026-11-20.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.standin.gigachat_voice import owns_state
from tests.standin.reply import Signer
from tests.standin.rules import Rules, words
from tests.standin.voice import Refused

Json = dict[str, Any]

MEMBERS = words(
    """model messages functions function_call temperature top_p n stream max_tokens repetition_penalty update_interval
    profanity_check flags reasoning_effort response_format function_ranker storage additional_data"""
)
OF_ROLE = {
    "system": words("role content"),
    "user": words("role content attachments"),
    "assistant": words("role content function_call functions_state_id reasoning_content attachments"),
    "function": words("role content name"),
}
OF_FUNCTION = words("name description parameters few_shot_examples return_parameters")
BUILT_IN = words("web_search text2image text2model3d get_file_content")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
IMAGES = ("image/jpeg", "image/png", "image/tiff", "image/bmp")
SCHEMA_WORDS = words("type description properties required items enum format")
FORMATS = words("date time") | {"date-time"}


def need(truth: object, message: str, status: int = 422) -> None:
    """Refuses unless the condition holds."""
    if not truth:
        raise Refused(f"Invalid params: {message}" if status == 422 else message, None, status)


def check_gigachat(body: Json, rules: Rules, signer: Signer, files: Mapping[str, str]) -> None:
    """Raises Refused for a body that the vendor refuses; `files` are those it has been given, with their types."""
    need(isinstance(body.get("model"), str) and body["model"], "model is required")
    need(isinstance(body.get("messages"), list) and body["messages"], "messages must not be empty")
    if not rules.strict:
        return
    unknown = set(body) - MEMBERS - rules.allow | set(body) & rules.refuse
    need(not unknown, f"unknown field {min(unknown, default='')}")
    names = _check_functions(body, rules)
    _check_history(body["messages"], rules, signer)
    check_files(body["messages"], files)
    choice = body.get("function_call")
    if isinstance(choice, dict):
        need(choice.get("name") in names | BUILT_IN, "function_call.name is not among functions")
        need(set(choice) <= {"name", "partial_arguments"}, "function_call has unknown fields")
    else:
        need(choice in (None, "auto", "none"), "function_call must be auto, none or an object")
    check_settings(body)


def check_settings(body: Json) -> None:
    limits: dict[str, Callable[[Any], bool]] = {
        "temperature": lambda value: value > 0,
        "top_p": lambda value: 0 <= value <= 1,
        "max_tokens": lambda value: isinstance(value, int) and value > 0,
        "n": lambda value: isinstance(value, int) and 1 <= value <= 4,
        "repetition_penalty": lambda value: value > 0,
        "update_interval": lambda value: value >= 0,
    }
    for name, holds in limits.items():
        value = body.get(name)
        if name in body:
            need(isinstance(value, int | float) and not isinstance(value, bool) and holds(value), f"{name} is invalid")
    for name in ("stream", "profanity_check"):
        need(isinstance(body.get(name, False), bool), f"{name} must be a boolean")
    need(body.get("reasoning_effort", "low") in ("low", "medium", "high"), "reasoning_effort is invalid")
    shape = body.get("response_format", {"type": "text"})
    need(isinstance(shape, dict) and shape.get("type") in ("text", "json_schema"), "response_format.type is invalid")
    need(set(shape) <= {"type", "schema", "strict"}, "response_format has unknown fields")
    need(shape["type"] == "text" or isinstance(shape.get("schema"), dict), "response_format.schema is required")


def _check_history(messages: list[Json], rules: Rules, signer: Signer) -> None:
    called: str | None = None
    for place, message in enumerate(messages):
        need(isinstance(message, dict) and message.get("role") in OF_ROLE, f"messages[{place}].role is invalid")
        role, content = message["role"], message.get("content")
        text = str(content)
        unknown = {name for name in set(message) - OF_ROLE[role] if f"messages.{name}" not in rules.allow}
        need(not unknown, f"messages[{place}] has unknown field {min(unknown, default='')}")
        need(isinstance(content, str), f"messages[{place}].content must be a string")
        need(role != "system" or place == 0, "system message must be the first message")
        need(called is None or role == "function", "function_call must be followed by a message with role function")
        need(role != "function" or called is not None, "function message must follow a function_call")
        if role == "function":
            need(message.get("name") == called, "name of the function message differs from that of the call")
            need(_is_object(text), "function content must be a JSON object")
            called = None
        elif "function_call" in message:
            called = _check_call(message, place, rules, signer)
        else:
            need(text.strip() or message.get("attachments"), f"messages[{place}].content is empty")
    need(called is None, "function_call must be followed by a message with role function")
    need(any(message["role"] != "system" for message in messages), "messages must hold a user message")
    need(messages[-1]["role"] in ("user", "function"), "last message must be of user or function")


def _check_call(message: Json, place: int, rules: Rules, signer: Signer) -> str:
    call = message["function_call"]
    need(isinstance(call, dict) and set(call) <= {"name", "arguments"}, f"messages[{place}].function_call is invalid")
    name, arguments = call.get("name"), call.get("arguments")
    need(isinstance(name, str) and NAME.fullmatch(name), f"messages[{place}].function_call.name is invalid")
    need(isinstance(arguments, dict), f"messages[{place}].function_call.arguments must be an object")
    state = message.get("functions_state_id")
    known = state is None or "functions_state_id" in rules.allow or owns_state(signer, state)
    need(known, f"messages[{place}].functions_state_id is unknown")
    return str(name)


def check_files(messages: list[Json], files: Mapping[str, str]) -> None:
    shown = 0
    for place, message in enumerate(messages):
        attached = message.get("attachments", [])
        need(isinstance(attached, list), f"messages[{place}].attachments must be a list")
        for file in attached:
            need(file in files, f"file {file} is not found", 404)
        need(sum(files[file] in IMAGES for file in attached) <= 1, f"messages[{place}] has more than one image")
        shown += len(attached)
    need(shown <= 10, "too many attachments")


def _check_functions(body: Json, rules: Rules) -> set[str]:
    functions = body.get("functions", [])
    need(isinstance(functions, list), "functions must be a list")
    for function in functions:
        found = next(function_problems(function, any_schema="json_schema" in rules.allow), None)
        need(found is None, f"functions: {found}")
    names = [function["name"] for function in functions]
    need(len(set(names)) == len(names), "functions have equal names")
    check_length(functions, rules)
    return set(names)


def check_length(functions: list[Json], rules: Rules) -> None:
    """Refuses functions that are described at too great length; a token is four characters."""
    tokens = len(json.dumps(functions, ensure_ascii=False)) // 4
    words = f"Tokens limit exceeded for index 0: {tokens} (max {rules.tool_tokens})"
    need(not rules.tool_tokens or tokens <= rules.tool_tokens, words, 413)


def function_problems(function: Any, *, any_schema: bool = False) -> Iterator[str]:
    """What is wrong with the description of a function."""
    if not isinstance(function, dict):
        yield "function must be an object"
        return
    name = function.get("name")
    if name in BUILT_IN and set(function) == {"name"}:
        return
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in BUILT_IN:
        yield f"name {name!r} is invalid"
    yield from (f"unknown field {each}" for each in set(function) - OF_FUNCTION)
    if not isinstance(function.get("description", ""), str):
        yield f"description of {name} must be a string"
    parameters = function.get("parameters")
    if not isinstance(parameters, dict) or parameters.get("type") != "object" or "properties" not in parameters:
        yield f"parameters of {name} must be an object with properties"
    elif not any_schema:
        yield from (f"parameters of {name}: {each}" for each in schema_problems(parameters))


def schema_problems(schema: Any) -> Iterator[str]:
    """What older models have against a schema: words they do not know, values that are no texts, what is untyped."""
    if not isinstance(schema, dict):
        yield "a schema must be an object"
        return
    yield from (f"word {word} is not supported" for word in set(schema) - SCHEMA_WORDS)
    kind = schema.get("type")
    if kind not in ("string", "integer", "number", "boolean", "object", "array"):
        yield f"type {kind} is not supported"
    if kind == "object" and not isinstance(schema.get("properties"), dict):
        yield "an object without properties"
    if kind == "array" and "type" not in schema.get("items", {}):
        yield "an array without typed items"
    if not all(isinstance(value, str) for value in schema.get("enum", [])):
        yield "enum of values that are no strings"
    if schema.get("format", "date") not in FORMATS:
        yield f"format {schema['format']}"
    for each in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from schema_problems(each)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
