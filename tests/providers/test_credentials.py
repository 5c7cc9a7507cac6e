"""What reaches an upstream as a header, and what never does."""

from __future__ import annotations

import pytest

from dragoman.providers.catalog import catalog
from dragoman.providers.credentials import NEVER, auth_headers, forwarded_headers

ROWS = catalog()
TOKEN = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("row", "key", "headers"),
    [
        ("openai", "sk-1", {"authorization": "Bearer sk-1"}),
        ("openai", "Bearer sk-1", {"authorization": "Bearer sk-1"}),
        ("openai", " sk-1\n", {"authorization": "Bearer sk-1"}),
        ("anthropic", "sk-ant-1", {"x-api-key": "sk-ant-1"}),
        ("deepseek-anthropic", "sk-1", {"x-api-key": "sk-1"}),
        ("moonshot-anthropic", "sk-1", {"authorization": "Bearer sk-1"}),
        ("azure", "abc", {"api-key": "abc"}),
        ("azure", TOKEN, {"authorization": f"Bearer {TOKEN}"}),
        ("anthropic", TOKEN, {"x-api-key": TOKEN}),
        ("ollama", "", {}),
    ],
)
def test_a_key_goes_in_the_header_the_vendor_reads(row: str, key: str, headers: dict[str, str]) -> None:
    assert auth_headers(ROWS[row], key) == headers


CLAUDE_CODE = {
    "authorization": "Bearer client-key",
    "x-api-key": "client-key",
    "api-key": "client-key",
    "cookie": "session=1",
    "proxy-authorization": "Basic x",
    "host": "127.0.0.1:8090",
    "connection": "keep-alive",
    "content-length": "10",
    "accept-encoding": "gzip, br",
    "user-agent": "claude-cli/2.1.328 (external, cli)",
    "x-forwarded-for": "10.0.0.1",
    "x-stainless-lang": "js",
    "x-app": "cli",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,something-not-yet-known-2027-01-01",
    "X-Claude-Code-Session-Id": "5c1e",
}


def test_the_native_vendor_gets_the_betas_word_for_word() -> None:
    assert forwarded_headers(ROWS["anthropic"], CLAUDE_CODE) == {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219,something-not-yet-known-2027-01-01",
        "x-claude-code-session-id": "5c1e",
    }


def test_the_clients_version_stands_before_the_rows() -> None:
    assert forwarded_headers(ROWS["anthropic"], {})["anthropic-version"] == "2023-06-01"
    assert (
        forwarded_headers(ROWS["anthropic"], {"anthropic-version": "2027-01-01"})["anthropic-version"] == "2027-01-01"
    )


@pytest.mark.parametrize(
    "row", [row for row in ROWS.values() if not row.native and row.id != "anthropic-compatible"], ids=lambda row: row.id
)
def test_no_other_vendor_hears_what_the_client_says(row: object) -> None:
    provider = ROWS[getattr(row, "id")]  # noqa: B009 - the parameter is typed for pytest
    assert forwarded_headers(provider, CLAUDE_CODE) == dict(provider.headers)


def test_pitfall_135_credentials_pass_under_no_prefix() -> None:
    from msgspec.structs import replace

    careless = replace(ROWS["openai"], forwards=("",))
    passed = forwarded_headers(careless, CLAUDE_CODE)
    assert not passed.keys() & NEVER
    assert "client-key" not in " ".join(passed.values())
    assert "x-forwarded-for" not in passed
