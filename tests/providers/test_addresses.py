"""Addresses as users write them become the ones that vendors document."""

from __future__ import annotations

import pytest

from dragoman.providers.addresses import count_url, endpoint, models_url, row_for_address
from dragoman.providers.catalog import catalog

ROWS = catalog()
CHAT = "/chat/completions"
MESSAGES = "/v1/messages"


@pytest.mark.parametrize(
    ("row", "base", "path", "address"),
    [
        ("openai", "", CHAT, "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://api.openai.com/v1/", CHAT, "https://api.openai.com/v1/chat/completions"),
        ("openai", "https://api.openai.com//v1//", CHAT, "https://api.openai.com/v1/chat/completions"),
        ("openai-compatible", "http://h:9000/v1/chat/completions", CHAT, "http://h:9000/v1/chat/completions"),
        ("openai-compatible", "http://h:9000/v1/chat/completions/", CHAT, "http://h:9000/v1/chat/completions"),
        ("openai-compatible", "http://h:9000/v1?tenant=7", CHAT, "http://h:9000/v1/chat/completions?tenant=7"),
        ("openai-compatible", "http://h:9000", CHAT, "http://h:9000/chat/completions"),
        ("openai-compatible", "http://h/chat", CHAT, "http://h/chat/chat/completions"),
        ("anthropic", "", MESSAGES, "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/v1", MESSAGES, "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/v1/messages", MESSAGES, "https://api.anthropic.com/v1/messages"),
        ("anthropic-compatible", "http://h:9000/x/", MESSAGES, "http://h:9000/x/v1/messages"),
        ("deepseek", "", CHAT, "https://api.deepseek.com/chat/completions"),
        ("deepseek-anthropic", "", MESSAGES, "https://api.deepseek.com/anthropic/v1/messages"),
        ("zhipu", "", CHAT, "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        ("ollama", "", CHAT, "http://127.0.0.1:11434/v1/chat/completions"),
        ("openrouter", "", CHAT, "https://openrouter.ai/api/v1/chat/completions"),
        ("qwen", "", CHAT, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions"),
    ],
)
def test_base_and_path_become_one_address(row: str, base: str, path: str, address: str) -> None:
    assert endpoint(ROWS[row], base, path, "m", {}) == address


HOST = "https://corp.openai.azure.com"
UNDATED = f"{HOST}/openai/v1/chat/completions"


def dated(version: str, deployment: str = "gpt-4o") -> str:
    return f"{HOST}/openai/deployments/{deployment}/chat/completions?api-version={version}"


@pytest.mark.parametrize(
    ("base", "version", "address"),
    [
        (HOST, "", UNDATED),
        (f"{HOST}/", "", UNDATED),
        (f"{HOST}/openai", "", UNDATED),
        (f"{HOST}/openai/v1", "", UNDATED),
        (f"{HOST}/openai/v1/", "", UNDATED),
        (f"{HOST}/openai/v1/chat/completions", "", UNDATED),
        (f"{HOST}/openai/v1", "2024-03-01-preview", UNDATED),
        (f"{HOST}/openai/v1?api-version=preview", "", f"{UNDATED}?api-version=preview"),
        (HOST, "preview", f"{UNDATED}?api-version=preview"),
        (HOST, "2024-03-01-preview", dated("2024-03-01-preview")),
        (f"{HOST}/openai", "2024-10-21", dated("2024-10-21")),
        (f"{HOST}/openai/deployments/gpt-4o", "2025-01-01", dated("2025-01-01")),
        (f"{HOST}/openai/deployments/prod", "2025-01-01", dated("2025-01-01", "prod")),
        (f"{HOST}/openai/deployments/prod", "", dated("2024-10-21", "prod")),
        (dated("2024-06-01"), "", dated("2024-06-01")),
        (dated("2024-06-01"), "2025-01-01", dated("2024-06-01")),
        ("https://gate.corp/azure/openai", "2024-10-21", dated("2024-10-21").replace(HOST, "https://gate.corp/azure")),
    ],
)
def test_pitfall_137_azure_is_reached_in_both_its_styles(base: str, version: str, address: str) -> None:
    options = {"api_version": version} if version else {}
    assert endpoint(ROWS["azure"], base, CHAT, "gpt-4o", options) == address


def test_a_deployment_name_is_quoted() -> None:
    found = endpoint(ROWS["azure"], HOST, CHAT, "my model/2", {"api_version": "2024-10-21"})
    assert "/deployments/my%20model%2F2/chat/completions" in found


@pytest.mark.parametrize(
    ("row", "base", "path", "address"),
    [
        ("openai", "", CHAT, "https://api.openai.com/v1/models"),
        ("openai-compatible", "http://h/v1/chat/completions", CHAT, "http://h/v1/models"),
        ("deepseek", "", CHAT, "https://api.deepseek.com/models"),
        ("anthropic", "", MESSAGES, "https://api.anthropic.com/v1/models"),
        ("anthropic", "https://api.anthropic.com/v1", MESSAGES, "https://api.anthropic.com/v1/models"),
        ("anthropic", "https://api.anthropic.com/v1/messages", MESSAGES, "https://api.anthropic.com/v1/models"),
        ("azure", HOST, CHAT, ""),
    ],
)
def test_models_are_listed_beside_the_chat_endpoint(row: str, base: str, path: str, address: str) -> None:
    assert models_url(ROWS[row], base, path, {}) == address


def test_only_vendors_with_a_count_count_tokens() -> None:
    assert count_url(ROWS["anthropic"], "", MESSAGES, {}) == "https://api.anthropic.com/v1/messages/count_tokens"
    assert count_url(ROWS["openai"], "", CHAT, {}) == ""
    assert {row.id for row in ROWS.values() if row.count_path} >= {"anthropic", "gemini", "gemini-compatible"}


GENERATE = "/v1beta/models/{model}:generateContent"
STREAM = "/v1beta/models/{model}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("base", "path", "model", "address"),
    [
        ("", GENERATE, "gemini-x", "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent"),
        ("http://a", STREAM, "models/gemini-x", "http://a/v1beta/models/gemini-x:streamGenerateContent?alt=sse"),
        ("http://a/v1beta/", GENERATE, "x", "http://a/v1beta/models/x:generateContent"),
        ("http://a/v1", GENERATE, "x", "http://a/v1/models/x:generateContent"),
        ("http://a/gemini/v1alpha", GENERATE, "x", "http://a/gemini/v1alpha/models/x:generateContent"),
        ("http://a/?key=k", STREAM, "x y/z", "http://a/v1beta/models/x%20y%2Fz:streamGenerateContent?key=k&alt=sse"),
    ],
)
def test_an_address_may_name_the_model(base: str, path: str, model: str, address: str) -> None:
    assert endpoint(ROWS["gemini"], base, path, model, {}) == address


def test_a_count_names_its_model() -> None:
    counted = count_url(ROWS["gemini"], "http://a", GENERATE, {}, "x")
    assert counted == "http://a/v1beta/models/x:countTokens"
    assert models_url(ROWS["gemini"], "http://a", GENERATE, {}) == "http://a/v1beta/models?pageSize=1000"


@pytest.mark.parametrize(
    ("address", "row"),
    [
        ("https://corp.openai.azure.com", "azure"),
        ("https://corp.openai.azure.com/openai/v1/", "azure"),
        ("https://CORP.OpenAI.Azure.com/openai/deployments/x", "azure"),
        ("https://corp.services.ai.azure.com/openai/v1", "azure"),
        ("https://corp.cognitiveservices.azure.com/", "azure"),
        ("https://api.openai.com/v1", "openai"),
        ("https://api.openai.com:443/v1", "openai"),
        ("https://user:word@api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("api.openai.com", "openai"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.deepseek.com/v1", "deepseek"),
        ("https://api.deepseek.com/anthropic", "deepseek-anthropic"),
        ("https://api.deepseek.com/anthropic/", "deepseek-anthropic"),
        ("https://api.deepseek.com/anthropics", "deepseek"),
        ("https://api.moonshot.cn/v1", "moonshot"),
        ("https://api.moonshot.ai/anthropic", "moonshot-anthropic"),
        ("https://open.bigmodel.cn/api/paas/v4/", "zhipu"),
        ("https://api.z.ai/api/coding/paas/v4", "zai"),
        ("https://api.z.ai/api/anthropic", "zai-anthropic"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "qwen"),
        ("https://dashscope-us.aliyuncs.com/compatible-mode/v1", "qwen"),
        ("https://dashscope.aliyuncs.com/apps/anthropic", "qwen-anthropic"),
        ("https://api.anthropic.com", "anthropic"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini-openai"),
        ("https://generativelanguage.googleapis.com", "gemini"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://127.0.0.1:11434", "ollama"),
        ("http://[::1]:11434", "ollama"),
        ("http://127.0.0.1:1234/v1", "lm-studio"),
        ("http://127.0.0.1:9000/v1", ""),
        ("https://gateway.corp/v1", ""),
        ("https://gateway.corp/x.openai.azure.com/", ""),
        ("https://api.openai.com.evil.example/v1", ""),
        ("", ""),
        ("http://[", ""),
    ],
)
def test_an_address_tells_its_row(address: str, row: str) -> None:
    assert row_for_address(ROWS.values(), address) == row
