"""What Anthropic's Messages refuses, in its own words where they are known.

Source: the request types of the official SDK 2.10 (generated from the vendor's OpenAPI document), and the vendor's
pages on Messages, tool use, extended thinking, prompt caching and mid-conversation system messages; read 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Any

from tests.standin.check_anthropic_blocks import check_blocks
from tests.standin.reply import Signer
from tests.standin.rules import Rules, words
from tests.standin.voice import need

Json = dict[str, Any]

MEMBERS = words(
    """
    max_tokens messages model cache_control container diagnostics inference_geo metadata output_config
    service_tier speed stop_sequences stream system temperature thinking tool_choice tools top_k top_p
    """
)

BETA_MEMBERS = {
    "context_management": "context-management-",
    "mcp_servers": "mcp-client-",
    "safeguards": "dangerous-tool-use-",
    "output_format": "structured-outputs-",
    "fallbacks": "fallback",
    "fallback_credit_token": "fallback-credit-",
    "compaction": "compact",
    "thread": "thread",
    "billing_policy": "billing-policy-",
}
"""Members that need their half in `anthropic-beta`."""

TOOL_MEMBERS = words(
    """
    name description input_schema type cache_control strict defer_loading input_examples allowed_callers
    eager_input_streaming
    """
)

TYPED_TOOL = re.compile(
    r"(bash|text_editor|code_execution|web_search|web_fetch|memory|computer|tool_search_tool_(bm25|regex)"
    r"|(browser|computer)_toolset)_20\d{6}|mcp_toolset"
)

SAMPLING = ("temperature", "top_p", "top_k")
"""Removed by the version of the interface that the next constant names."""

NEWER = "2026-10-21"
"""From here on: no sampling, no document in an assistant message, no citations on a user's text.

Source: platform.claude.com, Versions, and the migration guide to 2026-10-21; read 2026-11-20.
"""

DEFAULT_ONLY = re.compile(r"claude-[a-z]+-(4-[7-9]|[5-9])")
"""Models that take no sampling but the default, in the older version too. Source: the same guide."""

FORBIDDEN_EXTRA = "{}: Extra inputs are not permitted"


def check_anthropic(body: Json, headers: dict[str, str], rules: Rules, signer: Signer) -> None:
    """Raises Refused for the first thing the vendor would refuse."""
    need("anthropic-version" in headers, "anthropic-version: header is required")
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        need(name in body, f"{name}: Field required")
        need(
            isinstance(body[name], kind) and body[name] is not True, f"{name}: Input should be a valid {kind.__name__}"
        )
    for name in sorted(rules.refuse & set(body)):
        need(False, FORBIDDEN_EXTRA.format(name))
    if not rules.strict:
        return
    betas = headers.get("anthropic-beta", "")
    newer = headers["anthropic-version"] >= NEWER
    for name in body:
        beta = BETA_MEMBERS.get(name)
        known = name in MEMBERS or name in rules.allow or (beta is not None and beta in betas)
        need(known and not (newer and name in SAMPLING), FORBIDDEN_EXTRA.format(name))
    if newer:
        _check_newer(body["messages"])
    _check_messages(body, betas, rules, signer)
    _check_system(body, rules)
    _check_settings(body)
    _check_thinking(body, betas)
    _check_tools(body)
    _check_cache_marks(body)


def _check_messages(body: Json, betas: str, rules: Rules, signer: Signer) -> None:
    messages = body["messages"]
    need(messages, "messages: at least one message is required")
    for place, message in enumerate(messages):
        where = f"messages.{place}"
        need(isinstance(message, dict), f"{where}: Input should be a valid dictionary")
        role = message.get("role")
        roles = 'Unexpected role. Allowed roles are "user", "assistant" or "system"'
        need(role in ("user", "assistant", "system"), f"{where}.role: {roles}")
        per_turn = {"output_config", "clear_at"} if role == "system" and "per-turn-control-" in betas else set()
        for name in message:
            allowed = name in {"role", "content", *per_turn} or f"messages.{name}" in rules.allow
            need(allowed, FORBIDDEN_EXTRA.format(f"{where}.{name}"))
        empty_allowed = (role == "assistant" and place == len(messages) - 1) or bool(per_turn & set(message))
        content = message.get("content")
        need(content is not None or empty_allowed, f"{where}.content: Field required")
        need(
            content or empty_allowed,
            f"{where}: all messages must have non-empty content except for the optional final assistant message",
        )
        if content:
            check_blocks(content, role, f"{where}.content", rules, signer)
    need(messages[0]["role"] == "user", 'messages: first message must use the "user" role')
    last = messages[-1]
    if last["role"] == "assistant" and isinstance(last.get("content"), str):
        trailing = last["content"] != last["content"].rstrip()
        need(not trailing, "messages: final assistant content cannot end with trailing whitespace")
    _check_pairs(_groups(messages))


def _check_newer(messages: list[Any]) -> None:
    for place, message in enumerate(messages):
        for block in message["content"] if isinstance(message.get("content"), list) else ():
            misplaced = message.get("role") == "assistant" and block.get("type") == "document"
            need(not misplaced, f"messages.{place}.content: document blocks are not permitted in assistant messages")
            cited = message.get("role") == "user" and block.get("type") == "text" and block.get("citations")
            need(not cited, f"messages.{place}.content: citations are not permitted on text in user messages")


def _groups(messages: list[Json]) -> list[tuple[str, str, list[Json]]]:
    """Neighbours of one role as one message, which is how the vendor reads them: place, role, blocks."""
    groups: list[tuple[str, str, list[Json]]] = []
    for place, message in enumerate(messages):
        content = message.get("content") or []
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
        if groups and groups[-1][1] == message["role"]:
            groups[-1][2].extend(blocks)
        else:
            groups.append((f"messages.{place}", message["role"], blocks))
    return groups


def _check_pairs(groups: list[tuple[str, str, list[Json]]]) -> None:
    """Every tool_use is answered at the head of the next user message; every tool_result belongs to one."""
    asked: list[str] = []
    known: set[str] = set()
    previous = "user"
    for where, role, blocks in groups:
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        orphan = next((each for each in results if each not in asked), None)
        need(
            orphan is None,
            f"{where}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {orphan}. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message.",
        )
        missing = [each for each in asked if each not in results]
        need(
            not missing,
            f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` "
            "block in the next message.",
        )
        kinds = [block["type"] for block in blocks]
        ahead = all(kind == "tool_result" for kind in kinds[: len(results)])
        need(ahead, f"{where}: `tool_result` blocks must come first in the content array")
        need(len(set(results)) == len(results), f"{where}: each tool_use must have a single result.")
        after_user = role != "system" or previous == "user"
        need(after_user, f"{where}: a system message must come directly after a user message")
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
        repeated = len(set(asked)) < len(asked) or known & set(asked)
        need(not repeated, f"{where}: `tool_use` ids must be unique")
        known |= set(asked)
        previous = role
    need(not asked, f"messages: `tool_use` ids were found without `tool_result` blocks immediately after: {asked}")


def _check_system(body: Json, rules: Rules) -> None:
    system = body.get("system")
    if system is None or isinstance(system, str):
        return
    need(isinstance(system, list), "system: Input should be a valid list")
    for place, block in enumerate(system):
        text = isinstance(block, dict) and block.get("type") == "text"
        need(text, f"system.{place}.type: Input should be 'text'")
    if system:
        check_blocks(system, "system", "system", rules, Signer())


def _check_settings(body: Json) -> None:
    need(body["max_tokens"] >= 0, "max_tokens: Input should be greater than or equal to 0")
    for name, high in (("temperature", 1), ("top_p", 1), ("top_k", 10**6)):
        value = body.get(name, 0)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        need(number and 0 <= value <= high, f"{name}: range: 0..{high}")
    if DEFAULT_ONLY.match(body["model"]):
        chosen = [name for name in SAMPLING if body.get(name) not in (None, 1)]
        need(not chosen, f"{', '.join(chosen)}: only the default value is supported by this model")
    stops = body.get("stop_sequences") or []
    need(isinstance(stops, list), "stop_sequences: Input should be a valid list")
    blank = any(not isinstance(stop, str) or not stop.strip() for stop in stops)
    need(not blank, "stop_sequences: each stop sequence must contain non-whitespace")
    need(body.get("stream", False) in (True, False), "stream: Input should be a valid boolean")
    tiers = ("auto", "standard_only")
    need(body.get("service_tier", "auto") in tiers, "service_tier: Input should be 'auto' or 'standard_only'")
    metadata = body.get("metadata") or {}
    extra = set(metadata) - {"user_id"}
    need(not extra, FORBIDDEN_EXTRA.format(f"metadata.{min(extra, default='')}"))
    need(len(metadata.get("user_id") or "") <= 256, "metadata.user_id: String should have at most 256 characters")
    output = body.get("output_config") or {}
    extra = set(output) - {"effort", "format", "task_budget"}
    need(not extra, FORBIDDEN_EXTRA.format(f"output_config.{min(extra, default='')}"))
    efforts = (None, "low", "medium", "high", "xhigh", "max")
    need(
        output.get("effort") in efforts,
        "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
    )
    shape = output.get("format")
    if shape is not None:
        good = shape.get("type") == "json_schema" and isinstance(shape.get("schema"), dict) and len(shape) == 2
        need(good, "output_config.format: Input should be a json_schema with a schema")


def _check_thinking(body: Json, betas: str) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    kinds = ("enabled", "disabled", "adaptive", "between_tools")
    need(kind in kinds, f"thinking: Input tag '{kind}' does not match any of the expected tags: {kinds}")
    members = {"type"} | ({"budget_tokens"} if kind == "enabled" else set())
    members |= {"display", "block_binding"} if kind in ("enabled", "adaptive") else set()
    extra = set(thinking) - members
    need(not extra, FORBIDDEN_EXTRA.format(f"thinking.{kind}.{min(extra, default='')}"))
    displays = (None, "summarized", "omitted") + (("updates",) if "thinking-display-updates-" in betas else ())
    need(thinking.get("display") in displays, f"thinking.{kind}.display: Input should be 'summarized' or 'omitted'")
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        need(isinstance(budget, int), "thinking.enabled.budget_tokens: Field required")
        need(budget >= 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        smaller = budget < body["max_tokens"] or "interleaved-thinking-" in betas
        need(smaller, "`max_tokens` must be greater than `thinking.budget_tokens`.")
        _check_leading_thinking(body)
    if kind in ("enabled", "adaptive"):
        forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
        need(not forced, "Thinking may not be enabled when tool_choice forces tool use.")
        need(body.get("temperature", 1) == 1, "`temperature` may only be set to 1 when thinking is enabled.")
        need(body.get("top_k") is None, "`top_k` must be unset when thinking is enabled.")
        need(body.get("top_p", 1) >= 0.95, "`top_p` must be at least 0.95 when thinking is enabled.")
        prefilled = body["messages"][-1]["role"] == "assistant"
        need(not prefilled, "messages: the final message cannot be an assistant prefill when thinking is enabled.")


def _check_leading_thinking(body: Json) -> None:
    """In a running tool loop, manual thinking wants the assistant's turn to begin with its thinking."""
    groups = [group for group in _groups(body["messages"]) if group[1] != "system"]
    if len(groups) < 2 or groups[-1][2][0]["type"] != "tool_result":
        return
    where, _, blocks = groups[-2]
    found = blocks[0]["type"]
    need(
        found in ("thinking", "redacted_thinking"),
        f"{where}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` "
        "is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of "
        "`tool_use` and `tool_result` blocks).",
    )


def _check_tools(body: Json) -> None:
    tools = body.get("tools") or []
    need(isinstance(tools, list), "tools: Input should be a valid list")
    names = [_check_tool(tool, f"tools.{place}") for place, tool in enumerate(tools)]
    need(len(set(names)) == len(names), "tools: Tool names must be unique.")
    deferred = [tool for tool in tools if tool.get("defer_loading")]
    need(not tools or len(deferred) < len(tools), "tools: at least one tool must have defer_loading=false")
    choice = body.get("tool_choice")
    if choice is None:
        return
    need(tools, "tool_choice: may only be specified while providing tools")
    kind = choice.get("type") if isinstance(choice, dict) else None
    kinds = ("auto", "any", "tool", "none")
    need(kind in kinds, f"tool_choice: Input tag '{kind}' does not match any of the expected tags: {kinds}")
    members = (
        {"type"}
        | ({"disable_parallel_tool_use"} if kind != "none" else set())
        | ({"name"} if kind == "tool" else set())
    )
    extra = set(choice) - members
    need(not extra, FORBIDDEN_EXTRA.format(f"tool_choice.{kind}.{min(extra, default='')}"))
    if kind == "tool":
        need(choice.get("name") in names, f"Tool '{choice.get('name')}' not found in provided tools")


def _check_tool(tool: Any, where: str) -> str:
    need(isinstance(tool, dict), f"{where}: Input should be a valid dictionary")
    kind = tool.get("type") or "custom"
    if TYPED_TOOL.fullmatch(str(kind)):
        return str(tool.get("name", kind))
    need(kind == "custom", f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    extra = set(tool) - TOOL_MEMBERS
    need(not extra, FORBIDDEN_EXTRA.format(f"{where}.custom.{min(extra, default='')}"))
    name = tool.get("name")
    good = isinstance(name, str) and re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", name)
    need(good, f"{where}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    schema = tool.get("input_schema")
    need(isinstance(schema, dict), f"{where}.custom.input_schema: Field required")
    need(schema.get("type") == "object", f"{where}.custom.input_schema.type: Field required")
    for key in schema.get("properties") or {}:
        plain = re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", key)
        message = "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'"
        need(plain, f"{where}.custom.input_schema.properties: {message}")
    for combined in ("oneOf", "allOf", "anyOf"):
        message = "input_schema does not support oneOf, allOf, or anyOf at the top level"
        need(combined not in schema, f"{where}.custom.input_schema: {message}")
    return str(name)


def _check_cache_marks(body: Json) -> None:
    """At most four marks, and none of one hour after one of five minutes."""
    marks = [*_marks(body.get("tools")), *_marks(body.get("system"))]
    for message in body["messages"]:
        marks += _marks(message.get("content"))
    marks += [body["cache_control"]] if body.get("cache_control") else []
    need(len(marks) <= 4, f"A maximum of 4 blocks with cache_control may be provided. Found {len(marks)}.")
    for mark in marks:
        good = isinstance(mark, dict) and mark.get("type") == "ephemeral" and mark.get("ttl", "5m") in ("5m", "1h")
        need(good, "cache_control: Input should be {'type': 'ephemeral'} with ttl '5m' or '1h'")
    lives = [mark.get("ttl", "5m") for mark in marks]
    message = "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
    need(lives == sorted(lives), message)


def _marks(blocks: Any) -> list[Any]:
    """The marks in a list of blocks, in order, those inside tool results included."""
    found: list[Any] = []
    for block in blocks if isinstance(blocks, list) else ():
        found += _marks(block.get("content"))
        if block.get("cache_control") is not None:
            found.append(block["cache_control"])
    return found
