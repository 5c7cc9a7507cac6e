"""What GigaChat's version 2 refuses of a request. Stricter than the vendor where nobody outside knows what it does.

Source: the vendor's SDKs for Python 0.2.3 and Java (models of `v2/chat/completions`), read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.standin.gigachat_check import NAME, Json, check_files, check_length, check_settings, function_problems, need
from tests.standin.gigachat_voice import owns_state
from tests.standin.reply import Signer
from tests.standin.rules import Rules, words

MEMBERS = words(
    """model messages assistant_id tools_state_id model_options filter_config storage ranker_options tool_config tools
    user_info stream disable_filter flags memory_id"""
)
OPTIONS = words(
    """preset temperature top_p max_tokens repetition_penalty update_interval unnormalized_history top_logprobs
    reasoning response_format parallel_tool_calls"""
)
HOSTED = words(
    "web_search url_content_extraction code_interpreter image_generate model_3d_generate get_datetime memory"
)
OF_ROLE = {
    "system": words("text"),
    "user": words("text files"),
    "assistant": words("text files function_call"),
    "tool": words("function_result"),
    "reasoning": words("text"),
}
OF_CONFIG = {
    "auto": words("mode"),
    "none": words("mode"),
    "forced": words("mode tool_name function_name"),
    "any": words("mode functions_names_any"),
}
EFFORTS = ("low", "medium", "high", "off")


def check_gigachat_v2(body: Json, rules: Rules, signer: Signer, files: Mapping[str, str]) -> None:
    """Raises Refused for a body that the vendor refuses; `files` are those it has been given, with their types."""
    need(isinstance(body.get("model"), str) and body["model"], "model is required")
    need(isinstance(body.get("messages"), list) and body["messages"], "messages must not be empty")
    if not rules.strict:
        return
    unknown = set(body) - MEMBERS - rules.allow | set(body) & rules.refuse
    need(not unknown, f"unknown field {min(unknown, default='')}")
    names, hosted = _check_tools(body, rules)
    _check_choice(body.get("tool_config", {"mode": "auto"}), names, hosted)
    _check_options(body.get("model_options", {}))
    _check_history(body["messages"], rules, signer)
    check_files([_with_attachments(message) for message in body["messages"]], files)


def _check_tools(body: Json, rules: Rules) -> tuple[set[str], set[str]]:
    names: list[str] = []
    hosted: set[str] = set()
    tools = body.get("tools", [])
    need(isinstance(tools, list), "tools must be a list")
    for tool in tools:
        need(isinstance(tool, dict) and len(tool) == 1, "a tool must have one member")
        kind, settings = next(iter(tool.items()))
        need(kind in HOSTED | {"functions"}, f"unknown tool {kind}")
        need(isinstance(settings, dict), f"{kind} must be an object")
        if kind != "functions":
            hosted.add(kind)
            continue
        for function in settings.get("specifications", []):
            found = next(function_problems(function, any_schema="json_schema" in rules.allow), None)
            need(found is None, f"functions: {found}")
            names.append(function["name"])
        check_length(settings.get("specifications", []), rules)
    need(len(set(names)) == len(names), "functions have equal names")
    return set(names), hosted


def _check_choice(config: Any, names: set[str], hosted: set[str]) -> None:
    need(isinstance(config, dict) and config.get("mode") in OF_CONFIG, "tool_config.mode is invalid")
    need(set(config) <= OF_CONFIG[config["mode"]], "tool_config has unknown fields")
    match config:
        case {"mode": "forced", "tool_name": str(name)}:
            need(name in hosted and "function_name" not in config, "tool_config.tool_name is not among tools")
        case {"mode": "forced"}:
            need(config.get("function_name") in names, "tool_config.function_name is not among functions")
        case {"mode": "any"}:
            wanted = config.get("functions_names_any")
            need(isinstance(wanted, list) and wanted and set(wanted) <= names, "functions_names_any is invalid")


def _check_options(options: Any) -> None:
    need(isinstance(options, dict), "model_options must be an object")
    unknown = set(options) - OPTIONS
    need(not unknown, f"unknown field model_options.{min(unknown, default='')}")
    reasoning = options.get("reasoning", {"effort": "low"})
    need(set(reasoning) == {"effort"} and reasoning["effort"] in EFFORTS, "reasoning.effort is invalid")
    need(isinstance(options.get("parallel_tool_calls", False), bool), "parallel_tool_calls must be a boolean")
    check_settings(options)


def _check_history(messages: list[Json], rules: Rules, signer: Signer) -> None:
    awaited: list[tuple[str, Any]] = []
    for place, message in enumerate(messages):
        role, content = str(message.get("role")), message.get("content") or []
        need(role in OF_ROLE, f"messages[{place}].role is invalid")
        unknown = set(message) - {"role", "content", "tools_state_id", "message_id"}
        need(not unknown, f"messages[{place}] has unknown field {min(unknown, default='')}")
        need(isinstance(content, list) and content, f"messages[{place}].content must be a list of parts")
        for part in content:
            need(isinstance(part, dict) and len(part) == 1, f"messages[{place}].content: a part must have one member")
            need(set(part) <= OF_ROLE[role], f"messages[{place}].content: {min(part)} does not belong to {role}")
            need("text" not in part or (isinstance(part["text"], str) and part["text"].strip()), "text is empty")
        need(role != "system" or place == 0, "system message must be the first message")
        need(not awaited or role == "tool", "function_call must be followed by a message with role tool")
        state = message.get("tools_state_id")
        known = state is None or "functions_state_id" in rules.allow or owns_state(signer, state)
        need(known, f"messages[{place}].tools_state_id is unknown")
        if role == "tool":
            given = [_result(part["function_result"]) for part in content]
            need(given == awaited, "function_result does not answer the function_call before it")
            awaited = []
        else:
            awaited = [_call(part["function_call"], place) for part in content if "function_call" in part]
            ids = [call_id for _, call_id in awaited]
            need(len(ids) < 2 or (None not in ids and len(set(ids)) == len(ids)), "several calls need ids")
    need(not awaited, "function_call must be followed by a message with role tool")
    need(any(message["role"] != "system" for message in messages), "messages must hold a user message")
    need(messages[-1]["role"] in ("user", "tool"), "last message must be of user or tool")


def _call(call: Any, place: int) -> tuple[str, Any]:
    need(isinstance(call, dict) and set(call) <= {"id", "name", "arguments"}, "function_call is invalid")
    name = call.get("name")
    need(isinstance(name, str) and NAME.fullmatch(name), f"messages[{place}].function_call.name is invalid")
    need(isinstance(call.get("arguments"), dict), f"messages[{place}].function_call.arguments must be an object")
    return name, call.get("id")


def _result(result: Any) -> tuple[str, Any]:
    need(isinstance(result, dict) and set(result) <= {"id", "name", "result"}, "function_result is invalid")
    need(isinstance(result.get("result"), dict), "function_result.result must be an object")
    return result.get("name"), result.get("id")


def _with_attachments(message: Json) -> Json:
    """The files of a message where version 1 has them."""
    files = [file for part in message["content"] for file in part.get("files", [])]
    need(all(set(file) <= {"id", "target", "mime"} for file in files), "files are invalid")
    return {"attachments": [file.get("id") for file in files]}
