"""What OpenAI's Chat Completions refuses, in its own words where they are known.

Source: the request types of the official SDK 3.51 (generated from the vendor's OpenAPI document) and the vendor's API
reference; read 2026-11-20. Rules marked [seen] are not in the schema but in the vendor's answers.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from tests.standin.check_chat_tools import check_format, check_name, check_tools
from tests.standin.rules import Rules, words
from tests.standin.voice import NOVELTY, need

Json = dict[str, Any]

MEMBERS = words(
    """
    messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens
    max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty
    prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format
    safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools
    top_logprobs top_p user verbosity web_search_options
    """
)

MESSAGE_MEMBERS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "audio", "tool_calls", "function_call"},
    "tool": {"role", "content", "tool_call_id"},
    "function": {"role", "content", "name"},
}

PART_MEMBERS = {
    "text": {"type", "text", "prompt_cache_breakpoint"},
    "image_url": {"type", "image_url", "prompt_cache_breakpoint"},
    "input_audio": {"type", "input_audio", "prompt_cache_breakpoint"},
    "file": {"type", "file", "prompt_cache_breakpoint"},
    "refusal": {"type", "refusal"},
}

ROLE_PARTS = {
    "system": {"text"},
    "developer": {"text"},
    "user": {"text", "image_url", "input_audio", "file"},
    "assistant": {"text", "refusal"},
    "tool": {"text"},
}

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "n": (1, 128),
    "top_logprobs": (0, 20),
    "max_tokens": (1, 10**9),
    "max_completion_tokens": (1, 10**9),
}

REASONING_MODEL = re.compile(r"(o\d|gpt-[5-9](?!.*chat))")


def check_chat(body: Json, rules: Rules) -> None:
    """Raises Refused for the first thing the vendor would refuse."""
    need(isinstance(body.get("model"), str) and body["model"], "you must provide a model parameter", "model")
    messages: Any = body.get("messages")
    need(
        isinstance(messages, list), "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
    )
    for name in sorted(rules.refuse & set(body)):
        need(False, f"Unsupported parameter: '{name}' is not supported with this model.", name, "unsupported_parameter")
    if not rules.strict:
        return
    for name in body:
        known = name in MEMBERS or name in rules.allow
        need(known, f"Unrecognized request argument supplied: {name}", name, "unknown_parameter")
    need(
        messages, "Invalid 'messages': empty array. Expected an array with minimum length 1", "messages", "empty_array"
    )
    for place, message in enumerate(messages):
        _check_message(message, f"messages[{place}]", rules)
    _check_order(messages, rules)
    _check_settings(body)
    check_tools(body)
    check_format(body)
    if REASONING_MODEL.match(body["model"]):
        _check_reasoning_model(body)


def _check_members(value: Json, known: set[str], where: str, rules: Rules) -> None:
    family = where.partition("[")[0]
    for name in value:
        allowed = name in known or name in NOVELTY or f"{family}.{name}" in rules.allow
        need(allowed, f"Unknown parameter: '{where}.{name}'.", f"{where}.{name}", "unknown_parameter")


def _check_message(message: Any, where: str, rules: Rules) -> None:
    need(isinstance(message, dict), f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    role = message.get("role")
    supported = ", ".join(repr(name) for name in MESSAGE_MEMBERS)
    need(
        isinstance(role, str) and role in MESSAGE_MEMBERS,
        f"Invalid value: {role!r}. Supported values are: {supported}.",
        f"{where}.role",
        "invalid_value",
    )
    _check_members(message, MESSAGE_MEMBERS[role], where, rules)
    if "name" in message:
        good = isinstance(message["name"], str) and re.fullmatch(r"[^\s<|\\/>]{1,64}", message["name"])
        need(good, f"Invalid '{where}.name': string does not match pattern.", f"{where}.name", "invalid_value")
    if role == "tool":
        _check_id(message.get("tool_call_id"), f"{where}.tool_call_id")
    calls = message.get("tool_calls")
    if calls is not None:
        need(isinstance(calls, list) and calls, f"Invalid '{where}.tool_calls': empty array.", where, "empty_array")
        for place, call in enumerate(calls):
            _check_call(call, f"{where}.tool_calls[{place}]", rules)
        ids = [call["id"] for call in calls]
        need(len(set(ids)) == len(ids), f"Duplicate value for 'tool_call_id' in {where}", where)  # [seen]
    spoken = message.get("content") is not None
    silent = role == "assistant" and any(
        message.get(name) for name in ("tool_calls", "function_call", "refusal", "audio")
    )
    need(
        spoken or silent or (role == "function" and "content" in message),
        f"Invalid value for 'content': expected a string, got null. ({where})",
        f"{where}.content",
    )
    if spoken and not (silent and message["content"] == ""):
        _check_content(message["content"], role, f"{where}.content", rules)


def _check_content(content: Any, role: str, where: str, rules: Rules) -> None:
    if isinstance(content, str):
        # [seen] by several compatible servers for an assistant message that says nothing at all
        need(content or role != "assistant", f"Invalid '{where}': the message is empty.", where, "invalid_value")
        return
    need(
        isinstance(content, list), f"Invalid type for '{where}': expected a string or an array.", where, "invalid_type"
    )
    need(content, f"Invalid '{where}': empty array. Expected an array with minimum length 1", where, "empty_array")
    for place, part in enumerate(content):
        here = f"{where}[{place}]"
        kind = part.get("type") if isinstance(part, dict) else None
        need(
            kind in ROLE_PARTS.get(role, {"text"}),
            f"Invalid value: {kind!r}. Supported values are: {sorted(ROLE_PARTS.get(role, {'text'}))}. ({here})",
            f"{here}.type",
            "invalid_value",
        )
        _check_members(part, PART_MEMBERS[str(kind)], here, rules)
        _check_part(part, str(kind), here)


def _check_part(part: Json, kind: str, where: str) -> None:
    match kind:
        case "text" | "refusal":
            need(isinstance(part.get(kind), str), f"Missing required parameter: '{where}.{kind}'.", where)
        case "image_url":
            _check_image(part.get("image_url"), f"{where}.image_url")
        case "input_audio":
            audio = part.get("input_audio")
            sound = isinstance(audio, dict) and audio.get("data") and audio.get("format") in ("wav", "mp3")
            need(sound, f"Invalid '{where}.input_audio'.", where, "invalid_value")
        case "file":
            file: Any = part.get("file")
            need(isinstance(file, dict), f"Missing required parameter: '{where}.file'.", where)
            named = file.get("file_id") or (file.get("file_data") and file.get("filename"))
            need(named, f"Missing required parameter: '{where}.file.file_id'.", where, "missing_required_parameter")
            data = file.get("file_data", "data:application/pdf;base64,")
            need(
                re.match(r"data:[\w.+-]+/[\w.+-]+;base64,", data),
                f"Invalid file data: '{where}.file.file_data'.",
                where,
            )


def _check_image(image: Any, where: str) -> None:
    need(isinstance(image, dict), f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    picture = r"https?://\S+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*"
    good = isinstance(image.get("url"), str) and re.fullmatch(picture, image["url"])
    need(good, f"Invalid '{where}.url'. Expected a valid URL or a base64 image.", where, "invalid_image_url")
    detail = image.get("detail", "auto")
    need(detail in ("auto", "low", "high", "original"), f"Invalid value: {detail!r} ({where}.detail)", where)


def _check_id(value: Any, where: str) -> None:
    need(
        isinstance(value, str) and value, f"Missing required parameter: '{where}'.", where, "missing_required_parameter"
    )
    message = f"Invalid '{where}': string too long. Expected a string with maximum length 40, got {len(value)}."
    need(len(value) <= 40, message, where, "string_above_max_length")  # [seen]


def _check_call(call: Any, where: str, rules: Rules) -> None:
    need(isinstance(call, dict), f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    _check_id(call.get("id"), f"{where}.id")
    kind = call.get("type")
    need(kind in ("function", "custom"), f"Invalid value: {kind!r} ({where}.type)", where, "invalid_value")
    extra = {name for name in call if f"messages.tool_calls.{name}" not in rules.allow} - {"id", "type", kind}
    need(not extra, f"Unknown parameter: '{where}.{min(extra, default='')}'.", where, "unknown_parameter")
    inner = call.get(kind)
    text = "arguments" if kind == "function" else "input"
    good = isinstance(inner, dict) and isinstance(inner.get(text), str) and set(inner) == {"name", text}
    need(good, f"Invalid '{where}.{kind}': expected name and {text} as strings.", where, "invalid_type")
    check_name(inner.get("name"), f"{where}.{kind}.name")


def _check_order(messages: list[Json], rules: Rules) -> None:
    """Every call is answered by the tool messages right behind it, and no tool message stands alone."""
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        where = f"messages.[{place}].role"
        if message["role"] == "tool":
            lonely = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
            need(message["tool_call_id"] in waiting, lonely, where)
            waiting.discard(message["tool_call_id"])
            continue
        unanswered = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(sorted(waiting))}"
        )
        need(not waiting, unanswered, where)
        waiting = {call["id"] for call in message.get("tool_calls") or ()}
        if rules.echo_reasoning and waiting:
            echoed = message.get("reasoning_content") is not None
            need(echoed, "Missing `reasoning_content` field in the assistant message", where)
    need(not waiting, f"tool_call_ids did not have response messages: {', '.join(sorted(waiting))}", "messages")
    roles = [message["role"] for message in messages]
    if rules.system_first:
        late = [role for role in roles[1:] if role in ("system", "developer")]
        need(not late and "user" in roles, "System message must be at the beginning.", "messages")
    if rules.alternate:
        talk = [role for role in roles if role in ("user", "assistant")]
        pairs = pairwise(talk)
        turns = all(one != other or one == "assistant" for one, other in pairs) and talk[:1] == ["user"]
        need(turns, "Conversation roles must alternate user/assistant/user/assistant/...", "messages")


def _check_settings(body: Json) -> None:
    for name, (low, high) in RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        need(number, f"Invalid type for '{name}': expected a number.", name, "invalid_type")
        whole = not name.startswith(("n", "max", "top_l")) or isinstance(value, int)
        need(whole, f"Invalid type for '{name}': expected an integer.", name, "invalid_type")
        need(low <= value <= high, f"Invalid '{name}': {value} is out of range.", name, "decimal_above_max_value")
    both = "max_tokens" in body and "max_completion_tokens" in body
    need(not both, "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", "max_tokens")
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop if stop is not None else ["-"]
    good = isinstance(stops, list) and stops and all(isinstance(each, str) for each in stops)
    need(good, "Invalid type for 'stop'.", "stop", "invalid_type")
    need(len(stops) <= 4, "Invalid 'stop': array too long. Expected an array with maximum length 4.", "stop")
    for name in ("stream", "parallel_tool_calls", "logprobs", "store"):
        need(
            body.get(name) in (None, True, False),
            f"Invalid type for '{name}': expected a boolean.",
            name,
            "invalid_type",
        )
    need(body.get("logprobs") or body.get("top_logprobs") is None, "'top_logprobs' needs 'logprobs'.", "top_logprobs")
    _check_streaming(body)
    effort = body.get("reasoning_effort")
    need(effort is None or effort in EFFORTS, f"Invalid value: {effort!r}", "reasoning_effort", "invalid_value")
    tier = body.get("service_tier")
    tiers = (None, "auto", "default", "flex", "scale", "priority", "fast")
    need(tier in tiers, f"Invalid value: {tier!r}", "service_tier", "invalid_value")
    for name, most in (("user", 128), ("safety_identifier", 64), ("prompt_cache_key", 64)):
        value = body.get(name) or ""
        message = f"Invalid '{name}': string too long. Expected a string with maximum length {most}."
        need(isinstance(value, str) and len(value) <= most, message, name, "string_above_max_length")  # [seen]
    _check_metadata(body.get("metadata"))


def _check_streaming(body: Json) -> None:
    streaming = body.get("stream") is True
    options = body.get("stream_options")
    need(
        streaming or options is None,
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        "stream",
    )
    known = options is None or set(options) <= {"include_usage", "include_obfuscation"}
    need(known, "Unknown parameter in 'stream_options'.", "stream_options", "unknown_parameter")


def _check_metadata(metadata: Any) -> None:
    pairs = metadata if metadata is not None else {}
    good = isinstance(pairs, dict) and len(pairs) <= 16
    good = good and all(isinstance(text, str) and len(text) <= 512 and len(key) <= 64 for key, text in pairs.items())
    need(good, "Invalid 'metadata': at most 16 pairs of strings, 64 and 512 characters long.", "metadata")


def _check_reasoning_model(body: Json) -> None:
    """The newer models' own refusals. Source: Reasoning guide, read 2026-11-20."""
    message = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    )
    need("max_tokens" not in body, message, "max_tokens", "unsupported_parameter")
    for name in ("temperature", "top_p"):
        only = f"Unsupported value: '{name}' does not support {body.get(name)} with this model; only 1."
        need(body.get(name, 1) in (1, None), only, name, "unsupported_value")
