"""The catalog is whole, and says clearly what is wrong with a row."""

from __future__ import annotations

import pytest

from dragoman.providers.base import Provider
from dragoman.providers.catalog import catalog, nearest, read_catalog
from tests.providers.documented import documented

ROWS = catalog()
ROW = """
[[providers]]
id = "x"
name = "X"
dialect = "openai_chat"
docs = "https://x.example"
"""


def test_the_promised_providers_are_proved() -> None:
    promised = {
        "openai", "azure", "openrouter", "deepseek", "deepseek-anthropic", "moonshot", "zhipu", "zai", "qwen",
        "ollama", "vllm", "anthropic", "gemini", "gemini-openai", "vertex", "gigachat", "openai-compatible",
        "anthropic-compatible", "gemini-compatible",
        "responses-compatible", "openai-responses", "azure-responses",
    }  # fmt: skip
    assert promised == {row.id for row in ROWS.values() if row.verified}


def test_the_promised_providers_are_listed() -> None:
    promised = {
        "minimax", "mistral", "xai", "groq", "together", "fireworks", "cerebras", "siliconflow", "github-models",
        "nvidia-nim", "lm-studio", "llama-cpp", "litellm",
    }  # fmt: skip
    assert promised <= {row.id for row in ROWS.values() if not row.verified}


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.id)
def test_every_row_is_documented(row: Provider) -> None:
    assert row.docs.startswith("https://")
    assert row.name
    assert row.dialect in ("anthropic", "openai_chat", "openai_responses", "gemini", "gigachat")
    assert row.base_url.startswith(("https://", "http://127.0.0.1:")) or "base_url" in row.notes
    assert all(meaning.endswith(".") for meaning in row.options.values())


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.id)
def test_a_key_may_be_missing_only_on_servers_of_ones_own(row: Provider) -> None:
    assert not row.key_optional or not row.base_url.startswith("https://")


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.id)
def test_only_native_vendors_and_the_plain_row_of_their_dialect_get_the_clients_headers(row: Provider) -> None:
    assert row.native or not row.forwards or row.id == "anthropic-compatible"


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        (ROW + 'quirks = ["no_such_quirk"]', r"row 'x' names unknown quirks: \['no_such_quirk'\]"),
        (ROW + 'address = "moon"', r"row 'x' names unknown addresses: \['moon'\]"),
        (ROW + "[providers.habits]\nteapot = true", r"row 'x' names unknown habits: \['teapot'\]"),
        (ROW + "[providers.habits]\nimages = 1", r"row 'x' is wrong: .*habits\.images"),
        (ROW + "colour = 1", r"row 'x' is wrong: .*colour"),
        (ROW + ROW, r"row 'x' stands twice"),
        ('[[providers]]\nname = "nobody"', r"row '\?' is wrong: .*id"),
        ("[models]", r"unknown tables: models"),
    ],
)
def test_a_wrong_row_is_refused_by_name(toml: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_catalog(toml)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("open-ai", "openai"), ("LMStudio", "lm-studio"), ("llama.cpp", "llama-cpp"), ("z.ai", "zai"), ("teapot", "")],
)
def test_a_mistyped_id_finds_its_row(typed: str, meant: str) -> None:
    assert nearest(ROWS, typed) == meant


@pytest.mark.parametrize(
    ("row", "model", "context", "max_output"),
    [
        ("openai", "gpt-4o-mini", 128000, 16384),
        ("openai", "gpt-5", 400000, 128000),
        ("openai", "gpt-5.4-mini", 400000, 128000),
        ("openai", "gpt-5.5-2026-04-23", 1050000, 128000),
        ("openrouter", "openai/gpt-4o", 128000, 16384),
        ("openrouter", "deepseek/deepseek-v4-pro", 1000000, 384000),
        ("deepseek", "deepseek-flash", 1000000, 384000),
        ("moonshot", "kimi-k2.6", 262144, None),
        ("gemini", "gemini-3.8-flash", 1114112, 65536),
        ("openrouter", "google/gemini-4-argon", 1048576, 65536),
    ],
)
def test_documented_limits_are_known(row: str, model: str, context: int, max_output: int | None) -> None:
    card = documented(ROWS[row], model)
    assert card is not None
    assert (card.context, card.max_output) == (context, max_output)


@pytest.mark.parametrize(("row", "model"), [("openai", "gpt-9"), ("ollama", "gpt-4o"), ("azure", "production")])
def test_limits_that_nobody_documents_are_not_guessed(row: str, model: str) -> None:
    assert documented(ROWS[row], model) is None
