"""What a fault means for the next request: who is asked, who rests, and what a client is told meanwhile."""

from __future__ import annotations

import pytest

from tests.faults.client import ask
from tests.faults.gateway import Served, channel
from tests.faults.vendor import Vendor

RESTS = {
    "F20": (1, "30"),
    "F21": (1, None),
    "F22": (1, None),
    "F23.429": (1, None),
    "F23.402": (1, None),
    "F27": (1, "30"),
    "F28.401": (3, None),
    "F28.403": (3, None),
    "F29": (1, None),
    "F30": (1, None),
    "F24": (5, None),
    "F25": (5, None),
    "F17": (5, None),
    "F37": (5, None),
}
"""After how many requests a channel with this fault rests, where another can be asked."""
WAITS = {"F20": "30", "F21": None, "F27": "30"}
"""Waits that the vendor told: even a lone channel is not asked before they are over."""
HARMLESS = ("F31", "F32.openai", "F33", "F36.400")
"""Refusals of a request, which say nothing of the channel."""
DOORS = ("anthropic", "openai_chat")


def session(number: int) -> dict[str, str]:
    """A client of its own: one that was moved to another channel stays there while its prompt is cached."""
    return {"x-claude-code-session-id": f"{number:08}-0000-4000-8000-000000000000"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("key", RESTS)
def test_a_channel_rests_after_its_faults(gateway: Served, key: str, door: str) -> None:
    requests, value = RESTS[key]
    with Vendor() as ill, Vendor() as well:
        gateway.stand(channel("first", "openai_chat", ill.url), channel("second", "anthropic", well.url))
        ill.fault(key, times=None, value=value)
        for number in range(requests):
            assert ask(gateway.port, door, stream=True, headers=session(number)).status == 200
            assert ill.calls == number + 1, "the channel rested too early"
        told = ask(gateway.port, door, stream=True, headers=session(requests))
        assert told.status == 200
        assert told.headers["x-dragoman-attempts"] == "1"
        assert (ill.calls, well.calls) == (requests, requests + 1)
        plan = [gateway.exchange() for _ in range(requests + 1)][-1].plan
        assert any("first" in line and "rests" in line for line in plan), plan


def test_a_session_that_was_moved_stays_where_its_prompt_is_cached(gateway: Served) -> None:
    with Vendor() as ill, Vendor() as well:
        gateway.stand(channel("first", "anthropic", ill.url), channel("second", "anthropic", well.url))
        ill.fault("F25")
        told = [ask(gateway.port, "anthropic", stream=True, headers=session(1)) for _ in range(3)]
        assert [each.headers["x-dragoman-channel"] for each in told] == ["second"] * 3
        newcomer = ask(gateway.port, "anthropic", stream=True, headers=session(2))
        assert newcomer.headers["x-dragoman-channel"] == "first"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("key", WAITS)
def test_a_told_wait_is_kept_even_where_nobody_else_is_left(gateway: Served, key: str, door: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        vendor.fault(key, value=WAITS[key])
        first = ask(gateway.port, door, stream=True)
        second = ask(gateway.port, door, stream=True)
        assert vendor.calls == 1, "the provider was asked before its wait was over"
        assert second.status == first.status
        assert 0 < int(second.headers["retry-after"]) <= int(first.headers["retry-after"])
        gateway.exchange()
        assert gateway.exchange().attempts == ()


@pytest.mark.parametrize("key", ["F17", "F25", "F37", "F28.401", "F23.402"])
def test_a_lone_channel_is_asked_again_whatever_we_guess_of_it(gateway: Served, key: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "openai_chat", vendor.url))
        vendor.fault(key, times=12)
        while vendor.calls < 12:
            calls = vendor.calls
            told = ask(gateway.port, "anthropic", stream=True)
            assert told.status == 502, "a guess of ours was told as something else than its cause"
            assert vendor.calls > calls
        assert ask(gateway.port, "anthropic", stream=True).status == 200


@pytest.mark.parametrize("key", HARMLESS)
def test_a_request_that_is_at_fault_costs_no_channel_its_health(gateway: Served, key: str) -> None:
    with Vendor() as vendor, Vendor() as other:
        gateway.stand(channel("first", "anthropic", vendor.url), channel("second", "anthropic", other.url))
        vendor.fault(key, times=6)
        for _ in range(6):
            ask(gateway.port, "anthropic", stream=True)
        told = ask(gateway.port, "anthropic", stream=True)
        assert (told.status, told.headers["x-dragoman-channel"]) == (200, "first")
        assert other.calls == 0


def test_a_429_on_one_channel_and_a_502_on_the_other_is_told_as_429(gateway: Served) -> None:
    with Vendor() as limited, Vendor() as broken:
        gateway.stand(channel("first", "anthropic", limited.url), channel("second", "openai_chat", broken.url))
        limited.fault("F21")
        broken.fault("F25", times=None)
        told = ask(gateway.port, "anthropic", stream=True)
        assert (told.status, told.headers["retry-after"]) == (429, "120")
        assert [attempt.channel for attempt in gateway.exchange().attempts] == ["first", "second"]


def test_of_two_waits_the_shorter_is_told(gateway: Served) -> None:
    with Vendor() as long, Vendor() as short:
        gateway.stand(channel("first", "anthropic", long.url), channel("second", "anthropic", short.url))
        long.fault("F21")
        short.fault("F20", value="40")
        assert ask(gateway.port, "openai_chat", stream=False).headers["retry-after"] == "40"


def test_three_attempts_are_made_at_most(gateway: Served) -> None:
    vendors = [Vendor() for _ in range(4)]
    for vendor in vendors:
        vendor.__enter__()
        vendor.fault("F25", times=None)
    try:
        gateway.stand(*(channel(f"n{place}", "anthropic", vendor.url) for place, vendor in enumerate(vendors)))
        assert ask(gateway.port, "anthropic", stream=True).status == 502
        assert [vendor.calls for vendor in vendors] == [1, 1, 1, 0]
    finally:
        for vendor in vendors:
            vendor.__exit__(None, None, None)
