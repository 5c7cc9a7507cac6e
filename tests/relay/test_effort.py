"""A rule's effort reaches the wire of every dialect, whatever the client wished."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.providers.catalog import catalog
from dragoman.relay.outlet import Wiring
from dragoman.relay.prepare import prepare
from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.plan import Ask, Plan
from dragoman.routing.profile import Override, Profile, Rule, RuleTarget
from dragoman.routing.snapshot import Snapshot
from tests.relay.stage import DIALECTS, channel, inquiry

WISHES: dict[str, dict[str, dict[str, Any]]] = {
    "anthropic": {
        "nothing": {},
        "a number of tokens": {"thinking": {"type": "enabled", "budget_tokens": 10000}},
        "no thinking": {"thinking": {"type": "disabled"}},
        "as it likes": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
    },
    "openai_chat": {"nothing": {}, "an effort": {"reasoning_effort": "medium"}},
}
CLIENTS = [(door, wish) for door, wishes in WISHES.items() for wish in wishes]
TARGETS = {
    ("openai", "gpt-5"): (
        {"reasoning_effort": "minimal"},
        {"reasoning_effort": "low"},
        {"reasoning_effort": "high"},
    ),
    ("openai-responses", "gpt-5"): (
        {"effort": "minimal"},
        {"effort": "low"},
        {"effort": "high"},
    ),
    ("anthropic", "claude-sonnet-4-5"): (
        {},
        {"type": "enabled", "budget_tokens": 4096},
        {"type": "enabled", "budget_tokens": 10000},
    ),
    ("gemini", "gemini-2.5-flash"): ({"thinkingBudget": 0}, {"thinkingBudget": 2048}, {"thinkingBudget": 24576}),
    ("gemini", "gemini-3-pro"): ({"thinkingLevel": "LOW"}, {"thinkingLevel": "LOW"}, {"thinkingLevel": "HIGH"}),
    ("gigachat", "GigaChat-3-Ultra"): (
        {"reasoning_effort": "low"},
        {"reasoning_effort": "low"},
        {"reasoning_effort": "high"},
    ),
}


def sent(provider: str, model: str, door: str, wish: str, effort: str) -> dict[str, Any]:
    """The members that tell of thinking in what is sent."""
    one = channel("one", provider)
    target = RuleTarget("one", model, override=Override(effort=effort))
    house = Snapshot(channels=(one,), profiles=(Profile("default", (Rule(model="asked", targets=(target,)),)),))
    body = {"model": "asked", "max_tokens": 20000, "messages": [{"role": "user", "content": "Hi"}]}
    plan = decide(house, Health(), Ask(door=door, asked="asked"), 0, 0.0)
    assert isinstance(plan, Plan)
    outlet = Wiring(house, DIALECTS, catalog(), "ua").outlet(one)
    prepared = prepare(inquiry(msgspec.json.encode(body | WISHES[door][wish]), door), plan.attempts[0], outlet)
    assert any(loss.what == "override" for loss in prepared.losses)
    wire = msgspec.json.decode(prepared.call.body)
    wire |= wire.pop("thinking", {}) | wire.pop("reasoning", {})
    wire |= wire.get("generationConfig", {}).get("thinkingConfig", {})
    told = ("reasoning_effort", "effort", "type", "budget_tokens", "thinkingBudget", "thinkingLevel")
    return {name: wire[name] for name in told if name in wire}


@pytest.mark.parametrize(("door", "wish"), CLIENTS)
@pytest.mark.parametrize(("provider", "model"), TARGETS)
def test_the_rules_effort_goes_before_the_clients_wish(provider: str, model: str, door: str, wish: str) -> None:
    told = [sent(provider, model, door, wish, effort) for effort in ("none", "low", "high")]
    assert tuple(told) == TARGETS[provider, model]
