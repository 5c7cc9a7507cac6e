"""What OpenAI's Responses refuses in the items of `input`: their members, their order, and what was sealed.

Source: as in check_responses.py; read 2026-11-20. Rules marked [seen] are those of the vendor's answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.standin.reply import Signer
from tests.standin.rules import words
from tests.standin.voice import NOVELTY, Refused, need

Json = dict[str, Any]

ITEMS: dict[str, tuple[str, str]] = {
    "message": ("content role", "id status phase"),
    "reasoning": ("summary", "id content encrypted_content status"),
    "function_call": ("arguments call_id name", "id namespace status caller async"),
    "function_call_output": ("call_id output", "id status caller name namespace"),
    "custom_tool_call": ("call_id input name", "id namespace status caller async"),
    "custom_tool_call_output": ("call_id output", "id caller name status"),
    "tool_search_call": ("arguments", "id call_id execution status"),
    "tool_search_output": ("tools", "id call_id execution status"),
    "additional_tools": ("tools role", "id"),
    "configuration_update": ("", "id reasoning text"),
    "compaction": ("encrypted_content", "id"),
    "compaction_trigger": ("", "id"),
    "item_reference": ("id", ""),
    "web_search_call": ("", "id action status"),
    "file_search_call": ("id queries status", "results"),
    "code_interpreter_call": ("id code container_id outputs status", ""),
    "image_generation_call": ("id result status", "action background error output_format quality revised_prompt size"),
    "computer_call": ("id call_id pending_safety_checks status", "action actions"),
    "computer_call_output": ("call_id output", "id acknowledged_safety_checks status"),
    "local_shell_call": ("action call_id status", "id"),
    "local_shell_call_output": ("id output", "status"),
    "shell_call": ("action call_id", "id caller environment status"),
    "shell_call_output": ("call_id output", "id caller max_output_length status"),
    "apply_patch_call": ("call_id operation status", "id caller"),
    "apply_patch_call_output": ("call_id status", "id caller output"),
    "mcp_list_tools": ("id server_label tools", "error"),
    "mcp_approval_request": ("id arguments name server_label", ""),
    "mcp_approval_response": ("approval_request_id approve", "id reason"),
    "mcp_call": ("id arguments name server_label", "approval_request_id error output status"),
    "program": ("id call_id code fingerprint", ""),
    "program_output": ("id call_id result status", ""),
}
"""The members of each kind of item beside `type`: those it must have, those it may have."""

OUTPUTS = {
    "function_call": ("function_call_output", "function call"),
    "custom_tool_call": ("custom_tool_call_output", "custom tool call"),
    "tool_search_call": ("tool_search_output", "tool search call"),
    "shell_call": ("shell_call_output", "shell call"),
    "apply_patch_call": ("apply_patch_call_output", "apply patch call"),
    "computer_call": ("computer_call_output", "computer call"),
}
"""What must follow each call, and what the vendor calls the call."""

PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}
"""How the vendor's ids begin. [seen]"""

PARTS = {
    "input_text": ("text", "prompt_cache_breakpoint"),
    "input_image": ("", "image_url file_id detail prompt_cache_breakpoint"),
    "input_file": ("", "file_id file_url file_data filename detail prompt_cache_breakpoint"),
    "output_text": ("text", "annotations logprobs"),
    "refusal": ("refusal", ""),
    "summary_text": ("text", ""),
    "reasoning_text": ("text", ""),
}
GIVEN = ("input_text", "input_image", "input_file")
SAID = ("output_text", "refusal")
ROLE_PARTS = {"user": GIVEN, "system": GIVEN, "developer": GIVEN, "assistant": SAID}

PICTURE = re.compile(r"https?://\S+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*")
DOCUMENT = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/]+=*")


def check_items(told: Any, signer: Signer, *, stored: bool, begun: bool) -> None:
    """Raises Refused; `begun` means that calls may stand in an answer which the vendor keeps."""
    if isinstance(told, str):
        return
    need(isinstance(told, list), "Invalid type for 'input': expected a string or an array.", "input", "invalid_type")
    items = [_check_item(item, f"input[{place}]") for place, item in enumerate(told)]
    for place, item in enumerate(items):
        if item["type"] in ("reasoning", "compaction"):
            _check_seal(item, f"input[{place}]", signer, stored)
    _check_pairs(items, begun)
    if stored:
        _check_company(items)


def _check_item(told: Any, where: str) -> Json:
    """The item with its `type`, which a message may leave out."""
    need(isinstance(told, dict), f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    item: Json = {"type": "message" if "role" in told else "item_reference", **told}
    kind = item["type"]
    supported = ", ".join(repr(each) for each in ITEMS)
    message = f"Invalid value: {kind!r}. Supported values are: {supported}."
    need(kind in ITEMS, message, where, "invalid_value")
    _members(item, *ITEMS[kind], where)
    _check_ids(item, where)
    match kind:
        case "message":
            _check_message(item, where)
        case "reasoning":
            _check_parts(item["summary"], ("summary_text",), f"{where}.summary")
            _check_parts(item.get("content") or [], ("reasoning_text",), f"{where}.content")
        case "function_call":
            texts = isinstance(item["arguments"], str) and isinstance(item["name"], str)
            need(texts, f"Invalid type for '{where}.arguments': expected a string.", where, "invalid_type")
        case "custom_tool_call":
            need(isinstance(item["input"], str), f"Invalid type for '{where}.input'.", where, "invalid_type")
        case "function_call_output" | "custom_tool_call_output" if not isinstance(item["output"], str):
            _check_parts(item["output"], GIVEN, f"{where}.output")
        case "item_reference":
            missing = f"Item with id '{item['id']}' not found."
            need("_standin" in item["id"], missing, where)
    return item


def _members(value: Json, must: str, may: str, where: str) -> None:
    for name in words(must):
        missing = f"Missing required parameter: '{where}.{name}'."
        need(value.get(name) is not None, missing, f"{where}.{name}", "missing_required_parameter")
    known = {"type", *NOVELTY} | words(must) | words(may)
    for name in value:
        need(name in known, f"Unknown parameter: '{where}.{name}'.", f"{where}.{name}", "unknown_parameter")


def _check_ids(item: Json, where: str) -> None:
    for name in ("id", "call_id"):
        value = item.get(name)
        if value is None:
            continue
        long = f"Invalid '{where}.{name}': string too long. Expected a string with maximum length 64."
        good = isinstance(value, str) and 0 < len(value) <= 64
        need(good, long, f"{where}.{name}", "string_above_max_length")  # [seen]
    prefix = PREFIXES.get(item["type"])
    if prefix and item.get("id") is not None:
        wrong = f"Invalid '{where}.id': '{item['id']}'. Expected an ID that begins with '{prefix}'."
        need(item["id"].startswith(prefix), wrong, f"{where}.id", "invalid_value")


def _check_message(item: Json, where: str) -> None:
    role, content = item["role"], item["content"]
    supported = ", ".join(repr(each) for each in ROLE_PARTS)
    wrong = f"Invalid value: {role!r}. Supported values are: {supported}."
    need(role in ROLE_PARTS, wrong, f"{where}.role", "invalid_value")
    if not isinstance(content, str):
        _check_parts(content, ROLE_PARTS[role], f"{where}.content")


def _check_parts(parts: Any, kinds: tuple[str, ...], where: str) -> None:
    need(isinstance(parts, list), f"Invalid type for '{where}': expected an array.", where, "invalid_type")
    for place, part in enumerate(parts):
        here = f"{where}[{place}]"
        kind: Any = part.get("type") if isinstance(part, dict) else None
        wrong = f"Invalid value: {kind!r}. Supported values are: {' and '.join(map(repr, kinds))}."
        need(kind in kinds, wrong, f"{here}.type", "invalid_value")
        _members(part, *PARTS[kind], here)
        match kind:
            case "input_image":
                address = part.get("image_url")
                good = part.get("file_id") or (isinstance(address, str) and PICTURE.fullmatch(address))
                bad = f"Invalid '{here}.image_url'. Expected a valid URL or a base64-encoded data URL."
                need(good, bad, f"{here}.image_url", "invalid_value")
                seen = part.get("detail", "auto")
                need(seen in ("auto", "low", "high", "original", None), f"Invalid value: {seen!r}.", f"{here}.detail")
            case "input_file":
                data = part.get("file_data")
                whole = isinstance(data, str) and DOCUMENT.fullmatch(data) and part.get("filename")
                good = whole or part.get("file_id") or part.get("file_url")
                need(good, f"Missing required parameter: '{here}.file_id'.", here, "missing_required_parameter")
            case _:
                text = part.get("refusal" if kind == "refusal" else "text")
                need(isinstance(text, str), f"Invalid type for '{here}.text'.", here, "invalid_type")


def _check_seal(item: Json, where: str, signer: Signer, stored: bool) -> None:
    """Reasoning is known by its seal, or, where the vendor keeps answers, by its id. [seen]"""
    sealed = item.get("encrypted_content")
    if sealed is not None:
        message = "could not be verified. Reason: Encrypted content could not be decrypted or parsed."
        good = isinstance(sealed, str) and signer.owns_hidden(sealed)
        told = f"The encrypted content {str(sealed)[:4]}... {message}"
        need(good, told, where, "invalid_encrypted_content")
    elif not stored or "_standin" not in str(item.get("id")):
        hint = " Items are not persisted when `store` is set to false." * (not stored)
        raise Refused(f"Item with id '{item.get('id')}' not found.{hint}", "input", 404)


def _check_pairs(items: list[Json], begun: bool) -> None:
    """Every call has its output behind it, and every output its call before it."""
    for kind, (output, name) in OUTPUTS.items():
        waiting: list[str] = []
        for item in items:
            call_id = item.get("call_id")
            if call_id is None:
                continue
            if item["type"] == kind:
                need(call_id not in waiting, f"Duplicate call_id '{call_id}' in input.", "input")
                waiting.append(call_id)
            elif item["type"] == output:
                lonely = f"No tool call found for {name} output with call_id {call_id}."
                need(begun or call_id in waiting, lonely, "input")
                waiting = [each for each in waiting if each != call_id]
        need(not waiting, f"No tool output found for {name} {', '.join(waiting)}.", "input")


def _check_company(items: list[Json]) -> None:
    """Reasoning stands before what it led to. [seen]

    Only where the vendor keeps answers: elsewhere Codex sends the reasoning of an answer that broke off.
    """
    for item, after in _with_next(items):
        if item["type"] == "reasoning":
            led = after.get("role") == "assistant" or after["type"].endswith(("_call", "reasoning", "item_reference"))
            alone = f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item."
            need(led, alone, "input")


def _with_next(items: list[Json]) -> Iterator[tuple[Json, Json]]:
    yield from zip(items, [*items[1:], {"type": "none"}], strict=False)
