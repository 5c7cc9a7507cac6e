"""What OpenAI's Responses refuses in settings, tools and the answer's form, in its own words where they are known.

Source: the request types of the official SDK 3.51 (generated from the vendor's OpenAPI document) and the vendor's API
reference; read 2026-11-20. Rules marked [seen] are not in the schema but in the vendor's answers; members marked so are
not in it either, and the vendor's own Codex CLI 0.169 sends them.
"""

from __future__ import annotations

from typing import Any

from tests.standin.check_chat import EFFORTS, REASONING_MODEL
from tests.standin.check_chat_tools import check_name, check_strict_schema
from tests.standin.check_responses_items import check_items
from tests.standin.reply import Signer
from tests.standin.rules import Rules, words
from tests.standin.voice import need

Json = dict[str, Any]

MEMBERS = words(
    """
    access_programs background context_management conversation image include input instructions max_output_tokens
    max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt prompt_cache_key
    prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options
    temperature text tool_choice tools top_logprobs top_p truncation user
    """
) | {"client_metadata"}  # [seen]

INCLUDABLE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)

RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_logprobs": (0, 20),
    "max_output_tokens": (16, 10**9),
    "max_tool_calls": (1, 10**9),
}

CHOICES: dict[str, tuple[Any, ...]] = {
    "service_tier": ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"),
    "truncation": ("auto", "disabled"),
    "prompt_cache_retention": ("in_memory", "24h"),
    "stream": (True, False),
    "store": (True, False),
    "background": (True, False),
    "parallel_tool_calls": (True, False),
    "reasoning.effort": EFFORTS,
    "reasoning.summary": ("auto", "concise", "detailed"),
    "reasoning.generate_summary": ("auto", "concise", "detailed"),
    "reasoning.context": ("auto", "current_turn", "all_turns"),
    "text.verbosity": ("low", "medium", "high"),
}
"""Members with fixed values; null is one of them everywhere."""

LENGTHS = {"user": 128, "safety_identifier": 64, "prompt_cache_key": 64}  # [seen]

HOLDERS = {"reasoning": "effort summary generate_summary context mode", "text": "format verbosity"}

TOOLS = {
    "function": "name parameters strict description defer_loading async allowed_callers output_schema",
    "custom": "name description format defer_loading async allowed_callers",
    "namespace": "name description tools",
    "tool_search": "execution description parameters",
    # search_content_types: [seen]
    "web_search": "external_web_access filters search_context_size user_location search_content_types",
    "web_search_2025_08_26": "external_web_access filters search_context_size user_location",
    "web_search_preview": "search_content_types search_context_size user_location",
    "file_search": "vector_store_ids filters max_num_results ranking_options",
    "code_interpreter": "container allowed_callers",
    "computer": "",
    "computer_use_preview": "display_height display_width environment",
    "image_generation": "action background input_fidelity input_image_mask model moderation output_format quality size",
    "mcp": "server_label allowed_tools authorization connector_id headers require_approval server_url defer_loading",
    "local_shell": "",
    "shell": "environment allowed_callers",
    "apply_patch": "allowed_callers",
    "programmatic_tool_calling": "",
}
"""The kinds of tools and their members beside `type`."""

SHAPES = {"text": "", "json_object": "", "json_schema": "name schema strict description"}

CHOOSABLE = {"function", "custom", "mcp", "allowed_tools"}
"""Kinds of a choice that are more than the name of a hosted tool."""


def check_responses(body: Json, rules: Rules, signer: Signer) -> None:
    """Raises Refused for the first thing the vendor would refuse."""
    need(isinstance(body.get("model"), str) and body["model"], "you must provide a model parameter", "model")
    begun = any(body.get(name) is not None for name in ("previous_response_id", "prompt", "conversation"))
    missing = "Missing required parameter: 'input'."
    need(body.get("input") is not None or begun, missing, "input", "missing_required_parameter")
    for name in sorted(rules.refuse & set(body)):
        need(False, f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter")
    if not rules.strict:
        return
    _known(body, MEMBERS | rules.allow, "")
    _check_settings(body)
    check_tools(body)
    _check_text(body)
    _check_state(body)
    check_items(body.get("input", []), signer, stored=body.get("store") is not False, begun=begun)
    _check_model(body)


def _known(value: Any, known: set[str] | frozenset[str], where: str) -> None:
    need(isinstance(value, dict), f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    for name in value:
        full = f"{where}.{name}" if where else name
        need(name in known, f"Unknown parameter: '{full}'.", full, "unknown_parameter")


def _check_settings(body: Json) -> None:
    for holder, known in HOLDERS.items():
        if body.get(holder) is not None:
            _known(body[holder], words(known), holder)
    for name, choices in CHOICES.items():
        outer, _, inner = name.partition(".")
        value = body.get(outer)
        value = (value or {}).get(inner) if inner else value
        told = ", ".join(repr(each) for each in choices)
        need(
            value is None or value in choices,
            f"Invalid value: {value!r}. Supported values are: {told}.",
            name,
            "invalid_value",
        )
    for name, (low, high) in RANGES.items():
        value = body.get(name, low)
        whole = name in ("temperature", "top_p") or isinstance(value, int)
        number = value is None or (whole and isinstance(value, int | float) and not isinstance(value, bool))
        need(number, f"Invalid type for '{name}': expected a number.", name, "invalid_type")
        below = f"Invalid '{name}': integer below minimum value. Expected a value >= {low}, but got {value} instead."
        need(value is None or value >= low, below, name, "integer_below_min_value")
        need(value is None or value <= high, f"Invalid '{name}': {value} is out of range.", name)
    for name, most in LENGTHS.items():
        value = body.get(name) or ""
        long = f"Invalid '{name}': string too long. Expected a string with maximum length {most}."
        need(isinstance(value, str) and len(value) <= most, long, name, "string_above_max_length")
    for name in body.get("include") or ():
        need(name in INCLUDABLE, f"Invalid value: {name!r}. (include)", "include", "invalid_value")
    text = body.get("instructions")
    need(text is None or isinstance(text, str), "Invalid type for 'instructions': expected a string.", "instructions")
    _check_streaming(body)
    _check_metadata(body.get("metadata"))


def _check_streaming(body: Json) -> None:
    options = body.get("stream_options")
    only = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    need(body.get("stream") is True or options is None, only, "stream_options")
    _known(options or {}, {"include_obfuscation"}, "stream_options")


def _check_metadata(metadata: Any) -> None:
    pairs = metadata if metadata is not None else {}
    good = isinstance(pairs, dict) and len(pairs) <= 16
    good = good and all(isinstance(text, str) and len(text) <= 512 and len(key) <= 64 for key, text in pairs.items())
    need(good, "Invalid 'metadata': at most 16 pairs of strings, 64 and 512 characters long.", "metadata")


def _check_state(body: Json) -> None:
    """The stand-in keeps no answers, but knows the names that it gave."""
    before = body.get("previous_response_id")
    message = f"Previous response with id '{before}' not found."
    need(before is None or "_standin" in before, message, "previous_response_id", "previous_response_not_found")
    both = before is not None and body.get("conversation") is not None
    need(not both, "Mutually exclusive parameters: 'previous_response_id', 'conversation'.", "conversation")


def check_tools(body: Json) -> None:
    """The tools, and the choice among them."""
    tools = body.get("tools") or []
    need(isinstance(tools, list), "Invalid type for 'tools': expected an array.", "tools", "invalid_type")
    need(len(tools) <= 128, "Invalid 'tools': array too long. Expected an array with maximum length 128.", "tools")
    names = [name for place, tool in enumerate(tools) for name in check_tool(tool, f"tools[{place}]")]
    need(len(set(names)) == len(names), "Duplicate tool names.", "tools")  # [seen]
    choice = body.get("tool_choice")
    if choice is None or isinstance(choice, str):
        known = choice in (None, "none", "auto", "required")
        need(known, f"Invalid value: {choice!r}.", "tool_choice", "invalid_value")
        need(choice != "required" or tools, "Tool choice 'required' must be specified with 'tools'.", "tool_choice")
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    need(kind in CHOOSABLE | set(TOOLS), f"Invalid value: {kind!r}.", "tool_choice.type", "invalid_value")
    if kind in ("function", "custom"):
        _known(choice, {"type", "name"}, "tool_choice")
        missing = f"Tool choice '{choice.get('name')}' not found in 'tools' parameter."
        need((kind, choice.get("name")) in names, missing, "tool_choice")


def check_tool(tool: Any, where: str, *, within: str = "") -> list[tuple[str, str]]:
    """Kind and name of a tool, or of each tool of a namespace."""
    kind: Any = tool.get("type") if isinstance(tool, dict) else None
    known = TOOLS if not within else ("function", "custom")
    wrong = f"Invalid value: {kind!r}. Supported values are: {', '.join(map(repr, known))}."
    need(kind in known, wrong, f"{where}.type", "invalid_value")
    _known(tool, {"type", *TOOLS[kind].split()}, where)
    if kind in ("function", "custom", "namespace"):
        check_name(tool.get("name"), f"{where}.name")
    text = tool.get("description")
    need(text is None or isinstance(text, str), f"Invalid type for '{where}.description'.", where, "invalid_type")
    match kind:
        case "function":
            _check_function(tool, where)
        case "custom":
            _check_grammar(tool.get("format"), f"{where}.format")
        case "namespace":
            inner = tool.get("tools")
            need(isinstance(inner, list) and inner, f"Invalid '{where}.tools': empty array.", where, "empty_array")
            named = [
                each
                for place, part in enumerate(inner)
                for each in check_tool(part, f"{where}.tools[{place}]", within=tool["name"])
            ]
            need(len(set(named)) == len(named), "Duplicate tool names.", where)
            return [(form, f"{tool['name']}.{name}") for form, name in named]
        case _:
            return [(kind, f"{kind}:{tool.get('server_label', '')}")]
    return [(kind, tool["name"])]


def _check_function(tool: Json, where: str) -> None:
    schema = tool.get("parameters")
    need(schema is None or isinstance(schema, dict), f"Invalid type for '{where}.parameters'.", where, "invalid_type")
    if schema:
        wrong = f"Invalid schema for function '{tool['name']}': schema must be a JSON Schema of 'type: \"object\"', got"
        kind = schema.get("type")
        need(kind == "object", f"{wrong} 'type: {kind!r}'.", f"{where}.parameters", "invalid_function_parameters")
    if tool.get("strict") is True:
        check_strict_schema(schema, f"function '{tool['name']}'")


def _check_grammar(shape: Any, where: str) -> None:
    if shape is None or shape == {"type": "text"}:
        return
    _known(shape, {"type", "syntax", "definition"}, where)
    good = shape.get("type") == "grammar" and shape.get("syntax") in ("lark", "regex") and shape.get("definition")
    need(good, f"Invalid '{where}'.", where, "invalid_value")


def _check_text(body: Json) -> None:
    shape = (body.get("text") or {}).get("format")
    if shape is None:
        return
    where = "text.format"
    kind = shape.get("type") if isinstance(shape, dict) else None
    need(kind in SHAPES, f"Invalid value: {kind!r}.", f"{where}.type", "invalid_value")
    _known(shape, {"type", *SHAPES[str(kind)].split()}, where)
    if kind == "json_object":
        spoken = "Response input messages must contain the word 'json' in some form to use 'text.format' of type"
        need("json" in str(body.get("input")).lower(), f"{spoken} 'json_object'.", "input")  # [seen]
    if kind == "json_schema":
        check_name(shape.get("name"), f"{where}.name")
        missing = f"Missing required parameter: '{where}.schema'."
        need(isinstance(shape.get("schema"), dict), missing, where, "missing_required_parameter")
        if shape.get("strict") is True:
            check_strict_schema(shape["schema"], f"response_format '{shape['name']}'")


def _check_model(body: Json) -> None:
    """What only some models take. Source: Reasoning guide, read 2026-11-20."""
    if REASONING_MODEL.match(body["model"]):
        for name in ("temperature", "top_p"):
            words_ = f"Unsupported parameter: '{name}' is not supported with this model."
            need(body.get(name, 1) in (1, None), words_, name, "unsupported_parameter")
    if body["model"].startswith(("gpt-3", "gpt-4")):
        effort = (body.get("reasoning") or {}).get("effort")
        words_ = "Unsupported parameter: 'reasoning.effort' is not supported with this model."
        need(effort is None, words_, "reasoning.effort", "unsupported_parameter")
        sealed = "reasoning.encrypted_content" in (body.get("include") or ())
        need(not sealed, "Encrypted content is not supported with this model.", "include")  # [seen]
