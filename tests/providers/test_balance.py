"""Balances as vendors tell them, and what is left of limits by the headers of answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.providers.addresses import host_url
from dragoman.providers.balance import BALANCES, UNKNOWN
from dragoman.providers.catalog import catalog
from dragoman.providers.headroom import LONGEST_S, Room, room_of

NOW_S = 1_790_000_000.0

TOLD = {
    "deepseek, plenty": (
        "balance_of_deepseek",
        {"is_available": True, "balance_infos": [{"currency": "CNY", "total_balance": "110.00"}]},
        ("available", "110 CNY"),
    ),
    "deepseek, little": (
        "balance_of_deepseek",
        {"is_available": True, "balance_infos": [{"currency": "USD", "total_balance": "0.40"}]},
        ("low", "0.4 USD"),
    ),
    "deepseek, one of two currencies": (
        "balance_of_deepseek",
        {
            "is_available": True,
            "balance_infos": [
                {"currency": "USD", "total_balance": "0.00"},
                {"currency": "CNY", "total_balance": "50"},
            ],
        },
        ("available", "0 USD, 50 CNY"),
    ),
    "deepseek says no": (
        "balance_of_deepseek",
        {"is_available": False, "balance_infos": [{"currency": "USD", "total_balance": "0.01"}]},
        ("exhausted", "0.01 USD"),
    ),
    "openrouter, a limit": (
        "balance_of_openrouter",
        {"data": {"label": "k", "limit": 10, "limit_remaining": 1.5, "usage": 8.5}},
        ("low", "1.5 of 10 credits"),
    ),
    "openrouter, no limit": ("balance_of_openrouter", {"data": {"limit": None, "usage": 3}}, ("unknown", "unknown")),
    "openrouter, used up": (
        "balance_of_openrouter",
        {"data": {"limit": 10, "limit_remaining": 0}},
        ("exhausted", "0 of 10 credits"),
    ),
    "moonshot": (
        "balance_of_moonshot",
        {"code": 0, "data": {"available_balance": 49.58894, "cash_balance": 3.1}, "status": True},
        ("available", "49.58894 credits"),
    ),
    "moonshot in debt": ("balance_of_moonshot", {"data": {"available_balance": -2}}, ("exhausted", "-2 credits")),
    "siliconflow": (
        "balance_of_siliconflow",
        {"code": 20000, "data": {"balance": "0.88", "totalBalance": "88.88"}},
        ("available", "88.88 credits"),
    ),
    "gigachat, one of two packages": (
        "balance_of_gigachat",
        {"balance": [{"usage": "GigaChat", "value": 0}, {"usage": "GigaChat-Max", "value": 900_000}]},
        ("available", "0 tokens of GigaChat, 900,000 tokens of GigaChat-Max"),
    ),
    "gigachat, nothing left": (
        "balance_of_gigachat",
        {"balance": [{"usage": "GigaChat", "value": 0}]},
        ("exhausted", "0 tokens of GigaChat"),
    ),
    "no packages": ("balance_of_gigachat", {"balance": []}, ("unknown", "unknown")),
}


@pytest.mark.parametrize("scene", TOLD)
def test_a_balance_is_read_as_its_vendor_tells_it(scene: str) -> None:
    name, body, expected = TOLD[scene]
    found = BALANCES[name].read(json.dumps(body).encode())
    assert (found.state, str(found)) == expected


@pytest.mark.parametrize("name", BALANCES)
@given(
    body=st.binary(max_size=100)
    | st.sampled_from([b"null", b"[]", b"{}", b'{"data":null}', b'{"balance":{}}', b'{"data":{"limit_remaining":"x"}}'])
)
def test_what_is_not_understood_says_nothing(name: str, body: bytes) -> None:
    assert BALANCES[name].read(body) == UNKNOWN


def test_a_number_that_is_none_says_nothing() -> None:
    for text in ("NaN", "Infinity", "1e999"):
        body = b'{"is_available":true,"balance_infos":[{"currency":"USD","total_balance":"%s"}]}' % text.encode()
        assert BALANCES["balance_of_deepseek"].read(body).state == "unknown"


def test_a_balance_is_asked_for_at_the_vendors_own_host() -> None:
    rows = catalog()
    for row in rows.values():
        if not row.balance:
            continue
        source = BALANCES[row.balance]
        if source.from_host:
            assert host_url(row.base_url, source.path).startswith("https://" + row.hosts[0].partition("/")[0])
    assert (
        host_url("https://api.deepseek.com/anthropic?x=1", "/user/balance") == "https://api.deepseek.com/user/balance"
    )
    assert {row.id for row in rows.values() if row.balance} >= {"deepseek", "openrouter", "moonshot", "gigachat"}


def moment(seconds: float) -> str:
    return (datetime.fromtimestamp(NOW_S, UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


HEADERS: dict[str, tuple[dict[str, str], Room | None]] = {
    "nothing": ({"content-type": "text/plain"}, None),
    "anthropic, the scarcest": (
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": moment(2),
            "anthropic-ratelimit-input-tokens-limit": "30000",
            "anthropic-ratelimit-input-tokens-remaining": "300",
            "anthropic-ratelimit-input-tokens-reset": moment(42),
        },
        Room("input tokens", 30000, 300, 42.0),
    ),
    "openai": (
        {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-tokens": "149",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        Room("tokens", 150000, 149, 360.0),
    ),
    "milliseconds": (
        {
            "x-ratelimit-limit-tokens": "10",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "7.66s12ms",
        },
        Room("tokens", 10, 0, 7.672),
    ),
    "without an end": (
        {"x-ratelimit-limit-tokens": "10", "x-ratelimit-remaining-tokens": "5"},
        Room("tokens", 10, 5, 60.0),
    ),
    "without a limit": ({"x-ratelimit-remaining-tokens": "5"}, None),
    "a limit of nothing": ({"x-ratelimit-limit-tokens": "0", "x-ratelimit-remaining-tokens": "0"}, None),
    "no number": ({"x-ratelimit-limit-tokens": "many", "x-ratelimit-remaining-tokens": "²"}, None),
    "an end long ago": (
        {
            "anthropic-ratelimit-tokens-limit": "9",
            "anthropic-ratelimit-tokens-remaining": "1",
            "anthropic-ratelimit-tokens-reset": moment(-90),
        },
        Room("tokens", 9, 1, 0.0),
    ),
    "an end far away": (
        {
            "anthropic-ratelimit-tokens-limit": "9",
            "anthropic-ratelimit-tokens-remaining": "1",
            "anthropic-ratelimit-tokens-reset": "9999-01-01T00:00:00",
        },
        Room("tokens", 9, 1, LONGEST_S),
    ),
}


@pytest.mark.parametrize("scene", HEADERS)
def test_what_is_left_of_a_limit_is_read(scene: str) -> None:
    headers, expected = HEADERS[scene]
    found = room_of(headers, NOW_S)
    if expected is None or found is None:
        assert found is expected
    else:
        assert found[:3] == expected[:3]
        assert found.for_s == pytest.approx(expected.for_s)


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_header_breaks_an_answer(reset: str, limit: str, left: str) -> None:
    found = room_of(
        {
            "x-ratelimit-reset-tokens": reset,
            "x-ratelimit-limit-tokens": limit or "5",
            "x-ratelimit-remaining-tokens": left or "3",
        },
        NOW_S,
    )
    assert found is None or (0 <= found.share <= 1 and 0 <= found.for_s <= LONGEST_S)
