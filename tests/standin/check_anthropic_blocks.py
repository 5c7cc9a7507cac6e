"""What Anthropic's Messages refuses within the content of one message.

Source: the block types of the official SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from tests.standin.reply import Signer
from tests.standin.rules import Rules, words
from tests.standin.voice import NOVELTY, need

Json = dict[str, Any]

SERVER_BLOCKS = words(
    """
    server_tool_use web_search_tool_result web_fetch_tool_result code_execution_tool_result
    bash_code_execution_tool_result text_editor_code_execution_tool_result tool_search_tool_result mcp_tool_use
    mcp_tool_result container_upload compaction
    """
)
"""Blocks that only the vendor makes; passed without a look inside."""

ROLE_BLOCKS = {
    "user": {"text", "image", "document", "search_result", "tool_result", "container_upload"},
    "assistant": {"text", "document", "thinking", "redacted_thinking", "tool_use", *SERVER_BLOCKS},
    "system": {"text"},
    "tool_result": {"text", "image", "document", "search_result", "tool_reference"},
}

MEMBERS = {
    "text": {"text", "citations"},
    "image": {"source", "transformations"},
    "document": {"source", "title", "context", "citations"},
    "search_result": {"content", "source", "title", "citations"},
    "thinking": {"thinking", "signature"},
    "redacted_thinking": {"data"},
    "tool_use": {"id", "name", "input", "caller", "toolset_name"},
    "tool_result": {"tool_use_id", "content", "is_error", "toolset_name"},
    "tool_reference": {"tool_name"},
}

UNMARKED = ("thinking", "redacted_thinking")
"""Blocks that take no cache mark."""

ID = re.compile(r"[a-zA-Z0-9_-]+")

SOURCES: dict[tuple[str, str], set[str]] = {
    ("image", "base64"): {"type", "media_type", "data"},
    ("image", "url"): {"type", "url"},
    ("image", "file"): {"type", "file_id"},
    ("document", "base64"): {"type", "media_type", "data"},
    ("document", "text"): {"type", "media_type", "data"},
    ("document", "url"): {"type", "url"},
    ("document", "file"): {"type", "file_id"},
    ("document", "content"): {"type", "content"},
}

MEDIA = {
    ("image", "base64"): ("image/jpeg", "image/png", "image/gif", "image/webp"),
    ("document", "base64"): ("application/pdf",),
    ("document", "text"): ("text/plain",),
}


def check_blocks(content: Any, role: str, where: str, rules: Rules, signer: Signer) -> None:
    """Raises Refused for the first block that the vendor would refuse in this place."""
    if isinstance(content, str):
        need(content.strip(), f"{where}: text content blocks must contain non-whitespace text")
        return
    need(isinstance(content, list), f"{where}: Input should be a valid list")
    for place, block in enumerate(content):
        here = f"{where}.{place}"
        kind = block.get("type") if isinstance(block, dict) else None
        tags = sorted(ROLE_BLOCKS[role])
        need(kind in ROLE_BLOCKS[role], f"{here}: Input tag '{kind}' does not match any of the expected tags: {tags}")
        if kind in SERVER_BLOCKS:
            continue
        known = {"type", *NOVELTY} | MEMBERS[str(kind)] | (set() if kind in UNMARKED else {"cache_control"})
        for name in block:
            need(
                name in known or f"blocks.{name}" in rules.allow,
                f"{here}.{kind}.{name}: Extra inputs are not permitted",
            )
        _check_block(block, str(kind), here, rules, signer)


def _check_block(block: Json, kind: str, where: str, rules: Rules, signer: Signer) -> None:
    match kind:
        case "text":
            text: Any = block.get("text")
            need(isinstance(text, str), f"{where}.text.text: Field required")
            need(text, f"{where}: text content blocks must be non-empty")
            need(text.strip(), f"{where}: text content blocks must contain non-whitespace text")
        case "thinking":
            whole = isinstance(block.get("thinking"), str) and isinstance(block.get("signature"), str)
            need(whole, f"{where}.thinking.signature: Field required")
            ours = signer.owns(block["thinking"], block["signature"])
            need(ours, f"{where}: Invalid `signature` in `thinking` block")
        case "redacted_thinking":
            ours = isinstance(block.get("data"), str) and signer.owns_hidden(block["data"])
            need(ours, f"{where}: Invalid `data` in `redacted_thinking` block")
        case "tool_use":
            _check_id(block.get("id"), f"{where}.tool_use.id")
            name = block.get("name")
            good = isinstance(name, str) and re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", name)
            need(good, f"{where}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
            need(isinstance(block.get("input"), dict), f"{where}.tool_use.input: Input should be a valid dictionary")
        case "tool_result":
            _check_result(block, where, rules, signer)
        case "tool_reference":
            need(isinstance(block.get("tool_name"), str), f"{where}.tool_reference.tool_name: Field required")
        case "image" | "document":
            _check_source(block.get("source"), kind, f"{where}.{kind}.source")


def _check_result(block: Json, where: str, rules: Rules, signer: Signer) -> None:
    _check_id(block.get("tool_use_id"), f"{where}.tool_result.tool_use_id")
    flag = block.get("is_error", False)
    need(isinstance(flag, bool), f"{where}.tool_result.is_error: Input should be a valid boolean")
    content = block.get("content")
    if content:
        if isinstance(content, str):
            return
        check_blocks(content, "tool_result", f"{where}.tool_result.content", rules, signer)
        failed_with_picture = flag and any(part["type"] != "text" for part in content)
        need(not failed_with_picture, f'{where}.tool_result: all content must be type "text" if `is_error` is true')


def _check_id(value: Any, where: str) -> None:
    good = isinstance(value, str) and ID.fullmatch(value)
    need(good, f"{where}: String should match pattern '^[a-zA-Z0-9_-]+$'")


def _check_source(source: Any, kind: str, where: str) -> None:
    need(isinstance(source, dict), f"{where}: Field required")
    tag = str(source.get("type"))
    known = SOURCES.get((kind, tag))
    need(known is not None, f"{where}: Input tag '{tag}' does not match any of the expected tags")
    extra = set(source) ^ (known or set())
    need(not extra, f"{where}.{tag}.{min(extra, default='')}: missing or not permitted")
    media = MEDIA.get((kind, tag))
    need(media is None or source["media_type"] in media, f"{where}.{tag}.media_type: Input should be one of {media}")
    if tag == "base64":
        try:
            base64.b64decode(source["data"], validate=True)
        except (binascii.Error, ValueError, TypeError):
            need(False, f"{where}.base64: invalid base64 data")
    if tag == "url":
        good = isinstance(source["url"], str) and re.match(r"https?://", source["url"])
        need(good, f"{where}.url.url: Only HTTP(S) URLs are supported.")
